"""Puts what pyinit tells into words, columns and JSON on standard output."""

from __future__ import annotations

import posix
import time

from pyinit.core.status import signal_name
from pyinit.protocol import wire
from pyinit.protocol.far_end import FAR_END, TERMINAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyinit.protocol.wire import Json, Object

DAY_S = 86_400
HOME_AND_CLEAR = b"\x1b[H\x1b[J"  # what was on the screen before can be scrolled back to


def say(text: str, fd: int = 1) -> None:
    """Write a text and a newline; bytes that were no UTF-8 come out as they went in."""
    put((text + "\n").encode("utf-8", "surrogateescape"), fd)


def put(data: bytes, fd: int = 1) -> None:
    """Write all of `data`."""
    view = memoryview(data)
    while view:
        view = view[posix.write(fd, view) :]


def say_json(value: Object) -> None:
    """Write an object as one line of JSON."""
    put(wire.encode(value))


def on_terminal() -> bool:
    """Say whether people see what we write: here, or at the far end."""
    told = posix.environ.get(FAR_END.encode())
    return posix.isatty(1) if told is None else told == TERMINAL.encode()


def begin_again() -> None:
    """Clear the terminal, if it is one, for the next picture of the same thing."""
    if on_terminal():
        put(HOME_AND_CLEAR)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: str = "") -> str:
    """Return aligned columns; the heads named in `right` have their values on the right."""
    lines = [list(head), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    sides = [name in right.split() for name in head]
    return "\n".join([_line(line, widths, sides) for line in lines])


def duration(seconds: float) -> str:
    """Return a time span as people read it: 0.4s, 12s, 3m07s, 5h03m, 2d04h."""
    whole = int(seconds)
    if seconds < 10:
        return f"{seconds:.1f}s"
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < DAY_S:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // DAY_S}d{whole % DAY_S // 3600:02d}h"


def size(count: float) -> str:
    """Return a number of bytes as people read it: 512B, 8.2MB."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024 or unit == "GB":
            return f"{count:.0f}{unit}" if unit == "B" else f"{count:.1f}{unit}"
        count /= 1024
    return ""


def moment(at: float) -> str:
    """Return a point in time (seconds since 1970) in local time, with milliseconds."""
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(at))
    return f"{text}.{int(at % 1 * 1000):03d}"


def ago(at: float) -> str:
    """Return how long ago a point in time was."""
    return duration(max(0.0, time.time() - at)) + " ago"


def exit_words(end: Json) -> str:
    """Return an exit status in a few words: "exit 3", "SIGKILL"."""
    if not isinstance(end, dict):
        return ""
    number = end.get("signal")
    if isinstance(number, int):
        return signal_name(number) + (" (core)" if end.get("core_dumped") else "")
    return f"exit {end.get('code')}"


def limit(value: Json) -> str:
    """Return a limit as it is written in a configuration; "" where it is not known."""
    return "" if value is None else "unlimited" if value == -1 else str(value)


def objects(result: Object, name: str) -> list[Object]:
    """Return the list of objects under `name`."""
    found = result.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def number(value: Json) -> float:
    """Return a number of a reply, 0 where there is none."""
    return value if isinstance(value, int | float) else 0.0


def _line(cells: list[str], widths: list[int], sides: list[bool]) -> str:
    parts = [
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, sides, strict=True)
    ]
    return "  ".join(parts).rstrip()
