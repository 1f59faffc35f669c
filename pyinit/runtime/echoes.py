"""Tells what is watched and changes each time that it was acted on: then the act is the cause.

A program that writes where it is watched would have a new run for each of its runs, and pyinit's
own log there a line for each of its lines.  After a few such changes in a row those that follow
are acted on later and later; one that comes by itself is acted on at once, as the first was.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Acts: TypeAlias = dict[str, tuple[float, int]]

ECHOES = 3  # changes in a row that came soon after an act; one or two are somebody at work
SOON_S = 5.0  # after an act, or the beginning of a run; also how long the first act is put off ...
LONGEST_S = 300.0  # ... each time twice as long, up to this
DOUBLINGS = 6  # lead there


class Echoes:
    """Knows of each path when it was acted on last, and how many changes soon followed an act."""

    def __init__(self) -> None:
        self.acts: Acts = {}

    def keep(self, paths: tuple[str, ...]) -> None:
        """Forget all paths but these."""
        self.acts = {path: self.acts[path] for path in paths if path in self.acts}

    def wait_s(self, path: str, now: float, begun_at: float) -> float:
        """Return for how long a change that comes `now` is to wait before it is acted on.

        `begun_at` is when the last run of those that use it began.
        """
        acted_at, count = self.acts.get(path, (0.0, 0))
        soon = path in self.acts and now - max(acted_at, begun_at) < SOON_S
        count = count + 1 if soon else 0
        wait_s = 0.0
        if count >= ECHOES:
            wait_s = min(SOON_S * 2 ** min(count - ECHOES, DOUBLINGS), LONGEST_S)
        self.acts[path] = (now + wait_s, count)
        return wait_s

    def is_first(self, path: str) -> bool:
        """Say whether it was for the first time that an act was put off."""
        return path in self.acts and self.acts[path][1] == ECHOES
