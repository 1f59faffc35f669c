"""The values of a configuration: what may be written, and what the plan holds for it.

Every converter takes the value as tomli gives it and returns the plan's, or raises ValueFault.
"""

from __future__ import annotations

from pyinit.config.problems import ValueFault, each, suggest
from pyinit.core.capabilities import NAMES as CAPABILITIES
from pyinit.core.status import SIGNAL_NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias, TypeVar

    Raw: TypeAlias = object
    T = TypeVar("T")

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST_S = 1e9  # thirty years; beyond it a deadline is no number a kernel takes
TOO_LONG = "it must be less than 1000000000 seconds, or 11574 days"
BYTES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
BYTES |= {f"{unit}b": factor for unit, factor in BYTES.items() if unit not in {"", "b"}}
MOST_BYTES = 1 << 62
TOO_LARGE = 'it must be less than "4194304TB"'
DECIMAL_SLIPS = (
    *(22, 27, 37, 77, 400, 440, 444, 600, 640, 644, 660, 664, 666),
    *(700, 710, 711, 750, 755, 770, 775, 777),
)  # as numbers they are modes that nobody wants, so their writer meant them to be octal
RTMIN, RTMAX = 34, 64  # of glibc and musl alike, but for musl's 35: 34 is sent all the same
RESERVED = (32, 33)  # the C library keeps these for itself
SIGNALS = {name: number for number, name in enumerate(SIGNAL_NAMES) if name}
SIGNALS |= {"IOT": 6, "CLD": 17, "POLL": 29, "RTMIN": RTMIN, "RTMAX": RTMAX}
IO_CLASSES = {"realtime": 1, "best-effort": 2, "idle": 3}


def string(value: Raw) -> str:
    """Return a string."""
    if isinstance(value, str):
        if "\0" in value:
            raise ValueFault("a NUL character has no place here", "leave it out")
        return value
    fix = "put it in quotes"
    if isinstance(value, int) and not isinstance(value, bool):
        fix += f': "{value}"'
    raise ValueFault(f"{shown(value)} is no text", fix)


def word(value: Raw) -> str:
    """Return a string that is not empty."""
    text = string(value)
    if not text.strip():
        raise ValueFault("it must not be empty", "leave the key out, or give it a value")
    return text


def boolean(value: Raw) -> bool:
    """Return true or false."""
    if isinstance(value, bool):
        return value
    raise ValueFault(f"{shown(value)} is neither true nor false", "write true or false, unquoted")


def integer(lowest: int, highest: int = 1 << 62) -> Callable[[Raw], int]:
    """Return a converter of whole numbers in a range."""

    def convert(value: Raw) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
            return value
        bound = f"from {lowest}" + (f" to {highest}" if highest < 1 << 62 else "")
        whole = isinstance(value, int) and not isinstance(value, bool)
        fix = f"it goes {bound}" if whole else "unquoted, without a point"
        raise ValueFault(f"{shown(value)} is no whole number {bound}", fix)

    return convert


def number(lowest: float, highest: float) -> Callable[[Raw], float]:
    """Return a converter of numbers in a range."""

    def convert(value: Raw) -> float:
        usable = isinstance(value, int | float) and not isinstance(value, bool)
        if usable and isinstance(value, int | float) and lowest <= value <= highest:
            return float(value)
        bound = f"from {lowest:g} to {highest:g}"
        fix = f"it goes {bound}" if usable else "unquoted"
        raise ValueFault(f"{shown(value)} is no number {bound}", fix)

    return convert


