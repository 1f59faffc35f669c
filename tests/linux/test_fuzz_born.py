"""Whatever environment, descriptors and files pyinit is born with: it starts, or says why not."""

import os
from pathlib import Path

import pytest
from boxed import Box, eventually, program, python

SLEEPER = '[init]\nexit = "never"\n' + program("web", "sleep", "600")
NUMBERS = ["", "3", "99999", "9" * 5000, "\udcc2\udcb2"]


@pytest.mark.parametrize("number", NUMBERS)
def test_listeners_that_nobody_has_handed_on_are_not_believed(number):
    env = {
        "LISTEN_FDS": number,
        "LISTEN_PID": number,
        "LISTEN_FDNAMES": "a:b\n",
        "NOTIFY_SOCKET": number,
    }
    env |= {"PYINIT_ANEW": number, "PYINIT_LISTENERS": f"client {number} \ndoor {number} tcp:x:1\n"}
    with Box(SLEEPER, env=env) as box:
        pid = box.outer(box.wait_state("web", "RUNNING")["pid"])
        environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert not [each for each in environ if each.startswith((b"PYINIT_ANEW", b"PYINIT_L"))]
        assert "Traceback" not in box.err
        box.send("TERM")
        assert box.wait() == 0


@pytest.mark.parametrize("number", ["3", "99999"])
def test_a_state_that_nobody_has_left_is_told(number):
    with Box(SLEEPER, env={"PYINIT_STATE_FD": number}) as box:
        assert box.wait() == 70
        assert "cannot go on after the re-exec" in box.err
        assert "Traceback" not in box.err


@pytest.mark.parametrize("number", ["x", "9" * 5000])
def test_a_state_that_is_no_descriptor_is_none(number):
    with Box(SLEEPER, env={"PYINIT_STATE_FD": number}) as box:
        box.wait_state("web", "RUNNING")


@pytest.mark.parametrize("kind", ["fifo", "directory", "long", "binary", "own", "dangling"])
def test_a_pidfile_of_any_kind(kind, tmp_path):
    path = tmp_path / "pid"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_bytes({"long": b"9" * 100_000, "binary": os.urandom(64), "own": b"1\n"}[kind])
    with Box(
        f'[init]\nexit = "never"\npidfile = "{path}"\n' + program("web", "sleep", "600")
    ) as box:
        eventually(lambda: box.ended or "web: up" in box.err or "web: started" in box.err)
        assert "Traceback" not in box.err
        if box.ended:
            assert "pidfile" in box.err
        else:
            assert path.read_text() == "1\n"


HOSTILE = """
import os, sys
for number in range(30):
    if not os.fork():
        with open("/proc/self/comm", "w") as file:
            file.write([") R 1 1 1", "a b)", "((\\n", "\\n) Z 0 0", "\\x1b[31m"][number %% 5])
        words = ["x" * 100_000, "\\n" * 1000, ""] if number == 29 else ["\\udcff)"]
        if number %% 3 == 0:
            os.setsid()
        env = {"PYINIT_PROCESS": "calm", "A" * 1000: "\\n" * 90_000, "": "x"} if number == 28 else {}
        os.execve(%r, ["sleep", "600"] if number < 28 else ["sleep", "600s"], env) if number < 10 else None
        import time
        time.sleep(600)
        os._exit(0)
print("made", flush=True)
import time
time.sleep(600)
"""


def test_a_run_of_processes_with_hostile_names_is_seen_and_stopped():
    code = HOSTILE % "/bin/sleep"
    config = '[init]\nexit = "never"\n' + program(
        "crowd", *python(code), stdout="prefix", stop={"timeout": "1s"}
    )
    with Box(config + program("calm", "sleep", "600")) as box:
        box.until("made", out=True)
        assert len(box.processes()) >= 32
        assert box.json("status")["processes"]
        assert box.ctl("top", "-n", "1").returncode == 0
        done = box.ctl("stop", "crowd")
        assert done.returncode == 0, done.stderr
        eventually(lambda: len(box.processes()) == 2)
        box.wait_state("calm", "RUNNING")
        assert "Traceback" not in box.err
