"""pyinitctl limits and env: what a process was given, and limits changed while it runs."""

import json
import os
import resource
from pathlib import Path

import pytest
from boxed import Box, needs_root
from ctl_running import complaint, text
from eventually import eventually

CONFIG = """
[init]
exit = "never"

[program.web]
command = ["sleep", "600"]
start_seconds = 0
limits = { nofile = "500:4000", as = "8GB" }

[program.plain]
command = ["sleep", "600"]
start_seconds = 0

[program.pair]
command = ["sleep", "600"]
start_seconds = 0
instances = 2

[program.down]
command = ["sleep", "600"]
autostart = false
start_seconds = 0
"""
CAP_SYS_RESOURCE = 24
NINES = "9" * 20
FIX = "  give a number, SOFT:HARD, unlimited or max"
NAMES = {name[7:].lower() for name in dir(resource) if name.startswith("RLIMIT_")} - {"ofile"}


@pytest.fixture(scope="module")
def box():
    with Box(CONFIG) as made:
        made.wait_state("pair:1", "RUNNING")
        yield made


@pytest.fixture
def fresh():
    with Box(CONFIG) as made:
        made.wait_state("pair:1", "RUNNING")
        yield made


def nofile(box, name):
    """Return what the kernel says of a process's descriptors."""
    lines = Path(f"/proc/{box.run_pid(name)}/limits").read_text().splitlines()
    words = next(line for line in lines if line.startswith("Max open files")).split()
    return int(words[3]), int(words[4])


def test_limits_as_json_has_every_limit_of_every_process(box):
    found = json.loads(text(box, "limits", "--json"))
    by_name = {each["name"]: each for each in found["processes"]}
    assert set(by_name) == {"web", "plain", "pair:0", "pair:1", "down"}
    web = by_name["web"]
    assert web["pid"] == box.status()["web"]["pid"]
    assert set(web["limits"]) >= NAMES
    assert web["limits"]["nofile"] == {"soft": 500, "hard": 4000, "used": 3}
    assert web["limits"]["as"]["soft"] == 8 << 30
    assert web["limits"]["as"]["used"] > 0
    assert web["limits"]["cpu"] == {"soft": -1, "hard": -1, "used": 0}
    assert by_name["down"]["limits"] == {}
    assert found["pyinit"]["pid"] == 1
    assert found["pyinit"]["limits"]["nofile"]["used"] > 5


def test_limits_in_text_are_the_main_ones_and_what_differs_from_pyinits(box):
    lines = [line.split() for line in text(box, "limits").splitlines()]
    assert lines[0] == ["NAME", "PID", "RESOURCE", "SOFT", "HARD", "USED"]
    shown = {}
    for line in lines[1:]:
        shown.setdefault(line[0], []).append(line[2] if len(line) > 3 else " ".join(line[1:]))
    assert shown["pyinit"] == ["core", "nproc", "nofile", "memlock"]
    assert shown["plain"] == ["core", "nproc", "nofile", "memlock"]
    assert shown["web"] == ["core", "nproc", "nofile", "memlock", "as"]
    assert shown["down"] == ["not running"]


def test_limits_of_what_is_named_are_all_of_them(box):
    lines = text(box, "limits", "web").splitlines()[1:]
    assert {line.split()[2] for line in lines} >= NAMES
    own = text(box, "limits", "pyinit").splitlines()[1:]
    assert {line.split()[:2][1] for line in own} == {"1"}


def test_a_limit_is_changed_without_a_restart_and_holds_for_later_runs(fresh):
    pid = fresh.status()["web"]["pid"]
    said = text(fresh, "limits", "web", "nofile=3000")
    assert said == f"web: nofile is 3000:4000 (pid {pid}, and its later runs)\n"
    assert fresh.status()["web"]["pid"] == pid
    assert nofile(fresh, "web") == (3000, 4000)
    assert nofile(fresh, "plain") != (3000, 4000)
    text(fresh, "restart", "web")
    assert fresh.status()["web"]["pid"] != pid
    assert nofile(fresh, "web") == (3000, 4000)


def test_a_hard_limit_is_raised_where_that_is_allowed(fresh):
    capabilities = next(
        int(line.split()[1], 16)
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("CapEff")
    )
    if not capabilities >> CAP_SYS_RESOURCE & 1:
        pytest.skip("may not raise hard limits here: no CAP_SYS_RESOURCE")
    wanted = 5000
    text(fresh, "limits", "web", f"nofile={wanted}")
    assert nofile(fresh, "web") == (wanted, wanted)


def test_a_changed_limit_outlives_a_reexec(fresh):
    text(fresh, "limits", "web", "nofile=700:900")
    text(fresh, "reexec")
    assert nofile(fresh, "web") == (700, 900)
    text(fresh, "restart", "web")
    assert nofile(fresh, "web") == (700, 900)


