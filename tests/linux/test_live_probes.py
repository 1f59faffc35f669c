"""Liveness under a real PID 1: probes that fail, what follows, watchdogs, and what is told of it."""

import os
import resource
import signal
import time

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, program, python
from test_live_ready import SERVER, port

__all__ = ["port"]  # a fixture
USERS = [None, pytest.param(ORDINARY, marks=needs_root)]
SOON = {"interval": "100ms", "failures": 2}
# Well as long as the file is there.
WELL = {"exec": ["test", "-e", "WELL"], **SOON}
KEEPER = "touch $PYINIT_BOX/well; echo run; exec sleep 600"
PINGS = """
import os, socket, sys, time
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
    name = os.environ["NOTIFY_SOCKET"]
    address = "\\0" + name[1:] if name[0] == "@" else name
    print("usec", os.environ["WATCHDOG_USEC"], flush=True)
    place = os.environ["PYINIT_BOX"]
    for said in sys.argv[1:]:
        s.sendto(said.encode(), address)
    while not os.path.exists(place + "/mute"):
        s.sendto(b"WATCHDOG=1", address)
        time.sleep(0.05)
    print("mute", flush=True)
time.sleep(600)
"""


def living(*words, live, **keys):
    return program("web", *words, live=live, **keys).replace("WELL", "${PYINIT_BOX}/well")


@pytest.mark.parametrize("uid", USERS)
def test_who_fails_its_probe_often_enough_is_restarted_as_failed(uid):
    with Box(living(KEEPER, live=WELL, restart={"delay": "10ms"}), uid=uid) as box:
        first = box.wait_state("web", "RUNNING")
        eventually((box.place / "well").exists)
        (box.place / "well").unlink()
        eventually(lambda: box.status()["web"]["restarts"] == 1)
        again = box.wait_state("web", "RUNNING")
        assert again["pid"] != first["pid"]
        why = 'not live: "test": exit status 1'
        assert again["last_exit"]["reason"] == why + ", 2 times in a row"
        assert 'web: not live (1 of 2): "test": exit status 1' in box.err
        box.until("web: up")
        assert not box.zombies()


def test_a_bad_answer_now_and_then_changes_nothing():
    """Each second one is bad; it takes two in a row."""
    script = "n=$PYINIT_BOX/odd; test -e $n && rm $n || { touch $n; exit 1; }"
    live = {"exec": ["sh", "-c", script], **SOON}
    with Box(living("exec sleep 600", live=live)) as box:
        eventually(lambda: box.err.count("live again") >= 3)
        assert box.status()["web"]["restarts"] == 0


def test_who_answers_no_more_is_found_by_http(port):
    """It accepts, and is mute."""
    words = python(SERVER, "tcp", str(port), "mute")
    live = {"http": f":{port}/", "interval": "100ms", "timeout": "300ms", "failures": 1}
    with Box(living(*words, live=live, restart="never")) as box:
        assert box.wait() != 0
        assert f"not live: GET http://localhost:{port}/: no answer within 0.3 s" in box.err


def test_a_probe_that_hangs_is_a_bad_answer_and_leaves_nothing():
    live = {"exec": ["sleep", "7777"], "interval": "50ms", "timeout": "200ms", "failures": 2}
    with Box(living("exec sleep 600", live=live, restart={"delay": "100s"})) as box:
        box.wait_state("web", "BACKOFF")
        assert '"sleep" does not end within 0.2 s' in box.err
        eventually(lambda: not [one for one in box.processes() if "7777" in one.words])


def test_stop_leaves_it_down_and_says_that_it_failed():
    live = {**WELL, "action": "stop"}
    text = living("exec sleep 600", live=live, critical=False) + program("other", "sleep", "600")
    with Box(text) as box:
        found = box.wait_state("web", "EXITED")
        assert found["reason"].startswith("not live: ")
        assert box.ctl("health", "web").returncode == 1
        assert box.status()["other"]["state"] == "RUNNING"


def test_exit_ends_everything_in_order_with_a_failure():
    live = {**WELL, "action": "exit"}
    init = '[init]\nexit = "never"\n'
    other = program("other", "trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done")
    with Box(init + living("exec sleep 600", live=live, critical=False) + other) as box:
        assert box.wait() == 1
        assert "bye" in box.out
        assert "stopping: web is not live: " in box.err


