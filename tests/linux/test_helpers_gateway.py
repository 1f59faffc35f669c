"""Whatever the gateway does, or whoever is in its place: PID 1, its programs and its doors go on."""

import os
import re
import signal
import socket
from pathlib import Path

import pytest
from boxed import WITHIN_S, eventually, needs_root, program
from failing import Failing

CONTROL = "import os, signal, sys, time; send = lambda data: os.write(3, data); "
REST = "time.sleep(600)"
BAD = {
    "ends at once": "sys.exit(0)",
    "fails at once": "sys.exit(3)",
    "is killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "ends in the middle of a request": """send(b'{"id": 1, "ver')""",
    "says rubbish": f"send(bytes(range(256)) * 20); {REST}",
    "says what is no request": f"send(b'5' + bytes((10,)) + b'[]' + bytes((10,))); {REST}",
    "says something without end": f"[send(b'x' * 65536) for _ in range(1600)]; {REST}",
    "floods its stderr": f"[os.write(2, b'x' * 65536) for _ in range(60)]; {REST}",
    "hangs": f"os.kill(os.getpid(), signal.SIGSTOP); {REST}",
}
ALWAYS = {"pyinit.runtime.gateway:DELAYS_S": (0.0, 0.05)}
SOON = {"pyinit.runtime.desk:ANSWER_S": 0.4}
SLEEPER = ["/bin/sleep", "654321"]  # UID may not be allowed to read the Python of the tests
NONE = "nobody:forks"  # the gateway fails here, and no helper


def door_of(box):
    return str(box.place / "door.sock")


def with_a_door(**options):
    """Return a box with a door; the path of the door is known only once there is its directory."""
    place = "unix:${PYINIT_BOX}/door.sock"
    web = f'[web]\nlisten = "{place}"\nusername = "u"\npassword = "p"\n'
    return Failing(web + program("web", "sleep", "600"), always=ALWAYS, **options)


def knock(box):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(WITHIN_S)
    client.connect(door_of(box))
    client.sendall(b"GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n")
    return client


def gateways(box):
    """Return the pids of whoever has been started as the gateway."""
    runs = {each["pid"] for each in box.status().values()}
    found = [one for one in box.processes() if one.parent == box.pid and one.state != "Z"]
    return [one.pid for one in found if one.inner not in runs]


def uid(pid):
    return re.search(r"^Uid:\t(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1]


@needs_root
def test_nobody_who_fails_to_say_so_makes_the_gateway_root():
    faults = ("raises", "killed", "hangs", "half", "rubbish", "wrong", "twice", "endless", "unborn")
    with with_a_door() as box:
        web = box.run_pid("web")
        clients = []
        for how in faults:
            before = gateways(box)
            with box.armed("runtime.gateway:Gateway._call", how, soon=SOON, argv=SLEEPER):
                for pid in before:  # whoever has knocked is there still, and calls the next
                    os.kill(pid, signal.SIGKILL)
                clients.append(knock(box))
                (pid,) = eventually(
                    lambda before=before: [
                        pid for pid in gateways(box) if is_away(pid) and pid not in before
                    ]
                )
                assert uid(pid) == "65531", how
        for client in clients:
            client.close()
        assert box.run_pid("web") == web
        eventually(lambda: box.zombies() == [])


def is_away(pid):
    """Say whether a process is no fork of pyinit any more, but has executed its words."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return CONTROL.encode() in words or words.split(b"\0")[:2] == [b"/bin/sleep", b"654321"]


def test_whatever_the_gateway_does_pid_1_goes_on_and_the_doors_are_watched():
    with with_a_door() as box:
        web = box.run_pid("web")
        first = os.listdir(f"/proc/{box.pid}/fd")
        for words in BAD.values():
            box._arm({"helper": NONE, "how": "", "words": CONTROL + words})
            with knock(box):
                eventually(lambda: len(gateway_ends(box)) > 0 or any(map(is_away, gateways(box))))
                assert box.run_pid("web") == web
                assert box.ctl("status").returncode == 0
            for pid in gateways(box):
                if is_away(pid):
                    os.kill(pid, signal.SIGKILL)
        (box.faults / "armed").unlink()
        with knock(box) as client:
            assert client.recv(64).startswith(b"HTTP/1.1 ")
        assert box.run_pid("web") == web
        eventually(lambda: len(os.listdir(f"/proc/{box.pid}/fd")) <= len(first) + 2)
        eventually(lambda: box.zombies() == [])


def gateway_ends(box):
    return [line for line in box.err.splitlines() if "pyinit-web" in line]


def test_a_gateway_that_cannot_be_executed_is_told_of_and_called_again():
    with with_a_door() as box:
        web = box.run_pid("web")
        box._arm({"helper": NONE, "how": "", "argv": ["/nonexistent/python"]})
        with knock(box) as client:
            box.until("pyinit-web: ended (cannot execute ")
            assert "No such file or directory" in box.err
            (box.faults / "armed").unlink()
            assert client.recv(64).startswith(b"HTTP/1.1 ")
        assert box.run_pid("web") == web


@pytest.mark.parametrize("stopped", [True, False])
def test_a_gateway_that_hangs_keeps_nobody_from_stopping(stopped):
    words = BAD["hangs"] if stopped else f"signal.signal(signal.SIGTERM, signal.SIG_IGN); {REST}"
    with with_a_door() as box:
        box.run_pid("web")
        box._arm({"helper": NONE, "how": "", "words": CONTROL + words})
        with knock(box):
            eventually(lambda: any(map(is_away, gateways(box))))
            box.send("TERM")
            assert box.wait() == 0
