"""What can be said to one process: the inputs of its state machine."""

from __future__ import annotations

from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from .states import Pid
    from .status import ExitStatus, NotExecuted


class Start(Record):
    """Be up."""


class Stop(Record):
    """Be down within `grace_s` seconds; `held`: somebody asked for this process by name."""

    grace_s: float
    held: bool = True


class Restart(Record):
    """Be up in a new run, the old one being given `grace_s` seconds."""

    grace_s: float


class Go(Record):
    """The dependencies are there."""


class Blocked(Record):
    """A dependency will never be there."""

    reason: str


class SpawnOk(Record):
    """The run has a pid; `executed` if it is known to have become its program."""

    pid: Pid
    executed: bool


class SpawnBad(Record):
    """There was no fork, so nothing will be reaped."""

    failure: NotExecuted


class ExecOk(Record):
    """The child became its program."""


class ExecBad(Record):
    """The child did not become its program; it will be reaped."""

    failure: NotExecuted


class Gone(Record):
    """The leader was reaped."""

    status: ExitStatus


class Counted(Record):
    """`left` members of the run's group or tree live on."""

    left: int


class Proven(Record):
    """The run is ready."""


class Extend(Record):
    """The run is at work: what its start or stop has time for is not over before `until`."""

    until: float


class Lead(Record):
    """Another process, `pid`, leads the run from now on: with it the run will end."""

    pid: Pid


class Condemn(Record):
    """End the run as a failed one, for `reason`; `action` as in events.Condemned."""

    reason: str
    action: str


class Due(Record):
    """The state's deadline has passed."""


class Hurry(Record):
    """End what is being stopped now, and what is not yet being stopped within `grace_s`."""

    grace_s: float


if TYPE_CHECKING:
    Input: TypeAlias = (
        Start
        | Stop
        | Restart
        | Go
        | Blocked
        | SpawnOk
        | SpawnBad
        | ExecOk
        | ExecBad
        | Gone
        | Counted
        | Proven
        | Condemn
        | Extend
        | Lead
        | Due
        | Hurry
    )

INPUTS = (
    *(Start, Stop, Restart, Go, Blocked, SpawnOk, SpawnBad, ExecOk, ExecBad, Gone, Counted),
    *(Proven, Condemn, Extend, Lead, Due, Hurry),
)
