"""One log file, however many streams write to it: rotation, and patience with a full disk."""

from __future__ import annotations

import posix

from pyinit.logs import rotation
from pyinit.system import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.core.plan import Sink

PATIENCE_BYTES = 1 << 20  # kept while the disk is full or the directory is gone, then dropped
RETRY_S = 5.0
NEVER = float("inf")


class LogFile:
    """Appends to `sink.path`; what cannot be written is kept, then dropped, counted and said.

    `report` says a trouble, once until it is over; `compress(path)` packs an old file elsewhere.
    """

    def __init__(
        self, sink: Sink, report: Callable[[str], None], compress: Callable[[str], None]
    ) -> None:
        self.sink = sink
        self.users = 0
        self.dropped_bytes = 0
        self.retry_at = NEVER
        self._fd = -1
        self._size = 0
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._trouble = ""
        self._report = report
        self._compress = compress

    def write(self, data: bytes, now: float) -> None:
        """Append `data`, rotating first if it does not fit any more; never raises."""
        if self._kept and now < self.retry_at:
            self._keep(data)
            return
        if self._kept:
            data = b"".join([*self._kept, data])
            self._kept, self._kept_bytes = [], 0
        try:
            self._append(data)
        except OSError as error:
            self._keep(data)
            self.retry_at = now + RETRY_S
            self._say(f"cannot write {self.sink.path!r}: {posix.strerror(error.errno or 0)}")
            return
        self.retry_at = NEVER
        if self._trouble:
            self._trouble = ""
            lost = f"; {self.dropped_bytes} bytes were lost" if self.dropped_bytes else ""
            self._report(f"writing {self.sink.path!r} again{lost}")

    def retry(self, now: float) -> None:
        """Try again what is kept."""
        self.retry_at = NEVER
        self.write(b"", now)

    def reopen(self) -> None:
        """Open the file anew: somebody has moved it away."""
        self.close()

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            posix.close(self._fd)
            self._fd = -1

    def _append(self, data: bytes) -> None:
        if self._fd < 0:
            self._open()
        sink = self.sink
        while data:
            part = data
            if rotation.is_full(self._size, len(data), sink.max_size):
                room = max(0, sink.max_size - self._size)
                cut = data.rfind(b"\n", 0, room) + 1  # whole lines stay in one file
                if cut == 0:
                    self._rotate()
                    continue
                part = data[:cut]
            elif sink.max_size and len(data) > sink.max_size:
                cut = data.rfind(b"\n", 0, sink.max_size) + 1
                part = data[: cut or sink.max_size]
            count = posix.write(self._fd, part)
            self._size += count
            data = data[count:]

    def _open(self) -> None:
        sink = self.sink
        self._fd = files.open_log(sink.path, sink.mode, sink.uid, sink.gid)
        self._size = posix.fstat(self._fd).st_size

    def _rotate(self) -> None:
        path = self.sink.path
        self.close()
        head, _, name = path.rpartition("/")
        there = frozenset(
            f"{head}/{each}" if head else each
            for each in posix.listdir(head or ".")
            if each.startswith(name)
        )
        for old, new in rotation.renames(path, self.sink.max_files, there):
            if new is None:
                files.remove(old)
            else:
                posix.rename(old, new)
        if self.sink.compress and self.sink.max_files > 0:
            self._compress(f"{path}.1")
        self._open()

    def _keep(self, data: bytes) -> None:
        room = PATIENCE_BYTES - self._kept_bytes
        self.dropped_bytes += max(0, len(data) - room)
        if data and room > 0:
            self._kept.append(data[:room])
            self._kept_bytes += len(data[:room])

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._report(trouble + "; the program goes on, its output is kept as long as it fits")
