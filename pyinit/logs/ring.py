"""The last output of a process, kept in memory for `logs`, `why` and the report of a crash."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    Parts: TypeAlias = Iterable[tuple[int, bytes]]

RING_BYTES = 64 * 1024
JOIN_BYTES = 2048  # a part below this is joined by what follows on the same stream
MAX_PARTS = 4096  # two streams that take turns byte by byte: a part costs more than what is in it
STDOUT, STDERR = 0, 1
NEWLINE = 10


class Ring:
    """Keeps the last RING_BYTES of both streams in their order of arrival; empty, it is tiny."""

    __slots__ = ("_cut", "_parts", "_size", "fresh")

    def __init__(self) -> None:
        self._parts: list[tuple[int, bytes]] = []
        self._size = 0
        self._cut = (False, False)  # whether what is left of a stream begins within a line
        self.fresh = (0, 0)  # bytes of each stream since the mark

    def mark(self) -> None:
        """A new run begins: what comes from now on is its own."""
        self.fresh = (0, 0)

    def add(self, stream: int, data: bytes) -> None:
        """Append what a stream said."""
        if not data:
            return
        out, err = self.fresh
        more = len(data)
        self.fresh = (out, err + more) if stream == STDERR else (out + more, err)
        last = self._parts[-1] if self._parts else None
        if last is not None and last[0] == stream and len(last[1]) < JOIN_BYTES:
            self._parts[-1] = (stream, last[1] + data)
        else:
            self._parts.append((stream, data))
        self._size += len(data)
        if self._size > RING_BYTES or len(self._parts) > MAX_PARTS:
            self._forget()

    def read(self, stream: int | None = None) -> bytes:
        """Return what is kept, of one stream or of both, from the beginning of a line."""
        return b"".join([data for kind, data in self.parts() if stream in (None, kind)])

    def latest(self, stream: int) -> bytes:
        """Return what is kept of one stream since the last mark."""
        count = self.fresh[stream]
        return self.read(stream)[-count:] if count else b""

    def parts(self) -> tuple[tuple[int, bytes], ...]:
        """Return (stream, bytes) as they came, to be carried over a re-exec."""
        if self._cut == (False, False):
            return tuple(self._parts)
        skip = [self._rest_of_line(stream) if cut else 0 for stream, cut in enumerate(self._cut)]
        whole = []
        for stream, data in self._parts:
            left = data[skip[stream] :]
            skip[stream] -= len(data) - len(left)
            if left:
                whole.append((stream, left))
        return tuple(whole)

    def clear(self) -> None:
        """Forget everything."""
        self._parts.clear()
        self._size = 0
        self._cut = (False, False)
        self.fresh = (0, 0)

    def restore(self, parts: Parts, fresh: tuple[int, int] | None = None) -> None:
        """Take over the parts of another ring, and what of them is `fresh`: without it, all."""
        for stream, data in parts:
            self.add(stream, data)
        self.fresh = fresh or self.fresh

    def _forget(self) -> None:
        """Drop the oldest until both bounds hold."""
        cut = [*self._cut]
        too_many = len(self._parts) - MAX_PARTS
        drop = 0
        while drop < too_many or self._size > RING_BYTES:
            kind, oldest = self._parts[drop]
            excess = self._size - RING_BYTES
            if drop >= too_many and len(oldest) > excess:
                self._parts[drop] = (kind, oldest[excess:])
                self._size = RING_BYTES
                cut[kind] = oldest[excess - 1] != NEWLINE
            else:
                drop += 1
                self._size -= len(oldest)
                cut[kind] = oldest[-1] != NEWLINE
        del self._parts[:drop]
        self._cut = (cut[STDOUT], cut[STDERR])

    def _rest_of_line(self, stream: int) -> int:
        """Return how long the line is that a stream begins within; 0 if nothing is behind it."""
        data = b"".join([data for kind, data in self._parts if kind == stream])
        end = data.find(b"\n") + 1
        return end if end < len(data) else 0


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
