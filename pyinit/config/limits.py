"""rlimits as they are written: a number, "max", "unlimited", "SOFT:HARD" or "inherit"."""

from __future__ import annotations

from pyinit.config.problems import ValueFault, each, suggest
from pyinit.config.values import MOST_BYTES, duration, integer, shown, size
from pyinit.core.plan import KEEP, MAXIMUM, UNLIMITED, Limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

RESOURCES = (
    *("as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile"),
    *("nproc", "rss", "rtprio", "rttime", "sigpending", "stack"),
)
IN_BYTES = frozenset(("as", "core", "data", "fsize", "memlock", "msgqueue", "rss", "stack"))
OF_TIME = {"cpu": (1, "seconds"), "rttime": (1_000_000, "microseconds")}
LEAST_OWN = 64  # descriptors that pyinit itself can work with
FIX = 'write a number, "max", "unlimited", ">=NUMBER", "SOFT:HARD" or "inherit"'


def limit_table(value: object) -> dict[str, Limit | None]:
    """Return the limits of a table by name; None is "inherit".  Raises ValueFault."""
    return _table(value, limit)


def own_limit_table(value: object) -> dict[str, Limit | None]:
    """Return those of pyinit itself, as `limit_table`; with these it can work.

    Raises ValueFault.
    """
    return _table(value, _own_limit)


def _table(value: object, make: Callable[[str, object], Limit | None]) -> dict[str, Limit | None]:
    names: dict[str, str] = {}

    def convert(written: str, wanted: object) -> Limit | None:
        name = names[written] = written.lower().removeprefix("rlimit_")
        if name not in RESOURCES:
            raise ValueFault(f'there is no limit "{written}"', suggest(name, RESOURCES))
        if list(names.values()).count(name) > 1:
            raise ValueFault(f"{name} is there twice", "leave one out")
        return make(name, wanted)

    if not isinstance(value, dict):
        raise ValueFault(f"{shown(value)} is no table", "write { nofile = 65536 }")
    found = each(value.items(), convert)
    return {names[written]: wanted for written, wanted in found.items()}


def _own_limit(resource: str, value: object) -> Limit | None:
    found = limit(resource, value)
    if resource == "nofile" and found and not found.least and 0 <= found.soft < LEAST_OWN:
        fix = f'write "max", or at least {LEAST_OWN}; what a program may have is its own limit'
        raise ValueFault(f"nofile: {shown(value)} is too little for pyinit itself", fix)
    return found


def limit(resource: str, value: object) -> Limit | None:
    """Return the limit of `resource`, None for "inherit".  Raises ValueFault.

    A number N is the soft limit; the hard one is raised to it if it is lower.  "max" is as much
    as the hard limit allows.  "unlimited" and "SOFT:HARD" set both; a half may be "max", too:
    the soft half as far as the hard one goes, the hard half as it is.  ">=N" is N, unless there
    is more already.
    """
    if not isinstance(value, str):
        amount = _amount(resource, value)
        return Limit(resource, amount, UNLIMITED if amount == UNLIMITED else KEEP)
    text = value.strip()
    if text.lower() == "inherit":
        return None
    if text.startswith(">="):
        return Limit(resource, _amount(resource, text[2:].strip()), least=True)
    first, colon, second = text.partition(":")
    soft = MAXIMUM if _is_max(first) else _amount(resource, first)
    if not colon:
        return Limit(resource, soft, UNLIMITED if soft == UNLIMITED else KEEP)
    hard = KEEP if _is_max(second) else _amount(resource, second)
    if hard >= 0 and (soft == UNLIMITED or soft > hard):
        fix = "write the soft limit first, the hard one behind the colon"
        raise ValueFault(f"{resource}: the soft limit of {shown(value)} is above the hard one", fix)
    return Limit(resource, soft, hard)


def _is_max(half: str) -> bool:
    return half.strip().lower() == "max"


def _amount(resource: str, written: object) -> int:
    value = written
    if isinstance(value, str):
        text = value.strip().lower()
        if text in {"unlimited", "infinity", "-1"}:
            return UNLIMITED
        value = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else text
    if value == UNLIMITED and isinstance(value, int):
        return UNLIMITED
    try:
        return size(value) if resource in IN_BYTES else integer(0)(value)
    except ValueFault:
        text = f"{resource}: {shown(written)} is no limit"
        raise ValueFault(text, _fix(resource, value)) from None


def _fix(resource: str, value: object) -> str:
    """Return what to write for a value that is no limit, where it can be told what it means."""
    if isinstance(value, int | float) and value >= MOST_BYTES:
        return 'write "unlimited", or a smaller number'
    if not isinstance(value, str) or resource in IN_BYTES:
        return FIX
    try:
        if resource in OF_TIME:
            unit, name = OF_TIME[resource]
            return f"write {max(1, round(duration(value) * unit))}: it is in {name}"
        return f"write {size(value)}" if value[-1:] in ("k", "m") else FIX
    except ValueFault:
        return FIX
