"""One log file, however many streams write to it: rotation, and patience with a full disk."""

from __future__ import annotations

import errno
import posix
import time

from pyinit.core.record import Record
from pyinit.logs import rotation
from pyinit.system import logplace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import stat as _stat
    from collections.abc import Callable

    from pyinit.core.plan import Sink
    from pyinit.runtime.outlet import Outlet
    from pyinit.runtime.poller import Poller
else:
    import _stat

PATIENCE_BYTES = 1 << 20  # kept while the disk is full or the directory is gone, then dropped
RETRY_S = 1.0
UNFINISHED_BYTES = 64 * 1024  # of a line, before it goes into a shared file unfinished
NEVER = float("inf")


class Way(Record):
    """How files reach the rest: pyinit's stdout and stderr, and whom to tell of what.

    `report` says a trouble, `pack` compresses an old file elsewhere, `trouble` is told of a file
    that has to be tried again at its `retry_at`, `settled` of one that has nothing to wait for.
    """

    poller: Poller
    outlets: tuple[Outlet, Outlet]
    report: Callable[[str], None]
    pack: Callable[[str], None]
    trouble: Callable[[LogFile], None]
    settled: Callable[[LogFile], None]


class LogFile:
    """Appends to `sink.path`; what cannot be written is kept, then dropped, counted and said.

    A path that means pyinit's own stdout or stderr goes where those go.  Only a regular file is
    rotated; a device or a FIFO is written as it is.
    """

    def __init__(self, sink: Sink, way: Way) -> None:
        self.sink = sink
        self.users = 0
        self.dropped_bytes = 0
        self.lost_bytes = 0  # as dropped_bytes, but ever; for metrics
        self.retry_at = NEVER
        self._way = way
        self._fd = -1
        self._size = 0
        self._regular = False
        self._outlet: Outlet | None = None
        self._waiting = False  # for room in a FIFO
        self._no_rotation_before = 0.0
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._trouble = ""

    @property
    def is_idle(self) -> bool:
        """Whether everything is written that was to be written."""
        return not self._kept

    def write(self, data: bytes) -> None:
        """Append `data`, rotating first if it does not fit any more; never raises."""
        if self._kept:
            self._keep(data)
            return
        if self._outlet is not None:
            self._outlet.write(data)
            return
        rest = self._append(data)
        if rest:
            self._keep(rest)

    def retry(self) -> None:
        """Try again what is kept."""
        self.retry_at = NEVER
        self._wait_no_more()
        kept, self._kept, self._kept_bytes = b"".join(self._kept), [], 0
        try:
            self.write(kept)
        except BaseException:
            self._keep(kept)
            raise
        if not self._kept and (self._trouble or self.dropped_bytes):
            self._trouble = ""
            lost = f"; {self.dropped_bytes} bytes were lost" if self.dropped_bytes else ""
            self.dropped_bytes = 0
            self._way.report(f'writing "{self.sink.path}" again{lost}')

    def reopen(self) -> None:
        """Open the file anew with the next write: somebody has moved it away."""
        self.close()
        if self._kept:
            self.retry()
            self._way.settled(self)

    def forget(self) -> None:
        """Drop what waits to be written: the log is to be empty."""
        self._kept, self._kept_bytes = [], 0

    def close(self) -> None:
        """Give the descriptor back."""
        self._outlet = None
        self._wait_no_more()
        if self._fd >= 0:
            posix.close(self._fd)
            self._fd = -1

    def carried(self) -> tuple[int, bytes, int, str]:
        """Return (descriptor, what is kept, bytes dropped, the trouble told) for a re-exec."""
        return self._fd, b"".join(self._kept), self.dropped_bytes, self._trouble

    def restore(self, fd: int, kept: bytes, dropped_bytes: int, trouble: str) -> None:
        """Take over what another pyinit has left."""
        if fd >= 0:
            self.close()
            self._use(fd)
        self.dropped_bytes = dropped_bytes
        self._trouble = trouble
        if kept:
            self._keep(kept)
            self._try_again_in(0.0)

    def _append(self, data: bytes) -> bytes:
        """Write as much as goes; return the rest, its trouble told."""
        try:
            self._look_after()
            if self._outlet is not None:
                self._outlet.write(data)
                return b""
            while data:
                part = self._that_fits(data)
                count = posix.write(self._fd, part)
                self._size += count
                data = data[count:]
        except OSError as error:
            if isinstance(error, BlockingIOError) and self._fd >= 0:  # a FIFO whose reader is slow
                self._wait()
                return data
            self.close()  # also if it could not be opened without waiting: somebody has a lease
            reason = error.strerror or posix.strerror(error.errno or errno.EIO)
            self._say(
                f'cannot write "{self.sink.path}": {reason}\n'
                "  see its path, mode and room; what belongs there is kept as long as it fits"
            )
            self._try_again_in(RETRY_S)
        return data

    def _that_fits(self, data: bytes) -> bytes:
        """Return the part that goes into the file as it is, rotated if it must be."""
        limit = self.sink.max_size
        if not self._regular or not 0 < limit < self._size + len(data):
            return data
        cut = data.rfind(b"\n", 0, max(0, limit - self._size)) + 1
        if cut == 0 and self._size > 0 and self._rotate():
            return self._that_fits(data)
        return data[: cut or limit]

    def _look_after(self) -> None:
        """Have the file open, and notice when it was removed or emptied."""
        if self._regular and self._fd >= 0:
            found = posix.fstat(self._fd)
            self._size = found.st_size
            if found.st_nlink == 0:
                self.close()
        if self._fd < 0:
            sink = self.sink
            try:
                self._use(logplace.open_file(sink.path, sink.mode, sink.uid, sink.gid))
            except logplace.OwnStream as own:
                self._outlet = self._way.outlets[own.number - 1]

    def _use(self, fd: int) -> None:
        self._fd = fd
        found = posix.fstat(fd)
        self._size = found.st_size
        self._regular = _stat.S_ISREG(found.st_mode)

    def _rotate(self) -> bool:
        """Move the full file aside; say whether there is room now.  Without, it just grows."""
        now = time.monotonic()
        if now < self._no_rotation_before:
            return False
        sink = self.sink
        try:
            here, name = logplace.find(sink.path)
            try:
                _make_room(here, name, sink.max_files)
            finally:
                posix.close(here)
        except OSError as error:
            self._no_rotation_before = now + RETRY_S
            self._say(
                f'cannot rotate "{sink.path}": {error.strerror}\n  it grows until it can be rotated'
            )
            return False
        self._trouble = ""
        self.close()
        if sink.compress and sink.max_files > 0:
            self._way.pack(sink.path)
        self._look_after()
        return True

    def _keep(self, data: bytes) -> None:
        room = PATIENCE_BYTES - self._kept_bytes
        lost = max(0, len(data) - room)
        self.dropped_bytes += lost
        self.lost_bytes += lost
        if data and room > 0:
            self._kept.append(data[:room])
            self._kept_bytes += len(data[:room])

    def _wait(self) -> None:
        try:
            self._way.poller.register(self._fd, False, True, self._writable)
            self._waiting = True
        except OSError:
            self._try_again_in(RETRY_S)

    def _wait_no_more(self) -> None:
        if self._waiting:
            self._waiting = False
            self._way.poller.unregister(self._fd)

    def _writable(self, _mask: int) -> None:
        self._wait_no_more()
        try:
            self.retry()
        except BaseException:
            self._try_again_in(RETRY_S)
            raise
        self._way.settled(self)

    def _try_again_in(self, seconds: float) -> None:
        self.retry_at = time.monotonic() + seconds
        self._way.trouble(self)

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._way.report(trouble)


class FileEnd:
    """Where one raw stream ends in a file: whole lines only, as soon as others write there, too."""

    __slots__ = ("file", "rest")

    def __init__(self, file: LogFile, rest: bytes = b"") -> None:
        self.file = file
        self.rest = rest

    def write(self, data: bytes) -> None:
        """Append what the stream says."""
        if self.rest:
            data = self.rest + data
            self.rest = b""
        if self.file.users > 1:
            end = data.rfind(b"\n") + 1
            if len(data) - end <= UNFINISHED_BYTES:
                data, self.rest = data[:end], data[end:]
        if data:
            self.file.write(data)

    def finish(self) -> None:
        """The stream is over: append its unfinished line."""
        if self.rest:
            self.file.write(self.rest)
            self.rest = b""


def _make_room(here: int, name: str, max_files: int) -> None:
    """Rename or remove what `rotation` says, all of it in the directory `here`."""
    there = frozenset([each for each in logplace.names(here) if each.startswith(name)])
    for old, new in rotation.renames(name, max_files, there):
        if new is None:
            posix.unlink(old, dir_fd=here)
        else:
            posix.rename(old, new, src_dir_fd=here, dst_dir_fd=here)
