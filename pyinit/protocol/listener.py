r"""What supervisord and an event listener say to each other, as a pure state machine.

    listener                          supervisor
    READY\n                    ->
                               <-     ver:3.0 server:NAME serial:1 pool:P poolserial:0
                                      eventname:TICK_5 len:15\n  and so many characters
    RESULT 2\nOK               ->
    READY\n                    ->

A listener is ACKNOWLEDGED from its first moment until it says READY, then READY until an event is
sent to it, then BUSY until its result is there.  Anything else it says breaks the protocol, and
nothing it says after that means anything: it is UNKNOWN.

`len` counts characters, not bytes, since that is what listeners read.
"""

from __future__ import annotations

from pyinit.core.record import Record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

ACKNOWLEDGED, READY, BUSY, UNKNOWN = "ACKNOWLEDGED", "READY", "BUSY", "UNKNOWN"
VERSION = "3.0"
READY_LINE = b"READY\n"
RESULT = b"RESULT "
OK = b"OK"
LINE_BYTES = 1024  # of a line that says how long a result is: a number and a word
RESULT_BYTES = 64 * 1024  # of a result: OK and FAIL are all that anybody sends
SHOWN_BYTES = 60  # of what broke the protocol


class Listener(Record):
    """A listener: its `state`, bytes it has said that mean nothing yet, the result it is at.

    `length` is how long that will be, -1 while that is not known.
    """

    state: str = ACKNOWLEDGED
    rest: bytes = b""
    length: int = -1


class Became(Record):
    """It is in another state now."""

    state: str


class Answered(Record):
    """It has dealt with its event; `ok` says whether it took it."""

    ok: bool


class Broke(Record):
    """It broke the protocol: what it said, and what was due."""

    said: bytes
    due: str


if TYPE_CHECKING:
    News: TypeAlias = Became | Answered | Broke


def sent(listener: Listener) -> Listener:
    """Return a READY listener after an event was sent to it."""
    return replace(listener, state=BUSY, length=-1)


def heard(listener: Listener, data: bytes) -> tuple[Listener, tuple[News, ...]]:
    """Return the listener after it has said `data`, and what that means, in order."""
    if listener.state == UNKNOWN:
        return listener, ()
    listener = replace(listener, rest=listener.rest + data)
    news: list[News] = []
    while listener.rest:
        after, found = _step(listener)
        news += found
        if after is listener:
            break
        listener = after
    return listener, tuple(news)


def header(server: str, serial: int, pool: str, pool_serial: int, name: str, payload: str) -> str:
    """Return the line before the payload of an event."""
    return (
        f"ver:{VERSION} server:{server} serial:{serial} pool:{pool} poolserial:{pool_serial} "
        f"eventname:{name} len:{len(payload)}\n"
    )


def text(data: bytes) -> str:
    """Return what a program has printed as it stands in a payload."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"Undecodable: {data!r}"


def _step(listener: Listener) -> tuple[Listener, tuple[News, ...]]:
    """Return the listener after the next thing it said; itself if that is not all there yet."""
    if listener.state == READY:
        return _broken(listener, "nothing")
    if listener.state == ACKNOWLEDGED:
        return _ready(listener)
    if listener.length < 0:
        return _result_line(listener)
    return _result(listener)


def _ready(listener: Listener) -> tuple[Listener, tuple[News, ...]]:
    rest = listener.rest
    if rest.startswith(READY_LINE):
        return Listener(READY, rest[len(READY_LINE) :]), (Became(READY),)
    if READY_LINE.startswith(rest):
        return listener, ()
    return _broken(listener, "READY")


def _result_line(listener: Listener) -> tuple[Listener, tuple[News, ...]]:
    line, newline, rest = listener.rest.partition(b"\n")
    begun = line.startswith(RESULT) or RESULT.startswith(line)
    if not newline and begun and len(line) <= LINE_BYTES:
        return listener, ()
    length = _number(line[len(RESULT) :]) if newline and line.startswith(RESULT) else -1
    if not 0 <= length <= RESULT_BYTES:
        return _broken(listener, "RESULT and its length")
    if length == 0:  # nothing is not OK
        return _acknowledged(rest, ok=False)
    return replace(listener, rest=rest, length=length), ()


def _result(listener: Listener) -> tuple[Listener, tuple[News, ...]]:
    rest, length = listener.rest, listener.length
    if len(rest) < length:
        return listener, ()
    return _acknowledged(rest[length:], ok=rest[:length] == OK)


def _acknowledged(rest: bytes, *, ok: bool) -> tuple[Listener, tuple[News, ...]]:
    return Listener(ACKNOWLEDGED, rest), (Answered(ok), Became(ACKNOWLEDGED))


def _broken(listener: Listener, due: str) -> tuple[Listener, tuple[News, ...]]:
    said = listener.rest[:SHOWN_BYTES]
    return Listener(UNKNOWN), (Broke(said, due), Became(UNKNOWN))


def _number(digits: bytes) -> int:
    """Return a number as supervisord reads one, -1 for what is none."""
    try:
        return int(digits)
    except ValueError:
        return -1
