"""pyinit's own messages: one line each, as text, as JSON, or in the form of supervisord's log."""

from __future__ import annotations

import posix
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LEVELS = {"error": 40, "warning": 30, "info": 20, "debug": 10}
RANKS = {**LEVELS, "critical": 50}  # the last one is for supervisord's log
SUPERVISORD = {
    "critical": "CRIT",
    "error": "ERRO",
    "warning": "WARN",
    "info": "INFO",
    "debug": "DEBG",
}
FORMATS = ("text", "json", "supervisord")


class Log:
    """Says things by `write`, which must not block; what is below `level` is not said."""

    def __init__(
        self, write: Callable[[bytes], None], level: str = "info", style: str = "text"
    ) -> None:
        self._write = write
        self.level = level if level in LEVELS else "info"
        self.style = style if style in FORMATS else "text"

    def redirect(self, write: Callable[[bytes], None]) -> None:
        """Write to another place from now on."""
        self._write = write

    def error(self, text: str) -> None:
        """Say what needs somebody's attention."""
        self.say("error", text)

    def warning(self, text: str) -> None:
        """Say what may need attention."""
        self.say("warning", text)

    def info(self, text: str) -> None:
        """Say what happened."""
        self.say("info", text)

    def debug(self, text: str) -> None:
        """Say what only matters when looking for a fault."""
        self.say("debug", text)

    def say(self, level: str, text: str) -> None:
        """Say `text`, each of its lines on its own."""
        if RANKS.get(level, 0) < LEVELS[self.level]:
            return
        for line in text.split("\n"):
            self._write(self.line(level, line))

    def block(self, level: str, text: str) -> None:
        """Say `text`, whose first line alone tells what it is."""
        if RANKS.get(level, 0) >= LEVELS[self.level]:
            self._write(self.line(level, text))

    def line(self, level: str, text: str) -> bytes:
        """Return one line as it is said now."""
        said = _line(self.style, level, text, time.time()) + "\n"
        return said.encode("utf-8", "surrogateescape")


def from_environment(
    name: bytes, known: Iterable[str], otherwise: str
) -> tuple[str, tuple[str, ...]]:
    """Return what the variable `name` says, else `otherwise`; and what is wrong with it."""
    said = posix.environ.get(name, b"").decode("utf-8", "surrogateescape")
    if not said or said in known:
        return said or otherwise, ()
    text = f'unknown {name.decode()} "{said}": it stays "{otherwise}"'
    return otherwise, (f"{text}\n  known here: {', '.join(known)}",)


def _line(style: str, level: str, text: str, stamp: float) -> str:
    millis = int(stamp * 1000) % 1000
    if style == "supervisord":
        local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(stamp))
        return f"{local},{millis:03d} {SUPERVISORD[level]} {text}"
    utc = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp))
    if style == "json":
        from pyinit.protocol.wire import dumps

        entry = {"time": f"{utc}.{millis:03d}Z", "level": level, "source": "pyinit"}
        return dumps({**entry, "message": text})
    return f"{utc}.{millis:03d}Z pyinit {level}: {text}"


def fault(error: BaseException) -> str:
    """Return an exception with the places it went through, innermost last, in one line."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        name = code.co_filename.rpartition("/")[2]
        places.append(f"{name}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return f"{type(error).__name__}: {error} (at {' > '.join(places[-6:])})"


def raised(error: BaseException) -> None:
    """Bear no fault: where there is nobody yet to tell of them."""
    raise error
