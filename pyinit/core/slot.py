"""One slot of a program: its plan, its state, and what its past runs leave to remember."""

from __future__ import annotations

from .record import Record, replace
from .states import NEVER, RESTING, Stopped, deadline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .plan import Limit, ProcessPlan
    from .states import State
    from .status import ExitStatus


class Process(Record):
    """One slot: its plan, its state, and what its past runs leave to remember.

    `due` is the deadline of `state`; `runs` is the id of the last run; `restarts` counts the runs
    that followed an end by itself.  For `policy`: `failures` are the times of recent failed runs,
    `tries` counts those in a row, `childless` the starts in a row without a child.  `limits` were
    set by hand; `last` is how the last run ended, `last_at` when.  A `closing` process gets no new
    run (shutdown); a `retired` one left the plan and is dropped once it is at rest.  `queued`: its
    time came while it was on its way, and it runs once more.  `taken`: it is to be stopped with
    what it needs, and nobody has named it.
    """

    plan: ProcessPlan
    state: State = Stopped()
    due: float = NEVER
    runs: int = 0
    restarts: int = 0
    failures: tuple[float, ...] = ()
    tries: int = 0
    childless: int = 0
    pending: ProcessPlan | None = None
    closing: bool = False
    retired: bool = False
    limits: tuple[Limit, ...] = ()
    last: ExitStatus | None = None
    last_at: float = 0.0
    queued: bool = False
    taken: bool = False


def enter(process: Process, state: State, **changes: object) -> Process:
    """Return `process` in `state`, its deadline with it, and with other `changes`."""
    return replace(process, state=state, due=deadline(state), **changes)


def is_active(process: Process) -> bool:
    """Say whether the process is anything but at rest."""
    return not isinstance(process.state, RESTING)


def is_dormant(plan: ProcessPlan) -> bool:
    """Say whether a process at rest may be started by the clock or by a connection."""
    return plan.on_demand or plan.schedule is not None


def may_wake(process: Process) -> bool:
    """Say whether a stop of what is at rest has a meaning: it would start by itself."""
    return is_dormant(process.plan) and not process.retired


def overdue(plan: ProcessPlan, since: float, now: float) -> float:
    """Return when next a dependency is waited for in vain that was waited for since `since`."""
    times = [since + need.timeout for need in plan.depends if need.timeout]
    return min([at for at in times if at > now], default=NEVER)


def plan_to_be(process: Process) -> ProcessPlan:
    """Return the plan the next run of the process will be born with."""
    return process.pending or process.plan


def with_pending(process: Process) -> Process:
    """Return the process with the plan that waited for its run to end, if one did."""
    return replace(process, plan=plan_to_be(process), pending=None)
