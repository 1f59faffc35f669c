"""The machine to ourselves, as far as the kernel lets us: a CPU group of twenty times the weight.

What else runs on the machine then gets little while something is measured, and whoever starts
many processes or sessions has no advantage over who starts one.
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
        try:
            yield f"in a CPU group of its own ({name} {weight})"
        finally:
            (place / "cgroup.procs").write_text(str(os.getpid()))
            _remove(ours)
        return
    yield "beside whatever else runs on the machine"


def _remove(group: Path) -> None:
    """Remove the group as soon as the last of ours has died in it; leave it if that takes long."""
    for _ in range(100):
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.02)
