"""supervisord's capture mode: what a program prints between two tokens is a message, no output.

The tokens may come in any number of reads.  What cannot be the beginning of one is passed on at
once.
"""

from __future__ import annotations

BEGIN = b"<!--XSUPERVISOR:BEGIN-->"
END = b"<!--XSUPERVISOR:END-->"
JOIN_BYTES = 2048  # a part below this is joined by what follows

OUTPUT, INSIDE, MESSAGE = "output", "inside", "message"


class Capture:
    """Cuts one stream at the tokens; of a message the last `size` bytes are kept."""

    __slots__ = ("_held", "_parts", "inside", "rest", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.inside = False
        self.rest = b""  # perhaps the beginning of a token
        self._parts: list[bytes] = []
        self._held = 0

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        """Return the pieces as they came: OUTPUT, INSIDE a message, the MESSAGE once it ends."""
        data, self.rest = self.rest + data, b""
        pieces: list[tuple[str, bytes]] = []
        while True:
            token = END if self.inside else BEGIN
            piece, found, data = data.partition(token)
            if not found:
                at = _begun(piece, token)
                piece, self.rest = piece[:at], piece[at:]
            if piece:
                pieces.append((INSIDE if self.inside else OUTPUT, piece))
                if self.inside:
                    self.hold(piece)
            if not found:
                return pieces
            if self.inside:
                pieces.append((MESSAGE, self._taken()))
            self.inside = not self.inside

    def finish(self) -> bytes:
        """Return what the stream has ended with: a message without an end is output, too."""
        rest, self.rest, self.inside = self.rest, b"", False
        return self._taken() + rest

    def held(self) -> bytes:
        """Return what there is of a message."""
        return b"".join(self._parts)[-self.size :]

    def hold(self, piece: bytes) -> None:
        """Add to the message."""
        piece = piece[-self.size :]
        if self._parts and len(self._parts[-1]) < JOIN_BYTES:
            self._parts[-1] += piece
        else:
            self._parts.append(piece)
        self._held += len(piece)
        while self._held - len(self._parts[0]) >= self.size:
            self._held -= len(self._parts.pop(0))

    def _taken(self) -> bytes:
        message = self.held()
        self._parts.clear()
        self._held = 0
        return message


def _begun(data: bytes, token: bytes) -> int:
    """Return where the beginning of a token stands at the end of `data`, its length if none does.

    Only the first byte of a token is a "<".
    """
    at = data.rfind(token[:1], max(0, len(data) - len(token) + 1))
    return at if at >= 0 and token.startswith(data[at:]) else len(data)
