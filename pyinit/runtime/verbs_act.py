"""Verbs that change something: start, stop, restart, signal, reload, drain, shutdown, reexec.

Each feeds an event to the core and holds the request until the core has done it.  What came of
it is told process by process: one that failed does not hide those that did well.
"""

from __future__ import annotations

from pyinit.core import events as ev
from pyinit.core import falling
from pyinit.core.beside import beside
from pyinit.core.phases import Booting, Draining, Over, Up
from pyinit.core.plan import Plan
from pyinit.core.states import (
    NO_PID,
    RESTING,
    Backoff,
    Exited,
    Fatal,
    Running,
    Starting,
    Stopped,
    Stopping,
    Waiting,
)
from pyinit.core.status import SIGNAL_NAMES
from pyinit.protocol.messages import Refused
from pyinit.protocol.names import nearest
from pyinit.runtime.following import DONE, Following, Verdict, follow, result_of, told_of
from pyinit.runtime.verbs_reload import Loaded, changes_of
from pyinit.runtime.verbs_service import PATIENCE_S
from pyinit.runtime.verbs_state import fix_of, reason_of
from pyinit.system.signals import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.slot import Process
    from pyinit.protocol.wire import Object
    from pyinit.runtime.compiling import Faults
    from pyinit.runtime.control import Ask
    from pyinit.runtime.lookup import Unusable
    from pyinit.runtime.verbs_service import Service


def start(ask: Ask, service: Service) -> None:
    """Start processes; reply once they are up (oneshots: done), or have failed to."""
    service.check_up(ask)
    rows = service.rows(ask)
    if ask.args.get("precheck"):
        _start_checked(ask, service, rows)
        return
    service.desk.feed(ev.StartRequested(_keys(rows)))
    follow(ask, service, rows, _judge_start)


def stop(ask: Ask, service: Service) -> None:
    """Stop processes and what depends on them; reply once they and all they started are gone."""
    named = service.rows(ask)
    rows = _with_dependents(service, named, again=False)
    service.desk.feed(ev.StopRequested(_keys(named)))
    follow(ask, service, rows, _judge_stop)


def restart(ask: Ask, service: Service) -> None:
    """Give processes, and what depends on them, new runs; reply once those are up."""
    service.check_up(ask)
    rows = service.rows(ask)
    if ask.args.get("rolling"):
        from pyinit.runtime import verbs_roll  # for few

        verbs_roll.restart(ask, service, rows)
        return
    service.desk.feed(ev.RestartRequested(_keys(rows)))
    # Who has been waiting before it, and is not named, may wait for what a restart does not bring.
    others = _with_dependents(service, rows, again=True)[len(rows) :]
    followed = [*rows, *[each for each in others if not isinstance(each.state, Waiting)]]
    follow(ask, service, followed, judge_restart)


def signal(ask: Ask, service: Service) -> Object:
    """Send a signal to the leaders of processes that have one."""
    signum = _read_signal(str(ask.args["signal"]))
    rows = service.rows(ask)
    alive = [row for row in rows if _has_pid(row)]
    service.desk.feed(ev.SignalRequested(_keys(alive), signum))
    told = [told_of(row, "" if _has_pid(row) else "it is not running") for row in rows]
    return result_of(service, ask, told, "not-running")


def reload(ask: Ask, service: Service) -> None:
    """Read the configuration again; put it in force if it is good and this is no dry run."""
    service.check_up(ask)
    _check_trial(service)
    outcome: list[Plan | Faults] = []
    if not service.desk.compile(outcome.append):
        raise Refused("busy", "cannot reload: the last reload is still under way")
    loaded: list[Loaded] = []

    def look() -> Object | None:
        if loaded:
            return loaded[0].look()
        if not outcome:
            return None
        plan = outcome[0]
        if not isinstance(plan, Plan):
            if not ask.args.get("dry_run"):
                service.desk.refuse(plan)
            text = "cannot reload: the configuration is bad; the old one stays in force\n"
            raise Refused("bad-config", text + "\n".join(plan.lines), {"errors": list(plan.lines)})
        service.check_up(ask)
        if ask.args.get("dry_run"):
            return changes_of(service, plan)
        _check_trial(service)
        loaded.append(Loaded(ask, service, plan))
        return None

    ask.hold(look)


