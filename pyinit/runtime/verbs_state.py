"""Verbs that look at the state: status, health, ready, wait.

A process is *well* when it runs (and is ready, if it is asked to say so) or has done what it was
there for; it is *coming* as long as it is on its way there and nothing has failed.  It is
*wanted* unless somebody stopped it or it never starts by itself; naming a process wants it.

`status` is ok when all that is wanted is well or coming.  So is `health`, which only asks about
what is critical.  `ready` wants all that starts by itself to be well, and traffic welcome.
"""

from __future__ import annotations

import posix

from pyinit import __version__
from pyinit.core import graph as graphs
from pyinit.core import states
from pyinit.core.phases import Booting, Up
from pyinit.core.slot import is_dormant
from pyinit.core.states import (
    NEVER,
    NO_PID,
    RESTING,
    Backoff,
    Ending,
    Exited,
    Fatal,
    Running,
    Starting,
    Stopped,
    Stopping,
    Waiting,
    public_name,
    run_of,
)
from pyinit.core.status import Signaled, parted
from pyinit.protocol.messages import Refused
from pyinit.runtime.announcer import status_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pyinit.core.slot import Process
    from pyinit.protocol.wire import Json, Object
    from pyinit.runtime.control import Ask
    from pyinit.runtime.history import End
    from pyinit.runtime.verbs_service import Service

SLICE = 25  # processes whose /proc is read in one turn: about a millisecond
PAGE_BYTES = posix.sysconf("SC_PAGESIZE")
TICKS = posix.sysconf("SC_CLK_TCK")


def status(ask: Ask, service: Service) -> Object | None:
    """Tell what every process is doing; with `usage` also what it uses (processor, memory)."""
    rows = service.rows(ask)
    named = bool(ask.args.get("names"))
    if ask.args.get("usage"):
        ask.work(_with_usage(service, rows, named=named))
        return None
    return _status(service, [_entry(service, row) for row in rows], named=named)


def health(ask: Ask, service: Service) -> Object:
    """Tell whether nothing critical has failed; in a shutdown nothing is blamed for stopping."""
    phase = service.desk.state.phase
    named = bool(ask.args.get("names"))
    failing = [row for row in service.rows(ask) if not _is_ok(row, named=named)]
    if not named:
        failing = [row for row in failing if row.plan.critical]
    if not isinstance(phase, Up | Booting):
        failing = [row for row in failing if isinstance(row.state, Fatal | Exited)]
    return _verdict(service, failing, ok=not failing and not isinstance(phase, Booting))


def ready(ask: Ask, service: Service) -> Object:
    """Tell whether everything that starts by itself is there and traffic is welcome."""
    rows = service.rows(ask)
    if not ask.args.get("names"):
        rows = [row for row in rows if row.plan.autostart or _is_wanted(row)]
        # traffic does not wait for jobs, nor for what it wakes itself
        rows = [row for row in rows if not is_dormant(row.plan)]
    failing = [row for row in rows if not is_well(row)]
    welcome = isinstance(service.desk.state.phase, Up) and not service.draining
    return _verdict(service, failing, ok=welcome and not failing)


def wait(ask: Ask, service: Service) -> None:
    """Reply once every process named is in the state asked for, or can never be."""
    goal = str(ask.args.get("for", "ready")).lower()
    if goal not in GOALS:
        raise Refused("bad-request", f"cannot wait for '{goal}'\n  known: {', '.join(GOALS)}")
    keys = [row.plan.key for row in service.rows(ask)]
    left = set(keys)
    done: list[Json] = []
    mark = 0

    def look() -> Object | None:
        nonlocal mark
        changed, mark = service.changed.since(mark, service.desk.state)
        if changed == []:
            return None  # a turn in which nothing happened costs nothing
        while len(done) < len(keys):
            key = keys[len(done)]
            row = service.row(key)
            if row is None:
                text = f"cannot wait for {key}: it was removed from the configuration"
                raise Refused("failed", text)
            if not is_at(row, goal):
                break
            done.append(_entry(service, row))
            left.discard(key)
        for key in left if changed is None else left.intersection(changed):
            row = service.row(key)  # one that never gets there ends the wait for all
            if row is not None and _is_out_of_reach(service, row, goal):
                state = _in_words(service, row)
                raise Refused(
                    "failed", f"cannot wait for {row.plan.name} to be {goal}: it is {state}"
                )
        return {"processes": done} if not left else None

    def expired() -> Object:
        late = [service.row(key) for key in keys[len(done) :]]
        said = [f"{row.plan.name} is {_in_words(service, row)}" for row in late if row is not None]
        raise Refused("not-ready", f"timed out waiting for {goal}: {', '.join(said)}")

    ask.hold(look, service.deadline(ask), expired)