def test_a_changed_limit_holds_for_a_run_after_a_crash(fresh):
    text(fresh, "limits", "web", "nofile=700:900")
    pid = fresh.status()["web"]["pid"]
    os.kill(fresh.run_pid("web"), 9)
    eventually(lambda: fresh.status()["web"]["pid"] not in (0, pid))
    fresh.wait_state("web", "RUNNING")
    assert nofile(fresh, "web") == (700, 900)


@pytest.mark.parametrize(
    ("value", "pair"),
    [
        ("600", (600, 4000)),
        ("600:800", (600, 800)),
        ("max", (4000, 4000)),
        ("4000", (4000, 4000)),
        ("0", (0, 4000)),
    ],
)
def test_a_value_is_a_number_soft_and_hard_or_max(fresh, value, pair):
    text(fresh, "limits", "web", f"nofile={value}")
    assert nofile(fresh, "web") == pair


@pytest.mark.parametrize("value", ["300", "max", "300:400", "core=unlimited"])
def test_what_is_told_of_who_does_not_run_is_what_its_next_run_has(value):
    config = CONFIG.replace(
        "autostart = false", 'autostart = false\nlimits = { nofile = "200:500" }'
    )
    resource_name, _, amount = value.rpartition("=") if "core" in value else ("nofile", "", value)
    with Box(config) as box:
        box.wait_state("web", "RUNNING")
        told = box.json("limits", "down", f"{resource_name}={amount}")["processes"][0]["limits"]
        text(box, "start", "down")
        number = getattr(resource, f"RLIMIT_{resource_name.upper()}")
        soft, hard = resource.prlimit(box.run_pid("down"), number)
        assert told == {resource_name: {"soft": soft, "hard": hard}}


def test_sizes_and_unlimited_and_several_at_once(fresh):
    pid = fresh.status()["web"]["pid"]
    said = text(fresh, "limits", "web", "core=64KB:1MB", "stack=unlimited", "RLIMIT_NOFILE=501")
    assert said == (
        f"web: core is 65536:1048576 (pid {pid}, and its later runs)\n"
        f"web: stack is unlimited:unlimited (pid {pid}, and its later runs)\n"
        f"web: nofile is 501:4000 (pid {pid}, and its later runs)\n"
    )


def test_all_and_instances_are_changed_together(fresh):
    found = json.loads(text(fresh, "limits", "pair", "nofile=300", "--json"))
    assert [each["name"] for each in found["processes"]] == ["pair:0", "pair:1"]
    assert all(each["limits"]["nofile"]["soft"] == 300 for each in found["processes"])
    said = text(fresh, "limits", "all", "core=0:0")
    assert said.count("core is 0:0") == 5
    assert "down: core is 0:0 (from its next run on)" in said
    text(fresh, "start", "down")
    assert resource.prlimit(fresh.run_pid("down"), resource.RLIMIT_CORE) == (0, 0)


def test_pyinits_own_limits_are_those_of_what_starts_later(fresh):
    said = text(fresh, "limits", "pyinit", "nofile=4000:5000")
    assert said == "pyinit: nofile is 4000:5000 (pid 1, and what it starts from now on)\n"
    assert resource.prlimit(fresh.pid, resource.RLIMIT_NOFILE) == (4000, 5000)
    before = nofile(fresh, "plain")
    assert before != (4000, 5000)
    text(fresh, "restart", "plain")
    assert nofile(fresh, "plain") == (4000, 5000)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("nofiles=1", "no such limit: 'nofiles'\n  did you mean 'nofile'?"),
        ("nofile=many", "cannot set nofile to 'many'\n  give a number, SOFT:HARD, unlimited or max"),
        ("nofile=-5", "cannot set nofile to '-5'\n  give a number, SOFT:HARD, unlimited or max"),
        ("nofile=:5", "cannot set nofile to ':5'\n  give a number, SOFT:HARD, unlimited or max"),
        ("nofile=1:", "cannot set nofile to '1:'\n  give a number, SOFT:HARD, unlimited or max"),
        (f"nofile={NINES * 3}", f"cannot set nofile to '{NINES}'\n{FIX}"),
    ],
)  # fmt: skip
def test_what_is_no_limit_is_a_usage_error(box, word, said):
    assert complaint(box, "limits", "web", word, code=2) == f"pyinitctl: {said}\n"


def test_words_that_make_no_sense_are_a_usage_error(box):
    said = complaint(box, "limits", "nofile=100", code=2)
    assert said.startswith("pyinitctl: limits needs the NAME of what RESOURCE=VALUE is for\n")
    assert complaint(box, "limits", "web", "nofile=", code=2).startswith(
        "pyinitctl: cannot read 'nofile=': give RESOURCE=VALUE, such as nofile=65536\n"
    )
    assert complaint(box, "limits", "nope", code=4)
    assert complaint(box, "limits", "web", "nofile", code=4) == (
        "pyinitctl: no such program: 'nofile'\n"
        "  it is a limit: leave it out to see all, or write nofile=VALUE to set it\n"
    )


