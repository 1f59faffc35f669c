"""Readiness under a real PID 1: every way of telling it, and of not telling it."""

import os
import socket
import time
from pathlib import Path

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, program, python

USERS = [None, pytest.param(ORDINARY, marks=needs_root)]
AFTER = program("after", "echo after; exec sleep 600", depends_on={"web": "ready"})
# sd_notify(3): a datagram; from the program itself, from a child of it, or from a daemon of it.
NOTIFY = """
import os, socket, sys, time
def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        name = os.environ["NOTIFY_SOCKET"]
        s.sendto(text, "\\0" + name[1:] if name[0] == "@" else name)
who = sys.argv[1]
if who == "child" and os.fork() == 0:
    tell(b"STATUS=nearly\\n")
    tell(b"STATUS=there\\nREADY=1\\n")
    time.sleep(1)
    os._exit(0)
if who == "itself":
    tell(b"READY=1")
print("started", flush=True)
time.sleep(600)
"""


def ready_text(*words, ready, **keys):
    return program("web", *words, ready=ready, **keys) + AFTER


@pytest.mark.parametrize("stdout", ["inherit", "prefix", "null"])
@pytest.mark.parametrize(
    ("printed", "pattern"),
    [
        ("listening on 0.0.0.0:80\\n", "listening on"),
        ("addr: 127.0.0.1:8080\\n", "addr: .*:[0-9]+$"),
    ],
)
def test_a_line_of_its_output(printed, pattern, stdout):
    """ready.output covers a program that prints `addr: ...` when it listens."""
    script = f"echo starting; sleep 0.2; printf '{printed}'; exec sleep 600"
    text = ready_text(script, ready={"output": pattern}, stdout=stdout)
    with Box(text) as box:
        box.until("after", out=True)
        assert box.status()["web"]["ready"] is True
        if stdout == "inherit":
            assert box.out.startswith("starting\n")
            assert printed.strip("\\n") in box.out


def test_a_line_of_its_stderr():
    script = "echo 'addr: 127.0.0.1:80' >&2; exec sleep 600"
    with Box(ready_text(script, ready={"output": "addr: "})) as box:
        box.until("after", out=True)
        assert "addr: 127.0.0.1:80" in box.err


def test_a_prompt_without_a_newline_counts():
    script = "printf 'addr: 127.0.0.1:80'; exec sleep 600"
    with Box(ready_text(script, ready={"output": "addr: "})) as box:
        box.until("after", out=True)
        assert "addr: 127.0.0.1:80" in box.out


@pytest.mark.parametrize("number", [3, 7])
@pytest.mark.parametrize("uid", USERS)
def test_a_newline_on_a_descriptor(uid, number):
    script = f"echo >&{number}; exec {number}>&-; echo told; exec sleep 600"
    with Box(ready_text(script, ready={"fd": number}), uid=uid) as box:
        box.until("after", out=True)


def test_a_descriptor_that_is_closed_without_a_newline_tells_nothing():
    script = "exec 3>&-; exec sleep 600"
    text = ready_text(script, ready={"fd": 3, "timeout": "300ms"}, restart="never")
    with Box(text) as box:
        assert box.wait() != 0
        assert "after: started" not in box.err


@pytest.mark.parametrize("uid", USERS)
@pytest.mark.parametrize("who", ["itself", "child"])
def test_a_notification(who, uid):
    text = ready_text(*python(NOTIFY, who), ready={"notify": True})
    with Box(text, uid=uid) as box:
        box.until("after", out=True)


@needs_root
def test_a_notification_by_a_program_of_another_user():
    text = ready_text(*python(NOTIFY, "itself"), ready={"notify": True}, user="23456")
    with Box(text) as box:
        os.chmod(box.place, 0o755)
        box.until("after", out=True)


