"""The way down: drain, stop in reverse order inside the budget, sweep, and the exit status.

The budget is cut along the graph.  A process that may take T seconds, with at most R seconds of
others still to stop after it, gets T / (T + R) of what is left of the budget, and never more
than T.  What one level does not use is there for the next; the last KILL comes before the end
of the budget, since a reserve is kept for reaping.

Where the plan says so, groups take the place of the graph: `levels`.

The hidden processes are pyinit's own: they stop when all others have, and never keep pyinit up.
"""

from __future__ import annotations

from . import escalation, graph, levels, schedule, trials
from .beside import Rolls, is_beside
from .effects import Exit, Note, Sweep
from .inputs import Due, Hurry, Stop
from .phases import Booting, Draining, Halting, Over, Shutdown, Sweeping, Up, shutdown_of
from .record import assert_never, replace
from .slot import is_active
from .states import NEVER, WITH_RUN, Backoff, Ending, Exited, Fatal, Stopping, Waiting, has_failed
from .status import Signaled, describe, parted, shell_code
from .table import held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .draft import Draft
    from .slot import Process

RESERVE_S = 0.5  # of the budget, for the last KILL to be reaped and the sweep; at most a tenth
SWEEP_GRACE_S = 2.0  # what the programs left behind gets between TERM and KILL
HURRY_GRACE_S = 1.0  # what was not told to stop before somebody lost patience gets this
PATIENCE = 2  # the request that turns a stop into a hurry
DRAIN_SHARE = 0.75  # of the budget at most: the stop itself needs some of it
BLAME_S = 1.0  # a process that took longer to stop than this is named at the end
SIGTERM = 15
GROUPS = "groups"


def request(draft: Draft, cause: str, *, again: bool = False, code: int | None = None) -> None:
    """Begin an ordered stop; asked for again, cut the drain and the grace periods short.

    With `again` pyinit begins anew when all is over.  Who asks for a stop meanwhile gets one.
    `code` is the exit status in the place of the main program's.
    """
    under_way = shutdown_of(draft.phase)
    if again and not isinstance(draft.phase, Booting | Up):
        return
    if under_way is not None and under_way.again:
        _stop_for_good(draft, replace(under_way, again=False, cause=cause))
        return
    match draft.phase:
        case Booting():
            draft.phase = Over(0)  # nothing was started
            draft.effects.append(Exit(0, cause, again))
        case Up():
            begin(draft, cause, code, asked=1, again=again)
        case Draining(_, shutdown):
            _halt(draft, replace(shutdown, asked=shutdown.asked + 1))
        case Halting(shutdown):
            _hurry(draft, replace(shutdown, asked=shutdown.asked + 1))
        case Sweeping(shutdown):
            hurried = replace(shutdown, asked=shutdown.asked + 1)
            soon = ((draft.now, escalation.SIGKILL),) if shutdown.asked else draft.phase.schedule
            draft.phase = Sweeping(hurried, soon)
        case Over():
            pass
        case _:
            assert_never(draft.phase)


def _stop_for_good(draft: Draft, shutdown: Shutdown) -> None:
    """It was to be a restart; it goes on as the stop that it is so far."""
    draft.effects.append(Note("info", f"stopping: {shutdown.cause}"))
    draft.phase = replace(draft.phase, shutdown=shutdown)
    if isinstance(draft.phase, Over):
        draft.effects.append(Exit(draft.phase.code, shutdown.cause))


def drain(draft: Draft, *, on: bool) -> None:
    """Note since when traffic is to stay away; a shutdown that follows need not wait again."""
    if not on:
        draft.drained_at = NEVER
    elif draft.drained_at == NEVER:
        draft.drained_at = draft.now


