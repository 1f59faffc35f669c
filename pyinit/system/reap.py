"""The one waitpid of the project: whoever is gone is reaped here, run, helper or orphan."""

from __future__ import annotations

import posix

from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from resource import struct_rusage
else:
    import _signal

AT_ONCE = 512  # a burst of orphans is reaped in portions: signals and deadlines come between


class Reaped(Record):
    """A child that is gone: its raw wait status, and what it used as wait4 tells it."""

    pid: int
    status: int
    usage: struct_rusage

    @property
    def user_s(self) -> float:
        """Return the seconds of its own code."""
        return self.usage.ru_utime

    @property
    def system_s(self) -> float:
        """Return the seconds in the kernel."""
        return self.usage.ru_stime

    @property
    def max_rss_bytes(self) -> int:
        """Return the most memory it had."""
        return self.usage.ru_maxrss * 1024


def reap_all() -> tuple[list[Reaped], bool]:
    """Reap every child that is gone, at most AT_ONCE; say whether there may be more.

    SIGCHLD tells of any number of deaths, so this asks until nobody is left.  It is blocked
    meanwhile: in a burst its handler would run once for every death that is reaped here anyway.
    """
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGCHLD,))
    try:
        return _reap_all()
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)


def _reap_all() -> tuple[list[Reaped], bool]:
    found: list[Reaped] = []
    wait, flag = posix.wait4, posix.WNOHANG
    try:
        for _ in range(AT_ONCE):
            pid, status, usage = wait(-1, flag)
            if pid == 0:
                return found, False
            found.append(Reaped(pid, status, usage))
    except ChildProcessError:
        return found, False
    return found, True
