"""Looks for the expression of `ready.output` in lines, which PID 1 does only for plain ones.

A regular expression may take an hour for one line.  PID 1 compares bytes; whatever needs more is
looked for by a child: it is given the lines through a pipe, as far as they fit, and its exit
status says whether one was found.  Nobody waits for it.
"""

from __future__ import annotations

import posix
import time

from pyinit.runtime.reaper import forked
from pyinit.system import files, tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable

    from pyinit.runtime.poller import Poller
else:
    import _signal

SPECIAL = frozenset(b".^$*+?{[|()\\")
ESCAPABLE = frozenset([byte for byte in range(256) if not bytes((byte,)).isalnum()])
READ_BYTES = 64 * 1024
PENDING_BYTES = 1 << 20  # what the pump reads in one turn; the pipe takes its part in between
STUCK_S = 10  # of processor time for what one read brought: the expression is a bad one


def plain(pattern: bytes) -> Callable[[bytes], bool] | None:
    """Return a test of a line that costs no more than reading it; None if that takes `re`.

    Plain is a text, dots and the like escaped, that may be bound to the begin and the end.
    """
    begins = pattern.startswith(b"^")
    rest = pattern[begins:]
    text = bytearray()
    at = 0
    while at < len(rest):
        byte = rest[at]
        if byte == ord("$") and at == len(rest) - 1:
            break
        if byte == ord("\\") and rest[at + 1 : at + 2] and rest[at + 1] in ESCAPABLE:
            at += 1
            byte = rest[at]
        elif byte in SPECIAL:
            return None
        text.append(byte)
        at += 1
    literal = bytes(text)
    if at < len(rest):
        return literal.__eq__ if begins else lambda line: line.endswith(literal)
    return (lambda line: line.startswith(literal)) if begins else lambda line: literal in line


class Search:
    """Lets a child look for `pattern`; `found` is called once, or `failed` with the reason.

    The child is there from the first line on, and until `close`.
    """

    def __init__(
        self,
        poller: Poller,
        helpers: dict[int, Callable[[int], None]],
        pattern: bytes,
        found: Callable[[], None],
        failed: Callable[[str], None],
    ) -> None:
        self._poller = poller
        self._helpers = helpers
        self._pattern = pattern
        self._found = found
        self._failed = failed
        self._pid = 0
        self._fd = -1
        self._writing = False
        self._pending = bytearray()
        self.over = False

    def look(self, line: bytes) -> bool:
        """Have a line looked at; say whether no more of them are wanted."""
        if self.over:
            return True
        try:
            if self._pid == 0:
                self._start()
            self._take(line)
        except OSError as error:
            self.close()
            self._failed(error.strerror or str(error))
        return self.over

    def close(self) -> None:
        """Nobody wants to know any more."""
        self.over = True
        self._let_go()
        if self._pid:
            tree.signal_process(self._pid, _signal.SIGKILL)

    def _start(self) -> None:
        reader, self._fd = posix.pipe2(posix.O_CLOEXEC)
        try:
            posix.set_blocking(self._fd, False)
            work = _searching(self._pattern, reader)
            self._pid = forked(work, self._helpers, self._ended, keep=(reader,))
        finally:
            posix.close(reader)

    def _take(self, line: bytes) -> None:
        """Keep a line until the pipe takes it; the oldest give way if it does not."""
        if self._fd < 0:
            return  # it has found it, or died: its end says which
        self._pending += line
        self._pending += b"\n"
        if len(self._pending) > PENDING_BYTES:
            self._write(0)
        if len(self._pending) > PENDING_BYTES:
            keep_from = self._pending.find(b"\n", len(self._pending) - PENDING_BYTES // 2) + 1
            self._pending[:keep_from] = b"\n"  # what the pipe has taken may end within a line
        if self._pending and self._fd >= 0 and not self._writing:
            self._poller.register(self._fd, False, True, self._write)
            self._writing = True

    def _write(self, _mask: int) -> None:
        if self._fd < 0:
            return
        try:
            del self._pending[: posix.write(self._fd, self._pending[:READ_BYTES])]
        except BlockingIOError:
            return
        except OSError:  # nobody reads it any more
            self._let_go()
            return
        if not self._pending:
            self._rest()

    def _rest(self) -> None:
        if self._writing:
            self._poller.unregister(self._fd)
            self._writing = False

    def _let_go(self) -> None:
        self._pending.clear()
        if self._fd >= 0:
            self._rest()
            posix.close(self._fd)
            self._fd = -1

    def _ended(self, status: int) -> None:
        self._pid = 0
        if self.over:
            return
        self.close()
        if status == 0:
            self._found()
        elif posix.WIFSIGNALED(status) and posix.WTERMSIG(status) == _signal.SIGXCPU:
            self._failed(f"a line takes it more than {STUCK_S} s")
        else:
            self._failed("the process that looks for it has died")


def _searching(pattern: bytes, fd: int) -> Callable[[], None]:
    """Return what the child does; returning is having found the pattern."""

    def work() -> None:
        posix.setsid()  # what is typed at a terminal is meant for pyinit
        files.show_name("pyinit-ready")
        import re
        import resource
        import warnings

        warnings.simplefilter("ignore")  # nobody who reads pyinit's log could do anything about it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        most = resource.getrlimit(resource.RLIMIT_CPU)[1]
        search = re.compile(pattern).search
        rest = b""
        while True:
            data = posix.read(fd, READ_BYTES)
            if not data:
                raise EOFError
            until = int(time.process_time()) + 1 + STUCK_S
            resource.setrlimit(resource.RLIMIT_CPU, (until if most < 0 else min(until, most), most))
            *lines, rest = (rest + data).split(b"\n")
            if any(search(line) for line in lines if line):
                return

    return work
