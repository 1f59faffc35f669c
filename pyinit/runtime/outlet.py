"""pyinit's own stdout and stderr: written without ever waiting, whoever does not read them.

A pipe nobody reads, or a log driver that stalls, must not stop PID 1.  Making the descriptor
non-blocking would make it so for every program that inherits it, whose writes would then fail.
So where the kernel lets us, the same pipe or terminal is opened anew by /proc/self/fd, which has
flags of its own; a socket is told per call; on a pipe we may not open (somebody else's), we ask
poll first and write no more than PIPE_BUF, for which it then has room.  Regular files do not
block.  What cannot be written is kept up to a bound, then dropped by whole lines and counted.
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


class Outlet:
    """Writes lines to descriptor `fd`; `said` is how the number of dropped lines is put."""

    def __init__(self, fd: int, poller: Poller) -> None:
        self._poller = poller
        self._pending: list[bytes] = []
        self._size = 0
        self._waiting = False
        self.dropped = 0
        self._unsaid = 0
        self._fd, self._put = _choose(fd)

    def write(self, data: bytes) -> None:
        """Write whole lines, now or when there is room; never waits, never raises."""
        if self._pending:
            self._keep(data)
            return
        rest = self._push(data)
        if rest:
            self._keep(rest)
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

    def _keep(self, data: bytes) -> None:
        if self._size + len(data) > BUFFER_BYTES:
            lost = data.count(b"\n")
            self.dropped += lost
            self._unsaid += lost
            return
        self._pending.append(data)
        self._size += len(data)

    def _push(self, data: bytes) -> bytes:
        """Write as much as there is room for; return the rest."""
        while data:
            try:
                count = self._put(data[:WRITE_BYTES])
            except BlockingIOError:
                return data
            except OSError:  # nobody will ever read it: the other end is gone
                lost = data.count(b"\n")
                self.dropped += lost
                return b""
            data = data[count:]
        return data

    def _wait(self) -> None:
        if self._waiting:
            return
        try:
            self._poller.register(self._fd, False, True, self._writable)
            self._waiting = True
        except OSError:  # cannot be waited for: the next write tries again
            self._waiting = False

    def _writable(self, _mask: int) -> None:
        while self._pending:
            data = b"".join(self._pending[:64])
            del self._pending[:64]
            rest = self._push(data)
            self._size -= len(data) - len(rest)
            if rest:
                self._pending.insert(0, rest)
                return
        if self._unsaid:
            lost, self._unsaid = self._unsaid, 0
            self._pending.append(b"pyinit: %d lines dropped: nobody read them\n" % lost)
            self._size += len(self._pending[0])
            return
        if self._waiting:
            self._poller.unregister(self._fd)
            self._waiting = False


def _choose(fd: int) -> tuple[int, Callable[[bytes], int]]:
    """Return the descriptor to use for `fd`, and how to write to it without waiting."""
    try:
        mode = posix.fstat(fd).st_mode
    except OSError:
        mode = 0
    if _stat.S_ISSOCK(mode):
        stream = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, posix.dup(fd))
        return stream.fileno(), lambda data: stream.send(
            data, _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL
        )
    if _stat.S_ISFIFO(mode) or _stat.S_ISCHR(mode):
        flags = posix.O_WRONLY | posix.O_NONBLOCK | posix.O_CLOEXEC | posix.O_NOCTTY
        try:
            own = posix.open(f"/proc/self/fd/{fd}", flags)
        except OSError:
            return fd, lambda data: _careful(fd, data)
        return own, lambda data: posix.write(own, data)
    return fd, lambda data: posix.write(fd, data)


def _careful(fd: int, data: bytes) -> int:
    """Write at most what a pipe that polls as writable has room for; raise if it has none."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    if not poll.poll(0):
        raise BlockingIOError
    return posix.write(fd, _whole_lines(data))


def _whole_lines(data: bytes) -> bytes:
    if len(data) <= PIPE_BUF:
        return data
    end = data.rfind(b"\n", 0, PIPE_BUF)
    return data[: end + 1] if end >= 0 else data[:PIPE_BUF]
