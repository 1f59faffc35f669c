"""Everything the world can tell the core.

News of a run carries the process's key and the run's id, so that stale news is recognised and
dropped.  A reaped pid is looked up in the one map of pids, which the reap itself clears.
"""

from __future__ import annotations

from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from .plan import Limit, Plan
    from .states import Pid, RunId
    from .status import NotExecuted


class Boot(Record):
    """The plan is loaded and PID 1 is ready: start what starts by itself."""


class StartRequested(Record):
    """Somebody wants the processes `keys` up."""

    keys: tuple[str, ...]


class StopRequested(Record):
    """Somebody wants the processes `keys` down."""

    keys: tuple[str, ...]


class RestartRequested(Record):
    """Somebody wants new runs of the processes `keys`, whatever they do now."""

    keys: tuple[str, ...]


class RollRequested(Record):
    """Somebody wants new runs of the processes `keys`, one after another and without a gap."""

    keys: tuple[str, ...]


class SignalRequested(Record):
    """Somebody wants `signum` sent to the leaders of the processes `keys`."""

    keys: tuple[str, ...]
    signum: int


class SignalReceived(Record):
    """The kernel delivered `signum` to pyinit."""

    signum: int


class Spawned(Record):
    """The fork for a run succeeded; `executed` when its exec is already known to have, too."""

    key: str
    run_id: RunId
    pid: Pid
    executed: bool = False


class SpawnFailed(Record):
    """There is no child: the fork or what it needs failed."""

    key: str
    run_id: RunId
    failure: NotExecuted


class Executed(Record):
    """The child has become its program."""

    key: str
    run_id: RunId


class ExecFailed(Record):
    """The child could not become its program; its end is reported on its own."""

    key: str
    run_id: RunId
    failure: NotExecuted


class Reaped(Record):
    """A child of pyinit is gone: a run's leader or an orphan.  `status` is raw, as of wait(2)."""

    pid: Pid
    status: int


class Surveyed(Record):
    """A run that lost its leader has `left` members still."""

    key: str
    run_id: RunId
    left: int


class Swept(Record):
    """`left` processes that are no runs remain below pyinit."""

    left: int


class ReadyReported(Record):
    """A run says, or shows, that it is ready."""

    key: str
    run_id: RunId


class Extended(Record):
    """A run is at work on its start or its stop, and asks for `by_s` seconds from now."""

    key: str
    run_id: RunId
    by_s: float


class MainPid(Record):
    """A child of pyinit that belongs to a run leads it from now on: its end is the run's."""

    key: str
    run_id: RunId
    pid: Pid


class ScheduleDue(Record):
    """The time of a process's schedule has come."""

    key: str


class Condemned(Record):
    """A run does not live as it should, `reason` in words that follow "it is".

    `action`: "restart" it as a failed run; "stop" it and leave it down as failed; "exit": stop it,
    then everything.
    """

    key: str
    run_id: RunId
    reason: str
    action: str = "restart"


class Called(Record):
    """Somebody has connected to a socket of the processes `keys`, and nobody is there."""

    keys: tuple[str, ...]


class Idle(Record):
    """Nobody has used a run for as long as its plan allows."""

    key: str
    run_id: RunId


class LimitsSet(Record):
    """Somebody changed rlimits of running processes; later runs get them too."""

    keys: tuple[str, ...]
    limits: tuple[Limit, ...]


class PlanLoaded(Record):
    """A new plan was compiled: change what differs, touch nothing else.

    With the plan that was in force `before` it is on trial: should a process that it starts anew
    not come up, the old one is put back.
    """

    plan: Plan
    before: Plan | None = None


class DrainRequested(Record):
    """Somebody wants traffic kept away (`on`), or welcome again; nothing is stopped by it."""

    on: bool


class ShutdownRequested(Record):
    """Somebody wants everything stopped; `cause` in words.  Asked again, it hurries.

    With `again` pyinit begins anew afterwards; that is no hurry, and nothing during a shutdown.
    The exit status `code` takes the place of the main program's.
    """

    cause: str
    again: bool = False
    code: int | None = None


class Tick(Record):
    """Time has passed: act on whatever deadline is due."""


if TYPE_CHECKING:
    Event: TypeAlias = (
        Boot
        | StartRequested
        | StopRequested
        | RestartRequested
        | RollRequested
        | SignalRequested
        | SignalReceived
        | Spawned
        | SpawnFailed
        | Executed
        | ExecFailed
        | Reaped
        | Surveyed
        | Swept
        | ReadyReported
        | Condemned
        | Extended
        | MainPid
        | ScheduleDue
        | Called
        | Idle
        | LimitsSet
        | PlanLoaded
        | DrainRequested
        | ShutdownRequested
        | Tick
    )
