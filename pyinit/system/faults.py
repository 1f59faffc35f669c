"""Signals that mean a fault (SEGV, ABRT, ...), sent by somebody else: received, never handled.

A handler for them would return to the instruction that failed, for ever.  So they are blocked,
and what is pending is read from a signalfd(2); a fault of our own kills us all the same, since the
kernel lets no fault wait.  Python has no call for it, and what it takes costs a millisecond: it is
done when the first program runs.

Programs must not be born with them blocked: `spawn` sees to that.
"""

from __future__ import annotations

import posix
import sys

from pyinit.system.signals import FAULTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Iterable
else:
    import _signal

INFO_BYTES = 128  # of struct signalfd_siginfo, which begins with the number in 4 bytes
READ_INFOS = 32  # each is pending once at most: this is all of them


def among(numbers: Iterable[int]) -> tuple[int, ...]:
    """Return those of `numbers` that mean a fault, in the order of FAULTS."""
    wanted = frozenset(numbers)
    return tuple([number for number in FAULTS if number in wanted])


def hold(numbers: tuple[int, ...], fd: int = -1) -> int:
    """Block just these of the FAULTS; return the descriptor to read them from, -1 for none.

    `fd` is what this has returned before.  Raises OSError, ImportError, with none of them blocked.
    """
    try:
        _signal.pthread_sigmask(_signal.SIG_BLOCK, numbers)
        found = _signalfd(numbers, fd) if numbers or fd >= 0 else -1
    except (OSError, ImportError):
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, FAULTS)
        raise
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, [n for n in FAULTS if n not in numbers])
    return found


def read(fd: int) -> tuple[int, ...]:
    """Return the numbers of those that came; nothing of descriptor -1."""
    try:
        data = posix.read(fd, INFO_BYTES * READ_INFOS) if fd >= 0 else b""
    except BlockingIOError:
        return ()
    starts = range(0, len(data), INFO_BYTES)
    return tuple([int.from_bytes(data[at : at + 4], sys.byteorder) for at in starts])


def _signalfd(numbers: tuple[int, ...], fd: int) -> int:
    from pyinit.system import libc

    mask = 0
    for number in numbers:
        mask |= 1 << (number - 1)
    flags = posix.O_CLOEXEC | posix.O_NONBLOCK
    return libc.call("signalfd", fd, mask.to_bytes(8, sys.byteorder), flags)
