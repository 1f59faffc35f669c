"""The flight recorder: the last steps, so that a bug report is a test."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.effects import Effects
    from pyinit.core.events import Event

ENTRIES = 500  # about a minute of a busy container; some hundred kilobytes at the very most


class Recorder:
    """Keeps the last ENTRIES of (now, event, effects)."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, Event, Effects]] = []
        self._next = 0

    def add(self, now: float, event: Event, effects: Effects) -> None:
        """Remember a step."""
        if len(self._entries) < ENTRIES:
            self._entries.append((now, event, effects))
            return
        self._entries[self._next] = (now, event, effects)
        self._next = (self._next + 1) % ENTRIES

    def entries(self) -> list[tuple[float, Event, Effects]]:
        """Return what is remembered, oldest first."""
        return self._entries[self._next :] + self._entries[: self._next]