def begin(
    draft: Draft, cause: str, code: int | None, *, asked: int = 0, again: bool = False
) -> None:
    """Leave `Up`: drain first where the plan says so, and only if somebody asked for the stop."""
    init = draft.init
    timeouts: dict[str, float] = {}
    draft.flush()
    for process in draft.table:
        draft.put(replace(process, closing=True))
        if is_active(process):
            longest = max(timeouts.get(process.plan.program, 0.0), process.plan.stop.timeout)
            timeouts[process.plan.program] = longest
    weights = _weights(draft, timeouts)
    until = draft.now + init.stop_budget
    shutdown = Shutdown(cause, code, draft.now, until, weights, asked, again=again)
    line, _ = parted(cause)  # how to mend it was said when it happened
    draft.effects.append(Note("info", f"{'restarting' if again else 'stopping'}: {line}"))
    draft.rolls = Rolls()
    trials.abandon(draft)
    draft.falling = {key: again for key, again in draft.falling.items() if not again}
    for process in draft.table:
        if isinstance(process.state, Waiting | Backoff):
            draft.send(process.plan.key, Stop(0.0, held=False))
        elif is_beside(process.plan.key) and is_active(process):
            _stop(draft, process, shutdown)
    wait_s = min(draft.now, draft.drained_at) + init.drain_delay - draft.now
    if asked and wait_s > 0 and draft.active():
        _drain_first(draft, wait_s, shutdown)
    else:
        _halt(draft, shutdown)


def _drain_first(draft: Draft, wait_s: float, shutdown: Shutdown) -> None:
    budget_s = draft.init.stop_budget
    if wait_s > budget_s * DRAIN_SHARE:
        text = f"cannot drain for {wait_s:g} s within a stop budget of {budget_s:g} s"
        draft.effects.append(Note("warning", text))
        wait_s = budget_s * DRAIN_SHARE
    draft.effects.append(Note("info", f"draining for {wait_s:g} s"))
    draft.phase = Draining(draft.now + wait_s, shutdown)


def tick(draft: Draft) -> None:
    """Act on the deadline of the phase, if it has come."""
    now = draft.now
    match draft.phase:
        case Draining(until, shutdown) if now >= until:
            _halt(draft, shutdown)
        case Halting(shutdown) if now >= shutdown.deadline:
            _abandon(draft, shutdown)
        case Sweeping(shutdown) if now >= shutdown.deadline:
            draft.effects.append(Sweep(escalation.SIGKILL))
            _over(draft, shutdown, complete=False)
        case Sweeping(shutdown, schedule) if schedule and now >= schedule[0][0]:
            signals, rest = escalation.split(schedule, now)
            draft.effects.extend([Sweep(signum) for signum in signals])
            draft.phase = Sweeping(shutdown, rest)
        case _:
            pass


def moved(draft: Draft, before: Process, after: Process) -> None:
    """A process changed its state during the shutdown: note the time, and stop who is next."""
    if isinstance(draft.phase, Draining) and draft.active() == 0:
        _halt(draft, draft.phase.shutdown)
    if not isinstance(draft.phase, Halting):
        return
    if not is_active(after):
        _blame(draft, draft.phase.shutdown, before, after)
        if draft.init.stop_order == GROUPS:
            _stop_next_group(draft, before)
        else:
            _stop_below(draft, after.plan.program)
        _stop_hidden(draft)


def swept(draft: Draft, left: int) -> None:
    """The sweep counted `left` processes that are no programs."""
    if not isinstance(draft.phase, Sweeping):
        return
    shutdown, schedule = draft.phase.shutdown, draft.phase.schedule
    if left == 0:
        _over(draft, shutdown, complete=True)
    elif not schedule:
        grace_s = SWEEP_GRACE_S if shutdown.asked < PATIENCE else 0.0
        kill_at = min(draft.now + grace_s, shutdown.deadline - _reserve_s(draft))
        draft.phase = Sweeping(shutdown, ((max(kill_at, draft.now), escalation.SIGKILL),))
        draft.effects.append(Sweep(SIGTERM))


def recount(draft: Draft) -> None:
    """An orphan was reaped: count again if the sweep waits for that."""
    if isinstance(draft.phase, Sweeping):
        draft.effects.append(Sweep(0))


