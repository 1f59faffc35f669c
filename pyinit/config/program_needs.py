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
CONDITION = values.choice(*CONDITIONS)
PARTS = ("condition", "timeout")
EXAMPLE = 'write { condition = "ready", timeout = "30s" }'


def dependencies(section: Section) -> tuple[Dependency, ...]:
    """Return what a program depends on, then what it only wants: what is both is depended on."""
    hard, soft = _needs(section, "depends_on"), _needs(section, "wants")
    needed = {need.program for need in hard}
    return (*hard, *[replace(need, hard=False) for need in soft if need.program not in needed])


def _needs(section: Section, key: str) -> tuple[Dependency, ...]:
    """Return what a table or a list says; also what is at fault: its name is looked up, too."""
    found: dict[str, Dependency] = {}

    def plain(_place: int, value: object) -> None:
        name = values.string(value)
        found[name] = Dependency(name, "started")

    def full(name: str, value: object) -> None:
        plain(0, name)
        found[name] = _dependency(name, value)

    def convert(value: object) -> None:
        if isinstance(value, dict):
            each(value.items(), full)
        elif isinstance(value, list):
            each(enumerate(value), plain)
        else:
            plain(0, value)

    section.get(key, convert, None)
    return tuple(found.values())


def _dependency(program: str, value: object) -> Dependency:
    if not isinstance(value, dict):
        return Dependency(program, CONDITION(value))
    is_known = all(key in PARTS for key in value)  # else it may be the condition, badly typed
    found = each(({"condition": None, **value} if is_known else value).items(), _part)
    return Dependency(program, str(found["condition"]), float(found.get("timeout", 0.0)))


def _part(key: str, value: object) -> str | float:
    if key == "timeout":
        return _patience(value)
    if key != "condition":
        raise ValueFault(f'unknown key "{key}"', suggest(key, PARTS))
    if value is None:
        raise ValueFault("it has no condition", EXAMPLE)
    return CONDITION(value)


def _patience(value: object) -> float:
    seconds = values.duration(value)
    if not seconds:
        raise ValueFault("nothing is there at once", "leave it out to wait as long as it takes")
    return seconds
