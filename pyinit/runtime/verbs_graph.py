"""The verb `graph`: which program needs which, and what each took at the last boot.

The critical path leads backwards from the program that was there last, each time to that of its
dependencies which was there last: making any other program faster would have changed nothing.
"""

from __future__ import annotations

from pyinit.core.states import public_name
from pyinit.runtime.verbs_state import is_well

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.slot import Process
    from pyinit.protocol.wire import Json, Object
    from pyinit.runtime.boot_times import BootTimes
    from pyinit.runtime.control import Ask
    from pyinit.runtime.verbs_service import Service


def graph(_ask: Ask, service: Service) -> Object:
    """Tell which program needs which, in what condition, and how long each took at boot."""
    state = service.desk.state
    rows: dict[str, list[Process]] = {}
    for row in state.table:
        if not row.plan.hidden:
            rows.setdefault(row.plan.program, []).append(row)
    boot = _boot(rows, service.desk.announcer.timing)
    path = critical_path({program: _needs(rows[program]) for program in rows}, boot)
    return {
        "programs": [_program(program, rows[program], boot.get(program)) for program in rows],
        "critical_path": [*path],
        "boot_s": boot[path[-1]][1] if path else None,
    }


def critical_path(needs: dict[str, list[str]], boot: dict[str, tuple[float, float]]) -> list[str]:
    """Return the programs that made the boot last as long as it did, in their order.

    `boot` has for each program when it began and when it was there.
    """
    if not boot:
        return []
    path = [max(boot, key=lambda program: boot[program][1])]
    while True:
        before = [each for each in needs.get(path[-1], ()) if each in boot and each not in path]
        if not before:
            return path[::-1]
        path.append(max(before, key=lambda program: boot[program][1]))


def _boot(
    rows: dict[str, list[Process]], timing: BootTimes | None
) -> dict[str, tuple[float, float]]:
    """Return when each program began, and when all of its processes were there."""
    found: dict[str, tuple[float, float]] = {}
    for program, each in rows.items() if timing is not None else ():
        keys = [row.plan.key for row in each]
        if timing is not None and all(key in timing.there for key in keys):
            began = min([timing.born[key] for key in keys])
            found[program] = (began, max([timing.there[key] for key in keys]))
    return found


def _needs(rows: list[Process]) -> list[str]:
    return [need.program for need in rows[0].plan.depends]


def _program(name: str, rows: list[Process], boot: tuple[float, float] | None) -> dict[str, Json]:
    plan = rows[0].plan
    return {
        "name": name,
        "group": plan.group,
        "states": [public_name(each.state) for each in rows],
        "ok": all(is_well(each) for each in rows),
        "needs": [
            {
                "program": each.program,
                "condition": each.condition,
                "hard": each.hard,
                "timeout_s": each.timeout or None,
            }
            for each in plan.depends
        ],
        "boot": boot and {"waited_s": boot[0], "took_s": boot[1] - boot[0], "up_s": boot[1]},
    }
