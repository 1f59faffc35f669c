"""A new plan takes the place of the old one: only what differs by content is touched."""

from __future__ import annotations

from . import change, graph, roll, schedule, table
from .effects import Note
from .inputs import Due, Restart, Start, Stop
from .phases import Up
from .record import replace
from .slot import Process, is_dormant, plan_to_be
from .states import Ending, Exited, Fatal, Running, Starting, Stopped, Stopping, Waiting, run_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .change import Change
    from .draft import Draft
    from .plan import Limit, Plan, ProcessPlan


def difference(rows: table.Table, plan: Plan) -> Change:
    """Return what `plan` would change of the processes that are there."""
    return change.compare({row.plan.key: plan_to_be(row) for row in rows if not row.retired}, plan)


def load_plan(draft: Draft, plan: Plan, asleep: tuple[str, ...] | None = None) -> list[str]:
    """Start what was added, stop what was removed, renew what differs.  Refused in a shutdown.

    Where the new run can begin beside the old one, it does.  A plan that is put back has been in
    force before: of what it adds all is started again but those `asleep`.  Return the keys that
    are to have a new run.
    """
    if not isinstance(draft.phase, Up):
        draft.effects.append(Note("warning", "not reloading: pyinit is stopping"))
        return []
    draft.flush()
    found = difference(draft.table, plan)
    wanted = {process.key: process for process in plan.processes}
    main = draft.base.main
    removed = [key for key in found.removed if key != main]
    kept = [row for row in draft.table if row.plan.key not in wanted]
    order = [*graph.order(plan), *[row.plan.key for row in kept]]
    rows = {row.plan.key: _unset(draft, row, plan, wanted) for row in draft.table}
    for key in found.added:  # it may still be on its way out
        old = rows.get(key) or Process(wanted[key], runs=draft.floor)
        rows[key] = _revised(old, wanted[key], anew=True)
    back = [key for key in found.restarted if _is_back(rows[key], wanted[key])]
    spared = [key for key in found.adjusted if _was_spared(rows[key], wanted[key])]
    begun = [key for key in found.adjusted if _begins_now(rows[key], wanted[key])]
    for key in (*found.adjusted, *found.restarted):
        rows[key] = _revised(rows[key], wanted[key], anew=key in found.restarted)
    for key in removed:
        rows[key] = replace(rows[key], retired=True)
    draft.table = table.build([rows[key] for key in order])
    draft.graph = graph.build([*plan.processes, *[plan_to_be(row) for row in kept]])
    draft.init = replace(plan.init, exit=draft.init.exit) if main is not None else plan.init
    roll.cancel(draft, [*found.restarted], "the configuration has changed")
    renewed = [key for key in found.restarted if key not in back] + spared
    started = [key for key in found.added if _begins(wanted[key], asleep)]
    return _carry_out(draft, removed, renewed, started, begun)


def _unset(draft: Draft, row: Process, plan: Plan, wanted: dict[str, ProcessPlan]) -> Process:
    """Return `row` without the limits set by hand of which the configuration says another thing."""
    if not row.limits or row.plan.key not in wanted:
        return row
    own = wanted[row.plan.key].launch.limits
    named = {limit.resource for limit in own}
    changed = {limit.resource for limit in _differing(draft.init.limits, plan.init.limits)} - named
    changed |= {limit.resource for limit in _differing(plan_to_be(row).launch.limits, own)}
    return replace(row, limits=tuple([it for it in row.limits if it.resource not in changed]))


def _differing(one: tuple[Limit, ...], other: tuple[Limit, ...]) -> list[Limit]:
    return [limit for limit in (*one, *other) if not (limit in one and limit in other)]


def _begins_now(row: Process, plan: ProcessPlan) -> bool:
    """Say whether what nobody has stopped, and did not start by itself so far, is to be up now."""
    if is_dormant(plan) or not plan.autostart:
        return False
    slept = row.state == Stopped() and (is_dormant(row.plan) or not row.plan.autostart)
    return slept or (isinstance(row.state, Exited) and row.plan.on_demand)


