"""A PID 1 that restarts and reaps for years must not grow: nothing is kept of what is over.

The cycle collector is off during boot and sees only what is new afterwards, so what grows here
would never be found by it.
"""

import os
import re
import subprocess
from pathlib import Path

from boxed import Box
from eventually import eventually

RESTARTING = """\
[program.web]
command = ["/bin/sh", "-c", "echo {word}; exit 1"]
restart = {{ policy = "always", delay = "0s", max = 0 }}
stdout = {{ file = "{place}/out" }}
stderr = "null"
"""
ORPHANS = """\
[program.web]
command = ["/bin/sh", "-c", '''
number=0
while [ $number -lt 100000 ]; do
    (true & echo >> {place}/out)
    number=$((number + 1))
done
''']
"""
ALLOWED_KB = 384  # of fragments; a record of a restart alone would be ten times that


def _kilobytes(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^RssAnon:\s+(\d+)", text, re.MULTILINE)[1])


def _descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def _has_rested(pid):
    """Say whether a PID 1 has imported what no start needs, and given memory back: that is last."""
    return "_ctypes" in Path(f"/proc/{pid}/maps").read_text()


def _lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _assert_no_growth(config, tmp_path, warm, measured):
    out = tmp_path / "out"
    with Box(config, stderr=subprocess.DEVNULL) as box:
        eventually(lambda: _lines(out) >= warm and _has_rested(box.pid), within_s=120)
        warm = _lines(out)
        before, held = _kilobytes(box.pid), _descriptors(box.pid)
        eventually(lambda: _lines(out) >= warm + measured, within_s=240)
        after = _kilobytes(box.pid)
        eventually(lambda: _descriptors(box.pid) <= held + 2)
    assert after - before <= ALLOWED_KB


def test_restarts_leave_no_memory_and_no_descriptors_behind(tmp_path):
    config = RESTARTING.format(word="again", place=tmp_path)
    _assert_no_growth(config, tmp_path, warm=700, measured=1500)


def test_orphans_leave_no_memory_behind(tmp_path):
    _assert_no_growth(ORPHANS.format(place=tmp_path), tmp_path, warm=700, measured=3000)
