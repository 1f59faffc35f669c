"""The verb metrics: what curves are drawn of, for every process and for pyinit itself.

Whatever is counted here was counted on the way; reading it sets no timer and wakes nobody.
"""

from __future__ import annotations

import posix
import time

from pyinit import __version__
from pyinit.core.states import NO_PID, NUMBERS, Running, public_name, run_of
from pyinit.runtime.verbs_state import SLICE, TICKS, usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from pyinit.core.slot import Process
    from pyinit.protocol.wire import Json, Object
    from pyinit.runtime.control import Ask
    from pyinit.runtime.verbs_service import Service


def metrics(ask: Ask, service: Service) -> None:
    """Tell states, restarts, ends by status, usage and limits, output, losses, the loop's load."""
    ask.work(_measured(service, service.rows(ask)))


def _measured(service: Service, rows: list[Process]) -> Generator[None, None, Object]:
    """Read the processes' /proc some at a time."""
    entries: list[Json] = []
    for count, row in enumerate(rows, 1):
        entries.append(_entry(service, row))
        if count % SLICE == 0:
            yield
    return {**_own(service), "processes": entries}


def _entry(service: Service, row: Process) -> dict[str, Json]:
    plan, run = row.plan, run_of(row.state)
    pid = run.pid if run is not None else NO_PID
    state = public_name(row.state)
    return {
        "name": plan.name,
        "group": plan.group,
        "program": plan.program,
        "state": state,
        "state_code": NUMBERS[state],
        "ready": isinstance(row.state, Running),
        "pid": pid,
        "uptime_s": round(service.desk.now() - run.since, 3) if run is not None and pid else 0.0,
        "restarts": row.restarts,
        "exits": dict(service.desk.history.counts_of(plan.key)),
        "output_bytes": service.desk.pump.captured_bytes(plan.key),
        "probe": service.desk.asked(plan.key),
        **usage_of(pid),
    }


def _own(service: Service) -> dict[str, Json]:
    desk = service.desk
    load = desk.burden
    stdout_lines, stderr_lines = desk.pump.lost_lines()
    return {
        "pid": posix.getpid(),
        "version": __version__,
        "state": service.phase,
        "pyinit": {"uptime_s": _uptime_s(), **usage_of(posix.getpid())},
        "loop": {
            "turns": load.turns,
            "busy_s": round(load.busy_s, 6),
            "lag_s": round(load.lag_s(desk.now()), 6),
        },
        "lost_lines": {"stdout": stdout_lines, "stderr": stderr_lines},
        "files": [
            {"path": path, "lost_bytes": lost} for path, lost in desk.pump.lost_bytes().items()
        ],
    }


def _uptime_s() -> float:
    """Return the age of our process: a re-exec does not make it young again."""
    from pyinit.system import procfs

    found = procfs.stat(posix.getpid())
    if found is None:
        return 0.0
    return round(time.clock_gettime(time.CLOCK_BOOTTIME) - found.start / TICKS, 2)
