"""Whatever becomes of the process that reads the configuration: nothing is started, or changed.

What the other helpers do is in test_helpers_led.
"""

import os
import signal

import pytest
from boxed import eventually, program
from failing import Failing

WEB = program("web", "sleep", "600")
BOOT, RELOAD = "runtime.boot:_start_compiler", "runtime.compiling:Compiler.start"
SOON = {"pyinit.runtime.compiling:TIMEOUT_S": 0.5}
DIED, SENSELESS = "the compiler died", "what the compiler says makes no sense"
TOLD = {
    "raises": (DIED, "docker run --memory"),
    "killed": (DIED, "docker run --memory"),
    "hangs": ("it took more than 0.5 s", "does a file system that it reads from answer no more"),
    "half": ("the compiler died before it had said all", "docker run --memory"),
    "rubbish": (SENSELESS, "that is a fault of pyinit"),
    "wrong": (SENSELESS, "that is a fault of pyinit"),
    "twice": (SENSELESS, "that is a fault of pyinit"),
    "endless": (SENSELESS, "that is a fault of pyinit"),
    "boasts": ("the plan is larger than 64 MB", "see what `include` matches"),
    "starved": ("Cannot allocate memory", "raise the memory limit of the container"),
    "broken": ("a fault of pyinit's own: RuntimeError: planted (at ", "that is a fault of pyinit"),
    "nested": ("it is nested too deep", "use fewer levels"),
    "incomplete": ("No module named 'pyinit.config.missing'", "install it again"),
    "unborn": ("Resource temporarily unavailable", "docker run --pids-limit"),
}


@pytest.mark.parametrize(
    "how", ["killed", "hangs", "half", "rubbish", "boasts", "starved", "unborn", "floods"]
)
def test_a_compiler_that_fails_at_boot_is_told_of(how):
    start = {"helper": BOOT, "how": how, "constants": SOON if how == "hangs" else {}}
    with Failing(WEB, start=start) as box:
        if how == "floods":
            box.run_pid("web")
            return
        assert box.wait() == (1 if how == "unborn" else 78)
        said, fix = TOLD[how]
        lines = [line for line in box.err.splitlines() if line.startswith(("pyinit:", " "))]
        assert lines[0].startswith(f"pyinit: cannot read the configuration: {said}")
        assert fix in lines[1]
        assert "Error" not in box.err


def test_a_compiler_that_hangs_at_boot_does_not_keep_a_stop_waiting():
    with Failing(WEB, start={"helper": BOOT, "how": "hangs"}) as box:
        eventually(box.met)
        box.send("TERM")
        assert box.wait() == 0
        assert "stopped before anything was started" in box.err


def test_a_compiler_that_fails_at_a_reload_changes_nothing():
    with Failing(WEB) as box:
        box.run_pid("web")
        box.rest()
        for how, (said, fix) in TOLD.items():
            with box.armed(RELOAD, how, soon=SOON):
                done = box.ctl("reload")
            assert done.returncode == 1, how
            assert "the configuration is bad; the old one stays in force" in done.stderr
            assert f"cannot read the configuration: {said}" in done.stderr
            assert fix in done.stderr
            box.check_calm()
        with box.armed(RELOAD, "floods"):
            assert box.ctl("reload").returncode == 0
        box.check_calm()
        assert "a turn" not in box.err


def test_a_compiler_whose_pipe_outlives_it_is_not_waited_for():
    """Its number may be somebody else's by the time that it would have been killed."""
    with Failing(WEB) as box:
        box.run_pid("web")
        with box.armed(RELOAD, "leaves a child"):
            done = box.ctl("reload")
        assert "the compiler died" in done.stderr
        for one in box.processes():
            if one.state == "T":
                os.kill(one.pid, signal.SIGKILL)
        assert box.ctl("reload").returncode == 0


def test_a_stop_does_not_wait_for_a_compiler_that_hangs():
    with Failing(WEB) as box:
        box.run_pid("web")
        with box.armed(RELOAD, "hangs"):
            box.send("HUP")
        box.send("TERM")
        assert box.wait() == 0
