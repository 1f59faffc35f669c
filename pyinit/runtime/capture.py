"""What a stream goes through before it is output: listeners, terminal sequences, capture mode.

Imported with the first program that wants any of it.
"""

from __future__ import annotations

from pyinit.logs.ansi import Ansi
from pyinit.logs.tokens import MESSAGE, OUTPUT, Capture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from pyinit.core.plan import Channel
    from pyinit.runtime.stream import Source

    class Hooks(Protocol):
        """Who is told of what comes by; None is nobody."""

        on_chunk: Callable[[Source, int, bytes], None] | None
        on_captured: Callable[[Source, int, bytes], None] | None
        on_listener: Callable[[Source, bytes], None] | None


class Sieve:
    """Takes what a stream says; what `feed` returns is output, all else is told to `hooks`."""

    def __init__(
        self, source: Source, kind: int, channel: Channel, hooks: Hooks, *, listener: bool
    ) -> None:
        self.channel = channel
        self.listener = listener
        self._source = source
        self._kind = kind
        self._hooks = hooks
        self._ansi = Ansi() if channel.strip_ansi else None
        self._capture = Capture(channel.capture) if channel.capture > 0 and not listener else None

    def feed(self, data: bytes) -> bytes:
        """Return what of `data`, and of what was kept back, is output."""
        if self.listener and self._hooks.on_listener is not None:
            self._hooks.on_listener(self._source, data)
        if self._ansi is not None:
            data = self._ansi.feed(data)
        if self._capture is None:
            self._chunk(data)
            return data
        output = []
        for what, piece in self._capture.feed(data):
            if what == MESSAGE:
                self._captured(piece)
                continue
            self._chunk(piece)  # as supervisord: what is captured is an event, too
            if what == OUTPUT:
                output.append(piece)
        return b"".join(output)

    def finish(self) -> bytes:
        """Return what was kept back: the stream is over."""
        rest = b"" if self._ansi is None else self._ansi.finish()
        if self._capture is not None:
            began = len(self._capture.held())
            rest = self._capture.finish() + rest
            self._chunk(rest[began:])
        else:
            self._chunk(rest)
        return rest

    def carried(self) -> tuple[bytes, ...]:
        """Return what is kept back, for a re-exec."""
        ansi = b"" if self._ansi is None else self._ansi.rest
        if self._capture is None:
            return (ansi,)
        inside = b"1" if self._capture.inside else b""
        return ansi, self._capture.rest, inside, self._capture.held()

    def restore(self, carried: tuple[bytes, ...]) -> None:
        """Take over what another pyinit has kept back."""
        if self._ansi is not None and carried:
            self._ansi.rest = carried[0]
        if self._capture is not None and len(carried) > 1:
            _, self._capture.rest, inside, held = carried
            self._capture.inside = bool(inside)
            if held:
                self._capture.hold(held)

    def _chunk(self, data: bytes) -> None:
        hook = self._hooks.on_chunk
        if data and self.channel.events and not self.listener and hook is not None:
            hook(self._source, self._kind, data)

    def _captured(self, message: bytes) -> None:
        if self._hooks.on_captured is not None:
            self._hooks.on_captured(self._source, self._kind, message)