def is_well(row: Process) -> bool:
    """Say whether the process runs, or has done what it was there for."""
    return isinstance(row.state, Running) or (isinstance(row.state, Exited) and row.state.success)


UP_GOALS = ("ready", "started", "running", "completed", "done")
GOALS = (*UP_GOALS, "stopped", "starting", "stopping", "backoff", "exited", "fatal")


def is_at(row: Process, goal: str) -> bool:
    """Say whether the process is where a `wait` wants it."""
    state = row.state
    match goal:
        case "ready" | "started":
            return is_well(row)
        case "completed":
            return isinstance(state, Exited) and state.success
        case "done":
            return isinstance(state, Exited | Fatal)
        case "stopped":
            return isinstance(state, RESTING)
        case _:
            return public_name(state) == goal.upper()


def is_lost(row: Process, goal: str) -> bool:
    """Say whether the process will never get there by itself."""
    failed = isinstance(row.state, Fatal) or (
        isinstance(row.state, Exited) and not row.state.success
    )
    match goal:
        case "ready" | "started" | "completed":
            return failed
        case "running":
            return failed or isinstance(row.state, Exited)
        case "exited":
            return isinstance(row.state, Fatal)
        case _:
            return False


def reason_of(service: Service, row: Process) -> str:
    """Return why the process is where it is, in a line; "" where the state says it all."""
    ends = service.desk.history.of(row.plan.key)
    match row.state:
        case Stopped(held=False) if row.plan.on_demand:
            return "waits for a connection"
        case Waiting():
            state = service.desk.state
            now = service.desk.now()
            rows = state.table.__getitem__
            program = graphs.standing(row, state.graph, rows, now, state.falling).program
            return f"waits for '{program}'" if program else ""
        case Starting(ready_by=ready_by) if ready_by != NEVER:
            why = _doubt(service, row)
            return f"not ready yet: {why}" if why else "not ready yet"
        case Running():
            why = _doubt(service, row)
            return f"not live this time: {why}" if why else ""
        case Backoff(retry_at):
            delay_s = max(0.0, retry_at - service.desk.now())
            return f"{cause_of(row, ends)}; next run in {delay_s:.1f} s"
        case Ending(left=left) if left > 0:
            return f"{left} of its processes are left"
        case _:
            return cause_of(row, ends)


def _doubt(service: Service, row: Process) -> str:
    """Return why the last answer of a process to its probe was a bad one, "" if it was not."""
    probe = service.desk.asked(row.plan.key)
    return "" if probe is None else str(probe["reason"])


def fix_of(row: Process) -> str:
    """Return how to mend what keeps the process from being executed, "" where nobody knows."""
    return parted(states.reason_of(row.state))[1]


def cause_of(row: Process, ends: Sequence[End]) -> str:
    """Return the reason that the state of a process has; `ends` are those of its runs."""
    reason, _ = parted(states.reason_of(row.state))
    match row.state:
        case Backoff() | Exited() | Fatal(status=Signaled()) if ends and ends[-1].oom:
            return f"{reason}, out of memory"
        case _:
            return reason


def _in_words(service: Service, row: Process) -> str:
    reason = reason_of(service, row)
    return f"{public_name(row.state)} ({reason})" if reason else public_name(row.state)


def _is_out_of_reach(service: Service, row: Process, goal: str) -> bool:
    """Say whether the process is lost, or nothing starts any more that would bring it there."""
    ending = not isinstance(service.desk.state.phase, Booting | Up)
    return is_lost(row, goal) or (
        ending and goal in UP_GOALS and isinstance(row.state, RESTING) and not is_at(row, goal)
    )