def test_health_and_readiness_are_those_of_what_lives():
    """A critical program that is not live is neither healthy nor ready until it is up again."""
    text = living("exec sleep 600", live=WELL, restart={"delay": "100s", "max": 0})
    with Box(text + program("other", "sleep", "600")) as box:
        (box.place / "well").touch()
        box.wait_state("web", "RUNNING")
        box.wait_state("other", "RUNNING")
        assert box.ctl("ready").returncode == 0
        assert box.ctl("health").returncode == 0
        (box.place / "well").unlink()
        box.wait_state("web", "BACKOFF")
        for verb, code in (("ready", 3), ("health", 1)):
            done = box.ctl(verb)
            assert done.returncode == code
            assert "not live" in done.stdout + done.stderr


@pytest.mark.parametrize("uid", USERS)
def test_a_watchdog_that_falls_silent_is_the_end_of_the_run(uid):
    live = {"watchdog": "700ms"}
    text = living(*python(PINGS), live=live, restart={"delay": "100s"})
    with Box(text, uid=uid) as box:
        box.until("usec 700000", out=True)
        began = time.monotonic()
        eventually(lambda: time.monotonic() - began > 1.5)
        assert box.status()["web"]["state"] == "RUNNING"
        (box.place / "mute").touch()
        found = box.wait_state("web", "BACKOFF")
        assert found["last_exit"]["reason"] == "not live: no WATCHDOG=1 within 0.7 s"


def test_a_program_may_say_itself_that_it_is_not_well():
    text = living(*python(PINGS, "WATCHDOG=trigger"), live={"watchdog": "500s"}, restart="never",
                  start_seconds=0)  # fmt: skip
    with Box(text) as box:
        assert box.wait() != 0
        assert "not live: it says so by WATCHDOG=trigger" in box.err


def test_a_program_may_choose_another_time():
    text = living(*python(PINGS, "WATCHDOG_USEC=300000"), live={"watchdog": "500s"},
                  restart="never", start_seconds=0)  # fmt: skip
    with Box(text) as box:
        box.wait_state("web", "RUNNING")
        (box.place / "mute").touch()
        assert box.wait() != 0
        assert "not live: no WATCHDOG=1 within 0.3 s" in box.err


def test_failures_are_counted_on_after_a_reexec_and_no_child_is_left():
    """Two of three were bad before; the third is the end.  Without the count it would take longer."""
    script = "echo x >> $PYINIT_BOX/asked; exit 1"
    live = {"exec": ["sh", "-c", script], "interval": "1s", "failures": 3}
    with Box(living("exec sleep 600", live=live, restart={"delay": "100s"})) as box:
        box.until("not live (2 of 3)")
        assert box.ctl("reexec").returncode == 0
        box.wait_state("web", "BACKOFF")
        assert (box.place / "asked").read_text() == "x\n" * 3
        assert not box.zombies()


def test_a_watchdog_goes_on_after_a_reexec():
    text = living(*python(PINGS), live={"watchdog": "900ms"}, restart="never", start_seconds=0)
    with Box(text) as box:
        box.wait_state("web", "RUNNING")
        assert box.ctl("reexec").returncode == 0
        began = time.monotonic()
        eventually(lambda: time.monotonic() - began > 1.5)
        assert box.status()["web"]["state"] == "RUNNING"
        (box.place / "mute").touch()
        assert box.wait() != 0


def test_a_reload_that_changes_only_the_probe_touches_no_run():
    live = {"exec": ["true"], **SOON}
    with Box(living("exec sleep 600", live=live)) as box:
        first = box.wait_state("web", "RUNNING")
        box.config.write_text(living("exec sleep 600", live={**live, "exec": ["false"]}))
        assert box.ctl("reload").returncode == 0
        box.until("not live (1 of 2)")
        assert "web: stopping" not in box.err.split("not live (1 of 2)")[0]
        assert first["pid"]
        eventually(lambda: box.status()["web"]["restarts"] == 1)


def test_what_the_probes_find_is_in_the_status():
    live = {"exec": ["true"], "interval": "50ms"}
    with Box(living("exec sleep 600", live=live)) as box:
        eventually(lambda: box.status()["web"].get("probe", {}).get("took_s", 0.0) > 0.0)
        found = box.status()["web"]["probe"]
        assert (found["kind"], found["ok"], found["failures"]) == ("exec", True, 0)
        assert found["asked"] >= 1


