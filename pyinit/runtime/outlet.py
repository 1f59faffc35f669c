"""pyinit's own stdout and stderr: written without ever waiting, whoever does not read them.

A pipe nobody reads, or a log driver that stalls, must not stop PID 1.  Making the descriptor
non-blocking would make it so for every program that inherits it, whose writes would then fail.
So the same pipe or terminal is opened anew by /proc/self/fd, which has flags of its own, and a
socket is told per call.  Where neither can be had (a pipe of somebody else's), the descriptor is
non-blocking only for the moment of a write, and only when there seems to be room.  Regular files
do not block.  To a pipe go whole lines of at most PIPE_BUF bytes, which the kernel never mixes
with those of others.  What cannot be written is kept up to a bound, then dropped and counted;
that is told when it begins and, with the count, when lines are taken again.
"""

from __future__ import annotations

import posix
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket as _socket
    import stat as _stat
    from collections.abc import Callable

    from pyinit.runtime.poller import Poller
else:
    import _socket
    import _stat

BUFFER_BYTES = 1 << 20  # lines that wait for a stalled stdout; some thousands of them
PIPE_BUF = 4096
WRITE_BYTES = 64 * 1024
JOINED = 64  # pieces that are written together once there is room
FLAGS = posix.O_WRONLY | posix.O_NONBLOCK | posix.O_CLOEXEC | posix.O_NOCTTY


class Outlet:
    """Writes to descriptor `fd`; `dropped` are the lines that nobody took, ever."""

    def __init__(self, fd: int, poller: Poller) -> None:
        self.dropped = 0
        self.notice: Callable[[int], bytes] = _notice  # the line here about so many lost ones
        self.tell: Callable[[int], None] = _tell_nobody  # elsewhere: 0 when it begins
        self._poller = poller
        self._pending: list[bytes] = []
        self._size = 0
        self._waiting = False
        self._unsaid = 0
        self._fd, self._put = _choose(fd)
        self._public = fd

    def write(self, data: bytes) -> None:
        """Write `data`, best of whole lines, now or when there is room; never waits or raises."""
        if self._pending:
            self._keep(data)
            return
        try:
            rest = self._push(self.notice(self._unsaid) + data if self._unsaid else data)
        except OSError:  # the other end is gone, or the disk is full
            self._lose(data)
            return
        self._flows()
        if rest:
            self._pending.append(rest)
            self._size = len(rest)
            self._wait()

    def flush(self, until: float) -> bool:
        """Write what is kept, waiting for room until the time `until`; say whether all went."""
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        while self._pending:
            left_s = until - time.monotonic()
            if left_s <= 0 or not poll.poll(left_s * 1000):
                return False
            self._writable(select.EPOLLOUT)
        return True

    def carried(self) -> tuple[bytes, int, int, int]:
        """Return (what waits, lines dropped, how many of them are unsaid, `fd`), for a re-exec.

        `fd` has flags of its own; -1 if there is none.
        """
        own = -1 if self._fd == self._public else self._fd
        return b"".join(self._pending), self.dropped, self._unsaid, own

    def restore(self, pending: bytes, dropped: int, unsaid: int, fd: int) -> None:
        """Take over what another pyinit could not write, and the descriptor that it had."""
        if fd >= 0:
            self._adopt(fd)
        self.dropped += dropped
        self._unsaid += unsaid
        if pending:
            self._pending.insert(0, pending)
            self._size += len(pending)
            self._wait()

    def _adopt(self, fd: int) -> None:
        """Use a descriptor with flags of its own: who has left root may not open it anew."""
        if self._fd != self._public:
            posix.close(fd)
            return
        if self._waiting:
            self._poller.unregister(self._fd)
            self._waiting = False
        self._fd, self._put = _use(fd, posix.fstat(fd).st_mode)
        if self._pending:
            self._wait()

    def _keep(self, data: bytes) -> None:
        if self._size + len(data) > BUFFER_BYTES:
            self._lose(data)
            return
        self._pending.append(data)
        self._size += len(data)
        self._wait()

    def _lose(self, data: bytes) -> None:
        lines = data.count(b"\n")
        begins = lines > 0 and self._unsaid == 0
        self.dropped += lines
        self._unsaid += lines
        if begins:
            self.tell(0)

    def _flows(self) -> None:
        """Lines are taken again: tell how many were not."""
        lost, self._unsaid = self._unsaid, 0
        if lost:
            self.tell(lost)

    def _push(self, data: bytes) -> bytes:
        """Write as much as there is room for; return the rest.  Raises OSError: never any more."""
        at, size = 0, len(data)
        while at < size:
            try:
                at += self._put(data, at)
            except BlockingIOError:
                return data[at:]
        return b""

    def _wait(self) -> None:
        if self._waiting:
            return
        try:
            self._poller.register(self._fd, False, True, self._writable)
            self._waiting = True
        except OSError:  # cannot be waited for: the next write tries again
            self._writable(0)

    def _writable(self, _mask: int) -> None:
        while self._pending:
            data = b"".join(self._pending[:JOINED])
            try:
                rest = self._push(data)
            except OSError:
                for each in self._pending:
                    self._lose(each)
                self._pending.clear()
                break
            del self._pending[:JOINED]
            self._size -= len(data) - len(rest)
            if rest:
                self._pending.insert(0, rest)
                return
            if not self._pending and self._unsaid:
                said = self.notice(self._unsaid)
                self._pending += [said] if said else []
                self._size = len(said)
                self._flows()
        self._size = 0
        if self._waiting:
            self._poller.unregister(self._fd)
            self._waiting = False