def _is_wanted(row: Process) -> bool:
    match row.state:
        case Stopped(held):
            return row.plan.autostart and not held and not row.plan.on_demand
        case Stopping(again=False, failed="") | Ending(asked=True, again=False):
            return False
        case _:
            return True


def _is_coming(row: Process) -> bool:
    """Say whether the process is on its way up, and has not failed on it."""
    match row.state:
        case Waiting() | Starting():
            return not row.failures
        case Stopping(again=again) | Ending(again=again):
            return again
        case Stopped(held):
            return row.plan.autostart and not held and row.runs == 0  # boot is under way
        case _:
            return False


def _is_ok(row: Process, *, named: bool) -> bool:
    return is_well(row) or _is_coming(row) or not (named or _is_wanted(row))


def _status(service: Service, entries: list[Json], *, named: bool) -> Object:
    good = "active" if named else "ok"
    return {
        "pid": posix.getpid(),
        "version": __version__,
        "state": service.phase,
        "ok": all(isinstance(each, dict) and each[good] for each in entries),
        "processes": entries,
    }


def _entry(service: Service, row: Process) -> dict[str, Json]:
    plan, run = row.plan, run_of(row.state)
    alive = run is not None and run.pid != NO_PID
    ends = service.desk.history.of(plan.key)
    entry: dict[str, Json] = {
        "name": plan.name,
        "group": plan.group,
        "program": plan.program,
        "instance": plan.instance,
        "kind": plan.kind,
        "state": public_name(row.state),
        "ready": isinstance(row.state, Running),
        "ok": _is_ok(row, named=False),
        "active": _is_ok(row, named=True),
        "pid": run.pid if run is not None and alive else 0,
        "uptime_s": round(service.desk.now() - run.since, 3) if run is not None and alive else 0.0,
        "restarts": row.restarts,
        "reason": reason_of(service, row),
        "last_exit": status_json(ends[-1]) if ends else None,
    }
    next_run = service.desk.next_run(plan.key) if plan.schedule is not None else None
    if next_run is not None:
        entry["next_run_at"] = round(next_run, 3)
    probe = service.desk.asked(plan.key)
    if probe is not None:
        entry["probe"] = probe
    entry.update(service.desk.said(plan.key))
    return _with_fix(entry, row)


def _with_fix(entry: dict[str, Json], row: Process) -> dict[str, Json]:
    fix = fix_of(row)
    if fix:
        entry["fix"] = fix
    return entry


def _with_usage(
    service: Service, rows: list[Process], *, named: bool
) -> Generator[None, None, Object]:
    """Read the processes' /proc some at a time."""
    entries: list[Json] = []
    for count, row in enumerate(rows, 1):
        entry = _entry(service, row)
        entry.update(usage_of(entry["pid"]))
        entries.append(entry)
        if count % SLICE == 0:
            yield
    return _status(service, entries, named=named)


def usage_of(pid: Json) -> dict[str, Json]:
    """Return what a process uses: processor, memory, descriptors, and how many it may have."""
    from pyinit.system import limits, procfs

    found = procfs.stat(pid) if isinstance(pid, int) and pid else None
    if found is None:
        return {"cpu_s": 0.0, "rss_bytes": 0, "fds": None, "fds_limit": None}
    try:
        most: int | None = limits.read_one("nofile", found.pid)[0]
    except OSError:
        most = None
    return {
        "cpu_s": (found.user + found.system) / TICKS,
        "rss_bytes": found.rss_pages * PAGE_BYTES,
        "fds": procfs.count_fds(found.pid),
        "fds_limit": most,
    }


def _verdict(service: Service, failing: list[Process], *, ok: bool) -> Object:
    told: list[Json] = [
        _with_fix(
            {
                "name": row.plan.name,
                "state": public_name(row.state),
                "reason": reason_of(service, row),
            },
            row,
        )
        for row in failing
    ]
    return {"ok": ok, "state": service.phase, "failing": told}