def test_a_hundred_programs_with_probes_lose_no_status():
    texts = [
        program(f"p{n}", "exec sleep 600", live={"exec": ["true"], "interval": "1s"})
        for n in range(100)
    ]
    with Box("".join(texts)) as box:
        box.wait_socket()
        assert box.ctl("wait", "all", "--timeout", "50").returncode == 0

        def asked():
            return [each.get("probe", {}).get("asked", 0) for each in box.status().values()]

        eventually(lambda: min(asked()) >= 2, every_s=0.2)
        assert {each["restarts"] for each in box.status().values()} == {0}
        assert not [each for each in box.status().values() if each["probe"]["failed"]]
        eventually(lambda: not box.zombies())


def test_the_probes_of_kubernetes_and_prometheus_see_what_lives():
    """A critical program that is not live is not ready; gone for good, it is not alive either."""
    from test_web_api import Api

    text = living("exec sleep 600", live={**WELL, "failures": 1}, restart={"delay": "1s", "max": 1})
    with Api(text) as api:
        (api.box.place / "well").touch()
        api.box.wait_state("web", "RUNNING")
        eventually(lambda: api.raw("GET", "/readyz")[0] == 200)
        assert api.raw("GET", "/livez")[0] == 200
        assert api.raw("GET", "/startupz")[0] == 200
        metrics = api.raw("GET", "/metrics")[2].decode()
        assert 'pyinit_process_probe_ok{group="web",name="web",program="web"} 1.0' in metrics
        (api.box.place / "well").unlink()
        eventually(lambda: api.raw("GET", "/readyz")[0] == 503)
        api.box.wait_state("web", "FATAL")
        status, _, said = api.raw("GET", "/livez")
        assert (status, b"not live" in said) == (503, True)
        assert api.raw("GET", "/startupz")[0] == 200


def test_a_container_that_was_paused_is_not_held_against_its_programs():
    """Nobody could ping, or ask, while everything stood still."""
    asked = {"exec": ["sh", "-c", "exit 0"], "interval": "100ms", "timeout": "2s", "failures": 1}
    text = program("web", *python(PINGS), live={"watchdog": "1500ms"}, start_seconds=0)
    text += program("asked", "exec sleep 600", live=asked)
    with Box(text) as box:
        box.wait_state("web", "RUNNING")
        box.wait_state("asked", "RUNNING")
        pids = [one.pid for one in box.processes()]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        eventually(lambda: time.monotonic() - began > 3.0)
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)
        eventually(lambda: time.monotonic() - began > 5.0)
        assert {each["restarts"] for each in box.status().values()} == {0}
        (box.place / "mute").touch()
        eventually(lambda: box.status()["web"]["restarts"] == 1)


def test_what_pyinit_itself_cannot_do_is_not_held_against_a_program():
    """Short of descriptors it can neither fork a command nor connect: nobody is asked, that is all."""
    live = {"exec": ["true"], "interval": "100ms", "failures": 1}
    text = living("exec sleep 600", live=live)
    text += program("other", "exec sleep 600", live={**live, "exec": ["true", "again"]})
    with Box(text) as box:
        box.wait_state("web", "RUNNING")
        before = resource.prlimit(box.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(box.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        box.until("web: cannot ask: Too many open files")
        began = time.monotonic()
        eventually(lambda: time.monotonic() - began > 1.0)
        resource.prlimit(box.pid, resource.RLIMIT_NOFILE, before)
        eventually(lambda: box.status()["web"]["probe"]["reason"] == "")
        assert {each["restarts"] for each in box.status().values()} == {0}
        assert box.err.count("web: cannot ask") <= 2


def test_a_command_that_hangs_goes_with_its_run():
    live = {"exec": ["sleep", "7777"], "interval": "50ms", "timeout": "500s"}
    script = "sleep 1.5; exit 1"
    with Box(
        living(script, live=live, restart="never", critical=False)
        + program("other", "sleep", "600")
    ) as box:
        eventually(lambda: [one for one in box.processes() if "7777" in one.words])
        box.until("web: ended")
        eventually(lambda: not [one for one in box.processes() if "7777" in one.words])


def test_a_question_that_stays_open_does_not_keep_pyinit_awake():
    from test_pid1_readiness import falls_asleep

    live = {"exec": ["sleep", "7777"], "interval": "50ms", "timeout": "500s"}
    with Box(living("exec sleep 600", live=live)) as box:
        eventually(lambda: [one for one in box.processes() if "7777" in one.words])
        assert falls_asleep(box)
