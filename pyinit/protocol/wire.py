"""JSON lines: one object a line, encoded and decoded by CPython's own C code and nothing more.

The `json` package costs a megabyte, since it imports `re` to find out what the C scanner already
knows.  The scanner and the encoder it uses are here without it; a Python that lacks them gets
the package.

Text is ASCII on the wire.  A byte that is no UTF-8 (in a file name, in a program's output) is a
lone surrogate in our strings, and a surrogate's escape on the wire: it survives both ways.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Never, TypeAlias

    Json: TypeAlias = (
        "str | int | float | bool | list[Json] | tuple[Json, ...] | dict[str, Json] | None"
    )
    Object: TypeAlias = dict[str, Json]
    Scan: TypeAlias = Callable[[str, int], tuple[Json, int]]
    Encode: TypeAlias = Callable[[Json, int], Iterable[str]]

FRAME_BYTES = 16 << 20  # what a client takes for one reply: the status of 40,000 processes
REQUEST_BYTES = 64 << 10  # what PID 1 takes for one request: the names of 2,000 processes
MAX_DEPTH = 64
BLANK = " \t\r\n"
INFINITY = float("inf")


class FrameError(ValueError):
    """What came is no frame; the text says why."""


class Frames:
    """Cuts what a peer sends into lines, one at a time.  Memory is bounded by `limit` and one read.

    Lines stay in one buffer until they are taken: a read full of tiny frames costs its bytes.
    """

    __slots__ = ("_buffer", "_end", "_limit", "_seen")

    def __init__(self, limit: int = FRAME_BYTES) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._end = -1  # where the next line ends, -1 as long as it does not
        self._seen = 0  # what was searched for that end already

    @property
    def ready(self) -> bool:
        """Whether there is a line to take."""
        return self._end >= 0

    @property
    def partial(self) -> bool:
        """Whether the peer is in the middle of a line."""
        return self._end < 0 and bool(self._buffer)

    @property
    def rest(self) -> bytes:
        """What was fed and not yet taken."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take what has come.  Raises FrameError for a line that is too long.

        After that the peer's bytes have no meaning any more: drop the peer.
        """
        self._buffer += data
        self._search()

    def take(self) -> bytes | None:
        """Return the next line, None if there is none yet.  Raises as `feed`."""
        if self._end < 0:
            return None
        line = bytes(self._buffer[: self._end])
        del self._buffer[: self._end + 1]
        self._seen = 0
        self._search()
        return line

    def _search(self) -> None:
        """Find the end of the next line that is not blank."""
        while True:
            self._end = self._buffer.find(b"\n", self._seen)
            if self._end < 0 or self._buffer[: self._end].strip():
                break
            del self._buffer[: self._end + 1]
            self._seen = 0
        self._seen = len(self._buffer) if self._end < 0 else self._end
        if self._seen > self._limit:
            raise FrameError(f"cannot read a frame: it is longer than {self._limit} bytes")


def decode(line: bytes) -> Object:
    """Return the object in one line.  Raises FrameError."""
    try:
        value = loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise FrameError(f"cannot read a frame: it is not UTF-8 at byte {error.start}") from None
    if not isinstance(value, dict):
        raise FrameError("cannot read a frame: it is no JSON object")
    return value


def encode(value: Object) -> bytes:
    """Return the line of an object, its newline included.  Raises as `dumps`."""
    return dumps(value).encode("ascii") + b"\n"


def loads(text: str) -> Json:
    """Return the value of a JSON text.  Raises FrameError."""
    start = len(text) - len(text.lstrip(BLANK))
    try:
        value, end = _scan_alone(text, start)
    except StopIteration as stop:
        raise FrameError(f"cannot read a frame: no JSON value at character {stop}") from None
    except RecursionError:
        raise FrameError(f"cannot read a frame: it is nested deeper than {MAX_DEPTH}") from None
    except FrameError:
        raise
    except ValueError as error:
        raise FrameError(f"cannot read a frame: {error}") from None
    if text[end:].strip(BLANK):
        raise FrameError(f"cannot read a frame: something follows the value at character {end}")
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(value)
    return value


def dumps(value: Json) -> str:
    """Return a JSON text in ASCII.  Raises ValueError for NaN and infinity."""
    return "".join(_encode(value, 0))


class _Fault(ValueError):
    """What the scanner raises instead of json.decoder.JSONDecodeError."""

    def __init__(self, message: str, _text: str, position: int) -> None:
        super().__init__(f"{message[:1].lower()}{message[1:]} at character {position}")


class _NoJson:
    """Stands in for the `json` package while the scanner looks there for its exception."""

    JSONDecodeError = _Fault


def _scan_alone(text: str, start: int) -> tuple[Json, int]:
    """Scan, and keep the scanner from importing `json` to complain.

    Since Python 3.12 its faults import json.decoder, and with it `re`: one malformed request
    would cost PID 1 a megabyte and a wait for the disk.  Until 3.11 they need it imported.
    """
    modules: dict[str, object] = sys.modules  # type: ignore[assignment]
    if "json" in modules:
        return _scan(text, start)
    modules["json"] = modules["json.decoder"] = _NoJson
    try:
        return _scan(text, start)
    finally:
        del modules["json"], modules["json.decoder"]


def _check_depth(value: Json) -> None:
    """Refuse what is nested too deep for those who walk it later."""
    level: list[Json] = [value]
    for _ in range(MAX_DEPTH + 1):
        below: list[Json] = []
        for each in level:
            if isinstance(each, dict):
                below.extend(each.values())
            elif isinstance(each, list):
                below.extend(each)
        if not below:
            return
        level = below
    raise FrameError(f"cannot read a frame: it is nested deeper than {MAX_DEPTH}")


def _no_constant(name: str) -> Never:
    raise FrameError(f"cannot read a frame: {name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (INFINITY, -INFINITY):
        raise FrameError(f"cannot read a frame: {digits[:20]} is too large for a number")
    return number


def _default(value: object) -> Never:
    raise TypeError(f"cannot write {type(value).__name__} as JSON")


class _Context:
    """What the scanner asks for: how to make each kind of value."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = staticmethod(_finite)
    parse_int = int
    parse_constant = staticmethod(_no_constant)


def from_c() -> tuple[Scan, Encode] | None:
    """Return the scanner and the encoder of CPython, None where they are not as known."""
    try:
        from _json import encode_basestring_ascii, make_encoder, make_scanner

        scan: Scan = make_scanner(_Context())  # type: ignore[arg-type]
        encode: Encode = make_encoder(
            None, _default, encode_basestring_ascii, None, ":", ",", False, False, False
        )
        same = scan('{"a":[1]}', 0) == ({"a": [1]}, 9)
        same = same and "".join(encode([1, "\xe4"], 0)) == '[1,"\\u00e4"]'
    except (ImportError, AttributeError, TypeError, ValueError):
        return None
    return (scan, encode) if same else None


def from_json() -> tuple[Scan, Encode]:
    """Return the same of the `json` package."""
    import json

    decoder = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)
    encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
    return decoder.raw_decode, lambda value, _level: encoder.iterencode(value)


_scan, _encode = from_c() or from_json()