def _begins(plan: ProcessPlan, asleep: tuple[str, ...] | None) -> bool:
    """Say whether a process that is added is to be up."""
    return plan.autostart if asleep is None else plan.key not in asleep


def _is_back(row: Process, plan: ProcessPlan) -> bool:
    """Say whether the run that a process still has is one that `plan` would have begot."""
    has_run = isinstance(row.state, Starting | Running) and row.pending is not None
    return has_run and not change.needs_new_run(row.plan, plan)


def _was_spared(row: Process, plan: ProcessPlan) -> bool:
    """Say whether an earlier plan was put off to the end of a job, and it is no job any more."""
    has_run = isinstance(row.state, Starting | Running) and row.pending is not None
    return has_run and _is_job(plan_to_be(row)) and not _is_job(plan)


def _is_job(plan: ProcessPlan) -> bool:
    return plan.schedule is not None


def _revised(row: Process, plan: ProcessPlan, *, anew: bool) -> Process:
    """Return `row` with `plan`, which waits for the end of a run that was born of another.

    A stop under way goes on as it began: its leader may be gone and its pid somebody else's, so
    nothing but the members may be signalled whatever the new plan says.
    """
    if _is_back(row, plan):
        return replace(row, plan=plan, pending=None, retired=False)
    waits = row.pending is not None and isinstance(row.state, Starting | Running)
    if waits or (anew and run_of(row.state) is not None):
        return replace(row, pending=plan, retired=False)
    if isinstance(row.state, Stopping | Ending):
        now = replace(plan, stop=row.plan.stop)
        return replace(row, plan=now, pending=plan, retired=False)
    return replace(row, plan=plan, pending=None, retired=False)


def _carry_out(
    draft: Draft, removed: list[str], renewed: list[str], started: list[str], begun: list[str]
) -> list[str]:
    touched: list[str] = []
    rolled: dict[str, list[str]] = {}
    for key in removed:
        draft.send(key, Stop(draft.row(key).plan.stop.timeout))
    for key in renewed:
        row = draft.row(key)
        if key in draft.falling:  # somebody has stopped or restarted it, and it waits for its turn
            touched += [key] if draft.falling[key] else []
            continue
        match row.state:
            case Stopped(held=True) | Ending(asked=True, again=False, held=True):
                continue
            case Stopping(again=False, failed="", held=True):
                continue
            case Stopping(again=False, failed="") | Ending(asked=True, again=False) if is_dormant(
                plan_to_be(row)
            ):
                continue
            case Stopped() if not row.plan.autostart:
                continue
            case Stopped() | Exited() | Fatal() if is_dormant(row.plan):
                continue  # its next run, when its time comes, is born of the new plan
            case Starting() | Running() if _is_job(plan_to_be(row)) and row.plan.kind == "oneshot":
                continue  # nor is a job broken off for it
            case Starting() | Running() if _is_job(plan_to_be(row)):
                draft.send(key, Stop(row.plan.stop.timeout, held=False))  # it has its times now
                continue
            case Stopped() | Exited():
                draft.send(key, Start())
            case Running() if roll.can_overlap(row.plan, plan_to_be(row)):
                rolled.setdefault(row.plan.program, []).append(key)
            case _:
                draft.send(key, Restart(row.plan.stop.timeout))
        touched.append(key)
    for key in started:
        draft.start(key)
    for key in begun:
        schedule.start(draft, key)
    for keys in rolled.values():
        roll.begin(draft, keys)
    draft.flush()
    for row in draft.table:
        if isinstance(row.state, Waiting):  # what it needs may have changed, or be gone
            draft.send(row.plan.key, Due())
            draft.unblock(row.plan.key)
    return [*touched, *started, *begun]