def _tell_nobody(_lines: int) -> None:
    """Nobody else is told: the notice says it."""


def _notice(lines: int) -> bytes:
    return b"pyinit: %d lines dropped: nobody took them\n" % lines


def _choose(fd: int) -> tuple[int, Callable[[bytes, int], int]]:
    """Return the descriptor to use for `fd`, and how to write to it (from an offset on)."""
    try:
        mode = posix.fstat(fd).st_mode
    except OSError:
        mode = 0
    if _stat.S_ISSOCK(mode):
        stream = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, posix.dup(fd))
        flags = _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL
        return stream.fileno(), lambda data, at: stream.send(data[at : at + WRITE_BYTES], flags)
    if not (_stat.S_ISFIFO(mode) or _stat.S_ISCHR(mode)):
        return fd, lambda data, at: posix.write(fd, data[at : at + WRITE_BYTES])
    try:
        return _use(posix.open(f"/proc/self/fd/{fd}", FLAGS), mode)
    except OSError:
        cut = _cut(mode)
        return fd, lambda data, at: _briefly(fd, cut(data, at))


def _use(own: int, mode: int) -> tuple[int, Callable[[bytes, int], int]]:
    """Return a descriptor that never blocks, and how to write to it."""
    cut = _cut(mode)
    return own, lambda data, at: posix.write(own, cut(data, at))


def _cut(mode: int) -> Callable[[bytes, int], bytes]:
    return _whole_lines if _stat.S_ISFIFO(mode) else _portion


def _briefly(fd: int, data: bytes) -> int:
    """Write to a descriptor that blocks and is not ours alone; raise if there is no room."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    if not poll.poll(0):
        raise BlockingIOError
    posix.set_blocking(fd, False)
    try:
        return posix.write(fd, data)
    finally:
        posix.set_blocking(fd, True)


def _portion(data: bytes, at: int) -> bytes:
    return data[at : at + WRITE_BYTES]


def _whole_lines(data: bytes, at: int) -> bytes:
    """Return the lines that fit into PIPE_BUF: the kernel writes all of them or nothing."""
    end = at + PIPE_BUF
    if end < len(data):
        end = data.rfind(b"\n", at, end) + 1 or end
    return data[at:end]
