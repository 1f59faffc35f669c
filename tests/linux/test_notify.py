"""sd_notify(3) under a real PID 1: every message that means something, and what it does."""

import os
import signal

import pytest
from boxed import ORDINARY, Box, eventually, needs_root
from notifying import speaker

USERS = [None, pytest.param(ORDINARY, marks=needs_root)]


@pytest.mark.parametrize("uid", USERS)
def test_what_it_says_of_itself_is_shown(uid):
    code = r"""
tell("STATUS=warming up")
tell("READY=1\nSTATUS=42 clients\nERRNO=11\nEXIT_STATUS=3")
wait()
"""
    with Box(speaker(code), uid=uid) as box:
        box.wait_state("web", "RUNNING")
        shown = eventually(lambda: (web := box.status()["web"]).get("errno") and web)
        assert shown["status_text"] == "42 clients"
        assert (shown["errno"], shown["exit_status"]) == (11, 3)
        assert '"42 clients"' in box.ctl("status").stdout


def test_reloading_is_shown_until_it_is_ready_again_and_stopping_from_then_on():
    code = r"""
signal.signal(signal.SIGHUP, lambda *_: tell("RELOADING=1\nMONOTONIC_USEC=1"))
signal.signal(signal.SIGUSR1, lambda *_: tell("READY=1"))
signal.signal(signal.SIGUSR2, lambda *_: tell("STOPPING=1"))
tell("READY=1")
wait()
"""
    with Box(speaker(code)) as box:
        pid = box.run_pid("web")
        box.wait_state("web", "RUNNING")
        os.kill(pid, signal.SIGHUP)
        eventually(lambda: box.status()["web"].get("reloading"))
        assert "reloading" in box.ctl("status").stdout
        os.kill(pid, signal.SIGUSR1)
        eventually(lambda: "reloading" not in box.status()["web"])
        os.kill(pid, signal.SIGUSR2)
        eventually(lambda: box.status()["web"].get("stopping"))


def test_what_one_run_has_said_is_not_said_of_the_next():
    code = r"""
if not os.path.exists(os.environ["PYINIT_BOX"] + "/again"):
    open(os.environ["PYINIT_BOX"] + "/again", "w").close()
    tell("READY=1\nSTATUS=first")
    barrier()
    sys.exit(1)
tell("READY=1")
wait()
"""
    with Box(speaker(code, restart={"delay": "10ms"})) as box:
        eventually(lambda: box.status()["web"]["restarts"] == 1)
        box.wait_state("web", "RUNNING")
        assert "status_text" not in box.status()["web"]


def test_a_start_that_asks_for_time_gets_it():
    code = r"""
for _ in range(8):
    tell("EXTEND_TIMEOUT_USEC=5000000")
    time.sleep(0.2)
tell("READY=1")
wait()
"""
    with Box(speaker(code, ready={"notify": True, "timeout": "1s"})) as box:
        box.wait_state("web", "RUNNING")
        assert box.status()["web"]["restarts"] == 0


def test_a_start_that_asks_no_more_fails_when_its_time_is_over():
    code = 'tell("EXTEND_TIMEOUT_USEC=400000")\nwait()\n'
    keys = {"ready": {"notify": True, "timeout": "100ms"}, "restart": "never"}
    with Box(speaker(code, **keys)) as box:
        assert box.wait() != 0
        assert "not ready within" in box.err


def test_a_stop_that_asks_for_time_gets_it():
    code = r"""
def stop(*_):
    for _ in range(8):
        tell("EXTEND_TIMEOUT_USEC=5000000")
        time.sleep(0.2)
    say("done")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
tell("READY=1")
wait()
"""
    with Box(
        speaker(code, stop={"timeout": "600ms"}) + speaker("wait()", name="b", ready=False)
    ) as box:
        box.wait_state("web", "RUNNING")
        box.call("stop", {"names": ["web"], "wait": True})
        assert "done" in box.out
        assert box.status()["web"]["last_exit"]["code"] == 0


def test_nobody_extends_the_budget_of_a_shutdown():
    code = r"""
signal.signal(signal.SIGTERM, lambda *_: tell("EXTEND_TIMEOUT_USEC=600000000"))
tell("READY=1")
wait()
"""
    text = '[init]\nstop_budget = "1s"\n' + speaker(code, stop={"timeout": "500ms"})
    with Box(text) as box:
        box.wait_state("web", "RUNNING")
        box.send("TERM")
        box.wait(30)
        assert "had to be killed" in box.err


