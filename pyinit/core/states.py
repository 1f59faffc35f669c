"""What a process can be doing: one frozen class per state, with the facts true in it.

An illegal combination (a pid while stopped, a kill deadline while running) cannot be written
down.  Deadlines are fields: leaving a state drops them, so no stale timer can ever fire.

supervisord's names and numbers are the public face; the finer states map outwards by `PUBLIC`.
"""

from __future__ import annotations

from .record import Record, assert_never
from .status import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NewType, TypeAlias

    from .status import ExitStatus

    Pid = NewType("Pid", int)
    RunId = NewType("RunId", int)
    Schedule: TypeAlias = tuple[tuple[float, int], ...]  # (when, signal), in order of time
else:
    Pid = RunId = int

NO_PID = Pid(0)
NEVER = float("inf")


class Run(Record):
    """One life of a process, from fork to reap.  `pid` is NO_PID until the fork is reported.

    `group` is the pid of its first leader, and so its first group, once another one leads it.
    """

    id: RunId
    pid: Pid
    since: float
    group: Pid = NO_PID


class Stopped(Record):
    """At rest.  `held` says that somebody asked for it, so "nothing left to run" does not hold."""

    held: bool = False


class Waiting(Record):
    """Wanted up since `since`; a dependency is not there yet, and may be overdue at `until`."""

    since: float = 0.0
    until: float = NEVER


class Starting(Record):
    """Forked, not yet proven: until `up_at`, or until it says ready, at the latest `ready_by`.

    What came before the news that it has become its program: `proven`, it is ready; `granted`, the
    time until which it has asked to be given for that.
    """

    run: Run
    executed: bool = False
    failure: ExitStatus | None = None
    up_at: float = NEVER
    ready_by: float = NEVER
    proven: bool = False
    granted: float = 0.0


class Running(Record):
    """Started, and ready if it was asked to say so."""

    run: Run


class Stopping(Record):
    """Told to stop at `since`; the `schedule` says which signal follows when.

    `again` starts it anew afterwards; `failed` is the reason if the stop is our verdict on it, and
    `action` what follows from that, as in events.Condemned ("": as from any failure); `failure`
    says why it never became its program, where that is known; `killed` that it had its KILL,
    `was_up` that it had been Running.  `held` as in Stopped, which it becomes.
    """

    run: Run
    since: float
    schedule: Schedule
    again: bool = False
    failed: str = ""
    failure: ExitStatus | None = None
    killed: bool = False
    held: bool = True
    action: str = ""
    was_up: bool = False


class Ending(Record):
    """The leader was reaped; what it left behind (group, descendants) is being ended.

    `left` is the number of members last counted, -1 before the first count.  `asked`: it was
    stopped, it did not end by itself.  `was_up`: it had been Running.  `kills` are the KILLs the
    members have had, at the latest from `kill_by` on; `killed`, `held` and
    `action` as in Stopping.
    """

    run: Run
    status: ExitStatus
    asked: bool
    was_up: bool
    again: bool = False
    failed: str = ""
    left: int = -1
    schedule: Schedule = ()
    kills: int = 0
    stop_since: float = NEVER
    kill_by: float = NEVER
    killed: bool = False
    held: bool = True
    action: str = ""


class Backoff(Record):
    """Ended too early or badly; the next run starts at `retry_at`."""

    retry_at: float
    reason: str


class Exited(Record):
    """Ended by itself and is not to be started again; `success` as `success_codes` says.

    `failed` is the reason if the end was our verdict on it, `action` what follows, as in Stopping.
    """

    status: ExitStatus
    success: bool
    failed: str = ""
    action: str = ""


class Fatal(Record):
    """Given up.  `status` of the last run, None when there was none."""

    reason: str
    status: ExitStatus | None = None


if TYPE_CHECKING:
    State: TypeAlias = (
        Stopped | Waiting | Starting | Running | Stopping | Ending | Backoff | Exited | Fatal
    )
    Resting: TypeAlias = Stopped | Exited | Fatal

STATES = (Stopped, Waiting, Starting, Running, Stopping, Ending, Backoff, Exited, Fatal)
RESTING = (Stopped, Exited, Fatal)
WITH_RUN = (Starting, Running, Stopping, Ending)
WITHOUT_RUN = (Stopped, Waiting, Backoff, Exited, Fatal)

PUBLIC = {
    "Stopped": "STOPPED",
    "Waiting": "STARTING",
    "Starting": "STARTING",
    "Running": "RUNNING",
    "Stopping": "STOPPING",
    "Ending": "STOPPING",
    "Backoff": "BACKOFF",
    "Exited": "EXITED",
    "Fatal": "FATAL",
}
NUMBERS = {
    "STOPPED": 0,
    "STARTING": 10,
    "RUNNING": 20,
    "BACKOFF": 30,
    "STOPPING": 40,
    "EXITED": 100,
    "FATAL": 200,
    "UNKNOWN": 1000,
}


def public_name(state: State) -> str:
    """Return supervisord's name of `state`."""
    return PUBLIC[type(state).__name__]


def run_of(state: State) -> Run | None:
    """Return the run that is under way in `state`, if there is one."""
    if isinstance(state, WITH_RUN):
        return state.run
    if isinstance(state, WITHOUT_RUN):
        return None
    assert_never(state)


def has_failed(state: State) -> bool:
    """Say whether a process is at rest because its runs did not do well."""
    return isinstance(state, Fatal) or (isinstance(state, Exited) and not state.success)


def reason_of(state: State) -> str:
    """Return why a process is where it is, as far as its state knows; "" where that says it all.

    How to mend it may stand on the lines below: `status.parted`.
    """
    match state:
        case Backoff(reason=reason) | Fatal(reason=reason) | Stopping(failed=reason):
            return reason
        case Exited(status, failed=failed):
            return failed or describe(status)
        case _:
            return ""


def ends_by_request(state: State) -> bool:
    """Say whether a run is on its way out because somebody wants that, whatever is to follow."""
    match state:
        case Stopping(failed="") | Ending(asked=True):
            return True
        case _:
            return False


def goes_down(state: State) -> bool:
    """Say whether a run is on its way out because somebody wants that, and none is to follow."""
    return isinstance(state, Stopping | Ending) and not state.again and ends_by_request(state)


def is_held_down(state: State) -> bool:
    """Say whether somebody wants a process down that a clock or a connection must not start.

    Not so what was stopped since nobody used it: see demand.
    """
    if isinstance(state, Stopped):
        return state.held
    return isinstance(state, Stopping | Ending) and state.held and goes_down(state)


def deadline(state: State) -> float:
    """Return when `state` next needs a `Due`, NEVER if it can wait for ever."""
    match state:
        case Starting(up_at=up_at, ready_by=ready_by):
            return min(ready_by, up_at)
        case Stopping(schedule=schedule) | Ending(schedule=schedule):
            return schedule[0][0] if schedule else NEVER
        case Backoff(retry_at=at) | Waiting(until=at):
            return at
        case Stopped() | Running() | Exited() | Fatal():
            return NEVER
        case _:
            assert_never(state)
