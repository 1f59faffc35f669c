"""The stdin pipes that pyinit holds open for programs, and what waits to go into them.

A program whose stdin is such a pipe never reads end-of-file while its run lasts.  Nothing is
waited for here: what a pipe does not take at once is kept up to a bound, and goes on when the
kernel says that there is room.
"""

from __future__ import annotations

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.states import RunId
    from pyinit.runtime.poller import Poller

PENDING_BYTES = 1 << 20  # of one process, which does not read what it is told

DONE, CLOSED, FULL = "", "no-file", "busy"


class End:
    """The end that we write to: whose it is, and what it has not taken yet."""

    __slots__ = ("fd", "pending", "pid", "run_id", "waiting")

    def __init__(self, fd: int, run_id: RunId) -> None:
        self.fd = fd
        self.run_id = run_id
        self.pid = 0
        self.pending = bytearray()
        self.waiting = False


class Stdin:
    """Has at most one pipe of each process: that of its run."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._ends: dict[str, End] = {}
        self._keys: dict[int, str] = {}  # by pid

    def open(self, key: str, run_id: RunId) -> int:
        """Return the descriptor that a new run of `key` reads from.  Raises OSError (EMFILE).

        It is the caller's to close once the run has it.
        """
        self.close(key)
        reader, writer = posix.pipe2(posix.O_CLOEXEC)
        posix.set_blocking(writer, False)
        self._ends[key] = End(writer, run_id)
        return reader

    def born(self, key: str, pid: int) -> None:
        """The run has a pid now; its pipe is closed when that is reaped."""
        end = self._ends.get(key)
        if end is not None:
            end.pid = pid
            self._keys[pid] = key

    def reaped(self, pid: int) -> None:
        """A child is gone: whatever it has left behind reads end-of-file."""
        key = self._keys.get(pid)
        if key is not None:
            self.close(key)

    def write(self, key: str, data: bytes) -> str:
        """Write all of `data`, now or when there is room: DONE, or why nothing was: CLOSED, FULL.

        CLOSED is also what the program itself does to its stdin.
        """
        end = self._ends.get(key)
        if end is None:
            return CLOSED
        if len(end.pending) + len(data) > PENDING_BYTES:
            return FULL
        end.pending += data
        if not end.waiting:
            self._push(key, end)
        return DONE if key in self._ends else CLOSED

    def close(self, key: str) -> None:
        """Close the pipe of a process; what was not written is dropped."""
        end = self._ends.pop(key, None)
        if end is None:
            return
        self._keys.pop(end.pid, None)
        self._wait(key, end, wanted=False)
        posix.close(end.fd)

    def carried(self) -> dict[str, End]:
        """Return the pipes by process, for a re-exec."""
        return self._ends

    def adopt(self, key: str, run_id: RunId, pid: int, fd: int, pending: bytes) -> None:
        """Go on with a pipe that another pyinit has opened."""
        end = self._ends[key] = End(fd, run_id)
        end.pending += pending
        self.born(key, pid)
        self._push(key, end)

    def _push(self, key: str, end: End) -> None:
        """Write what there is room for; wait for more if that was not all."""
        try:
            while end.pending:
                del end.pending[: posix.write(end.fd, end.pending)]
        except BlockingIOError:
            pass
        except OSError:  # nobody reads there any more
            self.close(key)
            return
        self._wait(key, end, wanted=bool(end.pending))

    def _wait(self, key: str, end: End, *, wanted: bool) -> None:
        if end.waiting == wanted:
            return
        end.waiting = wanted
        if wanted:
            self._poller.register(end.fd, False, True, lambda _mask: self._push(key, end))
        else:
            self._poller.unregister(end.fd)
