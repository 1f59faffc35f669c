"""A stream of bytes cut into lines, in bounded memory whatever the program writes."""

from __future__ import annotations

MAX_LINE_BYTES = 16 * 1024  # what Docker's log driver cuts at; a longer line is cut into parts


class Lines:
    """Cuts at newlines; keeps the unfinished rest for the next read.  Bytes are never changed."""

    __slots__ = ("rest",)

    def __init__(self, rest: bytes = b"") -> None:
        self.rest = rest

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are complete now, without their newlines.

        A line that grows beyond MAX_LINE_BYTES is given out in parts of that size.
        """
        data = self.rest + data if self.rest else data
        lines = data.split(b"\n")
        self.rest = lines.pop()
        longest = max(map(len, lines), default=0)
        if len(self.rest) <= MAX_LINE_BYTES and longest <= MAX_LINE_BYTES:
            return lines
        cut: list[bytes] = []
        for line in lines:
            cut.extend(_parts(line))
        while (
            len(self.rest) > MAX_LINE_BYTES
        ):  # a line of just that size may end with the next byte
            cut.append(self.rest[:MAX_LINE_BYTES])
            self.rest = self.rest[MAX_LINE_BYTES:]
        return cut

    def finish(self) -> list[bytes]:
        """Return the unfinished last line, if there is one: the stream is over."""
        rest, self.rest = self.rest, b""
        return [rest] if rest else []


def _parts(line: bytes) -> list[bytes]:
    if len(line) <= MAX_LINE_BYTES:
        return [line]
    return [line[n : n + MAX_LINE_BYTES] for n in range(0, len(line), MAX_LINE_BYTES)]
