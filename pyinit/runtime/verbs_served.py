"""Verbs that supervisord's API is made of: what its clients are told, and its groups.

They speak of processes as supervisord does (`name` within `group`) and beside that as pyinit
does (`label`, `key`).  pyinit's own helpers are never told of.
"""

from __future__ import annotations

import posix
import time

from pyinit.core.phases import Booting, Up, shutdown_of
from pyinit.logs.ring import STDERR, STDOUT
from pyinit.protocol.messages import Refused
from pyinit.protocol.names import process_of
from pyinit.runtime import served_facts
from pyinit.system import environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from pyinit.core.plan_listen import Door
    from pyinit.core.slot import Process
    from pyinit.protocol.wire import Json, Object
    from pyinit.runtime.control import Ask
    from pyinit.runtime.verbs_service import Service

KEY = ("username", "password")
RIGHT, WRONG = b"right", b"wrong"
SLICE = 100  # processes that are told of in one turn: some milliseconds


def info(ask: Ask, service: Service) -> Object | None:
    """Tell what supervisord tells of `names`, of a `group`, or of a `process` in one."""
    keys = [row.plan.key for row in _asked(ask, service)]
    if len(keys) > SLICE:
        ask.work(_many(service, keys))
        return None
    return _told(service, _entries(service, keys))


def doors(_ask: Ask, service: Service) -> Object:
    """Tell where the gateway is to listen, so that a client knows whose address it was given."""
    web = service.desk.web()
    return {"doors": [door.listen for door in web.doors] if web is not None else []}


def check_door(ask: Ask, service: Service) -> None:
    """Tell whether a name and a password are those of a door; `right` is null if nobody knows.

    A forked child compares them: what it takes for that, PID 1 need not have in its memory.
    """
    web = service.desk.web()
    doors = [door for door in (web.doors if web is not None else ()) if _is_meant(ask, door)]
    if not doors:
        raise Refused("bad-name", f"no door at '{ask.args['place']}'")
    door = doors[0]
    name, word = [environment.encode(str(ask.args.get(each, ""))) for each in KEY]
    answers: list[bytes | None] = []

    def compare() -> bytes:
        from pyinit.protocol.passwords import fits

        right = not door.username or fits(door.username, door.password, name, word)
        return RIGHT if right else WRONG

    def look() -> Object | None:
        if not answers:
            return None
        known = answers[0] in (RIGHT, WRONG)
        return {"right": answers[0] == RIGHT if known else None}

    try:
        service.desk.fork(compare, answers.append)
    except OSError as error:
        text = f"cannot compare the password: {error.strerror}\n  try it again in a moment"
        raise Refused("busy", text) from None
    ask.hold(look)


def _is_meant(ask: Ask, door: Door) -> bool:
    return door.listen == ask.args["place"]


def mood(service: Service) -> str:
    """Return what pyinit as a whole is doing, in supervisord's words."""
    phase = service.desk.state.phase
    if isinstance(phase, Up | Booting):
        return "RUNNING"
    shutdown = shutdown_of(phase)
    return "RESTARTING" if shutdown is not None and shutdown.again else "SHUTDOWN"


def _asked(ask: Ask, service: Service) -> list[Process]:
    group, process = ask.args.get("group"), ask.args.get("process")
    rows = [row for row in service.rows(ask) if not row.plan.hidden]
    if group is not None:
        rows = [row for row in rows if row.plan.group == group]
    if process is not None:
        rows = [row for row in rows if process_of(row.plan.name, row.plan.group) == process]
    return rows


def _many(service: Service, keys: list[str]) -> Generator[None, None, Object]:
    """Tell of many processes, some in each turn."""
    entries: list[Json] = []
    for first in range(0, len(keys), SLICE):
        entries += _entries(service, keys[first : first + SLICE])
        yield
    return _told(service, entries)


def _told(service: Service, entries: list[Json]) -> Object:
    return {
        "pid": posix.getpid(),
        "identifier": service.desk.state.init.identifier,
        "stop_budget_s": service.desk.state.init.stop_budget,
        "drain_delay_s": service.desk.state.init.drain_delay,
        "state": mood(service),
        "now": time.time(),
        "processes": entries,
    }


def _entries(service: Service, keys: list[str]) -> list[Json]:
    """Return what is told of processes as they are now; those that are gone are left out."""
    now, wall = service.desk.now(), time.time()
    rows = [service.row(key) for key in keys]
    return [_entry(service, row, now, wall) for row in rows if row is not None]


def _entry(service: Service, row: Process, now: float, wall: float) -> dict[str, Json]:
    desk, plan = service.desk, row.plan
    told = served_facts.entry(row, desk.history.of(plan.key), now, wall)
    for stream, name in ((STDOUT, "stdout_logfile"), (STDERR, "stderr_logfile")):
        auto = desk.pump.log_path(plan.key, stream)
        told[name] = served_facts.log_path(plan.launch, stream, auto)
    return told