@needs_root
def test_above_the_hard_limit_it_is_refused_with_the_knob_and_nothing_changes():
    inside = ["setpriv", "--bounding-set=-sys_resource"]
    with Box(CONFIG, inside=inside) as box:
        box.wait_state("web", "RUNNING")
        said = complaint(box, "limits", "web", "core=0:0", "nofile=5000", code=1)
        assert said.startswith(
            "pyinitctl: cannot set nofile to 5000:5000 for web: the hard limit is 4000 "
            "and may not be raised here\n"
        )
        assert "docker run --ulimit nofile=5000:5000" in said
        assert nofile(box, "web") == (500, 4000)
        text(box, "restart", "web")
        assert nofile(box, "web") == (500, 4000)


@needs_root
def test_a_program_of_another_user_is_reached_without_any_privilege_over_it():
    config = CONFIG.replace("[program.plain]", '[program.plain]\nuser = "12345"')
    inside = ["setpriv", "--bounding-set=-sys_resource,-sys_ptrace,-sys_admin"]
    with Box(config, inside=inside) as box:
        box.wait_state("plain", "RUNNING")
        found = box.json("limits", "plain")["processes"][0]["limits"]
        assert found["nofile"]["soft"] == nofile(box, "plain")[0]
        assert found["nofile"]["used"] in (3, None)  # None before Linux 6.2
        said = text(box, "limits", "plain", "web", "nofile=321")
        assert "plain: nofile is 321:" in said
        assert nofile(box, "plain")[0] == nofile(box, "web")[0] == 321
        assert complaint(box, "limits", "plain", "nofile=999999", code=1).startswith(
            "pyinitctl: cannot set nofile to 999999:999999 for plain: the hard limit is "
        )
        assert nofile(box, "plain")[0] == 321
        text(box, "restart", "plain")
        assert nofile(box, "plain")[0] == 321


ENVIRONMENT = """
[init]
exit = "never"
[program.web]
command = ["sleep", "600"]
start_seconds = 0
env = {{ MODE = "fast", DB_PASSWORD = "hunter2", URL = "postgres://me:hunter2@db/x",
         COPY = "the key is t0p-s3cret!", ODD = "a=b c" }}
secrets = {{ LICENCE = "{secret}" }}
[program.down]
command = ["sleep", "600"]
autostart = false
env = {{ MODE = "slow" }}
secrets = {{ LICENCE = "{secret}" }}
"""


@pytest.fixture(scope="module")
def secretive(tmp_path_factory):
    secret = tmp_path_factory.mktemp("secrets") / "licence"
    secret.write_text("t0p-s3cret\n")
    config = ENVIRONMENT.format(secret=secret).replace(",\n        ", ",")
    with Box(config, env={"FROM_OUTSIDE": "yes"}) as made:
        made.wait_state("web", "RUNNING")
        yield made


def test_env_is_what_the_process_was_started_with(secretive):
    lines = text(secretive, "env", "web").splitlines()
    assert {"MODE=fast", "FROM_OUTSIDE=yes", "PYINIT_PROGRAM=web", "PYINIT_PROCESS=web"} <= set(
        lines
    )
    assert f"PYINIT_SOCKET={secretive.socket}" in lines
    assert "ODD=a=b c" in lines
    found = json.loads(text(secretive, "env", "web", "--json"))["processes"]
    assert [each["name"] for each in found] == ["web"]
    assert found[0]["from"] == "process"
    assert found[0]["env"]["MODE"] == "fast"


def test_secrets_are_masked_wherever_they_appear(secretive):
    lines = text(secretive, "env", "web").splitlines()
    assert "LICENCE=********" in lines
    assert "COPY=the key is ********!" in lines
    assert "DB_PASSWORD=********" in lines
    assert "URL=postgres://me:********@db/x" in lines
    everything = "".join(
        secretive.ctl(*words).stdout
        for words in (["env", "all", "-j"], ["why", "all", "-j"], ["trace", "-j"])
    )
    assert "t0p-s3cret" not in everything
    assert "hunter2" not in everything


def test_env_of_what_does_not_run_is_that_of_its_next_run(secretive):
    found = json.loads(text(secretive, "env", "down", "--json"))["processes"][0]
    assert found["from"] == "plan"
    assert found["env"]["MODE"] == "slow"
    assert found["env"]["LICENCE"] == "********"
    assert found["env"]["PYINIT_PROCESS"] == "down"


def test_env_of_several_is_told_apart(secretive):
    said = text(secretive, "env", "web", "down")
    assert said.startswith(("==> down <==\n", "==> web <==\n"))
    assert said.count("==> ") == 2
    assert complaint(secretive, "env", "nope", code=4)