def _check_trial(service: Service) -> None:
    """Raise Refused (busy) while it is not known what became of the last reload."""
    names = service.desk.on_trial
    if names:
        text = f"cannot reload: the last reload is on trial still, it waits for {names}"
        raise Refused("busy", f"{text}\n  who cannot wait stops it: pyinitctl stop {names}")


def drain(ask: Ask, service: Service) -> Object | None:
    """Take readiness back and reply once `drain_delay` has passed; nothing is stopped.

    Asked again it only waits for the rest of the delay; a shutdown does not wait a second time.
    Once a stop has gone beyond its own drain there is nothing left to wait for.
    """
    off = bool(ask.args.get("off"))
    if off:
        service.check_up(ask)
    service.desk.feed(ev.DrainRequested(not off))
    if off:
        return {"draining": False}
    delay_s = ask.args.get("delay_s")
    if not isinstance(delay_s, int | float):
        delay_s = service.desk.state.init.drain_delay
    since = min(service.desk.now(), service.desk.state.drained_at)
    until = since + min(delay_s, PATIENCE_S)
    patience = service.deadline(ask)

    def look() -> Object | None:
        if not isinstance(service.desk.state.phase, Booting | Up | Draining):
            return {"draining": True}
        if not service.draining:
            raise Refused("failed", "cannot drain: somebody has given readiness back meanwhile")
        return None

    def expired() -> Object:
        if patience < until:
            left_s = until - service.desk.now()
            fix = "readiness stays taken back; wait longer, or give it back: pyinitctl drain --off"
            raise Refused("timeout", f"cannot drain in time: {left_s:.1f} s are left\n  {fix}")
        return {"draining": True}

    ask.hold(look, min(until, patience), expired)
    return None


def shutdown(ask: Ask, service: Service) -> Object | None:
    """Stop everything and exit; reply at the very end, or at once with `wait` false."""
    service.desk.feed(ev.ShutdownRequested(f"asked by {ask.peer.shown}"))
    if ask.args.get("wait") is False:
        return {"state": "stopping"}

    def look() -> Object | None:
        phase = service.desk.state.phase
        return {"state": "over", "code": phase.code} if isinstance(phase, Over) else None

    ask.hold(look)
    return None


def restart_all(ask: Ask, service: Service) -> None:
    """Stop everything and begin anew, with the configuration as it is then; reply once it begins.

    Nothing is stopped if the configuration is bad.
    """
    service.check_up(ask)
    event = ev.ShutdownRequested(f"asked by {ask.peer.shown}", again=True)
    heard: list[Faults | None] = []
    begun = service.desk.restart(event, heard.append)

    def look() -> Object | None:
        nonlocal begun
        if not heard:
            service.check_up(ask)
            begun = begun or service.desk.restart(event, heard.append)
        for faults in heard:
            if faults is None:
                return {"state": "restarting"}
            text = "cannot restart everything: the configuration is bad; all goes on as it is\n"
            lines = list(faults.lines)
            raise Refused("bad-config", text + "\n".join(lines), {"errors": [*lines]})
        return None

    ask.hold(look)


def reexec(ask: Ask, service: Service) -> None:
    """Replace the running pyinit by a new one, which keeps every process, and replies to this."""
    service.check_up(ask)
    desk = service.desk
    desk.reexec_wanted, desk.reexec_failed = True, ""

    def look() -> None:
        if desk.reexec_failed:
            raise Refused("failed", f"cannot re-exec, going on: {desk.reexec_failed}")

    ask.hold(look)


