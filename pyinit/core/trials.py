"""What a supervisor knows of the trial of a reload; `trial` decides."""

from __future__ import annotations

from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .plan import Plan


class Trial(Record):
    """The plan to go back to, and who is not up yet: (key, id of its last run, its restarts) each.

    The numbers are those from before the reload.  `asleep` were at rest then.
    """

    before: Plan
    pending: tuple[tuple[str, int, int], ...]
    asleep: tuple[str, ...] = ()


class Tried(Record):
    """How many trials are over, and why the last one ended badly ("": it did not)."""

    count: int = 0
    reason: str = ""
