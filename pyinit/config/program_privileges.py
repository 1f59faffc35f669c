"""What a program may do: its capabilities and securebits; and what kind of runtime it has."""

from __future__ import annotations

from pyinit.config import values
from pyinit.config.problems import ValueFault, suggest
from pyinit.core.capabilities import SECUREBITS, names
from pyinit.core.plan import Capabilities, Stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.reader import Section

RUNTIMES = ("go",)
EVERY = tuple(range(64))  # those that this version has no name for, too
QUIT = 3


def capabilities(section: Section) -> Capabilities | None:
    """Return what `capabilities` asks for: the bounding set is `keep` without `drop`."""
    sub = section.sub("capabilities", "program.capabilities")
    if sub is None:
        return None
    keep = sub.get("keep", capability_set, None)
    drop = sub.get("drop", capability_set, ())
    ambient = sub.get("ambient", values.capabilities, ())
    if drop:
        kept = EVERY if keep is None else keep
        keep = tuple([number for number in kept if number not in drop])
    if keep is not None and not set(ambient) <= set(keep):
        lost = names(tuple([number for number in ambient if number not in keep]))
        fix = "keep it, or leave it out of ambient"
        sub.fault(f"ambient: {lost} is not kept", fix, ("ambient",))
    return Capabilities(keep, ambient)


def capability_set(value: values.Raw) -> tuple[int, ...]:
    """Return capabilities' numbers; "all" is each of them."""
    items = value if isinstance(value, list) else [value]
    if [item.strip().lower() for item in items if isinstance(item, str)] == ["all"]:
        return EVERY
    return values.capabilities(value)


def securebits(value: values.Raw) -> int:
    """Return the bits of one or more names: those of capabilities(7), or as systemd has them."""
    found = 0
    for word in values.strings(value):
        name = word.strip().lower().replace("-", "_").removeprefix("secbit_")
        if name not in SECUREBITS:
            raise ValueFault(f'"{word}" is no securebit', suggest(name, SECUREBITS))
        found |= 1 << SECUREBITS.index(name)
    return found


def runtime(section: Section) -> str:
    """Return the runtime that a program says it has, "" for none."""
    return section.get("runtime", values.choice(*RUNTIMES), "")


def stop_of(section: Section) -> Stop:
    """Return how programs of this runtime are stopped where nothing else is said."""
    return Stop(dump_signal=QUIT) if runtime(section) == "go" else Stop()
