"""rlimits: read, set on ourselves or on a running process, and said what could not be had.

A number N asks for a soft limit of N, and for a hard limit of N only where it is below: nothing
is ever lowered by asking for more.  Raising a hard limit needs CAP_SYS_RESOURCE; without it what
can be had is set, and the rest is reported with the knob that would give it.
"""

from __future__ import annotations

import resource

from pyinit.core.plan import KEEP, MAXIMUM, UNLIMITED, Limit
from pyinit.core.record import Record
from pyinit.system import mark

# Linux numbers (asm-generic/resource.h); the resource module knows not all of them.
NUMBERS = {
    "cpu": 0,
    "fsize": 1,
    "data": 2,
    "stack": 3,
    "core": 4,
    "rss": 5,
    "nproc": 6,
    "nofile": 7,
    "memlock": 8,
    "as": 9,
    "locks": 10,
    "sigpending": 11,
    "msgqueue": 12,
    "nice": 13,
    "rtprio": 14,
    "rttime": 15,
}
INFINITY = resource.RLIM_INFINITY
HUGE = 1 << 62


class Unmet(Record):
    """A limit that could not be had: what was wanted, what is in force now, and the errno."""

    resource: str
    soft: int
    hard: int
    now_soft: int
    now_hard: int
    errno: int


def read(pid: int = 0) -> dict[str, tuple[int, int]]:
    """Return the (soft, hard) limits of a process by name, -1 for unlimited.  Raises OSError.

    The mark of a run stands for no limit, and is not shown as one.
    """
    try:
        found = {name: resource.prlimit(pid, number) for name, number in NUMBERS.items()}
    except PermissionError:  # of another user, and we lack CAP_SYS_RESOURCE: it may be read there
        found = _read_proc(pid)
    if mark.is_mark(found["locks"][0]):
        found["locks"] = (INFINITY, found["locks"][1])
    return found


def _read_proc(pid: int) -> dict[str, tuple[int, int]]:
    """Return the limits as /proc shows them: a line for each, in the order of their numbers."""
    with open(f"/proc/{pid}/limits", "rb") as file:
        lines = file.read().split(b"\n")[1:]
    pairs = [line[26:].split()[:2] for line in lines if line]
    return {
        name: (_number(pairs[number][0]), _number(pairs[number][1]))
        for name, number in NUMBERS.items()
    }


def _number(word: bytes) -> int:
    return INFINITY if word == b"unlimited" else int(word)


def read_one(name: str, pid: int = 0) -> tuple[int, int]:
    """Return the (soft, hard) of one limit of a process.  Raises OSError."""
    try:
        return resource.prlimit(pid, NUMBERS[name])
    except PermissionError:
        return _read_proc(pid)[name]


def apply(limits: tuple[Limit, ...], pid: int = 0) -> tuple[Unmet, ...]:
    """Set `limits` on process `pid` (0: ourselves); return those that could not be had."""
    found = [_apply_one(limit, pid) for limit in limits]
    return tuple([unmet for unmet in found if unmet is not None])


def apply_all(limits: tuple[Limit, ...], pid: int = 0) -> tuple[Unmet, ...]:
    """Set all of `limits` on process `pid`, or none; return those that could not be had.

    Raises OSError.
    """
    before = in_place_of(limits, pid)
    unmet = apply(limits, pid)
    if unmet:
        apply(before, pid)
    return unmet


def in_place_of(limits: tuple[Limit, ...], pid: int = 0) -> tuple[Limit, ...]:
    """Return what is in force of the resources of `limits`, to be put back.  Raises OSError."""
    return tuple([Limit(each.resource, *read_one(each.resource, pid)) for each in limits])


def describe_unmet(unmet: Unmet, who: str) -> str:
    """Return the message about a limit that could not be had, the knob on a line of its own."""
    name = unmet.resource
    wanted = f"{_text(unmet.soft)}:{_text(unmet.hard)}"
    text = (
        f"cannot set {name} to {wanted} for {who}: "
        f"the hard limit is {_text(unmet.now_hard)} and may not be raised here\n"
    )
    if name == "nofile" and max(unmet.soft, unmet.hard) > (bound := _ceiling(name)):
        return text + f"  no process here may have more than {bound}: raise sysctl fs.nr_open"
    top = _text(max(unmet.soft, unmet.hard) if UNLIMITED not in (unmet.soft, unmet.hard) else -1)
    if name in ("nofile", "nproc", "memlock", "core", "stack", "msgqueue", "nice", "rtprio"):
        ulimit = top.replace("unlimited", "-1")
        text += f"  raise it from outside: docker run --ulimit {name}={ulimit}:{ulimit}, "
        text += f"compose 'ulimits: {{{name}: {ulimit}}}', "
    else:
        text += "  raise it from outside: "
    return text + f"or Limit{name.upper()}={top.replace('unlimited', 'infinity')} of the runtime"


def meant(limit: Limit, soft: int, hard: int) -> tuple[int, int]:
    """Return the (soft, hard) that `limit` asks for where these are in force, -1 for unlimited."""
    ceiling = _ceiling(limit.resource)
    wanted_hard = hard if limit.hard == KEEP else _value(limit.hard, ceiling)
    wanted_soft = wanted_hard if limit.soft == MAXIMUM else soft
    if limit.soft not in (MAXIMUM, KEEP):
        wanted_soft = _value(limit.soft, ceiling)
    if limit.least and not _above(wanted_soft, soft):
        return soft, hard
    if limit.hard == KEEP and _above(wanted_soft, wanted_hard):
        wanted_hard = wanted_soft
    if limit.hard != KEEP and _above(wanted_soft, wanted_hard):
        wanted_soft = wanted_hard
    return wanted_soft, wanted_hard


def _apply_one(limit: Limit, pid: int) -> Unmet | None:
    number = NUMBERS[limit.resource]
    soft, hard = resource.prlimit(pid, number)
    wanted_soft, wanted_hard = meant(limit, soft, hard)
    if (wanted_soft, wanted_hard) == (soft, hard):
        return None
    try:
        resource.prlimit(pid, number, (wanted_soft, wanted_hard))
    except (OSError, ValueError) as error:
        code = getattr(error, "errno", 1) or 1
        within = hard if _above(wanted_soft, hard) else wanted_soft
        _try(pid, number, (within, hard))
        now_soft, now_hard = resource.prlimit(pid, number)
        return Unmet(limit.resource, wanted_soft, wanted_hard, now_soft, now_hard, code)
    return None


def _try(pid: int, number: int, pair: tuple[int, int]) -> None:
    try:
        resource.prlimit(pid, number, pair)
    except (OSError, ValueError):
        return


def _ceiling(name: str) -> int:
    """Return what "unlimited" means: for nofile the kernel's own bound, fs.nr_open."""
    if name != "nofile":
        return INFINITY
    try:
        with open("/proc/sys/fs/nr_open", "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 1048576


def _value(number: int, ceiling: int) -> int:
    return ceiling if number == UNLIMITED else number


def _above(one: int, other: int) -> bool:
    """Compare two limits, of which -1 is the greatest."""
    return (HUGE if one == INFINITY else one) > (HUGE if other == INFINITY else other)


def _text(value: int) -> str:
    return "unlimited" if value == UNLIMITED else str(value)
