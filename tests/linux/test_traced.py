"""Processes that are neither alive nor dead to who looks only once: traced ones, headless ones."""

import os
import platform
import re
from pathlib import Path

import pytest
from boxed import Box, eventually, program, python

TRACEME = """
import ctypes, os, signal, sys, time
def say(*words):
    print(*words, flush=True)
signal.signal(signal.SIGUSR1, lambda *_: say("heard"))
signal.signal(signal.SIGTERM, lambda *_: (say("obeys"), os._exit(0)))
if ctypes.CDLL(None).ptrace(0, 0, 0, 0):
    say("cannot be traced")
os.kill(os.getpid(), signal.SIGUSR1)
say("up", os.getpid())
while True:
    time.sleep(0.05)
"""
EXIT = {"x86_64": 60, "aarch64": 93}  # of one thread
# Leaves its run behind, hears no TERM, and goes on without its first thread.
HEADLESS = f"""
import ctypes, os, signal, sys, threading, time
def flee():
    if FLEES:
        if os.fork():
            os._exit(0)
        os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=time.sleep, args=(600,)).start()
    time.sleep(0.1)
    print("headless", os.getpid(), flush=True)
    ctypes.CDLL(None).syscall({EXIT.get(platform.machine(), 0)}, 0)
if not os.fork():
    flee()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
while True:
    time.sleep(0.05)
"""


def threads(pid):
    """Return how many threads a process has, 0 if it is gone."""
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("namespace", [True, False])
def test_who_asks_to_be_traced_by_pyinit_lives_on_and_is_one_run(namespace):
    with Box(program("web", *python(TRACEME)), namespace=namespace) as box:
        said = box.until("up ", out=True)
        if "cannot be traced" in said:
            pytest.skip("ptrace is forbidden here")
        assert "heard" in said  # what it was sent arrives
        found = box.wait_state("web", "RUNNING")
        assert found["restarts"] == 0
        assert f"up {found['pid']}\n" in box.out
        assert box.out.count("up ") == 1
        box.call("stop", {"names": ["web"], "wait": True})
        assert "obeys" in box.out
        assert box.status()["web"]["last_exit"]["code"] == 0


def test_so_does_a_main_program():
    with Box(command=python(TRACEME.replace("os._exit(0)", "os._exit(5)"))) as box:
        box.until("up ", out=True)
        box.send("TERM")
        assert box.wait() == 5


@pytest.mark.skipif(platform.machine() not in EXIT, reason="the number of exit is not known")
@pytest.mark.parametrize("flees", [True, False])
def test_who_has_lost_the_first_thread_is_alive_and_ended_with_its_run(flees):
    words = python(f"FLEES = {flees}\n{HEADLESS}")
    with Box(program("web", *words, stop={"timeout": "200ms"})) as box:
        inner = int(re.search(r"headless (\d+)", box.until("headless ", out=True))[1])
        pid = box.outer(inner)
        eventually(lambda: Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] == "Z")
        assert threads(pid) == 1 + 1
        box.call("stop", {"names": ["web"], "wait": True})
        assert threads(pid) <= 1
