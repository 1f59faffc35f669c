"""A reload is on trial until everything that it touched is up; if something fails, it is undone.

Every process that a reload starts, restarts or rolls must become Running by its first new run.
One that ends before, is not ready in time, cannot be executed or needs what has failed is a
verdict on the whole plan: the old one is put back as a reload would, with its sockets and its
[init].  Who is stopped by somebody meanwhile is left out of account.  A fork that the machine
refused says nothing about a plan: it is tried again, and waited for.

Nothing of it depends on time: a trial lasts as long as its processes may take.
"""

from __future__ import annotations

from . import reload, schedule
from .effects import Note, PutBack
from .phases import Up
from .record import replace
from .roll import is_told_to_stop
from .slot import is_active, plan_to_be
from .states import (
    Backoff,
    Exited,
    Fatal,
    Running,
    Starting,
    Stopped,
    Stopping,
    goes_down,
    reason_of,
)
from .status import describe
from .trials import Trial, end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .draft import Draft
    from .plan import Plan
    from .slot import Process

WAIT, GOOD = "wait", ""


def load(draft: Draft, plan: Plan, before: Plan | None) -> None:
    """Put `plan` in force, on trial if there is a plan `before` to go back to."""
    if draft.trial is not None:
        end(draft, "another configuration has taken its place")
    if before is None or not isinstance(draft.phase, Up):
        reload.load_plan(draft, plan)
        if before is not None:
            end(draft, "pyinit is stopping")
        return
    draft.flush()
    rows = [row for row in draft.table if not row.retired]
    asleep = tuple([row.plan.key for row in rows if _is_asleep(draft, row)])
    plans = tuple([plan_to_be(row) for row in rows])
    known = {row.plan.key: (row.runs, row.restarts) for row in draft.table}
    floor = draft.floor
    touched = reload.load_plan(draft, plan)
    failed = tuple([each for each in draft.rolls.failed if each[0] not in touched])
    draft.rolls = replace(draft.rolls, failed=failed)  # of other rolls, long over
    pending = tuple([(key, *known.get(key, (floor, 0))) for key in touched])
    draft.trial = Trial(replace(before, processes=plans), pending, asleep)


def _is_asleep(draft: Draft, row: Process) -> bool:
    """Say whether a process is at rest, or somebody wants it to be: it is not to be woken."""
    at_rest = not is_active(row) or goes_down(row.state)
    return at_rest or draft.falling.get(row.plan.key) is False


def proceed(draft: Draft) -> bool:
    """Look how those on trial do; say whether that has changed anything."""
    trial = draft.trial
    if trial is None:
        return False
    left: list[tuple[str, int, int]] = []
    for key, runs, restarts in trial.pending:
        verdict = _verdict(draft, key, runs, restarts)
        if verdict == WAIT:
            left.append((key, runs, restarts))
        elif verdict != GOOD:
            _undo(draft, trial, f"{draft.row(key).plan.name}: {verdict}")
            return True
    if not left:
        end(draft, "")
    elif len(left) < len(trial.pending):
        draft.trial = replace(trial, pending=tuple(left))
    return False


def _verdict(draft: Draft, key: str, runs: int, restarts: int) -> str:
    """Return GOOD, WAIT, or why the process fails its trial."""
    if key not in draft.table or draft.row(key).retired:
        return GOOD
    if draft.rolls.has(key) and not _is_taken(draft, key) and not _has_gone_ahead(draft, key, runs):
        return WAIT
    failed = dict(draft.rolls.failed).get(key)
    if failed is not None:
        return GOOD if is_told_to_stop(draft.row(key)) else failed
    return _judged(draft.row(key), runs, restarts)


def _is_taken(draft: Draft, key: str) -> bool:
    return any(each.key == key and each.taken for each in draft.rolls.going)


def _has_gone_ahead(draft: Draft, key: str, runs: int) -> bool:
    """Say whether a process that waits for its roll has a new run already: its old one crashed."""
    waits = any(key in each.waiting for each in draft.rolls.going)
    return waits and draft.row(key).runs > runs


def _judged(row: Process, runs: int, restarts: int) -> str:
    anew = row.runs > runs
    again = row.restarts > restarts and row.runs > runs + 1 and not row.childless  # of the new plan
    match row.state:
        case Stopped() | Exited(success=True):
            return GOOD
        case Running(run) if run.id > runs:
            return GOOD
        case Stopping(failed=reason) if reason and anew:
            return reason
        case _ if goes_down(row.state):
            return GOOD
        case Starting() if again:
            return describe(row.last) if row.last is not None else "it has ended"
        case Backoff(reason=reason) if anew and not row.childless:
            return reason
        case Exited() | Fatal() if anew or isinstance(row.state, Fatal):
            return reason_of(row.state)
        case _:
            return WAIT


def _undo(draft: Draft, trial: Trial, reason: str) -> None:
    """Put the old plan back: what it needs from outside comes before the first of its runs."""
    end(draft, reason)
    line = reason.split("\n", 1)[0]
    text = f"the new configuration has failed, the old one is put back: {line}"
    draft.effects.append(Note("error", text))
    draft.effects.append(PutBack(trial.before))
    reload.load_plan(draft, trial.before, trial.asleep)
    for row in [each for each in draft.table if each.queued]:
        schedule.settle(draft, row.plan.key)
