"""What `reload` tells: what a plan changes, and whether the trial of the new plan went well."""

from __future__ import annotations

from pyinit.core.reload import difference
from pyinit.core.roll import can_overlap
from pyinit.core.slot import plan_to_be
from pyinit.core.states import Running
from pyinit.protocol.messages import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.plan import Plan, ProcessPlan
    from pyinit.core.slot import Process
    from pyinit.protocol.wire import Json, Object
    from pyinit.runtime.control import Ask
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
    """Return what `plan` would change, by the names of processes and the keys of [init]."""
    table = service.desk.state.table
    found = difference(table, plan)
    wanted = {process.key: process for process in plan.processes}
    names = {row.plan.key: row.plan.name for row in table}
    names.update({process.key: process.name for process in plan.processes})
    rolled = [key for key in found.restarted if _overlaps(table[key], wanted[key])]
    restarted = [key for key in found.restarted if key not in rolled]
    return {
        "added": [names[key] for key in found.added],
        "removed": [names[key] for key in found.removed],
        "restarted": [names[key] for key in restarted],
        "rolled": [names[key] for key in rolled],
        "adjusted": [names[key] for key in found.adjusted],
        "init": [
            {"key": each.key, "applies": each.applies, "note": each.note}
            for each in service.desk.compare(plan)
        ],
        "warnings": list(plan.warnings),
    }


def _overlaps(row: Process, plan: ProcessPlan) -> bool:
    return isinstance(row.state, Running) and can_overlap(plan_to_be(row), plan)
