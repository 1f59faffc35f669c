"""The values of a configuration: what may be written, and what the plan holds for it.

Every converter takes the value as tomli gives it and returns the plan's, or raises ValueFault.
"""

from __future__ import annotations

from pyinit.config.problems import ValueFault, suggest
from pyinit.core.plan import KEEP, MAXIMUM, UNLIMITED, Limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias, TypeVar

    Raw: TypeAlias = object
    T = TypeVar("T")

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "k": 1 << 10, "m": 1 << 20}
RESOURCES = (
    *("as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile"),
    *("nproc", "rss", "rtprio", "rttime", "sigpending", "stack"),
)
IN_BYTES = frozenset(("as", "core", "data", "fsize", "memlock", "msgqueue", "rss", "stack"))
CAPABILITIES = (
    *("chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid"),
    *("setpcap", "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw"),
    *("ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct"),
    *("sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod"),
    *("lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog"),
    *("wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore"),
)
IO_CLASSES = {"realtime": 1, "best-effort": 2, "idle": 3}


def string(value: Raw) -> str:
    """Return a string."""
    if isinstance(value, str):
        if "\0" in value:
            raise ValueFault("a NUL character has no place here")
        return value
    raise ValueFault(f"{_shown(value)} is no string", "put it in quotes")


def word(value: Raw) -> str:
    """Return a string that is not empty."""
    text = string(value)
    if not text.strip():
        raise ValueFault("it must not be empty")
    return text


def boolean(value: Raw) -> bool:
    """Return true or false."""
    if isinstance(value, bool):
        return value
    raise ValueFault(f"{_shown(value)} is neither true nor false", "write true or false, unquoted")


def integer(lowest: int, highest: int = 1 << 62) -> Callable[[Raw], int]:
    """Return a converter of whole numbers in a range."""

    def convert(value: Raw) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
            return value
        bound = f"from {lowest}" + (f" to {highest}" if highest < 1 << 62 else "")
        raise ValueFault(f"{_shown(value)} is no whole number {bound}")

    return convert


def number(lowest: float, highest: float) -> Callable[[Raw], float]:
    """Return a converter of numbers in a range."""

    def convert(value: Raw) -> float:
        usable = isinstance(value, int | float) and not isinstance(value, bool)
        if usable and isinstance(value, int | float) and lowest <= value <= highest:
            return float(value)
        raise ValueFault(f"{_shown(value)} is no number from {lowest:g} to {highest:g}")

    return convert


def duration(value: Raw) -> float:
    """Return seconds: a number, or a text such as "500ms", "10s", "1m30s", "1h"."""
    fix = 'write a number of seconds, or "500ms", "10s", "5m", "1h"'
    if isinstance(value, bool):
        raise ValueFault(f"{_shown(value)} is no duration", fix)
    if isinstance(value, int | float):
        if 0 <= value < 1e9:
            return float(value)
        raise ValueFault(f"{_shown(value)} is no duration", fix)
    text = string(value).strip().lower()
    if _is_number(text):
        return float(text)
    total, rest = 0.0, text
    while rest:
        digits = _leading(rest, "0123456789.")
        unit = _leading(rest[len(digits) :], "abcdefghijklmnopqrstuvwxyz")
        if not _is_number(digits) or unit not in SECONDS:
            raise ValueFault(f"{_shown(value)} is no duration", fix)
        total += float(digits) * SECONDS[unit]
        rest = rest[len(digits) + len(unit) :].lstrip()
    if not text:
        raise ValueFault(f"{_shown(value)} is no duration", fix)
    return total


def size(value: Raw) -> int:
    """Return bytes: a whole number, or a text such as "64KB", "50MB" (1 KB is 1024 bytes)."""
    fix = 'write a number of bytes, or "64KB", "50MB", "1GB"'
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str):
        text = value.strip().lower().replace("ib", "b")
        digits = _leading(text, "0123456789.")
        unit = text[len(digits) :].strip()
        if _is_number(digits) and (unit in BYTES or not unit):
            return int(float(digits) * BYTES.get(unit, 1))
    raise ValueFault(f"{_shown(value)} is no size", fix)


def mode(value: Raw) -> int:
    """Return permission bits: "0640", "640", or the number 0o640."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0o7777:
        return value
    if isinstance(value, str):
        digits = value.removeprefix("0o")
        if digits and all(char in "01234567" for char in digits) and len(digits) <= 5:
            return int(digits, 8)
    raise ValueFault(f"{_shown(value)} is no octal mode", 'write "0640" or 0o640')


def signal(value: Raw) -> int:
    """Return a signal's number, of a name with or without SIG or of a number."""
    import signal as signals

    known = {each.name.removeprefix("SIG"): int(each) for each in signals.Signals}
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 < value < signals.NSIG:
            return value
        raise ValueFault(f"{value} is no signal", f"numbers go from 1 to {signals.NSIG - 1}")
    name = string(value).strip().upper().removeprefix("SIG")
    if name.isdigit():
        return signal(int(name))
    base, plus, offset = name.partition("+")
    if base in known and (not plus or (base == "RTMIN" and offset.isdigit())):
        return known[base] + int(offset or 0)
    raise ValueFault(f"{_shown(value)} is no signal", suggest(name, known))


def signals_in_turn(value: Raw) -> tuple[int, ...]:
    """Return one or more signals."""
    return _list_of(value, signal, one=True)


def strings(value: Raw) -> tuple[str, ...]:
    """Return a list of strings; a single one stands for a list of it."""
    return _list_of(value, string, one=True)


