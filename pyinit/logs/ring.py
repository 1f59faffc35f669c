"""The last output of a process, kept in memory for `logs`, `why` and the report of a crash."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

RING_BYTES = 64 * 1024
JOIN_BYTES = 2048  # a part below this is joined by what follows on the same stream
MAX_PARTS = 4096  # two streams that take turns byte by byte: a part costs more than what is in it
STDOUT, STDERR = 0, 1


class Ring:
    """Keeps the last RING_BYTES of both streams in their order of arrival; empty, it is tiny."""

    __slots__ = ("_fresh", "_parts", "_size")

    def __init__(self) -> None:
        self._parts: list[tuple[int, bytes]] = []
        self._size = 0
        self._fresh = (0, 0)  # bytes of each stream since the mark

    def mark(self) -> None:
        """A new run begins: what comes from now on is its own."""
        self._fresh = (0, 0)

    def add(self, stream: int, data: bytes) -> None:
        """Append what a stream said."""
        if not data:
            return
        data = data[-RING_BYTES:]
        out, err = self._fresh
        more = len(data)
        self._fresh = (out, err + more) if stream == STDERR else (out + more, err)
        last = self._parts[-1] if self._parts else None
        if last is not None and last[0] == stream and len(last[1]) < JOIN_BYTES:
            self._parts[-1] = (stream, last[1] + data)
        else:
            self._parts.append((stream, data))
        self._size += len(data)
        if self._size > RING_BYTES or len(self._parts) > MAX_PARTS:
            self._forget()

    def read(self, stream: int | None = None) -> bytes:
        """Return what is kept, of one stream or of both."""
        return b"".join([data for kind, data in self._parts if stream in (None, kind)])

    def latest(self, stream: int) -> bytes:
        """Return what is kept of one stream since the last mark."""
        count = self._fresh[stream]
        return self.read(stream)[-count:] if count else b""

    def parts(self) -> tuple[tuple[int, bytes], ...]:
        """Return (stream, bytes) as they came, to be carried over a re-exec."""
        return tuple(self._parts)

    def restore(self, parts: Iterable[tuple[int, bytes]]) -> None:
        """Take over the parts of another ring."""
        for stream, data in parts:
            self.add(stream, data)

    def _forget(self) -> None:
        """Drop the oldest until both bounds hold."""
        drop = max(0, len(self._parts) - MAX_PARTS)
        self._size -= sum([len(data) for _, data in self._parts[:drop]])
        while self._size > RING_BYTES:
            kind, oldest = self._parts[drop]
            excess = self._size - RING_BYTES
            if len(oldest) > excess:
                self._parts[drop] = (kind, oldest[excess:])
                self._size = RING_BYTES
            else:
                self._size -= len(oldest)
                drop += 1
        del self._parts[:drop]


def last_lines(data: bytes, count: int) -> bytes:
    """Return the last `count` lines of `data`; an unfinished last line counts as one."""
    if count <= 0:
        return b""
    at = len(data) - 1 if data.endswith(b"\n") else len(data)
    for _ in range(count):
        at = data.rfind(b"\n", 0, at)
        if at < 0:
            return data
    return data[at + 1 :]
