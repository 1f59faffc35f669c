"""A new plan takes the place of the old one: only what differs by content is touched."""

from __future__ import annotations

from . import change, graph, table
from .effects import Note
from .inputs import Restart, Start, Stop
from .phases import Up
from .record import replace
from .slot import Process, is_dormant, plan_to_be
from .states import Ending, Exited, Fatal, Stopped, Stopping, run_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .change import Change
    from .draft import Draft
    from .plan import Plan, ProcessPlan


def difference(rows: table.Table, plan: Plan) -> Change:
    """Return what `plan` would change of the processes that are there."""
    return change.compare({row.plan.key: plan_to_be(row) for row in rows if not row.retired}, plan)


def load_plan(draft: Draft, plan: Plan) -> None:
    """Start what was added, stop what was removed, renew what differs.  Refused in a shutdown."""
    if not isinstance(draft.phase, Up):
        draft.effects.append(Note("warning", "not reloading: pyinit is stopping"))
        return
    draft.flush()
    found = difference(draft.table, plan)
    wanted = {process.key: process for process in plan.processes}
    main = draft.base.main
    removed = [key for key in found.removed if key != main]
    kept = [row for row in draft.table if row.plan.key not in wanted]
    order = [*graph.order(plan), *[row.plan.key for row in kept]]
    rows = {row.plan.key: row for row in draft.table}
    for key in found.added:  # it may still be on its way out
        old = rows.get(key) or Process(wanted[key], runs=draft.floor)
        rows[key] = _revised(old, wanted[key], anew=True)
    for key in (*found.adjusted, *found.restarted):
        rows[key] = _revised(rows[key], wanted[key], anew=key in found.restarted)
    for key in removed:
        rows[key] = replace(rows[key], retired=True)
    draft.table = table.build([rows[key] for key in order])
    draft.graph = graph.build([*plan.processes, *[plan_to_be(row) for row in kept]])
    draft.init = replace(plan.init, exit=draft.init.exit) if main is not None else plan.init
    _carry_out(draft, found, removed, wanted)


def _revised(row: Process, plan: ProcessPlan, *, anew: bool) -> Process:
    """Return `row` with `plan`, which waits for the end of a run that was born of another.

    A stop under way goes on as it began: its leader may be gone and its pid somebody else's, so
    nothing but the members may be signalled whatever the new plan says.
    """
    if anew and run_of(row.state) is not None:
        return replace(row, pending=plan, retired=False)
    if isinstance(row.state, Stopping | Ending):
        now = replace(plan, stop=row.plan.stop)
        return replace(row, plan=now, pending=plan, retired=False)
    return replace(row, plan=plan, pending=None, retired=False)


def _carry_out(
    draft: Draft, found: Change, removed: list[str], wanted: dict[str, ProcessPlan]
) -> None:
    for key in removed:
        draft.send(key, Stop(draft.row(key).plan.stop.timeout))
    for key in found.restarted:
        row = draft.row(key)
        match row.state:
            case Stopped(held=True) | Ending(asked=True, again=False):
                pass
            case Stopping(again=False, failed=""):
                pass
            case Stopped() if not row.plan.autostart:
                pass
            case Stopped() | Exited() | Fatal() if is_dormant(row.plan):
                pass  # its next run, when its time comes, is born of the new plan
            case Stopped() | Exited():
                draft.send(key, Start())
            case _:
                draft.send(key, Restart(row.plan.stop.timeout))
    for key in found.added:
        if wanted[key].autostart:
            draft.start(key)
    draft.flush()
    for row in draft.table:
        draft.unblock(row.plan.key)  # what it needs may have changed, or be gone