def _read_signal(text: str) -> int:
    """Return the number of `HUP`, `SIGHUP`, `RTMIN+1` or `1`.  Raises Refused."""
    try:
        return number_of(text)
    except ValueError as error:
        near = nearest(text.upper().removeprefix("SIG"), SIGNAL_NAMES[1:])
        fix = f"\n  did you mean '{near}'?" if near else ""
        raise Refused("bad-request", f"{error}{fix}") from None


def _start_checked(ask: Ask, service: Service, rows: list[Process]) -> None:
    """Start those processes whose command is there; the others stay as they are."""
    from pyinit.runtime import lookup  # for few

    found: list[dict[str, Unusable]] = []
    begun: list[Following] = []

    def look() -> Object | None:
        if begun:
            return begun[0].look()
        if found:
            service.check_up(ask)
            now = [service.row(row.plan.key) or row for row in rows]
            good = [row for row in now if row.plan.key not in found[0]]
            begun.append(Following(ask, service, good, _judge_start))
            for row in now:
                wrong = found[0].get(row.plan.key)
                if wrong is not None:
                    begun[0].tell({**told_of(row, wrong.message), "code": wrong.code})
            service.desk.feed(ev.StartRequested(_keys(good)))
        return None

    def expired() -> Object:
        if begun:
            return begun[0].expired()
        raise Refused("timeout", f"cannot {ask.verb}: whether the command is there took too long")

    ask.hold(look, service.deadline(ask), expired)  # before a child is made: there may be no room
    lookup.look(service.desk, rows, found.append)


def _judge_start(service: Service, old: Process, row: Process) -> Verdict | None:
    match row.state:
        case Running() if row.plan.kind != "oneshot":
            return DONE
        case Backoff() | Fatal() | Exited() if row is not old:
            return _judge_end(service, row)
        case Stopped() if row is not old:
            return Verdict("it was stopped meanwhile")
        case Stopped() | Exited() | Fatal() if not isinstance(service.desk.state.phase, Up):
            return Verdict("pyinit is stopping")
        case _:
            return _judge_gone(service, row)


def _judge_stop(service: Service, old: Process, row: Process) -> Verdict | None:
    if isinstance(row.state, RESTING):
        return None if service.row(beside(row.plan.key)) else DONE
    if row.runs > old.runs:
        return Verdict("it was started again meanwhile")
    return None if service.row(row.plan.key) else DONE


def judge_restart(service: Service, old: Process, row: Process) -> Verdict | None:
    """Say what came of a restart once it is known; `old` is the process before it was asked."""
    anew = row.runs > old.runs
    match row.state:
        case Running() if anew and row.plan.kind != "oneshot":
            return DONE
        case Backoff() | Exited() if anew:
            return _judge_end(service, row)
        case Fatal() if row is not old:
            return _judge_end(service, row)
        case Stopped() if row is not old:
            return Verdict("it was stopped meanwhile")
        case Stopped() | Exited() | Fatal() if not isinstance(service.desk.state.phase, Up):
            return Verdict("pyinit is stopping")
        case _:
            return _judge_gone(service, row)


def _judge_end(service: Service, row: Process) -> Verdict:
    """Judge a run that has ended: well, or with words that help."""
    match row.state:
        case Exited(success=True):
            return DONE
        case _:
            fix = fix_of(row)
            return Verdict(reason_of(service, row) + (f"\n  {fix}" if fix else ""))


def _judge_gone(service: Service, row: Process) -> Verdict | None:
    if service.row(row.plan.key) is None:
        return Verdict("it was removed from the configuration")
    return None


def _with_dependents(service: Service, named: list[Process], *, again: bool) -> list[Process]:
    """Return the rows that are named, and after them those that go along with them."""
    table = service.desk.state.table
    taken = falling.concerned(service.desk.state, named, again=again)
    return [*named, *[table[key] for key in taken]]


def _keys(rows: list[Process]) -> tuple[str, ...]:
    return tuple([row.plan.key for row in rows])


def _has_pid(row: Process) -> bool:
    match row.state:
        case Starting(run=run) | Running(run=run) | Stopping(run=run):
            return run.pid != NO_PID
        case _:
            return False