def duration(value: Raw) -> float:
    """Return seconds: a number, or a text such as "500ms", "10s", "1m30s", "1h"."""
    fix = 'write a number of seconds, or "500ms", "10s", "5m", "1h"'
    if isinstance(value, bool):
        raise ValueFault(f"{shown(value)} is no duration", fix)
    if isinstance(value, int | float):
        if 0 <= value < LONGEST_S:
            return float(value)
        raise ValueFault(f"{shown(value)} is no duration", TOO_LONG if value > 0 else fix)
    text = string(value).strip().lower()
    total, rest = 0.0, f"{text}s" if is_number(text) else text
    while rest:
        digits = leading(rest, "0123456789.")
        unit = leading(rest[len(digits) :], "abcdefghijklmnopqrstuvwxyz")
        if not is_number(digits) or unit not in SECONDS:
            from pyinit.config import meant

            plainly = meant.duration(text)
            raise ValueFault(
                f"{shown(value)} is no duration", f'write "{plainly}"' if plainly else fix
            )
        total += float(digits) * SECONDS[unit]
        rest = rest[len(digits) + len(unit) :].lstrip()
    if not text or total >= LONGEST_S:
        raise ValueFault(f"{shown(value)} is no duration", TOO_LONG if text else fix)
    return total


def size(value: Raw) -> int:
    """Return bytes: a whole number, or a text such as "64KB", "50MB" (1 KB is 1024 bytes)."""
    fix = 'write a number of bytes, or "64KB", "50MB", "1GB"'
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        if value < MOST_BYTES:
            return value
        fix = TOO_LARGE
    if isinstance(value, str):
        text = value.strip().lower()
        digits = leading(text, "0123456789.")
        unit = text[len(digits) :].strip().replace("ib", "b")
        if is_number(digits) and unit in BYTES:
            # whole numbers stay whole: a float knows only 53 bits
            count = int(digits) if digits.isdecimal() else float(digits)
            found = count * BYTES[unit]
            if found < MOST_BYTES:
                return int(found)
            fix = TOO_LARGE
    raise ValueFault(f"{shown(value)} is no size", fix)


def mode(value: Raw) -> int:
    """Return permission bits: "0640", "640", or the number 0o640."""
    if isinstance(value, int) and value in DECIMAL_SLIPS:
        fix = f'write "0{value}", or "{value:04o}" if this is what is meant'
        raise ValueFault(f"the number {value} is {value:04o} in octal", fix)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0o7777:
        return value
    if isinstance(value, str):
        digits = value.removeprefix("0o")
        if digits and all(char in "01234567" for char in digits) and len(digits) <= 5:
            return int(digits, 8)
    raise ValueFault(f"{shown(value)} is no octal mode", 'write "0640" or 0o640')


def signal(value: Raw) -> int:
    """Return a signal's number, of a name with or without SIG or of a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 < value <= RTMAX and value not in RESERVED:
            return value
        raise ValueFault(f"{value} is no signal", f"numbers go from 1 to {RTMAX}")
    name = string(value).strip().upper().removeprefix("SIG")
    if name.isascii() and name.isdecimal() and len(name) < 4:
        return signal(int(name))
    if name in SIGNALS:
        return SIGNALS[name]
    for base, first, sign in (("RTMIN+", RTMIN, 1), ("RTMAX-", RTMAX, -1)):
        offset = name.removeprefix(base)
        if offset != name and offset.isascii() and offset.isdecimal() and len(offset) < 3:
            number = first + sign * int(offset)
            if RTMIN <= number <= RTMAX:
                return number
    raise ValueFault(f"{shown(value)} is no signal", suggest(name, SIGNALS))


def signals_in_turn(value: Raw) -> tuple[int, ...]:
    """Return one or more signals."""
    found = _list_of(value, signal)
    if not found:
        raise ValueFault("at least one signal is needed", 'write "TERM"')
    return found


def strings(value: Raw) -> tuple[str, ...]:
    """Return a list of strings; a single one stands for a list of it."""
    return _list_of(value, string)


def codes(value: Raw) -> tuple[int, ...]:
    """Return a list of exit codes."""
    return _list_of(value, _code)


def _code(value: Raw) -> int:
    try:
        return integer(0, 255)(value)
    except ValueFault as fault:
        if isinstance(value, str) and value.upper().removeprefix("SIG") in SIGNALS:
            fault.fix = "a run that a signal has ended has no exit status: leave it out"
        raise


def processors(value: Raw) -> tuple[int, ...]:
    """Return a list of processor numbers; "0-3,6" is a list, too."""
    fix = 'write [0, 1] or "0-3,6"'
    if isinstance(value, str):
        found: list[int] = []
        for part in value.split(","):
            first, dash, last = part.strip().partition("-")
            ends = (first, last) if dash else (first, first)
            if not all(end.isascii() and end.isdecimal() and len(end) < 5 for end in ends):
                raise ValueFault(f"{shown(value)} is no list of processors", fix)
            found.extend(range(int(ends[0]), int(ends[1]) + 1))
        value = found
    wanted = tuple(sorted(set(_list_of(value, integer(0, 4095)))))
    if not wanted:
        raise ValueFault("no processor would be left to run on", fix)
    return wanted


def choice(*known: str) -> Callable[[Raw], str]:
    """Return a converter of one of some words."""

    def convert(value: Raw) -> str:
        if isinstance(value, str) and value in known:
            return value
        fix = "write one of " + ", ".join([f'"{each}"' for each in known])
        from pyinit.config import meant

        near = meant.word(value, known)
        if near:
            fix = f"{near} ({fix})"
        raise ValueFault(f"{shown(value)} is not known here", fix)

    return convert


def capability(value: Raw) -> int:
    """Return a capability's number, of its name with or without CAP_."""
    name = string(value).strip().lower().removeprefix("cap_")
    if name in CAPABILITIES:
        return CAPABILITIES.index(name)
    known = [each.upper() for each in CAPABILITIES]
    raise ValueFault(f"{shown(value)} is no capability", suggest(name.upper(), known))


