"""prctl(2), capset(2) and friends, which Python has no calls for.

`libc` is imported by whoever needs it, mostly the forked child: PID 1 whose programs ask for none
of it does not pay for it.
"""

from __future__ import annotations

import posix
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
PR_SET_CHILD_SUBREAPER = 36
PR_GET_CHILD_SUBREAPER = 37
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
LAST_CAPABILITY = 63
CAP_KILL = 5
CAPABILITY_VERSION_3 = 0x20080522
IOPRIO_WHO_PROCESS = 1
IOPRIO_SHIFT = 13
SYS_IOPRIO_SET = {
    "x86_64": 251,
    "i686": 289,
    "aarch64": 30,
    "riscv64": 30,
    "armv7l": 314,
    "ppc64le": 273,
    "s390x": 282,
}


def become_subreaper() -> None:
    """Let orphans below us be re-parented to us although we are not PID 1.  Raises OSError."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def is_subreaper() -> bool:
    """Say whether we are a child subreaper.  Raises OSError where the kernel knows of none."""
    from pyinit.system import libc

    flag = libc.Cell(0)
    _prctl(PR_GET_CHILD_SUBREAPER, libc.address(flag))
    return flag.value != 0


def set_parent_death_signal(signum: int) -> None:
    """Have the kernel send us `signum` when our parent dies; cleared by a change of user.

    Raises OSError.
    """
    _prctl(PR_SET_PDEATHSIG, signum)


def set_no_new_privs() -> None:
    """Never gain privileges by an execve again."""
    _prctl(PR_SET_NO_NEW_PRIVS, 1)


def keep_capabilities() -> None:
    """Keep the permitted capabilities over the next change of user."""
    _prctl(PR_SET_KEEPCAPS, 1)


def bound_capabilities(keep: tuple[int, ...]) -> None:
    """Cut the bounding set to `keep`.  Raises OSError (EPERM without CAP_SETPCAP)."""
    for number in range(LAST_CAPABILITY + 1):
        if number not in keep and _is_bounding(number):
            _prctl(PR_CAPBSET_DROP, number)


def set_capabilities(permitted: tuple[int, ...], inheritable: tuple[int, ...]) -> None:
    """Set the effective and permitted sets to `permitted`, and the inheritable one."""
    from pyinit.system import libc

    allowed, passed = _mask(permitted), _mask(inheritable)
    low = (allowed & 0xFFFFFFFF, allowed & 0xFFFFFFFF, passed & 0xFFFFFFFF)
    high = (allowed >> 32, allowed >> 32, passed >> 32)
    libc.call("capset", _words(CAPABILITY_VERSION_3, 0), _words(*low, *high))


def raise_ambient(numbers: tuple[int, ...]) -> None:
    """Raise ambient capabilities; each must be permitted and inheritable.  Raises OSError."""
    for number in numbers:
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number)


def set_securebits(bits: int) -> None:
    """Set the securebits of capabilities(7).  Raises OSError (EPERM without CAP_SETPCAP)."""
    _prctl(PR_SET_SECUREBITS, bits)


def permitted_capabilities() -> tuple[int, ...]:
    """Return the capabilities that we may use, from /proc/self/status."""
    with open("/proc/self/status", "rb") as file:
        for line in file:
            if line.startswith(b"CapPrm:"):
                mask = int(line.split()[1], 16)
                return tuple(n for n in range(LAST_CAPABILITY + 1) if mask >> n & 1)
    return ()


def set_io_priority(kind: int, level: int) -> None:
    """Set our I/O class (1 realtime, 2 best effort, 3 idle) and level.  Raises OSError."""
    machine = posix.uname().machine
    if machine not in SYS_IOPRIO_SET:
        raise OSError(38, f"ioprio_set is not known on {machine}")
    from pyinit.system import libc

    value = kind << IOPRIO_SHIFT | level
    libc.call("syscall", SYS_IOPRIO_SET[machine], IOPRIO_WHO_PROCESS, 0, value)


def _is_bounding(number: int) -> bool:
    try:
        return _prctl(PR_CAPBSET_READ, number) == 1
    except OSError:  # this kernel has no such capability
        return False


def _mask(numbers: tuple[int, ...]) -> int:
    mask = 0
    for number in numbers:
        mask |= 1 << number
    return mask


def _words(*values: int) -> bytes:
    return b"".join([value.to_bytes(4, sys.byteorder) for value in values])


def _prctl(option: int, *values: int) -> int:
    from pyinit.system import libc

    return libc.call("prctl", option, *(*values, 0, 0, 0, 0)[:4])
