"""What `reload` tells: what a plan changes, and whether the trial of the new plan went well."""

from __future__ import annotations

from pyinit.core.reload import difference
from pyinit.core.roll import can_overlap
from pyinit.core.slot import is_dormant, plan_to_be
from pyinit.core.states import RESTING, Running, Stopped, is_held_down
from pyinit.protocol.messages import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.plan import Plan, ProcessPlan
    from pyinit.core.slot import Process
    from pyinit.protocol.wire import Json, Object
    from pyinit.runtime.control import Ask
    from pyinit.runtime.revision import Changed
    from pyinit.runtime.verbs_service import Service

IN_FORCE, ON_TRIAL, UNDONE = "in force", "on trial", "rolled back"


class Loaded:
    """A plan that is being put in force for a request.  Raises Refused where that cannot be."""

    def __init__(self, ask: Ask, service: Service, plan: Plan) -> None:
        self._ask = ask
        self._service = service
        self._told = changes_of(service, plan)
        self._count = service.desk.state.tried.count
        self._before = service.desk.state
        refused = service.desk.load(plan)
        if refused is not None:
            text = "cannot reload: not all of it is to be had; the old configuration stays\n"
            lines = list(refused.lines)
            raise Refused("failed", text + "\n".join(lines), {"errors": [*lines]})

    def look(self) -> Object | None:
        """Return what came of it once that is known.  Raises Refused if the plan was undone."""
        state = self._service.desk.state
        if state is self._before:
            return None
        if state.tried.count == self._count:
            waits = self._ask.args.get("wait") is not False
            return None if waits else {**self._told, "outcome": ON_TRIAL}
        reason = state.tried.reason
        if not reason:
            return {**self._told, "outcome": IN_FORCE}
        lines = f"cannot reload: {reason}\n  the old configuration is in force again"
        raise Refused("failed", lines, {**self._told, "outcome": UNDONE, "reason": reason})


def changes_of(service: Service, plan: Plan) -> dict[str, Json]:
    """Return what `plan` would change, by the names of processes and the keys of the others."""
    table = service.desk.state.table
    found = difference(table, plan)
    wanted = {process.key: process for process in plan.processes}
    plans = [*[row.plan for row in table], *plan.processes]
    names = {each.key: each.name for each in plans if not each.hidden}
    falling = service.desk.state.falling
    anew = {
        key
        for key in found.restarted
        if falling.get(key) is not False and not _is_left(table[key], wanted[key])
    }
    beside = {key for key in anew if _overlaps(table[key], wanted[key])}
    restarted = [key for key in found.restarted if key in anew and key not in beside]
    rolled = [key for key in found.restarted if key in beside]
    left = {*found.adjusted, *found.restarted} - anew
    adjusted = [key for key in wanted if key in left]
    told: dict[str, Json] = {
        kind: [names[key] for key in keys if key in names]
        for kind, keys in (
            ("added", found.added),
            ("removed", found.removed),
            ("restarted", restarted),
            ("rolled", rolled),
            ("adjusted", adjusted),
        )
    }
    changed = service.desk.compare(plan)
    return {
        **told,
        "init": [_key(each) for each in changed if each.section == "init"],
        "web": [_key(each) for each in changed if each.section == "web"],
        "sockets": [
            {"name": name, **_key(each)}
            for each in changed
            if (name := each.section.removeprefix("socket.")) != each.section
        ],
        "warnings": list(plan.warnings),
    }


def _key(each: Changed) -> dict[str, Json]:
    return {"key": each.key, "applies": each.applies, "note": each.note}


def _is_left(row: Process, plan: ProcessPlan) -> bool:
    """Say whether a process whose runs are to be others has none now, and none because of that."""
    if isinstance(row.state, RESTING):
        asleep = is_dormant(plan) or (isinstance(row.state, Stopped) and not plan.autostart)
        return is_held_down(row.state) or asleep
    return is_held_down(row.state) or plan.schedule is not None


def _overlaps(row: Process, plan: ProcessPlan) -> bool:
    return isinstance(row.state, Running) and can_overlap(plan_to_be(row), plan)
