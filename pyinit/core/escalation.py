"""Which signal follows which, and when, until a run that was told to stop is gone.

Signals reach as far as the plan's `kill` says, the KILL as far as `last`.  A member that only the
KILL reaches is nobody's business before: it is looked after once there was a KILL.
"""

from __future__ import annotations

from .effects import Kill, Note, Survey
from .record import replace
from .states import NO_PID
from .status import signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .effects import Effects
    from .plan import ProcessPlan, Stop
    from .states import Ending, Run, Schedule

SIGKILL = 9
KILL_AGAIN_S = 1.0  # a killed process that is still there is killed again: it may be in D state
SCOPES = ("process", "group", "tree")  # each reaches further than the one before
DUMP_S = 1.0  # between the dump signal and KILL, at most a quarter of the grace period


def plan(stop: Stop, grace_s: float, now: float) -> Schedule:
    """Return the signals after the first one, ending in KILL at `now + grace_s`."""
    share = grace_s / len(stop.signals)
    schedule = [(now + share * n, signum) for n, signum in enumerate(stop.signals) if n]
    if stop.dump_signal:
        schedule.append((now + grace_s - min(DUMP_S, grace_s / 4), stop.dump_signal))
        schedule.sort()
    return (*schedule, (now + grace_s, SIGKILL))


def sooner(schedule: Schedule, kill_at: float) -> Schedule:
    """Return `schedule` with its KILL not later than `kill_at`."""
    kept = [entry for entry in schedule if entry[0] < kill_at]
    return schedule if len(kept) == len(schedule) else (*kept, (kill_at, SIGKILL))


def later(schedule: Schedule, kill_at: float) -> Schedule:
    """Return `schedule` put off as a whole, so that its KILL is not before `kill_at`."""
    wait_s = kill_at - schedule[-1][0]
    return schedule if wait_s <= 0 else tuple([(at + wait_s, signum) for at, signum in schedule])


def split(schedule: Schedule, now: float) -> tuple[tuple[int, ...], Schedule]:
    """Return the signals that are due at `now`, and the schedule that remains.

    A KILL leaves another one to follow: the schedule of a run that lives never runs out.
    """
    due = tuple([signum for at, signum in schedule if at <= now])
    if SIGKILL in due:
        return due, ((now + KILL_AGAIN_S, SIGKILL),)
    return due, tuple([entry for entry in schedule if entry[0] > now])


def send_due(
    plan: ProcessPlan, run: Run, schedule: Schedule, now: float
) -> tuple[Schedule, int, Effects]:
    """Return the schedule after `now`, the number of KILLs among what was due, and the effects.

    Without a pid there is nobody to signal yet, but the schedule goes on.
    """
    signals, rest = split(schedule, now)
    if run.pid == NO_PID:
        return rest, 0, ()
    effects: Effects = tuple([kill(plan, run, signum) for signum in signals])
    dump = plan.stop.dump_signal
    if dump in signals and dump not in plan.stop.signals:  # who reads the dump is to know why
        text = f"{plan.name} does not stop: it gets {signal_name(dump)} for a dump, then KILL"
        effects = (Note("warning", text), *effects)
    return rest, signals.count(SIGKILL), effects


def kill(plan: ProcessPlan, run: Run, signum: int) -> Kill:
    """Return the effect that sends `signum` to `run` as widely as its plan says."""
    reaches = reach(plan.stop, killed=signum == SIGKILL)
    return Kill(plan.key, run.pid, signum, reaches, run.group)


def tell(plan: ProcessPlan, run: Run) -> Effects:
    """Return what tells to stop who leads a run that was told so already.

    Who is in its group or tree has had the signal; twice, it would mean haste to many.
    """
    return (kill(plan, run, plan.stop.signals[0]),) if plan.stop.kill == "process" else ()


def survey(plan: ProcessPlan, ending: Ending) -> Survey:
    """Return the effect that counts what a run whose leader is gone has left."""
    run = ending.run
    return Survey(plan.key, run.id, run.pid, scope(plan.stop, ending), run.group)


def is_alone(plan: ProcessPlan, reach: str) -> bool:
    """Say whether nothing is to come between the end of a leader and that of its run."""
    return reach == "process" and not (plan.hooks is not None and plan.hooks.post_stop)


def scope(stop: Stop, ending: Ending) -> str:
    """Return how far a run whose leader is gone is looked after."""
    return reach(stop, killed=ending.killed or ending.kills > 0)


def reach(stop: Stop, *, killed: bool) -> str:
    """Return how far signals reach, or the KILL."""
    return max(stop.kill, stop.last or stop.kill, key=SCOPES.index) if killed else stop.kill


def within(ending: Ending, kill_by: float) -> Ending:
    """Return `ending` with its members killed by then; while none is counted there is nobody."""
    if ending.left <= 0:
        return replace(ending, kill_by=min(ending.kill_by, kill_by))
    return replace(ending, schedule=sooner(ending.schedule, kill_by), kill_by=kill_by)
