"""What a supervisor knows of the trial of a reload; `trial` decides."""

from __future__ import annotations

from .record import Record
from .states import has_failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .draft import Draft
    from .plan import Plan
    from .slot import Process


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


def decides(draft: Draft, process: Process) -> bool:
    """Say whether a process that has failed is on trial: then it is not the end of everything."""
    trial, key = draft.trial, process.plan.key
    return (
        trial is not None
        and has_failed(process.state)
        and any(key == each[0] for each in trial.pending)
    )


def abandon(draft: Draft) -> None:
    """A shutdown begins: there is nothing to go back to."""
    if draft.trial is not None:
        end(draft, "pyinit is stopping")


def end(draft: Draft, reason: str) -> None:
    """Nobody is on trial any more; `reason` is why it ended badly, "" if it did not."""
    draft.trial = None
    draft.tried = Tried(draft.tried.count + 1, reason)
