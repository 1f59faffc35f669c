"""What pyinit as a whole is doing: from boot to the exit."""

from __future__ import annotations

from .record import Record, assert_never
from .states import NEVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from .states import Schedule


class Shutdown(Record):
    """A shutdown under way.

    `code` is the exit status to end with, None for an ordered stop; everything is over at
    `deadline`.  `weights` are the seconds each program and those that stop after it may take.
    `asked` counts the requests, the first included; `blame` is (name, seconds, killed) of those
    that took their time.  `again`: pyinit begins anew afterwards.
    """

    cause: str
    code: int | None
    began: float
    deadline: float
    weights: dict[str, float]
    asked: int = 0
    blame: tuple[tuple[str, float, bool], ...] = ()
    again: bool = False


class Booting(Record):
    """The plan is not there yet."""


class Up(Record):
    """Everything is as the plan says, or on its way there."""


class Draining(Record):
    """Not ready any more, but nothing is told to stop before `until`."""

    until: float
    shutdown: Shutdown


class Halting(Record):
    """Processes are being stopped, those that need others first."""

    shutdown: Shutdown


class Sweeping(Record):
    """All processes are at rest; what else lives below pyinit is being ended."""

    shutdown: Shutdown
    schedule: Schedule = ()


class Over(Record):
    """Nothing more to do but exit with `code`; `shutdown` is what led here, if there was one."""

    code: int
    shutdown: Shutdown | None = None


if TYPE_CHECKING:
    Phase: TypeAlias = Booting | Up | Draining | Halting | Sweeping | Over

PUBLIC = {
    "Booting": "booting",
    "Up": "running",
    "Draining": "draining",
    "Halting": "stopping",
    "Sweeping": "stopping",
    "Over": "over",
}


def public_name(phase: Phase) -> str:
    """Return what `status` calls `phase`."""
    shutdown = shutdown_of(phase)
    if shutdown is not None and shutdown.again:
        return "restarting"
    return PUBLIC[type(phase).__name__]


def deadline(phase: Phase) -> float:
    """Return when `phase` next needs a Tick."""
    match phase:
        case Draining(until=until):
            return until
        case Halting(shutdown=shutdown):
            return shutdown.deadline
        case Sweeping(shutdown=shutdown, schedule=schedule):
            return min(shutdown.deadline, schedule[0][0] if schedule else NEVER)
        case Booting() | Up() | Over():
            return NEVER
        case _:
            assert_never(phase)


def shutdown_of(phase: Phase) -> Shutdown | None:
    """Return the shutdown under way, or the one that is over, if there is one."""
    match phase:
        case Draining(shutdown=shutdown) | Halting(shutdown=shutdown):
            return shutdown
        case Sweeping(shutdown=shutdown) | Over(shutdown=shutdown):
            return shutdown
        case Booting() | Up():
            return None
        case _:
            assert_never(phase)
