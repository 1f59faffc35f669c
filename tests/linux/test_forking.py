"""Programs that go into the background under a real PID 1, and are followed there."""

import os
import signal

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, program, python

USERS = [None, pytest.param(ORDINARY, marks=needs_root)]
OTHER = program("other", "sleep", "600")
# `forks` says how often it forks before it works; between two it becomes a session of its own.
DAEMON = """
import os, signal, sys, time
forks, place = int(sys.argv[1]), os.environ["PYINIT_BOX"]
for n in range(forks):
    if os.fork():
        if n + 1 == forks and "pidfile" in sys.argv and "late" not in sys.argv:
            while not os.path.exists(place + "/web.pid"):
                time.sleep(0.01)
        os._exit(0)
    os.setsid()
if "late" in sys.argv:
    time.sleep(0.5)
if "helper" in sys.argv and os.fork() == 0:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while True:
        time.sleep(600)
if "pidfile" in sys.argv:
    with open(place + "/web.new", "w") as file:
        file.write(f"{os.getpid()}\\n")
    os.rename(place + "/web.new", place + "/web.pid")
signal.signal(signal.SIGTERM, lambda *_: (print("obeyed", flush=True), os._exit(0)))
signal.signal(signal.SIGUSR1, lambda *_: os._exit(9))
print("working", os.getpid(), flush=True)
while True:
    time.sleep(600)
"""


def daemon(*args, **keys):
    keys = {"type": "forking", "start_seconds": "100ms", "restart": {"delay": "10ms"}, **keys}
    return program("web", *python(DAEMON, *[str(each) for each in args]), **keys) + OTHER


def working(box, count=1):
    """Return the pid, in the box, that the daemon said it works as."""
    said = eventually(lambda: (lines := box.out.split("working ")[1:])[count - 1 :] and lines)
    return int(said[count - 1].split()[0])


@pytest.mark.parametrize("uid", USERS)
@pytest.mark.parametrize("forks", [1, 2, 3, 60])  # 60: it ends while it is looked for
def test_the_process_that_it_leaves_behind_is_followed(forks, uid):
    with Box(daemon(forks), uid=uid) as box:
        pid = working(box)
        shown = box.wait_state("web", "RUNNING")
        eventually(lambda: box.status()["web"]["pid"] == pid)
        assert shown["restarts"] == 0
        os.kill(box.outer(pid), signal.SIGUSR1)
        working(box, 2)
        eventually(lambda: box.status()["web"]["restarts"] == 1)
        assert box.status()["web"]["last_exit"]["code"] == 9


@pytest.mark.parametrize("kill", ["tree", "group", "process"])
def test_it_is_stopped_and_its_helpers_with_it(kill):
    helper = ["helper"] if kill != "process" else []
    with Box(daemon(2, *helper, stop={"kill": kill, "timeout": "50s"})) as box:
        pid = working(box)
        eventually(lambda: box.status()["web"]["pid"] == pid)
        box.wait_state("web", "RUNNING")
        box.call("stop", {"names": ["web"], "wait": True})
        assert "obeyed" in box.out
        eventually(lambda: [one.name for one in box.processes()[1:]] == ["sleep"])


@pytest.mark.parametrize("late", [[], ["late"]])
def test_the_pidfile_says_who_is_followed(late):
    keys = {"pidfile": "PLACE/web.pid"}
    text = daemon(2, "helper", "pidfile", *late, **keys)
    with Box(text.replace("PLACE", "${PYINIT_BOX}")) as box:
        pid = working(box)
        eventually(lambda: box.status()["web"]["pid"] == pid)
        box.wait_state("web", "RUNNING")
        box.call("restart", {"names": ["web"], "wait": True})
        second = working(box, 2)
        assert second != pid
        eventually(lambda: box.status()["web"]["pid"] == second)


@pytest.mark.parametrize("content", ["OTHER", "words"])
def test_a_pidfile_that_names_nobody_of_it_is_not_believed(content):
    """One of another life, or one that somebody else has written."""
    text = daemon(1, pidfile="PLACE/false.pid", depends_on={"other": "started"})
    with Box(text.replace("PLACE", "${PYINIT_BOX}"), options=()) as box:
        number = content
        if content == "OTHER":
            number = str(box.wait_state("other", "RUNNING")["pid"])
        (box.place / "false.pid").write_text(number)
        pid = working(box)
        eventually(lambda: box.status()["web"]["pid"] == pid)
        box.wait_state("web", "RUNNING")
        box.until("is followed")
        assert box.status()["web"]["pid"] == pid


def test_a_pidfile_that_is_no_file_holds_up_nobody():
    text = daemon(1, pidfile="PLACE/fifo", autostart=False)
    with Box(text.replace("PLACE", "${PYINIT_BOX}")) as box:
        os.mkfifo(box.place / "fifo")
        box.call("start", {"names": ["web"]})
        pid = working(box)
        eventually(lambda: box.status()["web"]["pid"] == pid)


def test_who_leaves_nobody_behind_has_failed():
    text = program("web", "exit 0", type="forking", restart={"delay": "10ms", "max": 1}) + OTHER
    with Box(text) as box:
        assert box.wait() != 0
        assert "has left no process behind" in box.err


def test_a_first_process_that_fails_is_a_failed_run():
    text = program("web", "sleep 300 & exit 3", type="forking", restart="never") + OTHER
    with Box(text) as box:
        assert box.wait() == 3


def test_a_stop_before_it_has_gone_into_the_background():
    text = program("web", "echo there; sleep 300", type="forking") + OTHER
    with Box(text) as box:
        box.until("there", out=True)
        assert box.status()["web"]["state"] == "STARTING"
        box.call("stop", {"names": ["web"], "wait": True})
        assert box.status()["web"]["state"] == "STOPPED"
        eventually(lambda: [one.name for one in box.processes()[1:]] == ["sleep"])


def test_it_is_followed_over_a_reexec():
    with Box(daemon(2, "helper")) as box:
        pid = working(box)
        box.wait_state("web", "RUNNING")
        eventually(lambda: box.status()["web"]["pid"] == pid)
        box.call("reexec")
        assert eventually(lambda: box.status()["web"])["pid"] == pid
        os.kill(box.outer(pid), signal.SIGUSR1)
        working(box, 2)
        eventually(lambda: box.status()["web"]["restarts"] == 1)


def test_others_wait_until_it_is_in_the_background():
    after = program("after", "echo after; exec sleep 600", depends_on={"web": "started"})
    with Box(daemon(2) + after) as box:
        box.until("after", out=True)
        assert box.out.index("working") < box.out.index("after")


def test_a_shutdown_ends_it():
    with Box(daemon(2, "helper")) as box:
        working(box)
        box.wait_state("web", "RUNNING")
        box.send("TERM")
        assert box.wait() == 0
        assert "obeyed" in box.out
