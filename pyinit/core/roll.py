"""New runs without a gap: one process after another, beside the old run where both can listen.

A *roll* goes through its processes in their order, one at a time, and ends with the first that
fails: what was not begun keeps its run.  Where pyinit holds a socket that the old and the new run
share, the new run is born in a slot of its own (`web:0+`, hidden and already retired), and only
when it is up the two slots *exchange* what they have: from then on `web:0` is the new run, and the
old one is stopped in the slot that will be dropped with it.  A new run that fails is dropped
instead, and nobody has touched the old one.  Elsewhere a process is simply restarted, and the next
one has its turn when that is up.

Whoever stops, restarts or changes a process in the middle of its roll ends the roll.
"""

from __future__ import annotations

from . import falling, graph, table
from .beside import Roll, Rolls, beside, owner
from .effects import Announce, Exchanged, Note
from .inputs import Restart, Start, Stop
from .phases import Up
from .plan import Restart as RestartPlan
from .record import replace
from .slot import Process, enter, is_active, plan_to_be
from .states import (
    NO_PID,
    Backoff,
    Ending,
    Exited,
    Fatal,
    RunId,
    Running,
    Starting,
    Stopped,
    Stopping,
    ends_by_request,
    reason_of,
    run_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .draft import Draft
    from .plan import ProcessPlan
    from .states import Pid

ONCE = RestartPlan(policy="never")


def shared(plan: ProcessPlan) -> set[str]:
    """Return the names of the sockets that pyinit holds for the process."""
    stdin = plan.launch.stdin
    own = {stdin.removeprefix("socket:")} if stdin.startswith("socket:") else set()
    return {*plan.sockets, *own}


def can_overlap(old: ProcessPlan, new: ProcessPlan) -> bool:
    """Say whether a run of `new` can begin while one of `old` is still there."""
    if not shared(old) & shared(new):
        return False
    for plan in (old, new):
        launch = plan.launch
        if plan.kind != "service" or plan.hidden or plan.pool is not None or launch.terminal:
            return False
        if launch.stdin in {"pipe", "inherit"}:
            return False
    return True


def request(draft: Draft, keys: tuple[str, ...]) -> None:
    """Give the processes `keys` new runs, one after another.

    Those without a run get one at once; those that wait for others to be stopped, after that.
    """
    if not isinstance(draft.phase, Up):
        return
    known = [key for key in keys if key in draft.table and not draft.row(key).retired]
    fresh = [key for key in known if not _is_to_come(draft.rolls, key)]
    running = [key for key in fresh if isinstance(draft.row(key).state, Running)]
    rolled = [key for key in running if key not in draft.falling]
    for key in fresh:
        draft.start_needs(key)
    falling.restart(draft, [key for key in fresh if key not in rolled])
    begin(draft, rolled)


def _is_to_come(rolls: Rolls, key: str) -> bool:
    """Say whether a new run of the process is to take its place already."""
    return any(key in each.waiting or (key == each.key and not each.taken) for each in rolls.going)


def begin(draft: Draft, keys: list[str]) -> None:
    """Have `keys` rolled one after another, beside whatever else is being rolled."""
    failed = tuple([each for each in draft.rolls.failed if each[0] not in keys])
    going = (*draft.rolls.going, Roll(tuple(keys))) if keys else draft.rolls.going
    draft.rolls = Rolls(going, failed)


def cancel(draft: Draft, keys: list[str], reason: str) -> None:
    """Somebody decides anew about `keys`: end their rolls, and what was born beside them."""
    if not draft.rolls.going:
        return
    for each in draft.rolls.going:
        left = tuple([key for key in each.waiting if key not in keys])
        if each.key in keys and not each.taken:
            _fail(draft, each, reason)
        elif each.key in keys or left != each.waiting:
            _change(draft, each, replace(each, waiting=left))


def proceed(draft: Draft) -> bool:
    """Take every roll a step further if it can go; say whether one did."""
    for each in draft.rolls.going:
        if not each.key and _next(draft, each):
            return True
        if each.key and (_follow_beside(draft, each) if each.beside else _follow(draft, each)):
            return True
    return False


def _next(draft: Draft, roll: Roll) -> bool:
    """It is the turn of the next process; say whether it could begin."""
    if not roll.waiting:
        _change(draft, roll, None)
        return True
    key, rest = roll.waiting[0], roll.waiting[1:]
    if _is_down(draft, key):
        _change(draft, roll, replace(roll, waiting=rest))
        return True
    if beside(key) in draft.table:  # the run before the last is still on its way out
        return False
    row = draft.row(key)
    overlaps = isinstance(row.state, Running) and can_overlap(row.plan, plan_to_be(row))
    _change(draft, roll, Roll(rest, key, row.runs, overlaps))
    if overlaps:
        _bear(draft, row)
    elif isinstance(row.state, Running):
        _restart(draft, row)
    return True


def _restart(draft: Draft, row: Process) -> None:
    """Restart a process: those that depend on it are taken along if nobody else serves them."""
    keys = draft.graph.keys.get(row.plan.program, ())
    if any(isinstance(draft.row(key).state, Running) for key in keys if key != row.plan.key):
        draft.send(row.plan.key, Restart(row.plan.stop.timeout))
    else:
        falling.restart(draft, [row.plan.key])


def _is_down(draft: Draft, key: str) -> bool:
    """Say whether somebody has stopped or removed a process before it had its turn."""
    if key not in draft.table or draft.row(key).retired or draft.falling.get(key) is False:
        return True
    return isinstance(draft.row(key).state, Stopped)


def _bear(draft: Draft, row: Process) -> None:
    """Make the slot beside a process, and want a run in it; its id is one of the process's."""
    draft.flush()
    born = Process(as_beside(plan_to_be(row)), runs=row.runs, retired=True, limits=row.limits)
    rows = [*draft.table, born]
    draft.table = table.build(rows)
    draft.graph = graph.build([plan_to_be(each) for each in rows])
    draft.put(replace(row, runs=row.runs + 1))
    draft.send(born.plan.key, Start())


def as_beside(plan: ProcessPlan) -> ProcessPlan:
    """Return the plan of a slot beside a process: it has one run, and nobody counts on it."""
    return replace(
        plan,
        key=beside(plan.key),
        name=beside(plan.name),
        restart=ONCE,
        autostart=False,
        critical=False,
        hidden=True,
        on_demand=False,
        idle_exit=0.0,
        schedule=None,
    )


def _follow_beside(draft: Draft, roll: Roll) -> bool:
    """Look whether the new run can take its place, has failed, or the old one is gone."""
    if beside(roll.key) not in draft.table:
        _change(draft, roll, Roll(roll.waiting))
        return True
    new = draft.row(beside(roll.key))
    if roll.taken:
        return False
    if is_told_to_stop(draft.row(roll.key)):
        _fail(draft, roll, "it was stopped meanwhile")
        return True
    if isinstance(new.state, Running) and _may_leave(draft.row(roll.key)):
        _change(draft, roll, replace(roll, taken=True))
        _exchange(draft, draft.row(roll.key), new)
        return True
    if is_active(new):
        return False
    _fail(draft, roll, reason_of(new.state) or "it was stopped meanwhile")
    return True


def is_told_to_stop(row: Process) -> bool:
    """Say whether somebody wants the old run down, with or without another in its place."""
    return row.retired or isinstance(row.state, Stopped) or ends_by_request(row.state)


def _may_leave(row: Process) -> bool:
    """Say whether the old run can be left now: not while its pid or its leftovers are unknown."""
    run = run_of(row.state)
    return not isinstance(row.state, Stopping | Ending) and (run is None or run.pid != NO_PID)


def _exchange(draft: Draft, old: Process, new: Process) -> None:
    """The process has the run that was born beside it; what it had ends in the slot beside it."""
    plan = plan_to_be(old)
    fresh = replace(old, plan=plan, pending=None, failures=(), tries=0, childless=0)
    taken = enter(fresh, new.state, runs=max(old.runs, new.runs))
    left = replace(new, plan=as_beside(old.plan), runs=old.runs, last=old.last, last_at=old.last_at)
    left = enter(left, old.state)
    draft.put(taken)
    draft.put(left)
    was, now = run_of(old.state), run_of(new.state)
    pid_was, pid_now = was.pid if was else NO_PID, now.pid if now else NO_PID
    draft.pids = draft.pids.having(pid_now, plan.key)
    if pid_was != NO_PID:
        draft.pids = draft.pids.having(pid_was, left.plan.key)
    draft.effects.append(Exchanged(plan.key, left.plan.key, plan.name, pid_now, pid_was))
    if type(old.state) is not Running:
        draft.effects.append(_became(old, taken, pid_now))
        draft.effects.append(_became(new, left, pid_was))
        draft.moved.append((old, taken))
    if is_active(left):
        draft.send(left.plan.key, Stop(old.plan.stop.timeout, held=False))


def _became(before: Process, after: Process, pid: Pid) -> Announce:
    """Return what is told of a slot that has another state by an exchange."""
    plan, run = after.plan, run_of(after.state)
    return Announce(
        key=plan.key,
        name=plan.name,
        group=plan.group,
        program=plan.program,
        was=type(before.state).__name__,
        now=type(after.state).__name__,
        run_id=run.id if run else RunId(after.runs),
        pid=pid,
        hidden=plan.hidden,
    )


def _follow(draft: Draft, roll: Roll) -> bool:
    """Look whether a process that is restarted is up again, or has failed to be."""
    if roll.key not in draft.table or draft.row(roll.key).retired:
        _fail(draft, roll, "it left the plan")
        return True
    row = draft.row(roll.key)
    anew = row.runs > roll.floor
    match row.state:
        case Running() if roll.key in draft.falling:
            return False  # those that depend on it go first
        case Running() | Exited(success=True):
            _change(draft, roll, Roll(roll.waiting))
        case Backoff() | Exited() | Fatal():
            _fail(draft, roll, reason_of(row.state))
        case Starting() if anew and row.runs > roll.floor + 1 and not row.childless:
            _fail(draft, roll, "its first new run has ended")
        case Stopped():
            _fail(draft, roll, "it was stopped meanwhile")
        case _:
            return False
    return True


def _fail(draft: Draft, roll: Roll, reason: str) -> None:
    """A roll ends here: the new run goes, the old one stays, and the others are not begun."""
    others = [(key, f"not begun: {_name(draft, roll.key)} failed") for key in roll.waiting]
    keys = {roll.key, *roll.waiting}
    failed = [each for each in draft.rolls.failed if each[0] not in keys]
    draft.rolls = replace(draft.rolls, failed=(*failed, (roll.key, reason), *others))
    _change(draft, roll, None)
    text = f"{_name(draft, roll.key)}: not rolled: {reason}"
    if roll.beside and not roll.taken:
        if roll.key in draft.table and not is_told_to_stop(draft.row(roll.key)):
            text += "; the old run goes on"
        if beside(roll.key) in draft.table and is_active(draft.row(beside(roll.key))):
            timeout = draft.row(beside(roll.key)).plan.stop.timeout
            draft.send(beside(roll.key), Stop(timeout, held=False))
    draft.effects.append(Note("error", text))


def _name(draft: Draft, key: str) -> str:
    return draft.row(key).plan.name if key in draft.table else owner(key)


def _change(draft: Draft, old: Roll, new: Roll | None) -> None:
    going = [each if each is not old else new for each in draft.rolls.going]
    draft.rolls = replace(draft.rolls, going=tuple([each for each in going if each is not None]))