def codes(value: Raw) -> tuple[int, ...]:
    """Return a list of exit codes."""
    return _list_of(value, integer(0, 255), one=True)


def processors(value: Raw) -> tuple[int, ...]:
    """Return a list of processor numbers; "0-3,6" is a list, too."""
    if isinstance(value, str):
        found: list[int] = []
        for part in value.split(","):
            first, dash, last = part.strip().partition("-")
            if not first.isdigit() or (dash and not last.isdigit()):
                raise ValueFault(f"{_shown(value)} is no list of processors", 'write "0-3,6"')
            found.extend(range(int(first), int(last or first) + 1))
        return tuple(sorted(set(found)))
    return tuple(sorted(set(_list_of(value, integer(0, 4095), one=True))))


def choice(*known: str) -> Callable[[Raw], str]:
    """Return a converter of one of some words."""

    def convert(value: Raw) -> str:
        text = string(value)
        if text in known:
            return text
        fix = f"it is one of {', '.join(known)}"
        raise ValueFault(f"{_shown(value)} is not known here", suggest(text, known) + f" ({fix})")

    return convert


def capability(value: Raw) -> int:
    """Return a capability's number, of its name with or without CAP_."""
    name = string(value).strip().lower().removeprefix("cap_")
    if name in CAPABILITIES:
        return CAPABILITIES.index(name)
    raise ValueFault(f"{_shown(value)} is no capability", suggest(name, CAPABILITIES))


def capabilities(value: Raw) -> tuple[int, ...]:
    """Return a list of capabilities' numbers."""
    return _list_of(value, capability, one=True)


def io_priority(value: Raw) -> tuple[int, int]:
    """Return (class, level): "idle", "best-effort:4", "realtime:0"."""
    name, colon, level = string(value).partition(":")
    fix = 'write "idle", "best-effort:N" or "realtime:N", N from 0 (first) to 7'
    if name not in IO_CLASSES or (colon and level not in "01234567"):
        raise ValueFault(f"{_shown(value)} is no I/O priority", fix)
    return IO_CLASSES[name], int(level or 4) if name != "idle" else 0


def limit(resource: str, value: Raw) -> Limit | None:
    """Return the limit of `resource`, None for "inherit".

    A number, a size for those in bytes, "max", "unlimited", "SOFT:HARD" or "inherit".
    """
    if value == "inherit":
        return None
    if value == "max":
        return Limit(resource, MAXIMUM)
    if isinstance(value, str) and ":" in value:
        soft, _, hard = value.partition(":")
        found = Limit(resource, _amount(resource, soft.strip()), _amount(resource, hard.strip()))
        if found.hard not in (UNLIMITED, KEEP) and not 0 <= found.soft <= found.hard:
            raise ValueFault(f"{_shown(value)}: the soft limit is above the hard one")
        return found
    amount = _amount(resource, value)
    return Limit(resource, amount, UNLIMITED if amount == UNLIMITED else KEEP)


def limits(value: Raw) -> tuple[Limit, ...]:
    """Return the limits of a table; "inherit" ones are left out."""
    found = []
    for resource, wanted in table(value).items():
        name = resource.lower().removeprefix("rlimit_")
        if name not in RESOURCES:
            fault = ValueFault(f'there is no limit "{resource}"', suggest(name, RESOURCES))
            fault.path = (resource,)
            raise fault
        try:
            one = limit(name, wanted)
        except ValueFault as error:
            error.path = (resource,)
            raise
        if one is not None:
            found.append(one)
    return tuple(sorted(found, key=lambda each: each.resource))


def table(value: Raw) -> dict[str, Raw]:
    """Return a table."""
    if isinstance(value, dict):
        return value
    raise ValueFault(f"{_shown(value)} is no table", "write { key = value } or a [section]")


def variables(value: Raw) -> dict[str, str]:
    """Return a table of strings: names and values of environment variables."""
    found = {}
    for name, text in table(value).items():
        if isinstance(text, bool | dict | list) or "=" in name or "\0" in name or not name:
            fault = ValueFault(f'cannot use "{name}" as a variable', 'write NAME = "value"')
            fault.path = (name,)
            raise fault
        found[name] = string(text if isinstance(text, str) else str(text))
    return found


def _amount(resource: str, value: Raw) -> int:
    if isinstance(value, str) and value.strip().lower() in {"unlimited", "infinity", "-1"}:
        return UNLIMITED
    if isinstance(value, str) and value.strip().isdigit():
        return int(value)
    if value == -1 and not isinstance(value, bool):
        return UNLIMITED
    try:
        if resource in IN_BYTES:
            return size(value)
        return integer(0)(value)
    except ValueFault:
        fix = 'write a number, "max", "unlimited", "SOFT:HARD" or "inherit"'
        raise ValueFault(f"{_shown(value)} is no limit", fix) from None


def _list_of(value: Raw, convert: Callable[[Raw], T], *, one: bool) -> tuple[T, ...]:
    if not isinstance(value, list):
        if one and not isinstance(value, dict):
            return (convert(value),)
        raise ValueFault(f"{_shown(value)} is no list")
    found = []
    for place, item in enumerate(value):
        try:
            found.append(convert(item))
        except ValueFault as error:
            error.path = (place, *error.path)
            raise
    return tuple(found)


def _leading(text: str, allowed: str) -> str:
    length = 0
    while length < len(text) and text[length] in allowed:
        length += 1
    return text[:length]


def _is_number(text: str) -> bool:
    head, _, tail = text.partition(".")
    return (head.isdigit() or (not head and bool(tail))) and (not tail or tail.isdigit())


def _shown(value: Raw) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else str(value)
