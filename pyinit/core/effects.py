"""Everything the core can ask of the world.  An effect returns nothing: its outcome is an event."""

from __future__ import annotations

from .record import Record
from .states import Pid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from .plan import Limit, Plan, ProcessPlan
    from .states import RunId
    from .status import ExitStatus


class Spawn(Record):
    """Fork a run of `plan`; answered by Spawned or SpawnFailed.  `limits` go over the plan's."""

    key: str
    run_id: RunId
    plan: ProcessPlan
    limits: tuple[Limit, ...] = ()


class Kill(Record):
    """Send `signum` to a run in `scope`: "process", "group" or "tree"; `group` as in Run."""

    key: str
    pid: Pid
    signum: int
    scope: str
    group: Pid = Pid(0)


class Survey(Record):
    """Count what a run whose leader is gone has left; answered by Surveyed.  `group` as in Run."""

    key: str
    run_id: RunId
    pid: Pid
    scope: str
    group: Pid = Pid(0)


class Sweep(Record):
    """Count everything below pyinit that is no run, after sending `signum` to it (0: only count).

    Answered by Swept.
    """

    signum: int


class Announce(Record):
    """A process changed its state: what logs, `events` and listeners tell.

    `was` and `now` are names of state classes.  `expected` is about an end (None: no end).
    `hidden` is what the process is: only those who ask for it by its name are told.
    """

    key: str
    name: str
    group: str
    program: str
    was: str
    now: str
    run_id: RunId
    pid: Pid
    reason: str = ""
    status: ExitStatus | None = None
    expected: bool | None = None
    tries: int = 0
    retry_s: float = 0.0
    hidden: bool = False


class Removed(Record):
    """A process left the plan and is at rest: forget what was kept for it."""

    key: str
    name: str


class Exchanged(Record):
    """The slots `key` and `other` (beside it) have each what was the other's.

    `pid` is that of the run that `key` has now, `old_pid` of the one it had (0: none).
    """

    key: str
    other: str
    name: str
    pid: Pid
    old_pid: Pid


class PutBack(Record):
    """A reload is undone: put the sockets and all else of `plan` in force that is not the core's.

    It comes before the runs that need them.
    """

    plan: Plan


class Note(Record):
    """Something to say in pyinit's own log.  level: "error", "warning", "info", "debug"."""

    level: str
    text: str


class Reload(Record):
    """A signal asked for the configuration to be read again."""


class ReopenLogs(Record):
    """A signal asked for every log file to be opened again."""


class Exit(Record):
    """Everything is over; end with `code`.  `reason` goes to the termination log.

    With `again` it is no end: pyinit begins anew, with what it was started with.
    """

    code: int
    reason: str
    again: bool = False


if TYPE_CHECKING:
    Effect: TypeAlias = (
        Spawn
        | Kill
        | Survey
        | Sweep
        | Announce
        | Removed
        | Exchanged
        | PutBack
        | Note
        | Reload
        | ReopenLogs
        | Exit
    )
    Effects: TypeAlias = tuple[Effect, ...]

EFFECTS = (
    *(Spawn, Kill, Survey, Sweep, Announce, Removed, Exchanged, PutBack),
    *(Note, Reload, ReopenLogs, Exit),
)
