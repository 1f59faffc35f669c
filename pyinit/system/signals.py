"""Signals: caught from the first moment, turned into bytes in a pipe, reset in children.

A handler in Python would run between any two instructions of ours.  Here the handler in C writes
the signal's number into a pipe (`set_wakeup_fd`), the Python handler does nothing, and the loop
reads the pipe when it is ready for news.  A full pipe loses nothing that matters: it holds 65,536
signals that were not looked at yet.
"""

from __future__ import annotations

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal  # the same, but with an enum that costs a megabyte
else:
    import _signal

READ_BYTES = 4096
# A fault must kill; those that somebody sends are for system/faults.py.
FAULTS = tuple(
    int(number)
    for number in (
        *(_signal.SIGSEGV, _signal.SIGBUS, _signal.SIGFPE, _signal.SIGILL),
        *(_signal.SIGTRAP, _signal.SIGABRT, _signal.SIGSYS),
    )
)
UNCATCHABLE = frozenset((*FAULTS, int(_signal.SIGKILL), int(_signal.SIGSTOP)))
FIRST_REALTIME = 34
RESERVED = (32, 33)  # glibc keeps these two real-time signals for itself


def catchable() -> tuple[int, ...]:
    """Return the numbers of the signals that pyinit catches and can pass on."""
    return tuple(n for n in range(1, _signal.NSIG) if n not in UNCATCHABLE and n not in RESERVED)


def catch_all(*, again: bool = False) -> int:
    """Catch every catchable signal; return the descriptor that becomes readable when one comes.

    Signals that arrive before this are the kernel's: PID 1 ignores what it has no handler for.
    `again` is after a re-exec: of the FAULTS those stay blocked, and pending, that were.
    """
    reader, writer = _pipe()
    _signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in catchable():
        _signal.signal(number, _nothing)
    for number in FAULTS:  # ignored ones would be inherited by every program
        _signal.signal(number, _signal.SIG_DFL)
    held = _mask().intersection(FAULTS) if again else ()
    _signal.pthread_sigmask(_signal.SIG_SETMASK, held)
    return reader


def goes_on() -> bool:
    """Say whether this process was a pyinit before, and what is blocked may be pending."""
    return b"PYINIT_STATE_FD" in posix.environ or b"PYINIT_ANEW" in posix.environ


def _pipe() -> tuple[int, int]:
    """Return a pipe that does not take the numbers 0 to 2, which may be closed at the start."""
    ends = posix.pipe2(posix.O_CLOEXEC | posix.O_NONBLOCK)
    if min(ends) > 2:
        return ends
    import fcntl

    above = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3) for end in ends]
    for end in ends:
        posix.close(end)
    return above[0], above[1]


def held_from_birth() -> bool:
    """Say whether all signals were blocked before Python started, only so that none is lost.

    The image's entry does that, and says so by `-X held`: nobody meant that mask for a child.
    """
    return "held" in sys._xoptions  # noqa: SLF001  the place that Python has for such words


def block_all() -> frozenset[int]:
    """Keep every signal pending, over an execve too, until `catch_all`; return the mask before."""
    return frozenset([int(n) for n in _signal.pthread_sigmask(_signal.SIG_BLOCK, catchable())])


def let_through() -> None:
    """Let every signal through that a fault may have left blocked, but those of FAULTS."""
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _signal.valid_signals() - {*FAULTS})


def restore(mask: frozenset[int]) -> None:
    """Let the mask be as it was before `block_all`."""
    _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)


def fork() -> int:
    """Fork with every signal blocked: until the child has reset its handlers, they are ours.

    A signal for the child would end up in the pipe by which signals reach pyinit itself; it calls
    `reset_in_child`.  Nothing of ours comes between the fork and the caller, who would not know
    of its child if that failed.  Raises OSError.
    """
    mask = block_all()
    pid = -1
    try:
        pid = posix.fork()
    finally:
        if pid != 0:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)
    return pid


def any_blocked() -> bool:
    """Say whether a child would be born with a signal blocked unless somebody sees to it."""
    return bool(_mask())


def read_signals(fd: int) -> tuple[int, ...]:
    """Return the signals that came, in the order in which they first came.

    Each is there once, as the kernel keeps it pending once; real-time ones as often as they were
    sent, as the kernel queues them.
    """
    found: dict[int, None] = {}
    queued: list[int] = []
    while True:
        try:
            data = posix.read(fd, READ_BYTES)
        except BlockingIOError:
            data = b""
        found.update(dict.fromkeys(data))
        if data and max(data) >= FIRST_REALTIME:
            queued += [number for number in data if number >= FIRST_REALTIME]
        if len(data) < READ_BYTES:
            break
    return (*[number for number in found if number < FIRST_REALTIME], *queued)


def reset_in_child() -> None:
    """Undo it all between fork and exec: default dispositions, an empty mask.

    Python ignores SIGPIPE and SIGXFSZ, and pyinit may have been started with others ignored.
    """
    _signal.set_wakeup_fd(-1)
    for number in range(1, _signal.NSIG):
        if number not in (_signal.SIGKILL, _signal.SIGSTOP, *RESERVED):
            _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())


def number_of(name: str) -> int:
    """Return the number of `TERM`, `SIGTERM`, `RTMIN+1` or `15`; raise ValueError otherwise."""
    text = name.strip().upper()
    if text.isdecimal():
        number = int(text[:9])
        if 0 < number < _signal.NSIG:
            return number
        raise ValueError(f"cannot find signal {name!r}: numbers go from 1 to {_signal.NSIG - 1}")
    base, sign, offset = _split(text.removeprefix("SIG"))
    found = getattr(_signal, "SIG" + base, None)
    if base.isalnum() and isinstance(found, int):
        number = int(found) + int(sign + offset)
        within = _signal.SIGRTMIN <= number <= _signal.SIGRTMAX
        if not sign or (base in ("RTMIN", "RTMAX") and within):
            return number
    raise ValueError(f"cannot find signal {name!r}: give a name such as TERM, or a number")


def _split(text: str) -> tuple[str, str, str]:
    """Return name, sign and offset of `RTMIN+1`; ("NAME", "", "0") of `NAME`."""
    for mark in "+-":
        base, sign, offset = text.partition(mark)
        if sign and offset.isdecimal() and len(offset) < 3:
            return base, sign, offset
    return text, "", "0"


def _mask() -> frozenset[int]:
    return frozenset([int(n) for n in _signal.pthread_sigmask(_signal.SIG_BLOCK, ())])


def _nothing(_number: int, _frame: object) -> None:
    """The byte in the pipe says it all."""
