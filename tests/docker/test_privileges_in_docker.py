"""What a container lets a program have, and what is said where it does not: from /proc/PID/status."""

import json

import pytest
from boxes import PYTHON, eventually

REPORT = """
import json, time
status = dict(line.strip().split(":", 1) for line in open("/proc/self/status") if ":" in line)
print("REPORT", json.dumps({name: value.strip() for name, value in status.items()}), flush=True)
time.sleep(600)
"""
NET = f"{1 << 10:016x}"
ZERO = "0" * 16
STRICT = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
ONE = {"cap_drop": ["ALL"], "cap_add": ["NET_BIND_SERVICE", "SETUID", "SETGID", "SETPCAP"]}


def toml(**keys):
    lines = ["[program.web]", f"command = {json.dumps([*PYTHON, REPORT])}", 'restart = "never"']
    lines += [f"{key} = {value}" for key, value in keys.items()]
    return {"/etc/pyinit/pyinit.toml": "\n".join(lines) + "\n"}


def status(box):
    """Return what the program's own /proc/self/status said."""
    box.said("REPORT")

    def look():
        rows = [line for line in box.logs().splitlines() if line.startswith("REPORT")]
        return rows and json.loads(rows[0].partition(" ")[2])

    return eventually(look)


def test_in_a_plain_container_a_user_gets_the_one_capability_it_needs(boxes, image):
    keys = {"user": '"nonroot"', "no_new_privs": "true"}
    wanted = '{ drop = ["ALL"] }'
    found = status(boxes.run(image, files=toml(**keys, capabilities=wanted)))
    assert {found[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {ZERO}
    assert found["NoNewPrivs"] == "1"
    wanted = '{ keep = ["NET_BIND_SERVICE"], ambient = ["NET_BIND_SERVICE"] }'
    found = status(boxes.run(image, files=toml(**keys, capabilities=wanted)))
    assert {found[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {NET}
    assert found["Uid"].split() == ["65532"] * 4
    assert found["NoNewPrivs"] == "1"


def test_what_the_container_was_given_is_enough_for_its_program(boxes, image):
    keys = {"user": '"nonroot"', "capabilities": '{ ambient = ["NET_BIND_SERVICE"] }'}
    options = {**ONE, "security_opt": ["no-new-privileges:true"]}
    found = status(boxes.run(image, files=toml(**keys), **options))
    assert {found[name] for name in ("CapPrm", "CapEff", "CapAmb")} == {NET}


def test_where_there_is_nothing_to_drop_dropping_is_no_error(boxes, image):
    keys = {"capabilities": '{ drop = ["ALL"] }', "no_new_privs": "true", "nice": "5"}
    for user in ("0", "12345"):
        found = status(boxes.run(image, files=toml(**keys), user=user, **STRICT))
        assert {found[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {ZERO}
        assert found["NoNewPrivs"] == "1"


@pytest.mark.parametrize(
    ("keys", "options", "message", "fix"),
    [
        ({"user": '"nonroot"'}, STRICT, "cannot ", "run pyinit as root"),
        (
            {"capabilities": '{ ambient = ["NET_BIND_SERVICE"] }'},
            STRICT,
            "NET_BIND_SERVICE: Operation not permitted",
            "docker run --cap-add",
        ),
        ({"securebits": '"noroot"'}, STRICT, "cannot set securebits of", "--cap-add SETPCAP"),
        ({"nice": "-5"}, {}, "cannot set nice of", "--cap-add SYS_NICE"),
        ({"oom_score_adj": "-500"}, {}, "cannot set oom score adj of", "CAP_SYS_RESOURCE"),
        (
            {"capabilities": '{ keep = ["CHOWN"] }'},
            {"user": "12345"},
            "cannot cut the capabilities of",
            "--cap-add SETPCAP",
        ),
        (
            {"cpu_affinity": "[0]"},
            {"cpuset_cpus": "1"},
            "cannot choose the processors of",
            "--cpuset-cpus",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) and value else "",
)
def test_what_the_container_forbids_is_said_with_its_knob(
    boxes, image, keys, options, message, fix
):
    box = boxes.run(image, files=toml(**keys), **options)
    assert box.wait() == 126
    logs = box.logs()
    assert message in logs
    assert fix in logs


def test_who_cannot_be_signalled_is_told_of_at_boot_and_not_when_it_is_too_late(boxes, image):
    text = toml(user='"nonroot"')
    few = {"cap_drop": ["ALL"], "cap_add": ["SETUID", "SETGID"]}
    box = boxes.run(image, files=text, **few)
    box.said("REPORT")
    assert box.logs().count("cannot signal web, nor stop") == 1
    assert "docker run --cap-add KILL" in box.logs()
    more = {"cap_drop": ["ALL"], "cap_add": ["SETUID", "SETGID", "KILL"]}
    box = boxes.run(image, files=text, **more)
    box.said("REPORT")
    assert "cannot signal" not in box.logs()
    box.container.stop(timeout=20)
    assert box.state["ExitCode"] == 0


# --- doctor


def doctor(box):
    """Return (whether all is good, {(name, state): [finding]})."""
    told = json.loads(box.ctl("doctor", "--json"))
    found = {}
    for each in told["checks"]:
        found.setdefault((each["name"], each["state"]), []).append(each)
    return told, found


def test_doctor_finds_what_a_strict_container_lacks(boxes, image):
    box = boxes.run(image, files=toml(), mem_limit="100m", pids_limit=50, **STRICT)
    box.said("REPORT")
    told, found = doctor(box)
    assert (told["ok"], told["pid"]) == (False, 1)
    lost = " ".join([each["text"] for each in found["capabilities", "degraded"]])
    for name in ("SETUID", "SETGID", "KILL", "SETPCAP"):
        assert f"no {name}: " in lost
    assert "no_new_privs is on" in found["privileges", "note"][0]["text"]
    assert "at most 100 MB" in found["memory", "ok"][0]["text"]
    assert "at most 50" in found["processes", "ok"][0]["text"]
    assert "in Docker" in found["pyinit", "ok"][0]["text"]


def test_doctor_finds_that_nothing_can_be_written_and_that_it_is_not_pid_1(boxes, image):
    options = {"read_only": True, "user": "12345", "init": True}
    box = boxes.run(image, files=toml(), **options)
    box.said("REPORT")
    told, found = doctor(box)
    assert told["pid"] > 1
    assert "leave out --init" in found["pyinit", "note"][0]["fix"]
    assert "/run" in found["places", "note"][0]["text"]
    assert "--tmpfs" in found["places", "note"][0]["fix"]
    assert "uid 12345" in found["user", "note"][0]["text"]


def test_doctor_answers_before_any_pyinit_runs(boxes, image):
    box = boxes.run(image, "doctor", entrypoint=["pyinitctl"])
    assert box.wait() == 0
    assert "none answers, in Docker" in box.logs()
