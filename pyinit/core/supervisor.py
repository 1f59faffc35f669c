"""All processes together: `step` routes an event, settles what follows, and returns the effects.

    step(supervisor, event, now) -> (supervisor, effects)
    next_deadline(supervisor)    -> when the loop must send a Tick, NEVER if it need not

A step makes a draft, lets the processes concerned answer, then *settles*: every process that
changed its state may let others go, may be the end of everything, or may be the one the shutdown
waited for.  Settling ends because each round only follows real transitions.
"""

from __future__ import annotations

from . import escalation, falling, graph, phases, schedule, shutdown, table, telling, trials
from . import events as ev
from . import signals as signal_actions
from .beside import sides
from .draft import Draft, Supervisor
from .effects import Kill, Note
from .inputs import Counted as CountedInput
from .inputs import Due, ExecBad, ExecOk, Gone, Proven, SpawnBad, SpawnOk
from .phases import Booting, Up
from .record import assert_never, replace
from .slot import Process
from .states import NO_PID, Ending, run_of
from .status import from_wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from .effects import Effect, Effects
    from .events import Event
    from .inputs import Input
    from .plan import Limit, Plan
    from .states import RunId

    Step: TypeAlias = tuple[Supervisor, Effects]


def new(plan: Plan, *, main: str | None = None, seed: int = 0) -> Supervisor:
    """Return a supervisor of `plan` that waits for Boot; `main` is the main program's key."""
    rows = {process.key: Process(process) for process in plan.processes}
    ordered = [rows[key] for key in graph.order(plan)]
    return Supervisor(
        init=plan.init,
        table=table.build(ordered),
        graph=graph.build(plan.processes),
        pids=table.Pids(),
        phase=Booting(),
        main=main,
        seed=seed,
    )


def next_deadline(supervisor: Supervisor) -> float:
    """Return when the loop must next deliver a Tick."""
    return min(table.next_due(supervisor.table), phases.deadline(supervisor.phase))


def step(supervisor: Supervisor, event: Event, now: float) -> Step:
    """Return the supervisor after `event`, and the effects to perform."""
    draft = Draft(supervisor, now)
    _dispatch(draft, event)
    _settle(draft)
    return draft.commit(), tuple(draft.effects)


def _dispatch(draft: Draft, event: Event) -> None:
    match event:
        case ev.Reaped():
            _reaped(draft, event)
        case ev.Surveyed(key, run_id, left):
            _send_run(draft, key, run_id, CountedInput(left))
        case ev.Boot():
            _boot(draft)
        case ev.StartRequested(keys):
            _start(draft, keys)
        case ev.StopRequested(keys):
            falling.stop(draft, _known(draft, keys))
        case ev.RestartRequested(keys):
            falling.restart(draft, _known(draft, keys))
        case ev.SignalRequested(keys, signum):
            signal_actions.send(draft, keys, signum)
        case ev.SignalReceived(signum):
            signal_actions.receive(draft, signum)
        case ev.Spawned():
            _spawned(draft, event)
        case ev.SpawnFailed(key, run_id, failure):
            _send_run(draft, key, run_id, SpawnBad(failure))
        case ev.Executed(key, run_id):
            _send_run(draft, key, run_id, ExecOk())
        case ev.ExecFailed(key, run_id, failure):
            _send_run(draft, key, run_id, ExecBad(failure))
        case ev.ReadyReported(key, run_id):
            _send_run(draft, key, run_id, Proven())
        case ev.Extended() | ev.MainPid() | ev.Condemned():
            telling.heard(draft, event)
        case ev.Swept(left):
            shutdown.swept(draft, left)
        case ev.ScheduleDue(key):
            schedule.due(draft, key)
        case ev.Called() | ev.Idle():
            from . import demand  # few plans need it

            demand.heard(draft, event)
        case ev.LimitsSet(keys, limits):
            _limit(draft, keys, limits)
        case ev.RollRequested() | ev.PlanLoaded():
            _change(draft, event)
        case ev.DrainRequested(on):
            shutdown.drain(draft, on=on)
        case ev.ShutdownRequested(cause, again, code):
            shutdown.request(draft, cause, again=again, code=code)
        case ev.Tick():
            _tick(draft)
        case _:
            assert_never(event)


