"""Terminal sequences taken out of output: ESC [, parameters, one final byte (ECMA-48: CSI)."""

from __future__ import annotations

ESCAPE = b"\x1b"
BEGIN = b"\x1b["
BETWEEN = bytes(range(0x20, 0x40))  # parameters and what comes before the final byte
LONGEST_BYTES = 64  # of parameters: a longer one is no sequence, and is not waited for


class Ansi:
    """Takes them out of a stream of bytes, also those that two reads have between them."""

    __slots__ = ("rest",)

    def __init__(self, rest: bytes = b"") -> None:
        self.rest = rest

    def feed(self, data: bytes) -> bytes:
        """Return `data` without sequences; one that is not complete yet is kept for later."""
        data, self.rest = self.rest + data, b""
        if ESCAPE not in data:
            return data
        first, *others = data.split(BEGIN)
        clean = [first]
        for number, part in enumerate(others, 1):
            behind = part.lstrip(BETWEEN)
            if len(part) - len(behind) > LONGEST_BYTES:
                clean.append(BEGIN + part)
            elif behind:
                clean.append(behind[1:] if 0x40 <= behind[0] <= 0x7E else behind)
            elif number == len(others):
                self.rest = BEGIN + part
        if not self.rest and clean[-1].endswith(ESCAPE):
            clean[-1], self.rest = clean[-1][:-1], ESCAPE
        return b"".join(clean)

    def finish(self) -> bytes:
        """Return what the stream has ended with: the beginning of a sequence is not shown."""
        rest, self.rest = self.rest, b""
        return rest if rest == ESCAPE else b""
