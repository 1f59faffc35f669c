"""Orphans on the real kernel: whoever loses its parent below pyinit is reaped by it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, program, python

USERS = [None, pytest.param(ORDINARY, marks=needs_root)]

# A daemon as it is made: fork, setsid, fork; the last one says who its parent has become.
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while os.getppid() != int(os.environ.get("PYINIT_PID", "1")):
            time.sleep(0.01)
        os.write(1, b"adopted\\n")
        os._exit(7)
    os._exit(0)
os.wait()
time.sleep(600)
"""
# Orphans by the thousand: children of a child that is gone before they are.
BURST = """
import os, sys, time
total, wave = int(sys.argv[1]), 500
for _ in range(total // wave):
    reader, writer = os.pipe()
    if os.fork() == 0:
        for _ in range(wave):
            if os.fork() == 0:
                os.close(writer)
                os.read(reader, 1)  # until everybody is an orphan
                os._exit(0)
        os._exit(0)
    os.wait()
    os.close(reader)
    os.close(writer)
os.write(1, b"made\\n")
time.sleep(600)
"""
# A crowd of orphans that ends with its maker.
CROWD = """
import os, sys, time
reader, writer = os.pipe()
if os.fork() == 0:
    for _ in range(int(sys.argv[1])):
        if os.fork() == 0:
            os.close(writer)
            os.read(reader, 1)
            os._exit(0)
    os._exit(0)
os.wait()
os.write(1, b"made\\n")
time.sleep(600)
"""
BURN = """
import os, time
while time.process_time() < 0.3:
    pass
os.write(1, b"burnt\\n")
time.sleep(600)
"""


@pytest.mark.parametrize("uid", USERS)
def test_a_daemon_that_forked_twice_is_adopted_and_reaped(uid):
    with Box(program("web", *python(DAEMON)), uid=uid) as box:
        box.until("adopted", out=True)
        eventually(lambda: len(box.processes()) == 2)
        assert not box.zombies()
        assert box.status()["web"]["state"] in {"STARTING", "RUNNING"}


def test_as_no_pid_1_it_is_a_subreaper():
    inside = ("sh", "-c", 'PYINIT_PID=$$ exec "$@"', "sh")
    with Box(program("web", *python(DAEMON)), namespace=False, inside=inside) as box:
        box.until("adopted", out=True)
        eventually(lambda: len(box.processes()) == 2)
        assert not box.zombies()


def test_ten_thousand_orphans_leave_no_zombie_and_signals_are_heard_meanwhile():
    with Box(program("web", *python(BURST, "10000"))) as box:
        box.until("made", out=True, within_s=120)
        eventually(lambda: len(box.processes()) == 2 and not box.zombies(), within_s=60)
        box.send("TERM")
        assert box.wait() == 0


def test_orphans_are_reaped_without_reading_all_of_proc_for_each():
    """While a program is being stopped, whose members must be counted: still linear."""
    stubborn = "trap '' TERM; echo deaf; while :; do sleep 600; done"
    text = program("deaf", stubborn, stop={"timeout": "600s"}, autostart=True)
    with Box(
        '[init]\nstop_budget = "600s"\n' + text + program("web", *python(BURST, "5000"))
    ) as box:
        box.until("deaf", out=True)
        box.call("stop", {"names": ["deaf"], "wait": False})
        box.wait_state("deaf", "STOPPING")
        box.until("made", out=True, within_s=120)
        eventually(lambda: not box.zombies(), within_s=60)
        ticks = sum(int(n) for n in Path(f"/proc/{box.pid}/stat").read_text().split()[13:15])
        assert ticks / os.sysconf("SC_CLK_TCK") < 20


def test_what_a_run_has_used_is_known_though_it_died_in_a_burst_of_orphans():
    """It is younger than all of them, so that the kernel would give it last."""
    keys = {"restart": "never", "critical": False}
    text = program("web", *python(CROWD, "1500"), **keys) + program("other", "exec sleep 600")
    with Box(text + program("late", *python(BURN), autostart=False, **keys)) as box:
        box.until("made", out=True, within_s=120)
        box.call("start", {"names": ["late"]})
        box.until("burnt", out=True)
        pids = [box.outer(box.status()[name]["pid"]) for name in ("web", "late")]
        box.send("STOP")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: len(box.zombies()) == 1502)
        box.send("CONT")
        eventually(lambda: len(box.processes()) == 2)
        found = box.call("why", {"names": ["web", "late"]})["processes"]
        ends = {each["name"]: each["ends"] for each in found}
        assert [end["signal"] for each in ends.values() for end in each] == [9, 9]
        assert 0.25 <= ends["late"][0]["user_s"] + ends["late"][0]["system_s"] < 5.0


@pytest.mark.parametrize("namespace", [True, False])
def test_nobody_but_descendants_is_ever_signalled(namespace):
    """T11: in a shared PID namespace others live beside us, started by nobody of ours."""
    with Box(program("web", "sleep 600"), namespace=namespace) as box:
        box.wait_state("web", "RUNNING")
        enter = ["nsenter", "-t", str(box.pid), "-p"] if namespace else []
        stranger = subprocess.Popen(
            [
                *enter,
                sys.executable,
                "-c",
                "import time; print('here', flush=True); time.sleep(600)",
            ],
            stdout=subprocess.PIPE,
        )
        try:
            assert stranger.stdout.readline() == b"here\n"
            if namespace:  # it must see the end of pyinit, not of the namespace: stop only programs
                box.call("stop", {"names": ["all"], "wait": True})
                assert box.status()["web"]["state"] == "STOPPED"
            else:
                box.send("TERM")
                assert box.wait() == 0
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait(30)
            stranger.stdout.close()


def test_what_a_program_left_behind_is_ended_with_pyinit_as_a_subreaper():
    """A daemon that left group and session is ours to end, though nobody's namespace ends."""
    left = "setsid sh -c 'echo $$; exec sleep 600' & wait"
    with Box(program("web", left, stop={"kill": "process"}), namespace=False) as box:
        pid = int(box.until("\n", out=True))
        handle = os.pidfd_open(pid)
        box.send("TERM")
        assert box.wait() == 0
        with pytest.raises(ProcessLookupError):
            signal.pidfd_send_signal(handle, 0)
        os.close(handle)
