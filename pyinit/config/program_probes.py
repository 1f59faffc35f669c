"""`ready = { ... }` and `live = { ... }`: how a program is asked whether it is ready, and lives.

Targets become what PID 1 can use as it is: "HOST:PORT", a path, "http://HOST:PORT/PATH".
"""

from __future__ import annotations

import sys

from pyinit.config import values
from pyinit.config.problems import ValueFault
from pyinit.core.plan import Live, Ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.reader import Section

PROBES = ("http", "tcp", "unix", "exec")
READY_KINDS = ("output", "fd", "notify", "file", "delay", *PROBES)
LIVE_KINDS = (*PROBES, "watchdog")
ACTIONS = ("restart", "stop", "exit")
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-:/=,;<>'\"")
HOST = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
LEAST_S = 0.05  # between two questions, and for an answer
SOCKET_PATH = 107  # bytes: as long as the path of a Unix socket can be
SOCKET_FIX = 'write "/run/app.sock"'
HTTP_FIX = 'write ":8080/healthz", "http://127.0.0.1:8080/healthz" or "unix:/run/app.sock:/healthz"'
TCP_FIX = 'write ":5432", "127.0.0.1:5432" or "[::1]:5432"'
SHELL_SIGNS = frozenset("|&;<>$`*~=")  # a command without these has nothing to be warned of
DURATION = values.duration


def ready(section: Section) -> Ready | None:
    """Return how a run of the program shows that it is ready; None: it need not."""
    sub = section.sub("ready", "program.ready", merge=False)
    if sub is None or not sub.is_table:
        return None
    kind = _kind(sub, "ready", READY_KINDS)
    if kind is None:
        return None
    timeout = sub.get("timeout", _longer, 30.0)
    interval = max(LEAST_S, sub.get("interval", _some, 1.0))
    argv = beside(sub, "exec") if kind == "exec" else ()
    target = _target(sub, kind)
    if kind == "delay" and float(target) >= timeout:
        text = f"delay: it is never ready within its timeout of {timeout:g} s"
        sub.fault(text, "write a longer timeout, or a shorter delay", ("delay",))
    return Ready(kind, target, timeout, interval, argv)


def live(section: Section) -> Live | None:
    """Return how a run of the program shows that it lives; None: it need not."""
    sub = section.sub("live", "program.live", merge=False)
    if sub is None or not sub.is_table:
        return None
    kind = _kind(sub, "live", LIVE_KINDS)
    if kind is None:
        return None
    action = sub.get("action", values.choice(*ACTIONS), "restart")
    if kind == "watchdog":
        for key in ("interval", "timeout", "failures"):
            if key in sub.tree:
                text = f"{key}: a watchdog has none"
                sub.fault(text, "leave it out: watchdog = DURATION says it all", (key,))
        interval = max(LEAST_S, sub.get("watchdog", _some, 30.0))
        return Live(kind, interval=interval, timeout=0.0, failures=1, action=action)
    return Live(
        kind,
        target=_target(sub, kind),
        argv=beside(sub, "exec") if kind == "exec" else (),
        interval=max(LEAST_S, sub.get("interval", _some, 10.0)),
        timeout=max(LEAST_S, sub.get("timeout", _some, 5.0)),
        failures=sub.get("failures", values.integer(1), 3),
        action=action,
    )


def beside(section: Section, key: str) -> tuple[str, ...]:
    """Return the words of a command that is run beside a program; none if `key` is not there."""
    found = section.get(key, _command, ())
    if found and looks_shellish(found):
        from pyinit.config import shellish

        shellish.warn(section, key, found, shellish.BESIDE)
    return found


def looks_shellish(words: tuple[str, ...]) -> bool:
    """Say whether there is any sense in looking for what only a shell would understand."""
    return " " in words[0] or not SHELL_SIGNS.isdisjoint("".join(words))


def _command(value: object) -> tuple[str, ...]:
    fix = 'write ["/path", "argument"]'
    if isinstance(value, str):
        from pyinit.config.split import split

        words = tuple(split(values.string(value)))
    elif isinstance(value, list):
        words = values.strings(value)
    else:
        raise ValueFault(f"{values.shown(value)} is no command", fix)
    if not words or not words[0].strip():
        raise ValueFault("it is empty", fix)
    return tuple([sys.intern(each) for each in words])


def _kind(sub: Section, name: str, known: tuple[str, ...]) -> str | None:
    """Return the one kind that a table says; another number of them is a fault."""
    kinds = [key for key in known if key in sub.tree]
    if sub.tree.get("notify") is False and "notify" in kinds:
        kinds.remove("notify")
    if len(kinds) == 1:
        return kinds[0]
    found = f"not {' and '.join(kinds)}" if kinds else "there is none"
    sub.fault(f"{name}: one kind is needed, {found}", f"write one of {', '.join(known)}")
    return None


