"""Descriptors that programs store with pyinit over their restarts, under a real PID 1."""

import os
import signal
import socket

import pytest
from boxed import ORDINARY, Box, eventually, needs_root
from notifying import speaker

USERS = [None, pytest.param(ORDINARY, marks=needs_root)]
# A run that was given nothing stores a file with a word in it; the next one reads it.
KEEPER = r"""
import array
count = int(os.environ.get("LISTEN_FDS", "0"))
names = os.environ.get("LISTEN_FDNAMES", "").split(":") if count else []
assert not count or int(os.environ["LISTEN_PID"]) == os.getpid()
for fd, name in enumerate(names, 3):
    if name == "words":
        os.lseek(fd, 0, 0)
        say("got", os.read(fd, 100).decode())
say("names", names)
if not count:
    fd = os.memfd_create("words")
    os.write(fd, b"hello")
    tell("FDSTORE=1\nFDNAME=words", fd)
    tell("FDSTORE=1\nFDNAME=words", fd)
signal.signal(signal.SIGUSR1, lambda *_: os._exit(1))
signal.signal(signal.SIGUSR2, lambda *_: tell("FDSTOREREMOVE=1\nFDNAME=words"))
tell("READY=1")
barrier()
say("stored")
wait()
"""
KEYS = {"restart": {"delay": "10ms"}}
OTHER = speaker("wait()", name="other", ready=False)


def crash(box, times):
    os.kill(box.run_pid("web"), signal.SIGUSR1)
    eventually(lambda: box.out.count("stored") == times)


@pytest.mark.parametrize("uid", USERS)
def test_what_a_run_has_stored_is_given_to_the_next_and_to_those_after_it(uid):
    with Box(speaker(KEEPER, **KEYS), uid=uid) as box:
        box.until("stored", out=True)
        assert box.status()["web"]["stored_fds"] == ["words"]
        crash(box, 2)
        crash(box, 3)
        assert box.out.count("got hello") == 2
        box.call("restart", {"names": ["web"], "wait": True})
        eventually(lambda: box.out.count("got hello") == 3)


def test_it_is_kept_over_a_reexec():
    with Box(speaker(KEEPER, **KEYS)) as box:
        box.until("stored", out=True)
        box.wait_state("web", "RUNNING")
        box.call("reexec")
        eventually(lambda: box.status()["web"].get("stored_fds") == ["words"])
        crash(box, 2)
        assert box.out.count("got hello") == 1


def test_it_is_closed_when_it_is_taken_back_and_when_the_process_is_stopped():
    with Box(speaker(KEEPER, **KEYS) + OTHER) as box:
        box.until("stored", out=True)
        os.kill(box.run_pid("web"), signal.SIGUSR2)
        eventually(lambda: "stored_fds" not in box.status()["web"])
        crash(box, 2)
        assert "got hello" not in box.out
        eventually(lambda: "stored_fds" in box.status()["web"])
        box.call("stop", {"names": ["web"], "wait": True})
        eventually(lambda: "stored_fds" not in box.status()["web"])
        box.call("start", {"names": ["web"], "wait": True})
        eventually(lambda: box.out.count("stored") == 3)
        assert "got hello" not in box.out


def test_a_connection_whose_other_end_hangs_up_is_not_kept():
    code = r"""
pairs = [socket.socketpair() for _ in range(2)]
tell("FDSTORE=1\nFDNAME=here", pairs[0][0].fileno())
tell("FDSTORE=1\nFDNAME=stays\nFDPOLL=0", pairs[1][0].fileno())
tell("READY=1")
barrier()
say("stored")
signal.sigwait({signal.SIGUSR1})
for pair in pairs:
    pair[0].close()
    pair[1].close()
wait()
"""
    code = "import signal\nsignal.pthread_sigmask(0, {signal.SIGUSR1})\n" + code
    with Box(speaker(code)) as box:
        box.until("stored", out=True)
        assert box.status()["web"]["stored_fds"] == ["here", "stays"]
        os.kill(box.run_pid("web"), signal.SIGUSR1)
        eventually(lambda: box.status()["web"]["stored_fds"] == ["stays"])


def test_nobody_stores_more_than_he_may():
    code = r"""
for n in range(30):
    pipes = [os.pipe() for _ in range(3)]
    tell(f"FDSTORE=1\nFDPOLL=0\nFDNAME=n{n}", *[fd for pair in pipes for fd in pair])
    for pair in pipes:
        os.close(pair[0])
        os.close(pair[1])
tell("READY=1")
barrier()
say("stored")
wait()
"""
    with Box(speaker(code)) as box:
        box.until("stored", out=True)
        kept = len(box.status()["web"]["stored_fds"])
        assert kept == 64
        assert box.err.count("cannot keep more than 64 descriptors") == 1
        assert len(os.listdir(f"/proc/{box.pid}/fd")) < 64 + 40


def test_a_stranger_stores_nothing():
    code = r"""
if os.fork() == 0:
    os.execvp("true", ["true"])
tell("READY=1")
wait()
"""
    with Box(speaker(code)) as box:
        box.wait_state("web", "RUNNING")
        before = len(os.listdir(f"/proc/{box.pid}/fd"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
            stranger.connect(str(box.place / "control-notify.sock"))
            socket.send_fds(stranger, [b"FDSTORE=1\nFDNAME=x"], [0, 1])
        assert "stored_fds" not in box.status()["web"]
        eventually(lambda: len(os.listdir(f"/proc/{box.pid}/fd")) <= before + 1)