def judge(draft: Draft, process: Process) -> None:
    """A process came to rest by itself while `Up`: decide by `exit` whether that is the end."""
    if process.plan.hidden or trials.decides(draft, process):
        return
    match process.state:
        case Fatal(reason):
            why = f"{process.plan.name} gave up: {reason}"
        case Exited(failed=verdict) if verdict:
            why = f"{process.plan.name} is {verdict}"
        case Exited(status):
            why = f"{process.plan.name} ended: {describe(status)}"
        case _:
            return
    policy, program = draft.init.exit, process.plan.program
    failed = has_failed(process.state)
    if isinstance(process.state, Exited) and process.state.action == "exit":
        begin(draft, why, _code(process))
    elif policy.startswith("main:"):
        if policy[5:] == program and not _goes_on(draft, program):
            begin(draft, why, _code(process))
    elif policy == "fail-fast" and failed and process.plan.critical:
        begin(draft, why, _code(process))
    elif policy in {"fail-fast", "all-done"} and not _is_left(draft):
        begin(draft, "nothing is left to run", _first_failure(draft))


def _goes_on(draft: Draft, program: str) -> bool:
    """Say whether any process of `program` is not at rest; an old run that is leaving is none."""
    keys = [key for key in draft.graph.keys.get(program, ()) if not is_beside(key)]
    return any(is_active(draft.row(key)) for key in keys)


def _is_left(draft: Draft) -> bool:
    """Say whether something runs, or may run again: by hand, by the clock, or by a connection."""
    return bool(draft.active() or held(draft.table)) or schedule.is_left(draft)


def _code(process: Process) -> int:
    """Return the exit status that a process at rest gives, never 0 if it failed."""
    match process.state:
        case Exited(action=action) if action:
            return 1  # it was condemned: how it ended is how we ended it
        case Exited(status) | Fatal(_, status) if status is not None:
            return shell_code(status) or int(has_failed(process.state))
        case _:
            return 1


def _first_failure(draft: Draft) -> int:
    """Return the status of the process that failed first of those that are failed now, or 0.

    Those that never ran, because what they need failed, come after it.
    """
    failed = [row for row in draft.table if has_failed(row.state) and not row.plan.hidden]
    ran = [row for row in failed if row.last is not None]
    return _code(min(ran or failed, key=lambda row: row.last_at)) if failed else 0


def _halt(draft: Draft, shutdown: Shutdown) -> None:
    draft.phase = Halting(shutdown)
    draft.falling = {}
    if draft.init.stop_order == GROUPS:
        _stop_next_group(draft)
    elif draft.active():
        for program in draft.graph.keys:
            if draft.is_up(program):
                _stop_program(draft, program)
    _stop_hidden(draft)


def _weights(draft: Draft, timeouts: dict[str, float]) -> dict[str, float]:
    if draft.init.stop_order == GROUPS:
        return levels.weights(draft.table)
    return graph.weights(draft.graph, timeouts)


def _stop_next_group(draft: Draft, last: Process | None = None) -> None:
    """Stop the group whose turn it is, all of its processes at once; not before that of `last`."""
    draft.flush()
    if not isinstance(draft.phase, Halting):
        return
    if last is not None and levels.is_awake(draft.table, last):
        return
    for process in levels.highest(draft.table):
        _stop(draft, process, draft.phase.shutdown)


def _stop_below(draft: Draft, program: str) -> None:
    """Stop what `program` needs, reaching through programs at rest."""
    seen = {program}
    stack = [program]
    while stack:
        for need in draft.graph.needs.get(stack.pop(), ()):
            if need in seen:
                continue
            seen.add(need)
            if draft.is_up(need):
                _stop_program(draft, need)
            else:
                stack.append(need)


def _blame(draft: Draft, shutdown: Shutdown, before: Process, after: Process) -> None:
    """Remember who took long to stop, or had to be killed."""
    match before.state:
        case Stopping(since=since):
            kills = 0
        case Ending(stop_since=since, kills=kills) if since != NEVER:
            pass
        case _:
            return
    took_s = draft.now - since
    killed = kills > 0 or after.last == Signaled(escalation.SIGKILL)
    if took_s >= BLAME_S or killed:
        entry = (after.plan.name, took_s, killed)
        draft.phase = Halting(replace(shutdown, blame=(*shutdown.blame, entry)))


