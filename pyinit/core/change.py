"""What a new plan changes: the difference by content, never by order, comment or file.

A process is its key.  If the launch (or the kind) differs, a new run is needed; if only the
policy differs (restart, timeouts, dependencies), the new plan is taken over by the run as it is.
Names, sources and the number of instances are no difference: scaling touches nobody else.
"""

from __future__ import annotations

from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .plan import Plan, ProcessPlan


class Change(Record):
    """Keys by what happens to them, each in the order of the new plan (`removed`: the old one)."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    adjusted: tuple[str, ...] = ()


def needs_new_run(old: ProcessPlan, new: ProcessPlan) -> bool:
    """Say whether a run born of `old` differs from one born of `new`."""
    if (old.sockets, old.places) != (new.sockets, new.places):
        return True
    return (
        old.launch != new.launch
        or old.kind != new.kind
        or old.ready != new.ready
        or _watchdog(old) != _watchdog(new)
    )


def _watchdog(plan: ProcessPlan) -> float:
    """Return how long a run may be silent, which it is told when it is born; 0: for ever."""
    live = plan.live
    return live.interval if live is not None and live.kind == "watchdog" else 0.0


def compare(old: dict[str, ProcessPlan], new: Plan) -> Change:
    """Return what `new` changes of the processes `old` (by key)."""
    wanted = {process.key: process for process in new.processes}
    differing = [key for key, plan in wanted.items() if key in old and old[key] != plan]
    anew = {key for key in differing if needs_new_run(old[key], wanted[key])}
    return Change(
        added=tuple([key for key in wanted if key not in old]),
        removed=tuple([key for key in old if key not in wanted]),
        restarted=tuple([key for key in differing if key in anew]),
        adjusted=tuple([key for key in differing if key not in anew]),
    )
