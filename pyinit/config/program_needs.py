"""`depends_on` and `wants`: what a program needs, and what it would like to have, beside it."""

from __future__ import annotations

from pyinit.config import values
from pyinit.config.problems import ValueFault, each, suggest
from pyinit.core.plan import Dependency
from pyinit.core.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.reader import Section

CONDITIONS = ("started", "ready", "completed", "done")
PARTS = ("condition", "timeout")
EXAMPLE = 'write { condition = "ready", timeout = "30s" }'


def dependencies(section: Section) -> tuple[Dependency, ...]:
    """Return what a program depends on, then what it only wants: what is both is depended on."""
    hard = section.get("depends_on", _dependencies, ())
    soft = section.get("wants", _dependencies, ())
    needed = {need.program for need in hard}
    return (*hard, *[replace(need, hard=False) for need in soft if need.program not in needed])


def _dependencies(value: object) -> tuple[Dependency, ...]:
    if not isinstance(value, dict):
        return tuple([Dependency(name, "started") for name in values.strings(value)])
    return tuple(each(value.items(), _dependency).values())


def _dependency(program: str, value: object) -> Dependency:
    judge = values.choice(*CONDITIONS)
    if not isinstance(value, dict):
        return Dependency(program, judge(value))
    unknown = [key for key in value if key not in PARTS]
    if unknown:
        fix = suggest(unknown[0], PARTS)
        raise ValueFault(f'unknown key "{unknown[0]}"', fix, (unknown[0],))
    if "condition" not in value:
        raise ValueFault("it has no condition", EXAMPLE)
    given = [item for item in value.items() if item[0] == "timeout"]
    seconds = each(given, lambda _, item: _patience(item))
    condition = each([("condition", value["condition"])], lambda _, item: judge(item))
    return Dependency(program, condition["condition"], seconds.get("timeout", 0.0))


def _patience(value: object) -> float:
    seconds = values.duration(value)
    if not seconds:
        raise ValueFault("nothing is there at once", "leave it out to wait as long as it takes")
    return seconds