def test_a_notification_by_a_stranger_is_not_believed():
    """Another program of the same pyinit, and a process of nobody's."""
    other = program(
        "other",
        *python(NOTIFY.replace('os.environ["NOTIFY_SOCKET"]', "sys.argv[2]"), "itself", "SOCKET"),
    )
    text = ready_text(*python(NOTIFY, "nobody"), ready={"notify": True, "timeout": "500s"})
    with Box(text) as box:
        box.until("started", out=True)
        path = str(box.place / "control-notify.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"READY=1", path)
        box.config.write_text(text + other.replace("SOCKET", path))
        box.send("HUP")
        eventually(lambda: box.out.count("started") == 2)
        assert box.status()["web"]["ready"] is False
        assert "after" not in box.out


def test_a_file_that_appears():
    script = "sleep 0.3; touch $PYINIT_BOX/up; exec sleep 600"
    text = ready_text(script, ready={"file": "FILE", "interval": "20ms"})
    with Box(text.replace("FILE", "${PYINIT_BOX}/up")) as box:
        box.until("after", out=True)
        assert (box.place / "up").exists()


def test_a_delay():
    text = ready_text("exec sleep 600", ready={"delay": "600ms"})
    with Box(text) as box:
        box.until("web: started")
        began = time.monotonic()
        box.until("after", out=True)
        assert time.monotonic() - began > 0.3


def test_not_ready_in_time_is_a_failed_start():
    keys = {"ready": {"file": "/no/such/file", "timeout": "200ms"}}
    restart = {"delay": "10ms", "max": 1}
    with Box(program("web", "exec sleep 600", restart=restart, **keys) + AFTER) as box:
        assert box.wait() != 0
        assert "not ready" in box.err
        assert box.err.count("web: started") == 2
        assert "after: started" not in box.err


def test_each_run_is_asked_anew():
    """What the first run has told says nothing of the second."""
    script = "test -e $PYINIT_BOX/again && exec sleep 600; touch $PYINIT_BOX/again; echo addr: x; sleep 0.5; exit 1"
    text = program(
        "web", script, ready={"output": "addr: ", "timeout": "500s"}, restart={"delay": "10ms"}
    )
    with Box(text) as box:
        box.until("next run in")
        eventually(lambda: box.err.count("web: started") == 2)
        assert box.status()["web"]["ready"] is False


def test_the_expression_is_a_regular_one_and_a_bad_one_an_error():
    with Box(ready_text("exec sleep 600", ready={"output": "addr: ["})) as box:
        assert box.wait() == 78
        assert "addr: [" in box.err


def test_a_reload_may_bring_the_first_program_that_notifies():
    with Box(program("other", "sleep", "600")) as box:
        box.wait_state("other", "RUNNING")
        box.config.write_text(
            program("other", "sleep", "600")
            + ready_text(*python(NOTIFY, "itself"), ready={"notify": True})
        )
        box.send("HUP")
        box.until("after", out=True)


@pytest.mark.parametrize("uid", USERS)
def test_a_notification_needs_no_place_for_a_socket(uid):
    """Where none can be made, its name is one without a file."""
    text = ready_text(*python(NOTIFY, "itself"), ready={"notify": True})
    with Box(text, uid=uid, env={"PYINIT_SOCKET": "/proc/nowhere/control.sock"}) as box:
        box.until("after", out=True)


def test_the_notify_socket_goes_with_pyinit():
    text = ready_text(*python(NOTIFY, "itself"), ready={"notify": True})
    with Box(text) as box:
        box.until("after", out=True)
        assert (box.place / "control-notify.sock").exists()
        box.send("TERM")
        assert box.wait() == 0
        assert not list(box.place.glob("*.sock"))


def test_descriptors_sent_with_a_notification_stay_with_their_sender():
    """Everybody may send: it must not fill the table of PID 1, nor reach other programs."""
    text = ready_text(*python(NOTIFY, "nobody"), ready={"notify": True, "timeout": "500s"})
    text += program(
        "late", 'echo "late $(ls /proc/self/fd | wc -l)"; exec sleep 600', autostart=False
    )
    with Box(text) as box:
        box.until("started", out=True)
        path = str(box.place / "control-notify.sock")
        box.status()
        before = len(os.listdir(f"/proc/{box.pid}/fd"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
            stranger.connect(path)
            for _ in range(50):
                socket.send_fds(stranger, [b"X=1"], [stranger.fileno()] * 4)
        box.call("start", {"names": ["late"]})
        box.until("late 4\n", out=True)  # 0, 1, 2 and the directory itself
        eventually(lambda: len(os.listdir(f"/proc/{box.pid}/fd")) <= before + 3)


def switches(box):
    """Return how often PID 1 has gone to sleep."""
    lines = Path(f"/proc/{box.pid}/status").read_text().splitlines()
    (count,) = [line.split()[1] for line in lines if line.startswith("voluntary")]
    return int(count)


def falls_asleep(box):
    """Wait until PID 1 has not been awake for half a second."""
    last = (-1, 0.0)

    def look():
        nonlocal last
        if switches(box) != last[0]:
            last = (switches(box), time.monotonic())
        return time.monotonic() - last[1] > 0.5

    eventually(look, within_s=20)
    return True


@pytest.mark.parametrize("end", ["stop", "exit", "reload"])
def test_nobody_looks_for_the_file_of_a_run_that_is_over(end):
    """A watch that outlives its run would wake pyinit for ever."""
    script = "trap '' TERM; echo there; while :; do sleep 0.2; done"
    if end == "exit":
        script = "echo there; exit 1"
    ready = {"file": "/no/such/file", "interval": "10ms", "timeout": "500s"}
    stop = {"timeout": "100ms"}
    init = '[init]\nexit = "never"\n' + program("other", "sleep", "600")
    with Box(init + program("web", script, ready=ready, restart="never", stop=stop)) as box:
        box.until("there", out=True)
        if end == "stop":
            box.call("stop", {"names": ["web"], "wait": True})
        elif end == "reload":
            box.config.write_text(init)
            box.call("reload")
            eventually(lambda: "web" not in box.status())
        else:
            box.wait_state("web", "EXITED", "FATAL")
        assert falls_asleep(box)
