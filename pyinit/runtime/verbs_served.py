"""Verbs that supervisord's API is made of: what its clients are told, and its groups.

They speak of processes as supervisord does (`name` within `group`) and beside that as pyinit
does (`label`, `key`).  pyinit's own helpers are never told of.
"""

from __future__ import annotations

import posix
import time

from pyinit.core.phases import Booting, Up, shutdown_of
from pyinit.logs.ring import STDERR, STDOUT
from pyinit.runtime import served_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.process import Process
    from pyinit.protocol.wire import Json, Object
    from pyinit.runtime.control import Ask
    from pyinit.runtime.verbs_service import Service


def info(ask: Ask, service: Service) -> Object:
    """Tell what supervisord tells of processes: of `names`, or of one `group` ("": of none)."""
    desk = service.desk
    now, wall = desk.now(), time.time()
    return {
        "pid": posix.getpid(),
        "identifier": desk.state.init.identifier,
        "state": mood(service),
        "now": wall,
        "processes": [_entry(service, row, now, wall) for row in _asked(ask, service)],
    }


def doors(_ask: Ask, service: Service) -> Object:
    """Tell where the gateway is to listen, so that a client knows whose address it was given."""
    web = service.desk.web()
    return {"doors": [door.listen for door in web.doors] if web is not None else []}


def mood(service: Service) -> str:
    """Return what pyinit as a whole is doing, in supervisord's words."""
    phase = service.desk.state.phase
    if isinstance(phase, Up | Booting):
        return "RUNNING"
    shutdown = shutdown_of(phase)
    return "RESTARTING" if shutdown is not None and shutdown.again else "SHUTDOWN"


def _asked(ask: Ask, service: Service) -> list[Process]:
    group = ask.args.get("group")
    rows = service.rows(ask)
    if group is not None:
        rows = [row for row in rows if row.plan.group == group]
    return [row for row in rows if not row.plan.hidden]


def _entry(service: Service, row: Process, now: float, wall: float) -> dict[str, Json]:
    desk, plan = service.desk, row.plan
    told = served_facts.entry(row, desk.history.of(plan.key), now, wall)
    for stream, name in ((STDOUT, "stdout_logfile"), (STDERR, "stderr_logfile")):
        auto = desk.pump.log_path(plan.key, stream)
        told[name] = served_facts.log_path(plan.launch, stream, auto)
    return told
