"""Verbs of supervisord's two steps: read the configuration again, then change group by group.

`reread` keeps the plan it has compiled and changes nothing.  `add-group` and `remove-group` put
a plan in force that is the one in force but for that group.  What the plan that was read says
of other groups waits for them to be removed and added.
"""

from __future__ import annotations

from pyinit.core.plan import Plan
from pyinit.core.record import replace
from pyinit.core.slot import plan_to_be
from pyinit.core.states import RESTING
from pyinit.protocol.messages import Refused
from pyinit.runtime import served_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from typing import TypeAlias

    from pyinit.core.plan import ProcessPlan
    from pyinit.core.plan_listen import SocketPlan
    from pyinit.protocol.wire import Json, Object
    from pyinit.runtime.compiling import Faults
    from pyinit.runtime.control import Ask
    from pyinit.runtime.desk import Desk
    from pyinit.runtime.verbs_service import Service

    Groups: TypeAlias = dict[str, dict[str, ProcessPlan]]

SOCKET = "socket:"
SLICE = 50  # processes that are told of in one turn: some milliseconds


def reread(ask: Ask, service: Service) -> None:
    """Read the configuration again; tell which groups it adds, changes and removes."""
    service.check_up(ask)
    outcome: list[Plan | Faults] = []
    if not service.desk.compile(outcome.append):
        raise Refused("busy", "cannot reread: the configuration is being read already")

    def look() -> Object | None:
        if not outcome:
            return None
        plan = outcome[0]
        if not isinstance(plan, Plan):
            text = "cannot reread: the configuration is bad\n" + "\n".join(plan.lines)
            raise Refused("bad-config", text, {"errors": list(plan.lines)})
        service.desk.reread = plan
        return difference(in_force(service.desk), plan)

    ask.hold(look)


def add_group(ask: Ask, service: Service) -> None:
    """Put a group of the configuration that was read last in force; what starts by itself does."""
    service.check_up(ask)
    name, desk = str(ask.args["name"]), service.desk
    now = in_force(desk)
    if name in groups_of(now.processes):
        raise Refused("already-added", f"cannot add group '{name}': it is there already")
    wanted = configured(desk)
    new = groups_of(wanted.processes).get(name)
    if new is None:
        text = f"cannot add group '{name}': the configuration that was read last has none"
        raise Refused("bad-name", f"{text}\n  read it again first")
    elsewhere = [each for each in now.processes if each.key in new]
    if elsewhere:
        text = f"cannot add group '{name}': '{elsewhere[0].name}' is in group"
        fix = f"remove group '{elsewhere[0].group}' first"
        raise Refused("failed", f"{text} '{elsewhere[0].group}' still\n  {fix}")
    used = _used(wanted, new)
    budget_s = max(now.init.stop_budget, wanted.init.stop_budget)
    plan = replace(
        now,
        init=replace(now.init, stop_budget=budget_s),
        processes=(*now.processes, *new.values()),
        sockets=(*_without(now.sockets, {each.name for each in used}), *used),
    )
    _put_in_force(ask, desk, plan)


def remove_group(ask: Ask, service: Service) -> None:
    """Forget a group, whose processes must be at rest."""
    service.check_up(ask)
    name, desk = str(ask.args["name"]), service.desk
    now = in_force(desk)
    group = groups_of(now.processes).get(name)
    if group is None:
        raise Refused("bad-name", f"cannot remove group '{name}': there is none")
    if not all(isinstance(desk.state.table[key].state, RESTING) for key in group):
        text = f"cannot remove group '{name}': not all of it has stopped"
        raise Refused("still-running", f"{text}\n  stop '{name}:*' first")
    desk.reread = configured(desk)  # it can be added again
    rest = tuple([each for each in now.processes if each.key not in group])
    gone = set(_sockets(group.values())) - set(_sockets(rest))
    _put_in_force(ask, desk, replace(now, processes=rest, sockets=_without(now.sockets, gone)))


def config_info(ask: Ask, service: Service) -> None:
    """Tell what the configuration that was read last says of every process."""
    ask.work(_configurations(service.desk))


def _configurations(desk: Desk) -> Generator[None, None, Object]:
    """Tell of all processes, some in each turn."""
    now, plan = groups_of(in_force(desk).processes), configured(desk)
    secrets = served_config.own_secrets(desk.environ)

    def auto_path(key: str, stream: int) -> str:
        return desk.pump.log_path(key, stream) if key in desk.state.table else ""

    told: list[Json] = []
    for group in groups_of(plan.processes).values():
        for each in group.values():
            in_use = each.group in now
            told.append(served_config.entry(each, secrets, plan.web, auto_path, in_use=in_use))
            if len(told) % SLICE == 0:
                yield
    return {"processes": told}


def in_force(desk: Desk) -> Plan:
    """Return the plan in force, with every process as it will be in its next run."""
    rows = [plan_to_be(row) for row in desk.state.table if not row.retired]
    return replace(desk.plan(), processes=tuple(rows))


def configured(desk: Desk) -> Plan:
    """Return the plan that was read last, whether it is in force or not."""
    return in_force(desk) if desk.reread is None else desk.reread


def groups_of(processes: Iterable[ProcessPlan]) -> Groups:
    """Return the processes of each group, by key; pyinit's own helpers are in none."""
    groups: Groups = {}
    for each in processes:
        if not each.hidden:
            groups.setdefault(each.group, {})[each.key] = each
    return groups


def difference(old: Plan, new: Plan) -> Object:
    """Return the names of groups by what is new in them, in the order of their priority.

    A group has changed if its processes have, or the sockets that they are given.
    """
    before, after = groups_of(old.processes), groups_of(new.processes)

    def rank(group: str) -> tuple[int, str]:
        processes = after.get(group) or before[group]
        return max([each.group_priority for each in processes.values()]), group

    def changed(group: str) -> bool:
        mine, theirs = before[group], after[group]
        return mine != theirs or _used(old, mine) != _used(new, theirs)

    both = [group for group in after if group in before]
    return {
        "added": [*sorted([group for group in after if group not in before], key=rank)],
        "changed": [*sorted([group for group in both if changed(group)], key=rank)],
        "removed": [*sorted([group for group in before if group not in after], key=rank)],
    }


def _put_in_force(ask: Ask, desk: Desk, plan: Plan) -> None:
    """Replace the plan in force, and reply once the core has taken it."""
    refused = desk.adopt(plan)
    if refused is not None:
        text = f"cannot {ask.verb} '{ask.args['name']}'\n" + "\n".join(refused.lines)
        raise Refused("failed", text, {"errors": list(refused.lines)})
    ask.hold(lambda: {"name": ask.args["name"]})


def _sockets(processes: Iterable[ProcessPlan]) -> list[str]:
    """Return the names of the sockets that processes are given, each once."""
    names: dict[str, None] = {}
    for each in processes:
        names |= dict.fromkeys(each.sockets)
        if each.launch.stdin.startswith(SOCKET):
            names[each.launch.stdin[len(SOCKET) :]] = None
    return list(names)


def _used(plan: Plan, group: dict[str, ProcessPlan]) -> list[SocketPlan]:
    """Return the sockets of a plan that the processes of a group are given."""
    names = _sockets(group.values())
    return [socket for socket in plan.sockets if socket.name in names]


def _without(sockets: tuple[SocketPlan, ...], names: set[str]) -> tuple[SocketPlan, ...]:
    return tuple([socket for socket in sockets if socket.name not in names])
