"""Whether a curve is flat: the line through it that errs least, once it has warmed up.

A curve is flat if that line rises by no more than a bound between the end of the warm-up and the
end.  What falls, or wavers and comes back, is flat: what is looked for is growth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.judge import Check, shown

WARM = 0.2  # of the time: rings fill, files are rotated for the first time, caches are made
FEWEST = 5  # points after the warm-up; with fewer, nothing is said


@dataclass(frozen=True)
class Curve:
    """One quantity over time: `rise` is what it may have grown by at the end, in its unit.

    With `relative` the bound is a share of the median instead.
    """

    name: str
    unit: str
    points: tuple[tuple[float, float], ...]  # (seconds, value)
    rise: float | None = None  # None: shown, but not judged
    relative: bool = False

    def warm(self) -> tuple[tuple[float, float], ...]:
        """Return the points after the warm-up."""
        if not self.points:
            return ()
        first, last = self.points[0][0], self.points[-1][0]
        return tuple(each for each in self.points if each[0] >= first + WARM * (last - first))

    def level(self) -> float:
        """Return the median of what is judged."""
        kept = self.warm()
        return median(y for _, y in kept) if kept else 0.0

    def grown(self) -> float:
        """Return by how much the line rises over what is judged."""
        kept = self.warm()
        return slope(kept) * (kept[-1][0] - kept[0][0]) if kept else 0.0

    def line(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Return the two ends of the line, None where there are too few points for one."""
        kept = self.warm()
        if len(kept) < FEWEST:
            return None
        steep = slope(kept)
        middle_x = sum(x for x, _ in kept) / len(kept)
        middle_y = sum(y for _, y in kept) / len(kept)
        ends = kept[0][0], kept[-1][0]
        first, last = (middle_y + steep * (x - middle_x) for x in ends)
        return (ends[0], first), (ends[1], last)

    def check(self) -> Check | None:
        """Return what is compared with what; None if the curve is not judged, or too short."""
        kept = self.warm()
        if self.rise is None or len(kept) < FEWEST:
            return None
        bound = self.rise * self.level() if self.relative else self.rise
        minutes = (kept[-1][0] - kept[0][0]) / 60
        time = f"{shown(minutes)} minutes" if minutes < 180 else f"{shown(minutes / 60)} hours"
        text = f"{self.name}, grown in {time}" + (f", in {self.unit}" if self.unit else "")
        return Check(text, self.grown(), bound)


def slope(rows: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the line through (x, y) pairs that errs least."""
    if not rows:
        return 0.0
    mean_x = sum(x for x, _ in rows) / len(rows)
    mean_y = sum(y for _, y in rows) / len(rows)
    below = sum((x - mean_x) ** 2 for x, _ in rows)
    if below == 0:
        return 0.0
    return sum((x - mean_x) * (y - mean_y) for x, y in rows) / below
