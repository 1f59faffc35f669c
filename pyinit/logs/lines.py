"""A stream of bytes cut into whole lines, in bounded memory whatever the program writes.

Lines are handed on in blocks: nothing here is done once for every line, so that a program that
prints a million of them a second costs little more than the copying of its bytes.
"""

from __future__ import annotations

MAX_LINE_BYTES = 16 * 1024  # what Docker's log driver cuts at; a longer line is cut into parts
CHARACTER_BYTES = 4  # of the longest character in UTF-8


class Lines:
    """Cuts at newlines; keeps the unfinished rest for the next read.  Bytes are never changed."""

    __slots__ = ("rest",)

    def __init__(self, rest: bytes = b"") -> None:
        self.rest = rest

    def feed(self, data: bytes) -> bytes:
        """Return the block of the lines that are complete now, each with its newline.

        A line that grows beyond MAX_LINE_BYTES is given out in parts of that size at most, none
        of which ends within a character.
        """
        end = data.rfind(b"\n") + 1
        if end == 0:
            self.rest += data
            block = b""
        else:
            block = self.rest + data[:end]
            self.rest = data[end:]
            if not _is_short(block):
                block = b"\n".join([_in_parts(line) for line in block.split(b"\n")])
        if len(self.rest) <= MAX_LINE_BYTES:
            return block
        parts = _parts(self.rest)  # a part of just that size may end with the next byte
        self.rest = parts.pop()
        return block + b"\n".join(parts) + b"\n"

    def finish(self) -> bytes:
        """Return the unfinished last line with a newline, b"" if there is none."""
        rest, self.rest = self.rest, b""
        return rest + b"\n" if rest else b""


def _is_short(block: bytes) -> bool:
    """Say whether no line is too long, by looking only where a newline must be."""
    start, size = 0, len(block)
    while size - start > MAX_LINE_BYTES + 1:
        newline = block.rfind(b"\n", start, start + MAX_LINE_BYTES + 1)
        if newline < 0:
            return False
        start = newline + 1
    return True


def _in_parts(line: bytes) -> bytes:
    return line if len(line) <= MAX_LINE_BYTES else b"\n".join(_parts(line))


def _parts(line: bytes) -> list[bytes]:
    parts = []
    while len(line) > MAX_LINE_BYTES:
        cut = _cut(line)
        parts.append(line[:cut])
        line = line[cut:]
    return [*parts, line]


def _cut(line: bytes) -> int:
    """Return where a long line is cut: before the character that the longest part would split."""
    for back in range(CHARACTER_BYTES):
        if line[MAX_LINE_BYTES - back] & 0xC0 != 0x80:
            return MAX_LINE_BYTES - back
    return MAX_LINE_BYTES
