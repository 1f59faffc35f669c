"""Ends a pyinitctl with the other one outside the container for which it is run.

It may wait in many places: for pyinit, for a reader, in a sleep.  So the kernel is asked to end it
by SIGIO, at once wherever it is, when its stdin ends (fcntl(2), O_ASYNC).
"""

from __future__ import annotations

import fcntl
import posix
import select
import signal

STDIN = 0
GONE = select.POLLIN | select.POLLHUP | select.POLLERR


def hold() -> None:
    """End with stdin from now on."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(STDIN, fcntl.F_SETOWN, posix.getpid())
    fcntl.fcntl(STDIN, fcntl.F_SETFL, fcntl.fcntl(STDIN, fcntl.F_GETFL) | fcntl.FASYNC)
    ready = select.poll()
    ready.register(STDIN, GONE)
    if ready.poll(0):  # it ended before we asked
        posix.kill(posix.getpid(), signal.SIGIO)
