"""The machine to ourselves, as far as the kernel lets us: a CPU group of twenty times the weight.

What else runs on the machine then gets little while something is measured, and whoever starts
many processes or sessions has no advantage over who starts one.  The same group counts what
processor time all of us have used: how much work something is, however busy the machine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PLACES = (
    (Path("/sys/fs/cgroup/cpu"), "cpu.shares", "20480"),  # version 1
    (Path("/sys/fs/cgroup"), "cpu.weight", "2000"),  # version 2
)


ACCOUNTS = Path("/sys/fs/cgroup/cpuacct")  # version 1 counts in a group of its own
_counters: list[Path] = []  # of the group we are in: the file that tells


@contextmanager
def group() -> Iterator[str]:
    """Put this process and its children into such a group; yield what came of it, for people."""
    for place, name, weight in PLACES:
        ours = place / f"pyinit-bench-{os.getpid()}"
        try:
            ours.mkdir()
        except OSError:
            continue
        try:
            (ours / name).write_text(weight)
            (ours / "cgroup.procs").write_text(str(os.getpid()))
        except OSError:
            ours.rmdir()
            continue
        counter = _counting(ours)
        try:
            yield f"in a CPU group of its own ({name} {weight})"
        finally:
            (place / "cgroup.procs").write_text(str(os.getpid()))
            _remove(ours)
            _stop_counting(counter)
        return
    yield "beside whatever else runs on the machine"


def used_s() -> float | None:
    """Return the processor time of all that we have started so far; None where nobody counts."""
    if not _counters:
        return None
    text = _counters[0].read_text()
    if _counters[0].name == "cpu.stat":
        total_s = int(text.split()[1]) / 1e6  # the first line is usage_usec
    else:
        total_s = int(text) / 1e9
    return total_s - time.process_time()


def _counting(ours: Path) -> Path | None:
    """Count from now on, in the group that we are in or one more; return that one."""
    if (ours / "cpu.stat").exists() and "usage_usec" in (ours / "cpu.stat").read_text():
        _counters.append(ours / "cpu.stat")
        return None
    accounts = ACCOUNTS / ours.name
    try:
        accounts.mkdir()
        (accounts / "cgroup.procs").write_text(str(os.getpid()))
    except OSError:
        return None
    _counters.append(accounts / "cpuacct.usage")
    return accounts


def _stop_counting(accounts: Path | None) -> None:
    _counters.clear()
    if accounts is not None:
        (ACCOUNTS / "cgroup.procs").write_text(str(os.getpid()))
        _remove(accounts)


def _remove(group: Path) -> None:
    """Remove the group as soon as the last of ours has died in it; leave it if that takes long."""
    for _ in range(100):
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.02)
