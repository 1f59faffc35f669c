"""The one waitpid of the project: whoever is gone is reaped here, run, helper or orphan."""

from __future__ import annotations

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Collection
    from resource import struct_rusage
    from typing import TypeAlias

    # (pid, raw wait status, what it used), as wait4 gives it, or without the last, as waitpid
    # does: in a burst an object of our own for each of them would cost more than the reaping.
    Reaped: TypeAlias = tuple[int, int, struct_rusage] | tuple[int, int]
else:
    import _signal

STOPPED = 0x7F  # the low byte of a status of somebody who is not gone: WIFSTOPPED of wait(2)
SIGTRAP = 5
PTRACE_DETACH = 17
AT_ONCE = 256  # a burst of orphans is reaped in portions: signals and deadlines come between


def reap_all(found: list[Reaped], burst_of: Collection[int] | None = None) -> bool:
    """Add every child that is gone to `found`, at most AT_ONCE; say whether there may be more.

    In a burst of orphans to ask what each has used takes a third of the time.  So `burst_of` are
    the only ones then who are asked, before the others: what one of them has used that dies
    between the two is not known.

    SIGCHLD tells of any number of deaths, so this asks until nobody is left.  It is blocked
    meanwhile: in a burst its handler would run once for every death that is reaped here anyway.
    Whoever was reaped is in `found`, whatever happens.
    """
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGCHLD,))
    try:
        if burst_of is None:
            return _reap_all(found, posix.wait4)
        for pid in burst_of:
            _reap_all(found, posix.wait4, pid, 1)
        return _reap_all(found, posix.waitpid)
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)


def let_gather(pause: Callable[[float], None], seconds: float) -> None:
    """Pause; no death ends it, and those that come meanwhile are told of by SIGCHLD after it."""
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGCHLD,))
    try:
        pause(seconds)
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)


def used(gone: Reaped) -> tuple[float, float, int]:
    """Return what a child has used: seconds of its own, of the system, its largest size in bytes.

    Each is 0 where it is not known.  The kernel counts what the child had of us, before its exec,
    as its own size: what is not more than we ever had says nothing.
    """
    if len(gone) == 2:  # waitpid has reaped it
        return 0.0, 0.0, 0
    import resource  # wait4 has imported it

    usage, ours = gone[2], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    most = usage.ru_maxrss * 1024 if usage.ru_maxrss > ours else 0
    return usage.ru_utime, usage.ru_stime, most


def _reap_all(
    found: list[Reaped], wait: Callable[[int, int], Reaped], whom: int = -1, most: int = AT_ONCE
) -> bool:
    add, flag = found.append, posix.WNOHANG
    try:
        for _ in range(most):
            gone = wait(whom, flag)
            if not gone[0]:
                return False
            if gone[1] & 0xFF == STOPPED:
                _let_go(gone[0], gone[1] >> 8 & 0xFF)
            else:
                add(gone)
    except ChildProcessError:
        return False
    return True


def _let_go(pid: int, signum: int) -> None:
    """Let a child go on that has made us its tracer: with its next signal it stops until we do.

    Every child may (PTRACE_TRACEME of ptrace(2)), and some do so lest anybody else traces them.
    It gets what it was sent, but for the SIGTRAP that comes of an exec.
    """
    try:
        from pyinit.system import libc

        libc.call("ptrace", PTRACE_DETACH, pid, 0, 0 if signum == SIGTRAP else signum)
    except (OSError, ImportError, MemoryError):  # it stays where it is, and can be killed
        return