def test_a_barrier_is_closed_when_all_before_it_was_heard():
    """systemd-notify waits for that before it ends, so that its sender can be found."""
    code = r"""
if os.fork() == 0:
    tell("READY=1\nSTATUS=by a child")
    barrier()
    say("passed")
    os._exit(0)
wait()
"""
    with Box(speaker(code)) as box:
        box.until("passed", out=True)
        assert box.wait_state("web", "RUNNING")["status_text"] == "by a child"


HANDS_OVER = r"""
name = os.environ["PYINIT_BOX"] + "/hand"
if len(sys.argv) > 1 or os.path.exists(name):
    tell("READY=1")
    wait()
open(name, "w").close()
tell("READY=1")
pid = os.fork()
if pid == 0:
    tell(f"MAINPID={os.getpid()}\nREADY=1\nSTATUS=the new one")
    barrier()
    open(name + "ed", "w").close()
    signal.signal(signal.SIGUSR1, lambda *_: os._exit(7))
    wait()
while not os.path.exists(name + "ed"):
    time.sleep(0.02)
sys.exit(0)
"""


@pytest.mark.parametrize("uid", USERS)
def test_a_program_that_replaces_itself_goes_on_as_the_same_run(uid):
    """As tableflip and overseer do: the child says MAINPID, the parent ends."""
    with Box(speaker(HANDS_OVER, restart={"delay": "10ms"}), uid=uid) as box:
        box.until("led by process")
        shown = eventually(lambda: (web := box.status()["web"]).get("status_text") and web)
        first = shown["pid"]
        eventually(lambda: [one.inner for one in box.processes()[1:]] == [first])
        assert (shown["state"], shown["restarts"]) == ("RUNNING", 0)
        os.kill(box.outer(first), signal.SIGUSR1)
        eventually(lambda: box.status()["web"]["restarts"] == 1)
        assert box.status()["web"]["last_exit"]["code"] == 7
        assert box.status()["web"]["last_exit"]["reason"]


@pytest.mark.parametrize("kill", ["tree", "group", "process"])
def test_a_run_that_was_handed_over_is_stopped(kill):
    with Box(speaker(HANDS_OVER, stop={"kill": kill, "timeout": "30s"})) as box:
        box.until("led by process")
        box.call("stop", {"names": ["web"], "wait": True})
        assert box.status()["web"]["last_exit"]["signal"] == signal.SIGTERM
        eventually(lambda: box.ended or len(box.processes()) == 1)


def test_a_handed_over_run_is_kept_over_a_reexec():
    with Box(speaker(HANDS_OVER) + speaker("wait()", name="other", ready=False)) as box:
        box.until("led by process")
        before = box.wait_state("web", "RUNNING")
        box.call("reexec")
        after = eventually(lambda: box.status()["web"])
        assert (after["pid"], after.get("status_text")) == (before["pid"], "the new one")
        os.kill(box.outer(after["pid"]), signal.SIGKILL)
        eventually(lambda: box.status()["web"]["restarts"] == 1)


@pytest.mark.parametrize("whose", ["os.getppid()", "1", "other", "999999"])
def test_nobody_is_led_by_a_process_of_others(whose):
    code = f"""
other = int(open(os.environ["PYINIT_BOX"] + "/other").read()) if {whose == "other"} else 0
tell(f"MAINPID={{{whose}}}\\nREADY=1")
wait()
"""
    other = "open(os.environ['PYINIT_BOX'] + '/other', 'w').write(str(os.getpid()))\nwait()"
    text = speaker(other, name="other", ready=False, start_seconds="300ms")
    with Box(text + speaker(code, depends_on={"other": "started"})) as box:
        before = box.wait_state("web", "RUNNING")["pid"]
        box.until("none of it and cannot lead it")
        assert box.status()["web"]["pid"] == before
        os.kill(box.outer(before), signal.SIGKILL)
        eventually(lambda: box.status()["web"]["restarts"] == 1)


@pytest.mark.parametrize("last", ["os.getpid()", "child"])
def test_who_names_others_without_end_is_told_once_and_holds_up_nobody(last):
    """To see who is whose takes a look at everything below the run: here, at many threads."""
    code = f"""
import threading
for _ in range(200):
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
child = os.fork()
if not child:
    wait()
for _ in range(2000):
    tell("MAINPID=1")
tell(f"MAINPID={{{last}}}\\nREADY=1")
barrier()
say("named")
os.kill(os.getpid(), signal.SIGKILL)
"""
    text = speaker(code, restart="never", critical=False)
    with Box(text + speaker("wait()", name="other")) as box:
        box.until("named", out=True)
        assert box.err.count("cannot lead it") == 1
        if last == "child":
            box.until("led by process")
            box.wait_state("web", "RUNNING")
        else:
            box.wait_state("web", "FATAL", "EXITED")
