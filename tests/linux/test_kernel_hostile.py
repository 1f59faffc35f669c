"""Programs as bad as they come: they obey nothing, flee, talk without end, and die in a circle."""

import os
import re
import subprocess
from pathlib import Path

from boxed import Box, eventually, program, python

GIGABYTE = 1 << 30
# Ignores what can be ignored, in itself and in a daemon that forked twice and holds no pipe.
FUGITIVE = """
import _signal, os, time
for number in range(1, 65):
    if number not in (9, 17, 19, 32, 33):
        _signal.signal(number, _signal.SIG_IGN)
for fd in range(3):
    os.close(fd)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                time.sleep(60)
        os._exit(0)
    os.wait()
while True:
    time.sleep(60)
"""
# One line of a thousand million bytes.
ENDLESS = """
import os, sys
block = b"x" * 65536
left = int(sys.argv[1])
while left > 0:
    left -= os.write(1, block)
os.write(2, b"written\\n")
"""
ALLOWED_KB = 4096  # above what it had before: rings, pipes and lines are bounded


def peak_kb(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+)", text, re.MULTILINE)[1])


def test_a_program_that_obeys_nothing_flees_and_closes_its_pipes_is_ended_to_the_last():
    config = program("bad", *python(FUGITIVE), stop={"timeout": "300ms"}, stdout="prefix")
    config += program("good", "sleep", "600")
    with Box(config) as box:
        good = box.run_pid("good")
        eventually(lambda: len(box.processes()) == 1 + 4 + 1)
        assert box.ctl("stop", "bad").returncode == 0
        eventually(lambda: len(box.processes()) == 1 + 1)
        assert box.run_pid("good") == good
        assert box.ctl("start", "bad").returncode == 0
        eventually(lambda: len(box.processes()) == 1 + 4 + 1)
        box.send("TERM")
        assert box.wait() == 0


def test_a_gigabyte_without_a_newline_costs_no_memory_and_the_rest_is_served_meanwhile():
    config = program("bad", *python(ENDLESS, str(GIGABYTE)), type="oneshot", stdout="prefix")
    config += program("good", "sleep", "600")
    with Box(config, stdout=subprocess.DEVNULL) as box:
        box.wait_state("good", "RUNNING")
        before = peak_kb(box.pid)
        asked = 0
        while "written" not in box.err:
            assert box.status()["good"]["state"] == "RUNNING"
            asked += 1
        assert asked > 1
        box.wait_state("bad", "EXITED")
        assert peak_kb(box.pid) - before <= ALLOWED_KB


def test_children_that_do_not_move_hold_up_nobody_else():
    config = program("still", "kill -STOP $$; exec sleep 600", stop={"timeout": "500ms"})
    config += program("good", "sleep", "600", restart={"policy": "always", "delay": "0s"})
    with Box(config) as box:
        still, good = box.run_pid("still"), box.run_pid("good")
        eventually(lambda: box.look_at(still).state == "T")
        os.kill(good, 9)
        eventually(lambda: box.status()["good"]["restarts"] >= 1)
        box.send("TERM")
        assert box.wait() == 0
