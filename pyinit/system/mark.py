"""The mark of a run: on everybody it starts, whatever they do to leave it.

A daemon that forks twice, calls setsid, clears its environment and changes its user has cut every
tie to the run it came from, and becomes a child of ours.  What it cannot help keeping are its
limits: fork, exec and setuid hand them on, and /proc shows them to everybody, where the
environment is shown only to the same user.  RLIMIT_LOCKS has had no meaning since Linux 2.4.25;
its soft half, unlimited everywhere, carries a number made of the run's label.  The hard half is
left alone, so whoever wants the old value back may have it.
"""

from __future__ import annotations

import posix
import resource

RLIMIT_LOCKS = 10
INFINITY = resource.RLIM_INFINITY
ROW = RLIMIT_LOCKS + 1  # of /proc/PID/limits: a heading, then a line for each in their order
VALUE_AT = 26  # where its first number begins
OURS = 0x70796E << 40  # above any limit that somebody would set
BITS = (1 << 40) - 1


def number(label: str) -> int:
    """Return the mark of the runs of this pyinit with `label`: FNV-1a, since `hash` is salted."""
    found = 0xCBF29CE484222325
    for byte in f"{posix.getpid()} {label}".encode("utf-8", "surrogateescape"):
        found = ((found ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return OURS | ((found ^ (found >> 24)) & BITS)


def is_mark(soft: int) -> bool:
    """Say whether a soft limit is the mark of some pyinit's run."""
    return soft & ~BITS == OURS


def put_on(mark: int) -> tuple[int, int] | None:
    """Mark ourselves, and so whoever is forked now; return what `take_off` needs.

    Where the limit is in use by somebody, nothing is done and None returned.
    """
    before = resource.getrlimit(RLIMIT_LOCKS)
    if before[0] != INFINITY and not is_mark(before[0]):
        return None
    try:
        resource.setrlimit(RLIMIT_LOCKS, (mark, before[1]))
    except (OSError, ValueError):  # a hard limit below
        return None
    return before


def take_off(before: tuple[int, int] | None) -> None:
    """Be as we were before `put_on`."""
    if before is not None:
        try:
            resource.setrlimit(RLIMIT_LOCKS, before)
        except (OSError, ValueError):  # the child is there already; the next one puts on its own
            return


def of(pid: int) -> int:
    """Return the mark a process has, 0 if it has none or is gone."""
    try:
        with open(f"/proc/{pid}/limits", "rb") as file:
            word = file.read().split(b"\n")[ROW][VALUE_AT:].split()[0]
        soft = int(word)
    except (OSError, IndexError, ValueError):  # ValueError: unlimited
        return 0
    return soft if is_mark(soft) else 0
