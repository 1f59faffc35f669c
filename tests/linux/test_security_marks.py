"""A program that forges what runs are known by, or speaks for others, is not believed."""

import os
import signal

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, program, python
from notifying import TELL, speaker

from pyinit.system.mark import RLIMIT_LOCKS, number

OTHER = 23456
# Leaves every parent behind, takes the mark of "victim" (and its environment) and speaks.
FORGE = f"""
import resource
os.environ.update(PYINIT_PROCESS="victim", PYINIT_PROGRAM="victim", PYINIT_RUN="victim")
def forge(text):
    if os.fork():
        os.wait()
        wait()
    if os.fork():
        os._exit(0)
    os.setsid()
    while not os.access(os.environ["NOTIFY_SOCKET"], os.W_OK):
        time.sleep(0.01)
    while os.getppid() != 1:
        time.sleep(0.01)
    resource.setrlimit({RLIMIT_LOCKS}, (MARK, resource.RLIM_INFINITY))
    tell(text.format(os.getpid()), *FDS)
    barrier()
    say("forged")
    wait()
"""
TEXT = "MAINPID={}\nREADY=1\nSTATUS=forged\nFDSTORE=1\nWATCHDOG=trigger"


def forger(text=TEXT, **keys):
    mark = number_in_box("victim")
    code = f"MARK = {mark}\nFDS = [0]\n{FORGE}\nforge({text!r})"
    return speaker(code, name="forger", stdout="inherit", **keys)


def number_in_box(label):
    """Return the mark of a run of PID 1."""
    found = 0xCBF29CE484222325
    for byte in f"1 {label}".encode():
        found = ((found ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    made = 0x70796E << 40 | ((found ^ (found >> 24)) & ((1 << 40) - 1))
    assert number(label) >> 40 == made >> 40
    return made


def victim(**keys):
    live = {"watchdog": "600s", "action": "restart"}
    return speaker("wait()", name="victim", live=live, start_seconds=0, **keys)


@needs_root
@pytest.mark.parametrize("user", [OTHER, None])
def test_a_program_of_another_user_speaks_for_nobody_whatever_mark_it_takes(user):
    """Neither for a program of a user, nor for one of root's (user None)."""
    keys = {} if user is None else {"user": str(user)}
    with Box(victim(**keys) + forger(user=str(ORDINARY))) as box:
        box.place.chmod(0o755)
        pid = eventually(lambda: box.status()["victim"]["pid"])
        box.until("forged\n", out=True)
        found = box.status()["victim"]
        assert (found["pid"], found["state"], found["ready"]) == (pid, "STARTING", False)
        assert not {"status_text", "stored_fds"} & found.keys()
        os.kill(box.outer(pid), signal.SIGKILL)  # it would be led by the forger from now on
        eventually(lambda: box.status()["victim"]["restarts"] == 1)


def test_one_of_the_same_user_is_believed_and_a_run_is_found_by_its_mark():
    """So a test that shows no forgery above could have shown one."""
    with Box(victim() + forger("STATUS=forged")) as box:
        box.place.chmod(0o755)
        box.until("forged\n", out=True)
        eventually(lambda: box.status()["victim"].get("status_text") == "forged")


@needs_root
def test_a_daemon_is_not_led_by_somebody_elses_process():
    daemon = program(
        "victim",
        *python(TELL + "\nif os.fork(): os._exit(0)\nwait()"),
        type="forking",
        user=str(OTHER),
        autostart=False,
    )
    with Box(forger(user=str(ORDINARY)) + daemon) as box:
        box.place.chmod(0o755)
        box.until("forged\n", out=True)  # it is older than what the daemon leaves behind
        box.call("start", {"names": ["victim"]})
        found = box.wait_state("victim", "RUNNING")
        status = (f"/proc/{box.outer(found['pid'])}/status",)
        with open(*status, encoding="ascii") as file:
            assert f"Uid:\t{OTHER}" in file.read()


@needs_root
def test_the_memory_of_a_forger_is_not_that_of_another_program():
    hungry = "\nballast = bytearray(64 << 20)\nballast[::4096] = b'x' * len(ballast[::4096])\n"
    code = f"MARK = {number_in_box('victim')}\nFDS = []\n{FORGE}"
    code = code.replace("    tell(text", hungry.replace("\n", "\n    ") + "\n    tell(text")
    other = speaker(
        f"{code}\nforge('STATUS=x')",
        name="forger",
        user=str(ORDINARY),
        stdout="inherit",
    )
    with Box(victim(user=str(OTHER), max_memory="40MB") + other) as box:
        box.place.chmod(0o755)
        pid = eventually(lambda: box.status()["victim"]["pid"])
        box.until("forged\n", out=True)
        eventually(lambda: box.status()["forger"]["uptime_s"] > 6)
        assert box.status()["victim"]["pid"] == pid


@needs_root
def test_a_forger_holds_up_no_stop_of_a_program_of_another_user_and_is_not_ended_by_it():
    with Box(victim(user=str(OTHER)) + forger(user=str(ORDINARY))) as box:
        box.place.chmod(0o755)
        box.until("forged\n", out=True)
        before = {
            one.inner for one in eventually(lambda: len(box.processes()) == 4 and box.processes())
        }
        stopped = box.status()["victim"]["pid"]
        box.call("stop", {"names": ["victim"], "wait": True})
        assert {one.inner for one in box.processes()} == before - {stopped}


@needs_root
def test_what_a_program_of_roots_leaves_behind_is_ended_with_it_whatever_user_it_has():
    """Also that of another program: a database may drop its rights, and its backup has its user."""
    daemon = f"""
if os.fork() == 0:
    if os.fork():
        os._exit(0)
    os.setsid()
    os.setresuid({ORDINARY}, {ORDINARY}, {ORDINARY})
    while os.getppid() != 1:
        time.sleep(0.01)
    say("left")
    wait()
os.wait()
wait()
"""
    left = speaker(daemon, name="left", ready=False, stdout="inherit")
    with Box(left + program("other", "sleep", "600", user=str(ORDINARY))) as box:
        box.place.chmod(0o755)
        box.until("left\n", out=True)
        eventually(lambda: len(box.processes()) == 4)
        box.call("stop", {"names": ["left"], "wait": True})
        assert [one.name for one in box.processes()[1:]] == ["sleep"]
