"""The one waitpid of the project: whoever is gone is reaped here, run, helper or orphan."""

from __future__ import annotations

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from resource import struct_rusage
    from typing import TypeAlias

    # (pid, raw wait status, what it used), as wait4 gives it: in a burst an object of our own for
    # each of them would cost more than the reaping.
    Reaped: TypeAlias = tuple[int, int, struct_rusage]
else:
    import _signal

STOPPED = 0x7F  # the low byte of a status of somebody who is not gone: WIFSTOPPED of wait(2)
SIGTRAP = 5
PTRACE_DETACH = 17
AT_ONCE = 512  # a burst of orphans is reaped in portions: signals and deadlines come between


def reap_all(found: list[Reaped]) -> bool:
    """Add every child that is gone to `found`, at most AT_ONCE; say whether there may be more.

    SIGCHLD tells of any number of deaths, so this asks until nobody is left.  It is blocked
    meanwhile: in a burst its handler would run once for every death that is reaped here anyway.
    Whoever was reaped is in `found`, whatever happens.
    """
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGCHLD,))
    try:
        return _reap_all(found)
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)


def most_memory(usage: struct_rusage) -> int:
    """Return the largest resident size of a child in bytes; 0 if it is not known.

    The kernel counts what the child had of us, before its exec, as its own: what is not more than
    we ever had says nothing.
    """
    import resource  # wait4 has imported it

    most = usage.ru_maxrss
    return most * 1024 if most > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss else 0


def _reap_all(found: list[Reaped]) -> bool:
    add, wait, flag = found.append, posix.wait4, posix.WNOHANG
    try:
        for _ in range(AT_ONCE):
            gone = wait(-1, flag)
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
