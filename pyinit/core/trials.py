"""What a supervisor knows of the trial of a reload; `trial` decides."""

from __future__ import annotations

from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .plan import Plan


class Trial(Record):
    """The plan to go back to, and (key, id of its last run before) of those that are not up yet.

    `asleep` are those that the reload has removed and that were at rest.
    """

    before: Plan
    pending: tuple[tuple[str, int], ...]
    asleep: tuple[str, ...] = ()


class Tried(Record):
    """How many trials are over, and why the last one ended badly ("": it did not)."""

    count: int = 0
    reason: str = ""
