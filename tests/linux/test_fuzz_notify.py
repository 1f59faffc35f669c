"""Datagrams of any kind at the notify socket: of a run, of strangers, with descriptors or cut off."""

import array
import os
import random
import socket
from pathlib import Path

import pytest
from boxed import Box, eventually
from control_raw import assert_unharmed
from fuzzing import SEED, TIMES
from notifying import speaker

from pyinit.runtime import fdstore

LINES = [
    *(
        b"READY=1",
        b"READY=0",
        b"READY",
        b"STATUS=",
        b"STATUS=\xff\x1b[31m\n",
        b"STATUS=" + b"x" * 3000,
    ),
    *(
        b"MAINPID=1",
        b"MAINPID=0",
        b"MAINPID=-1",
        b"MAINPID=99999999999999999999",
        b"MAINPID=2\nMAINPID=x",
    ),
    *(
        b"EXTEND_TIMEOUT_USEC=18446744073709551615",
        b"EXTEND_TIMEOUT_USEC=1e9",
        b"WATCHDOG=1",
        b"WATCHDOG=trigger",
    ),
    *(
        b"WATCHDOG_USEC=0",
        b"WATCHDOG_USEC=99999999999999999999",
        b"RELOADING=1",
        b"ERRNO=x",
        b"ERRNO=99999999",
    ),
    *(
        b"FDSTORE=1",
        b"FDSTORE=1\nFDNAME=a:b",
        b"FDSTORE=1\nFDNAME=\xff",
        b"FDSTOREREMOVE=1\nFDNAME=stored",
    ),
    *(
        b"BARRIER=1",
        b"",
        b"\n\n\n",
        b"=",
        b"==\0",
        b"X_Y=1",
        b"NOTIFYACCESS=all",
        b"\xff" * 5000,
        b"FDPOLL=0",
    ),
]
CRAZY = """
import random
LINES = %r
random.seed(%d)
tell("READY=1")
for number in range(%d):
    text = b"\\n".join(random.sample(LINES, random.randint(0, 3)))
    if b"trigger" in text or b"MAINPID" in text and b"=2" in text:
        continue
    fds = []
    for _ in range(random.choice([0, 0, 1, 3])):
        fds += os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        name = os.environ["NOTIFY_SOCKET"]
        s.connect("\\0" + name[1:] if name[0] == "@" else name)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        s.sendmsg([text], rights)
    for fd in fds:
        os.close(fd)
barrier()
print("told", flush=True)
wait()
"""


@pytest.fixture(scope="module")
def box():
    code = CRAZY % ([line for line in LINES if len(line) < 4000], SEED, 200 * TIMES)
    config = '[init]\nexit = "never"\n'
    config += speaker(code, name="crazy", stdout="prefix")
    config += speaker('tell("READY=1"); wait()\n', name="calm")
    with Box(config) as made:
        made.wait_state("calm", "RUNNING")
        yield made
        assert_unharmed(made)


def descriptors(box):
    return len(os.listdir(f"/proc/{box.pid}/fd"))


def test_what_a_run_says_harms_nobody_and_keeps_no_more_than_it_may(box):
    box.until("told", out=True)
    status = eventually(lambda: box.status()["crazy"])
    assert status["state"] == "RUNNING"
    assert len(status.get("stored_fds", [])) <= fdstore.MOST
    assert box.status()["calm"]["state"] == "RUNNING"


def test_strangers_are_not_believed_and_leave_no_descriptor(box):
    box.until("told", out=True)
    (calm,) = [one for one in box.processes() if one.pid == box.run_pid("calm")]
    environ = Path(f"/proc/{calm.pid}/environ").read_bytes().split(b"\0")
    (name,) = [each.partition(b"=")[2] for each in environ if each.startswith(b"NOTIFY_SOCKET=")]
    before = descriptors(box)
    chance = random.Random(SEED)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.connect(b"\0" + name[1:] if name[:1] == b"@" else name)
        for _ in range(200 * TIMES):
            fds = [fd for _ in range(chance.choice([0, 0, 2, 60])) for fd in os.pipe()]
            text = b"\n".join(chance.sample(LINES, chance.randint(0, 3)))
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            client.sendmsg([text], rights)
            for fd in fds:
                os.close(fd)
    eventually(lambda: descriptors(box) <= before + 1)
    status = box.status()
    assert status["calm"]["pid"] == calm.inner
    assert "status_text" not in status["calm"]
    assert "stored_fds" not in status["calm"]