def _stop_program(draft: Draft, program: str) -> None:
    """Stop every process of `program`, once nothing that needs it is active any more."""
    if not isinstance(draft.phase, Halting) or draft.is_needed(program):
        return
    shutdown = draft.phase.shutdown
    for key in draft.graph.keys.get(program, ()):
        process = draft.row(key)
        if is_active(process) and not process.plan.hidden:
            _stop(draft, process, shutdown)


def _stop(draft: Draft, process: Process, shutdown: Shutdown) -> None:
    left_s = shutdown.deadline - _reserve_s(draft) - draft.now
    timeout = process.plan.stop.timeout
    weight = max(shutdown.weights.get(process.plan.program, timeout), timeout)
    grace_s = max(0.0, min(timeout, left_s * timeout / weight if weight else 0.0))
    if shutdown.asked >= PATIENCE:
        grace_s = min(grace_s, HURRY_GRACE_S)
    draft.send(process.plan.key, Stop(grace_s, held=False))


def _stop_hidden(draft: Draft) -> None:
    """Once all others are at rest, stop the hidden processes; after them, sweep."""
    if not isinstance(draft.phase, Halting) or draft.active():
        return
    shutdown, hidden = draft.phase.shutdown, draft.hidden()
    for process in hidden:
        _stop(draft, process, shutdown)
    if not hidden:
        draft.phase = Sweeping(shutdown)
        draft.effects.append(Sweep(0))


def _hurry(draft: Draft, shutdown: Shutdown) -> None:
    """Somebody lost patience: KILL what overstays, tell all others to stop at once."""
    draft.phase = Halting(shutdown)
    if shutdown.asked < PATIENCE:  # it had begun by itself: this is the first who asks
        return
    grace_s = HURRY_GRACE_S if shutdown.asked == PATIENCE else 0.0
    draft.effects.append(Note("warning", "asked to stop again: hurrying"))
    draft.flush()
    for process in draft.table:
        if is_active(process):
            draft.send(process.plan.key, Hurry(grace_s))


def _abandon(draft: Draft, shutdown: Shutdown) -> None:
    draft.flush()
    for process in [row for row in draft.table if is_active(row)]:  # some had no turn yet
        draft.send(process.plan.key, Hurry(0.0))
        draft.send(process.plan.key, Due())
    draft.flush()
    stuck = [row.plan.name for row in draft.table if isinstance(row.state, WITH_RUN)]
    text = f"the stop budget of {draft.init.stop_budget:g} s is used up"
    behind = f"; left behind: {', '.join(stuck)}" if stuck else ""
    draft.effects.append(Note("error", text + behind))
    draft.effects.append(Sweep(escalation.SIGKILL))
    _over(draft, shutdown, complete=False)


def _over(draft: Draft, shutdown: Shutdown, *, complete: bool) -> None:
    code = shutdown.code
    main = draft.row(draft.base.main) if draft.base.main is not None else None
    if code is None:
        code = shell_code(main.last) if main is not None and main.last is not None else 0
    if not complete and code == 0:
        code = 1
    for name, took_s, killed in sorted(shutdown.blame, key=lambda entry: -entry[1])[:10]:
        text = f"{name} took {took_s:.1f} s to stop" + (" and had to be killed" if killed else "")
        draft.effects.append(Note("warning", text))
    took_s = draft.now - shutdown.began
    end = "beginning anew" if shutdown.again else f"exit status {code}"
    draft.effects.append(Note("info", f"stopped in {took_s:.1f} s; {end}"))
    draft.phase = Over(code, shutdown)
    draft.effects.append(Exit(code, shutdown.cause, shutdown.again))


def _reserve_s(draft: Draft) -> float:
    return min(RESERVE_S, draft.init.stop_budget / 10)