def capabilities(value: Raw) -> tuple[int, ...]:
    """Return a list of capabilities' numbers."""
    return _list_of(value, capability)


def io_priority(value: Raw) -> tuple[int, int]:
    """Return (class, level): "idle", "best-effort:4", "realtime:0"."""
    name, colon, level = string(value).partition(":")
    fix = 'write "idle", "best-effort:N" or "realtime:N", N from 0 (first) to 7'
    if (
        name not in IO_CLASSES
        or (colon and name == "idle")
        or (colon and level not in tuple("01234567"))
    ):
        raise ValueFault(f"{shown(value)} is no I/O priority", fix)
    return IO_CLASSES[name], int(level or 4) if name != "idle" else 0


def table(value: Raw) -> dict[str, Raw]:
    """Return a table."""
    if isinstance(value, dict):
        return value
    raise ValueFault(f"{shown(value)} is no table", "write { key = value } or a [section]")


def variables(value: Raw) -> dict[str, str]:
    """Return a table of strings: names and values of environment variables."""
    if not isinstance(value, dict):
        from pyinit.config import meant

        raise ValueFault(f"{shown(value)} is no table", f"write {meant.variables(value)}")
    return each(value.items(), _variable)


def _variable(name: str, value: Raw) -> str:
    if "=" in name or "\0" in name or not name:
        fix = "a name is not empty and has no equals sign"
        raise ValueFault(f'"{name}" cannot name a variable', fix)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        quoted = f': "{shown(value)}"' if isinstance(value, bool) else ""
        raise ValueFault(f"{name}: {shown(value)} is no text", f"put it in quotes{quoted}")
    return string(value if isinstance(value, str) else str(value))


def _list_of(value: Raw, convert: Callable[[Raw], T]) -> tuple[T, ...]:
    if not isinstance(value, list):
        if not isinstance(value, dict):
            return (convert(value),)
        raise ValueFault("a table is no list", "write [ ... ]")
    return tuple(each(enumerate(value), lambda _, item: convert(item)).values())


def leading(text: str, allowed: str) -> str:
    """Return the characters of `allowed` that `text` begins with."""
    length = 0
    while length < len(text) and text[length] in allowed:
        length += 1
    return text[:length]


def is_number(text: str) -> bool:
    """Say whether a text is a number without a sign."""
    head, point, tail = text.partition(".")
    digits = head + tail
    return digits.isascii() and digits.isdecimal() and len(digits) < 20 and bool(tail or not point)


def shown(value: Raw) -> str:
    """Return a value as a message names it."""
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else str(value)