def _change(draft: Draft, event: ev.RollRequested | ev.PlanLoaded) -> None:
    from . import roll, trial  # no start needs them

    match event:
        case ev.RollRequested(keys):
            roll.request(draft, keys)
        case ev.PlanLoaded(plan, before):
            trial.load(draft, plan, before)
        case _:
            assert_never(event)


def _tick(draft: Draft) -> None:
    for key in table.due_at(draft.table, draft.now):
        draft.send(key, Due())
        draft.unblock(key)  # what it waits for may be overdue
    shutdown.tick(draft)


def _boot(draft: Draft) -> None:
    if not isinstance(draft.phase, Booting):
        return
    draft.phase = Up()
    for key in draft.table.index:
        if draft.row(key).plan.autostart:
            draft.start(key)
    shown = any(not row.plan.hidden for row in draft.table)
    if not shown and draft.init.exit != "never":
        shutdown.begin(draft, "there is nothing to run", 0)
    elif not draft.moved and shown and not schedule.is_left(draft):
        text = "no program starts by itself; waiting for 'pyinitctl start'"
        draft.effects.append(Note("warning", text))


def _start(draft: Draft, keys: tuple[str, ...]) -> None:
    if isinstance(draft.phase, Up):
        for key in _known(draft, keys):
            draft.start(key)


def _limit(draft: Draft, keys: tuple[str, ...], limits: tuple[Limit, ...]) -> None:
    named = {limit.resource for limit in limits}
    both = dict.fromkeys([side for key in keys for side in sides(key)])
    for key in _known(draft, (*both,)):  # in a roll one takes the other's place
        row = draft.row(key)
        kept = [limit for limit in row.limits if limit.resource not in named]
        draft.put(replace(row, limits=(*kept, *limits)))


def _known(draft: Draft, keys: tuple[str, ...]) -> list[str]:
    return [key for key in keys if key in draft.table]


def _is_current(draft: Draft, key: str, run_id: RunId) -> bool:
    """Say whether news of run `run_id` is about the run that `key` has now."""
    if key not in draft.table:
        return False
    run = run_of(draft.row(key).state)
    return run is not None and run.id == run_id


def _spawned(draft: Draft, event: ev.Spawned) -> None:
    if _is_current(draft, event.key, event.run_id):
        draft.send(event.key, SpawnOk(event.pid, event.executed))
    else:
        draft.effects.append(Kill(event.key, event.pid, 9, "tree"))


def _send_run(draft: Draft, key: str, run_id: RunId, event: Input) -> None:
    if _is_current(draft, key, run_id):
        draft.send(key, event)


def _reaped(draft: Draft, event: ev.Reaped) -> None:
    owner = draft.pids.get(event.pid)
    if owner is not None:
        draft.pids = draft.pids.without(event.pid)
        draft.send(owner, Gone(from_wait(event.status)))
        return
    surveys: list[Effect] = [
        escalation.survey(row.plan, row.state)
        for row in table.ending(draft.table)
        if isinstance(row.state, Ending) and row.state.run.pid != NO_PID
    ]
    draft.effects.extend(surveys)
    shutdown.recount(draft)


def _settle(draft: Draft) -> None:
    """Follow up every transition until there is none left, and let go of who left the plan."""
    _follow_up(draft)
    while _goes_on(draft) or draft.forget():
        _follow_up(draft)


def _goes_on(draft: Draft) -> bool:
    """Take rolls and a trial a step further; say whether that has changed anything."""
    if draft.rolls.going:
        from . import roll

        if roll.proceed(draft):
            return True
    if draft.trial is None:
        return False
    from . import trial

    return trial.proceed(draft)


def _follow_up(draft: Draft) -> None:
    falling.proceed(draft)
    while draft.moved:
        moved, draft.moved = draft.moved, []
        falling.proceed(draft)
        for before, after in moved:
            key = after.plan.key
            draft.unblock(key)
            for user in draft.keys_needing(after.plan.program):
                draft.unblock(user)
            if isinstance(draft.phase, Up):
                shutdown.judge(draft, after)
                if not trials.decides(draft, after):  # that is over first
                    schedule.settle(draft, key)
            else:
                shutdown.moved(draft, before, after)
