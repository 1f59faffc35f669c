"""The life of one process, as a pure function: all of its transitions are in this file.

    advance(process, input, now, seed) -> (process, effects)

The machine, in words.  A process is *at rest* (Stopped, Exited, Fatal), *wanted* (Waiting for
its dependencies, Backoff), or it *has a run* (Starting, Running, Stopping, Ending).

    Stopped --Start--> Waiting --Go--> Starting --Due/Proven--> Running --Gone--> Ending
    Starting, Running --Stop--> Stopping --Gone--> Ending --Counted(0)--> what comes next

Every end of a run goes through Ending, whether the run was stopped, crashed or never executed:
the leader is gone, but its group or tree may live on, and neither "stopped" nor a new run is
true before that is dealt with.  `Ending` is left in one place, `_conclude`, which alone decides
what comes next: Stopped, Exited, Fatal, Backoff, or a new run at once.

Three facts make the hard cases easy.  A fork that is not reported yet has a run with NO_PID: a
stop waits for the report and signals then.  A start while Stopping is remembered in `again`,
so two restarts make one new run.  A changed plan waits in `pending` until the run is over.
"""

from __future__ import annotations

from . import escalation, policy
from .effects import Note, Spawn
from .escalation import SIGKILL
from .inputs import (
    Blocked,
    Condemn,
    Counted,
    Due,
    ExecBad,
    ExecOk,
    Extend,
    Go,
    Gone,
    Hurry,
    Lead,
    Proven,
    Restart,
    SpawnBad,
    SpawnOk,
    Start,
    Stop,
)
from .record import assert_never, replace
from .slot import enter, may_wake, overdue, with_pending
from .states import (
    NEVER,
    NO_PID,
    Backoff,
    Ending,
    Exited,
    Fatal,
    Run,
    RunId,
    Running,
    Starting,
    Stopped,
    Stopping,
    Waiting,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from .effects import Effects
    from .inputs import Input
    from .slot import Process
    from .states import Pid
    from .status import ExitStatus

    Step: TypeAlias = tuple[Process, Effects]
    Telling: TypeAlias = Stop | Hurry | Restart | Condemn

LEFTOVER_GRACE_S = 2.0  # what a crashed run left gets this long after the stop signal
GIVE_UP_KILLS = 5  # leftovers that survive this many KILLs no longer hold up their process


def advance(process: Process, event: Input, now: float, seed: int) -> Step:
    """Return `process` after `event`, and what must be done about it."""
    match process.state:
        case Stopped() | Exited() | Fatal():
            return _at_rest(process, event, now)
        case Waiting() as state:
            return _waiting(process, state, event, now)
        case Starting() as state:
            return _starting(process, state, event, now, seed)
        case Running() as state:
            return _running(process, state, event, now, seed)
        case Stopping() as state:
            return _stopping(process, state, event, now, seed)
        case Ending() as state:
            return _ending(process, state, event, now, seed)
        case Backoff() as state:
            return _backoff(process, state, event, now)
        case _:
            assert_never(process.state)


def _at_rest(process: Process, event: Input, now: float) -> Step:
    match event:
        case Start() | Restart():
            return _wanted(process, now)
        case Stop(held=True) if isinstance(process.state, Stopped) or may_wake(process):
            return enter(process, Stopped(held=True)), ()
        case Stop() | Go() | Blocked() | SpawnOk() | SpawnBad() | ExecOk() | ExecBad() | Gone():
            return process, ()
        case Counted() | Proven() | Condemn() | Extend() | Lead() | Due() | Hurry():
            return process, ()
        case _:
            assert_never(event)


def _waiting(process: Process, state: Waiting, event: Input, now: float) -> Step:
    match event:
        case Go():
            return _spawn(process, now)
        case Blocked(reason):
            return enter(process, Fatal(reason)), ()
        case Stop(held=held):
            return enter(process, Stopped(held)), ()
        case Due() | Restart():
            since = now if isinstance(event, Restart) else state.since
            return enter(process, Waiting(since, overdue(process.plan, since, now))), ()
        case Start() | SpawnOk() | SpawnBad() | ExecOk() | ExecBad() | Gone():
            return process, ()
        case Counted() | Proven() | Condemn() | Extend() | Lead() | Hurry():
            return process, ()
        case _:
            assert_never(event)


def _starting(process: Process, state: Starting, event: Input, now: float, seed: int) -> Step:
    match event:
        case SpawnOk(pid, executed):
            born = replace(state, run=replace(state.run, pid=pid))
            started = policy.executed(process, born, now) if executed else born
            return enter(process, started), ()
        case ExecOk():
            return enter(process, policy.executed(process, state, now)), ()
        case ExecBad(failure):
            return enter(process, replace(state, failure=failure)), ()
        case SpawnBad(failure):
            return _end(process, Ending(state.run, failure, asked=False, was_up=False), now, seed)
        case Gone(status):
            status = state.failure or status
            failed = policy.left_nobody(process, state.run, status)
            ending = Ending(state.run, status, asked=False, was_up=False, failed=failed)
            return _end(process, ending, now, seed)
        case Proven():
            known = replace(state, proven=True)
            proven = policy.executed(process, known, now) if state.executed else known
            return enter(process, proven), ()
        case Extend(until) if not state.executed:
            return enter(process, replace(state, granted=max(state.granted, until))), ()
        case Extend(until) if state.ready_by != NEVER:
            return enter(process, replace(state, ready_by=max(state.ready_by, until))), ()
        case Lead(pid) if state.run.pid != NO_PID:
            return _led(process, replace(state, run=_follow(state.run, pid)), now)
        case Due() if now >= state.ready_by:
            failed = policy.overdue(process.plan, state)
            return _stop(process, state, process.plan.stop.timeout, now, failed=failed)
        case Due() if now >= state.up_at:
            return enter(process, Running(state.run)), ()
        case Stop() | Hurry() | Restart() | Condemn():
            return _told(process, state, event, now)
        case Start() | Go() | Blocked() | Counted() | Extend() | Lead() | Due():
            return process, ()
        case _:
            assert_never(event)


def _running(process: Process, state: Running, event: Input, now: float, seed: int) -> Step:
    match event:
        case Gone(status):
            return _end(process, Ending(state.run, status, asked=False, was_up=True), now, seed)
        case Stop() | Hurry() | Restart() | Condemn():
            return _told(process, state, event, now)
        case Lead(pid):
            return enter(process, Running(_follow(state.run, pid))), ()
        case Start() | Go() | Blocked() | SpawnOk() | SpawnBad() | ExecOk() | ExecBad():
            return process, ()
        case Counted() | Proven() | Extend() | Due():
            return process, ()
        case _:
            assert_never(event)


def _stopping(process: Process, state: Stopping, event: Input, now: float, seed: int) -> Step:
    match event:
        case SpawnOk(pid):
            run = replace(state.run, pid=pid)
            first = process.plan.stop.signals[0]
            return enter(process, replace(state, run=run)), (
                escalation.kill(process.plan, run, first),
            )
        case ExecBad(failure):
            return enter(process, replace(state, failure=failure)), ()
        case SpawnBad(failure):
            return _end(process, _stopped(state, failure), now, seed)
        case Gone(status):
            return _end(process, _stopped(state, state.failure or status), now, seed)
        case Due():
            rest, kills, effects = escalation.send_due(process.plan, state.run, state.schedule, now)
            killed = state.killed or kills > 0
            return enter(process, replace(state, schedule=rest, killed=killed)), effects
        case Start() | Restart():
            return enter(process, replace(state, again=True)), ()
        case Stop(grace_s, held):
            sooner = escalation.sooner(state.schedule, now + grace_s)
            calm = replace(state, again=False, failed="", held=held or state.held)
            return enter(process, replace(calm, schedule=sooner)), ()
        case Hurry():
            at_once = replace(state, again=False, schedule=((now, SIGKILL),))
            return enter(process, at_once), ()
        case Extend(until) if not state.killed:
            return enter(
                process, replace(state, schedule=escalation.later(state.schedule, until))
            ), ()
        case Lead(pid) if state.run.pid != NO_PID:
            run = _follow(state.run, pid)
            told = escalation.tell(process.plan, run)
            return enter(process, replace(state, run=run)), told
        case Go() | Blocked() | ExecOk() | Counted():
            return process, ()
        case Proven() | Condemn() | Extend() | Lead():
            return process, ()
        case _:
            assert_never(event)


def _ending(process: Process, state: Ending, event: Input, now: float, seed: int) -> Step:
    match event:
        case Counted(0):
            return _conclude(process, state, now, seed)
        case Counted(left):
            return _leftovers(process, state, left, now)
        case Due() if state.kills >= GIVE_UP_KILLS:
            text = f"{process.plan.name}: {state.left} of its processes survive SIGKILL; going on"
            ended, effects = _conclude(process, state, now, seed)
            return ended, (Note("error", text), *effects)
        case Due():
            rest, kills, effects = escalation.send_due(process.plan, state.run, state.schedule, now)
            killed = replace(state, schedule=rest, kills=state.kills + kills)
            return enter(process, killed), (*effects, escalation.survey(process.plan, killed))
        case Start() | Restart():
            return enter(process, replace(state, again=True)), ()
        case Stop(grace_s, held):
            held = held or (state.asked and state.held)
            calm = replace(state, asked=True, again=False, failed="", held=held)
            return enter(process, escalation.within(calm, now + grace_s)), ()
        case Hurry():
            return enter(
                process, escalation.within(replace(state, asked=True, again=False), now)
            ), ()
        case Go() | Blocked() | SpawnOk() | SpawnBad() | ExecOk() | ExecBad() | Gone():
            return process, ()
        case Proven() | Condemn() | Extend() | Lead():
            return process, ()
        case _:
            assert_never(event)


def _backoff(process: Process, state: Backoff, event: Input, now: float) -> Step:
    match event:
        case Due() if now >= state.retry_at:
            return _spawn(replace(process, restarts=process.restarts + 1), now)
        case Start() | Restart():
            return _wanted(process, now)
        case Stop(held=held):
            return enter(process, Stopped(held)), ()
        case Hurry():
            return enter(process, Stopped()), ()
        case Go() | Blocked() | SpawnOk() | SpawnBad() | ExecOk() | ExecBad() | Gone() | Counted():
            return process, ()
        case Proven() | Condemn() | Extend() | Lead() | Due():
            return process, ()
        case _:
            assert_never(event)


def _told(process: Process, state: Starting | Running, event: Telling, now: float) -> Step:
    """Somebody wants the run down."""
    match event:
        case Stop(grace_s, held):
            return _stop(process, state, grace_s, now, held=held)
        case Hurry(grace_s):
            return _stop(process, state, grace_s, now)
        case Restart(grace_s):
            return _stop(process, state, grace_s, now, again=True)
        case Condemn(why, what):
            return _stop(process, state, process.plan.stop.timeout, now, failed=why, action=what)
        case _:
            assert_never(event)


def _spawn(process: Process, now: float) -> Step:
    run = Run(RunId(process.runs + 1), NO_PID, now)
    spawn = Spawn(process.plan.key, run.id, process.plan, process.limits)
    return enter(process, Starting(run), runs=run.id), (spawn,)


def _follow(run: Run, pid: Pid) -> Run:
    return replace(run, pid=pid, group=run.group or run.pid)


def _led(process: Process, state: Starting, now: float) -> Step:
    """Another process leads: of one that forks away this is what was waited for."""
    is_in_time = state.proven or (process.plan.ready is None and state.up_at == NEVER)
    if process.plan.kind == "forking" and is_in_time:
        return enter(process, policy.executed(process, state, now)), ()
    return enter(process, state), ()


def _stop(
    process: Process,
    state: Starting | Running,
    grace_s: float,
    now: float,
    *,
    again: bool = False,
    failed: str = "",
    action: str = "",
    held: bool = True,
) -> Step:
    run = state.run
    failure = state.failure if isinstance(state, Starting) else None
    schedule = escalation.plan(process.plan.stop, grace_s, now)
    was_up = isinstance(state, Running)
    told = Stopping(run, now, schedule, again, failed, failure, False, held, action, was_up)
    stopping = enter(process, told)
    if run.pid == NO_PID:  # the fork is not reported yet: the signal follows on SpawnOk
        return stopping, ()
    return stopping, (escalation.kill(process.plan, run, process.plan.stop.signals[0]),)


def _stopped(state: Stopping, status: ExitStatus) -> Ending:
    """Return the Ending of a run that was being stopped, by request or as our verdict."""
    return Ending(
        run=state.run,
        status=status,
        asked=not state.failed,
        was_up=state.was_up,
        again=state.again,
        failed=state.failed,
        schedule=state.schedule,
        stop_since=state.since,
        killed=state.killed,
        action=state.action,
        held=state.held,
    )


def _end(process: Process, ending: Ending, now: float, seed: int) -> Step:
    """The leader is gone: count what it left, or go on at once where nothing can be left."""
    process = replace(process, last=ending.status, last_at=now)
    scope = escalation.scope(process.plan.stop, ending)
    if ending.run.pid == NO_PID or escalation.is_alone(process.plan, scope):
        return _conclude(process, ending, now, seed)
    return enter(process, ending), (escalation.survey(process.plan, ending),)


def _leftovers(process: Process, state: Ending, left: int, now: float) -> Step:
    """Members live on: tell them to stop if nobody has yet, and wait for the next count."""
    latest = max(now, state.kill_by) if state.kills == 0 else NEVER
    if state.schedule:
        schedule = escalation.sooner(state.schedule, latest)
        return enter(process, replace(state, left=left, schedule=schedule)), ()
    grace_s = min(process.plan.stop.timeout, LEFTOVER_GRACE_S)
    schedule = ((min(now + grace_s, latest), SIGKILL),)
    told = escalation.kill(process.plan, state.run, process.plan.stop.signals[0])
    return enter(process, replace(state, left=left, schedule=schedule)), (told,)


def _conclude(process: Process, state: Ending, now: float, seed: int) -> Step:
    """Nothing of the run is left: decide what comes next."""
    process = with_pending(process)
    if state.again and not (process.closing or process.retired):
        return _wanted(process, now)
    if state.asked:
        return enter(process, Stopped(held=state.held and not process.closing)), ()
    verdict = policy.judge(process, state, now, seed)
    tries, childless = verdict.tries, verdict.childless
    process = replace(process, failures=verdict.failures, tries=tries, childless=childless)
    if isinstance(verdict.state, Backoff) and verdict.state.retry_at <= now:
        return _spawn(replace(process, restarts=process.restarts + 1), now)
    return enter(process, verdict.state), ()


def _wanted(process: Process, now: float) -> Step:
    """Somebody wants a new run: what failed before is forgiven."""
    waiting = Waiting(now, overdue(process.plan, now, now))
    return enter(process, waiting, failures=(), tries=0, childless=0), ()
