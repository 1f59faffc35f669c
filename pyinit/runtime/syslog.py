"""Lines for the system's log: datagrams to /dev/log, without ever waiting for who reads there.

    <14>Nov 25 18:16:06 supervisord: NAME LINE

That is user.info, as supervisord has it.  What the socket does not take at once waits up to a
bound; the rest, and everything while nobody is there, is dropped and counted.  That is told when
it begins and, with the count, when nothing waits any more.  Imported with the first program that
wants it.
"""

from __future__ import annotations

import errno
import time

from pyinit.protocol.names import process_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket as _socket
    from collections import deque
    from collections.abc import Callable

    from pyinit.runtime.poller import Poller
    from pyinit.runtime.stream import Source
else:
    import _socket
    from _collections import deque

PATH = "/dev/log"
PRIORITY = 8 + 6  # LOG_USER, LOG_INFO
QUEUE_LINES = 4096  # that wait: a line has at most some 16 KB, most have a hundred bytes
QUEUE_BYTES = 1 << 20
RETRY_S = 1.0  # between two tries to reach somebody who is not there
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FLAGS = _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL


class Syslog:
    """Sends to the datagram socket at `path`; `dropped` are the lines that nobody took, ever."""

    def __init__(
        self, poller: Poller, report: Callable[[str], None], path: str = PATH, ident: str = "pyinit"
    ) -> None:
        self.ident = ident
        self.dropped = 0
        self._poller = poller
        self._report = report
        self._path = path
        self._socket: _socket.socket | None = None
        self._not_before = 0.0
        self._queue: deque[bytes] = deque()
        self._size = 0
        self._waiting = False
        self._unsaid = 0
        self._in_trouble = False

    def taker(self, source: Source) -> Callable[[bytes], None]:
        """Return what takes blocks of lines of one process."""
        name = process_of(source.name, source.group).encode("utf-8", "surrogateescape")
        return lambda block: self.write(name, block)

    def write(self, name: bytes, block: bytes) -> None:
        """Send each line of a block as `NAME LINE`, now or when there is room; never raises."""
        now = time.localtime()
        stamp = f"{MONTHS[now.tm_mon - 1]} {now.tm_mday:2d} {time.strftime('%H:%M:%S', now)}"
        head = f"<{PRIORITY}>{stamp} {self.ident}: ".encode("utf-8", "surrogateescape")
        for line in block.removesuffix(b"\n").split(b"\n"):
            self._send(head + name + b" " + line)

    def carried(self) -> tuple[tuple[bytes, ...], int]:
        """Return (what waits, lines dropped and not told yet), for a re-exec."""
        return tuple(self._queue), self._unsaid

    def restore(self, waiting: tuple[bytes, ...], unsaid: int) -> None:
        """Take over what another pyinit could not send."""
        self._unsaid = unsaid
        for message in waiting:
            self._send(message)

    def _send(self, message: bytes) -> None:
        if self._queue:
            self._keep(message)
        elif not self._put(message):
            self._keep(message)
            self._wait()

    def _put(self, message: bytes) -> bool:
        """Send one message, or lose it; False if it has to wait for room."""
        found = self._open()
        if found is None:
            self._lose()
            return True
        try:
            found.send(message, FLAGS)
        except BlockingIOError:
            return False
        except OSError as error:
            self._lose()
            if error.errno != errno.EMSGSIZE:
                self._failed(error)
            return True
        if not self._queue and self._unsaid:
            self._flows()
        return True

    def _open(self) -> _socket.socket | None:
        if self._socket is None and time.monotonic() >= self._not_before:
            made = _socket.socket(
                _socket.AF_UNIX,
                _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK,
            )
            try:
                made.connect(self._path)
            except OSError as error:
                made.close()
                self._failed(error)
            else:
                self._socket = made
        return self._socket

    def _failed(self, error: OSError) -> None:
        """Nobody is there (any more): what waits is lost, and it is tried again in a while."""
        self._not_before = time.monotonic() + RETRY_S
        self._wait_no_more()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        for _ in self._queue:
            self._lose()
        self._queue.clear()
        self._size = 0
        reason = f'cannot write to "{self._path}": {error.strerror}'
        self._say(f"{reason}\n  lines for syslog are dropped until somebody takes them")

    def _keep(self, message: bytes) -> None:
        if len(self._queue) >= QUEUE_LINES or self._size + len(message) > QUEUE_BYTES:
            self._lose()
            self._say(f'nobody reads "{self._path}" fast enough: lines are dropped')
            return
        self._queue.append(message)
        self._size += len(message)

    def _lose(self) -> None:
        self.dropped += 1
        self._unsaid += 1

    def _flows(self) -> None:
        lost, self._unsaid = self._unsaid, 0
        self._in_trouble = False
        self._report(f'"{self._path}" is read again: {lost} lines dropped: nobody took them')

    def _say(self, trouble: str) -> None:
        """Tell of a trouble, and not of what it turns into, until it is over."""
        if not self._in_trouble:
            self._in_trouble = True
            self._report(trouble)

    def _wait(self) -> None:
        if not self._waiting and self._socket is not None:
            self._poller.register(self._socket.fileno(), False, True, self._writable)
            self._waiting = True

    def _wait_no_more(self) -> None:
        if self._waiting and self._socket is not None:
            self._poller.unregister(self._socket.fileno())
        self._waiting = False

    def _writable(self, _mask: int) -> None:
        while self._queue:
            message = self._queue.popleft()
            self._size -= len(message)
            if not self._put(message):
                self._queue.appendleft(message)
                self._size += len(message)
                return
        self._wait_no_more()