def _target(sub: Section, kind: str) -> str:
    match kind:
        case "output":
            return sub.get("output", _expression, "")
        case "fd":
            return str(sub.get("fd", values.integer(3, 255), 3))
        case "file":
            return sub.get("file", values.word, "")
        case "delay":
            return repr(sub.get("delay", DURATION, 0.0))
        case "http":
            return sub.get("http", url, "")
        case "tcp":
            return sub.get("tcp", address, "")
        case "unix":
            return sub.get("unix", socket_path, "")
        case "notify":
            sub.get("notify", values.boolean, True)
            return ""
        case _:
            return ""


def address(value: object) -> str:
    """Return "HOST:PORT" of an address that accepts connections; no host is this machine."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    text = values.word(value)
    host, _, port = text.rpartition(":")
    return f"{_host(host, text, TCP_FIX)}:{_port(port, text, TCP_FIX)}"


def socket_path(value: object) -> str:
    """Return the path of a Unix socket."""
    text = values.word(value)
    path = text.removeprefix("unix:")
    if not path.startswith("/"):
        raise ValueFault(f'"{text}" is no path from the root', SOCKET_FIX)
    return bindable(path)


def bindable(value: object) -> str:
    """Return a path that a Unix socket can be at, relative or not."""
    path = values.word(value)
    if len(path.encode("utf-8", "surrogateescape")) > SOCKET_PATH:
        text = f'"{path}" is longer than the {SOCKET_PATH} bytes of a socket path'
        raise ValueFault(text, SOCKET_FIX)
    return path


def url(value: object) -> str:
    """Return a URL with its host and path in place."""
    text = values.word(value)
    if not (text.isascii() and text.isprintable()) or " " in text or "#" in text:
        fix = "a URL has letters, digits and signs; write others as %20"
        raise ValueFault(f'"{text}" is no URL', fix)
    if text.startswith("unix:"):
        path, colon, rest = text.removeprefix("unix:").rpartition(":/")
        if not colon:
            path, rest = text.removeprefix("unix:"), ""
        return f"unix:{socket_path(path)}:/{rest}"
    scheme, found, rest = text.partition("://")
    if not found:
        scheme, rest = "http", text
    place, slash, path = rest.partition("/")
    if scheme not in ("http", "https"):
        raise ValueFault(f'"{text}" is no URL of http', HTTP_FIX)
    if "@" in place:
        raise ValueFault(f'"{text}" has a user, and a probe has none', HTTP_FIX)
    host, colon, port = place.rpartition(":")
    if not colon or place.endswith("]"):
        if not found:  # without a scheme the colon is what tells a host from a path
            raise ValueFault(f'"{text}" has no port', HTTP_FIX)
        return f"{scheme}://{_host(place, text, HTTP_FIX)}/{path if slash else ''}"
    where = f"{_host(host, text, HTTP_FIX)}:{_port(port, text, HTTP_FIX)}"
    return f"{scheme}://{where}/{path if slash else ''}"


def _host(host: str, text: str, fix: str) -> str:
    """Return a host as it can be connected to: everywhere, and nothing, are this machine."""
    if host in ("", "*", "0.0.0.0", "[::]"):  # noqa: S104  what one listens on, not connects to
        return "localhost"
    inner = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    allowed = "0123456789abcdefABCDEF:." if inner != host else HOST
    if not inner or values.leading(inner, allowed) != inner:
        raise ValueFault(f'"{text}" has no host that can be', fix)
    return host


def _port(port: str, text: str, fix: str) -> str:
    if not (port.isascii() and port.isdecimal() and len(port) < 6 and 0 < int(port) < 1 << 16):
        raise ValueFault(f'"{text}" has no port from 1 to 65535', fix)
    return str(int(port))


def _longer(value: object) -> float:
    seconds = DURATION(value)
    if not seconds:
        raise ValueFault("nothing is ready at once", 'write a duration such as "30s"')
    return seconds


def _some(value: object) -> float:
    seconds = DURATION(value)
    if not seconds:
        raise ValueFault("it takes some time", 'write a duration such as "5s"')
    return seconds


def _expression(value: object) -> str:
    text = values.word(value)
    if PLAIN.issuperset(text.removeprefix("^")):
        return text
    import re
    import warnings

    warnings.simplefilter("ignore")  # of what may mean something else one day: it has a meaning
    try:
        re.compile(text.encode("utf-8", "surrogateescape"))
    except (re.error, OverflowError, RecursionError) as error:
        fix = "see it as Python's re module reads it; quote it by '...' to keep backslashes"
        reason = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise ValueFault(f'"{text[:80]}" is no regular expression: {reason}', fix) from None
    return text
