"""What supervisord's clients are told of a process: its times, its last error, its files."""

from __future__ import annotations

from pyinit.core.states import (
    NO_PID,
    Backoff,
    Exited,
    Fatal,
    Stopped,
    public_name,
    reason_of,
    run_of,
)
from pyinit.core.status import ENOENT, NotExecuted, Signaled, parted, shell_code
from pyinit.protocol.names import process_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyinit.core.plan import Launch
    from pyinit.core.slot import Process
    from pyinit.core.status import ExitStatus
    from pyinit.protocol.wire import Json
    from pyinit.runtime.history import End

EACCES = 13
TOO_QUICK = "Exited too quickly (process log may have details)"
OWN = ("/dev/stdout", "/dev/stderr")  # what is not kept in a file goes on there


def entry(row: Process, ends: Sequence[End], now: float, wall: float) -> dict[str, Json]:
    """Return what there is to know of a process; times are seconds since the epoch, 0 for never.

    `ends` are those of its runs; `now` is monotonic time, `wall` the same moment by the clock.
    """
    plan, run = row.plan, run_of(row.state)
    ended = ends[-1] if ends else None
    status = shown_status(row, ended)
    started = ended.at - ended.ran_s if ended is not None else 0.0
    return {
        "name": process_of(plan.name, plan.group),
        "group": plan.group,
        "label": plan.name,
        "key": plan.key,
        "state": public_name(row.state),
        "start": wall - (now - run.since) if run is not None else started,
        "stop": next(
            (each.at for each in reversed(ends) if not isinstance(each.status, NotExecuted)), 0.0
        ),
        "spawnerr": spawn_error(row, ended),
        "exitstatus": exit_number(status),
        "exit_signal": status.signum if isinstance(status, Signaled) else 0,
        "pid": run.pid if run is not None else NO_PID,
        "uptime_s": round(now - run.since, 3) if run is not None else 0.0,
        "priority": plan.priority,
        "group_priority": plan.group_priority,
    }


def shown_status(row: Process, ended: End | None) -> ExitStatus | None:
    """Return the status supervisord shows: of a run that was up, or was stopped by request."""
    match row.state:
        case Exited(status):
            return status
        case Stopped() if ended is not None and ended.expected:
            return ended.status
        case _:
            return None


def exit_number(status: ExitStatus | None) -> int:
    """Return a status as supervisord's number: -1 for any signal."""
    if status is None:
        return 0
    return -1 if isinstance(status, Signaled) else shell_code(status)


def spawn_error(row: Process, ended: End | None) -> str:
    """Return what went wrong with the last run, in supervisord's words; "" if nothing did.

    supervisord's own way of starting again has two reasons only; ours says what it was.
    """
    state = row.state
    match state:
        case Exited(success=True) | Stopped() if ended is None or ended.expected:
            return ""
        case Exited(success=True):
            return ""
        case Stopped() | Backoff() | Fatal() | Exited():
            pass
        case _:
            return ""
    if ended is not None and isinstance(ended.status, NotExecuted):
        return unexecuted(ended.status, row.plan.launch.argv[0])
    if isinstance(state, Exited):
        return state.failed or f"Bad exit code {exit_number(state.status)}"
    if row.plan.restart.retries is not None and ended is not None:
        return TOO_QUICK
    return parted(reason_of(state))[0]


def unexecuted(status: NotExecuted, command: str) -> str:
    """Return why a command was not executed, in supervisord's words where it has some."""
    if status.stage == "exec" and status.errno == ENOENT:
        return f"can't find command '{command}'"
    if status.stage == "exec" and status.errno == EACCES:
        return f"command at '{command}' is not executable"
    return parted(status.detail)[0] or f"not executed: {status.stage} failed"


def log_path(launch: Launch, stream: int, auto: str) -> str:
    """Return the file of stdout (0) or stderr (1); `auto` is the one that pyinit has made, if any.

    What is passed on to pyinit's own stdout has that as its file; "" is none.
    """
    sinks = (launch.stdout, launch.stderr)[stream]
    for sink in sinks:
        match sink.kind:
            case "file":
                return sink.path
            case "auto":
                return auto
            case "null" | "stdout" | "syslog":
                return ""
            case "copy" if sink.path:
                return f"/dev/{sink.path}"
            case _:
                pass
    return OWN[stream]
