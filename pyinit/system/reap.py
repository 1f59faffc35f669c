"""The one waitpid of the project: whoever is gone is reaped here, run, helper or orphan."""

from __future__ import annotations

import posix

from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal

AT_ONCE = 512  # a burst of orphans is reaped in portions: signals and deadlines come between


class Reaped(Record):
    """A child that is gone: its raw wait status and what it used."""

    pid: int
    status: int
    user_s: float
    system_s: float
    max_rss_bytes: int


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
    while len(found) < AT_ONCE:
        try:
            pid, status, used = wait(-1, flag)
        except ChildProcessError:
            return found, False
        if pid == 0:
            return found, False
        found.append(Reaped(pid, status, used[0], used[1], used[2] * 1024))
    return found, True
