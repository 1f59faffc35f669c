"""JSON lines: one object a line, encoded and decoded by CPython's own C code and nothing more.

The `json` package costs a megabyte, since it imports `re` to find out what the C scanner already
knows.  The scanner and the encoder it uses are here without it; a Python that lacks them gets
the package.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Never, TypeAlias

    Json: TypeAlias = (
        "str | int | float | bool | list[Json] | tuple[Json, ...] | dict[str, Json] | None"
    )
    Object: TypeAlias = dict[str, Json]

FRAME_BYTES = 1 << 20  # one request or reply; a plan of 5,000 processes fits
MAX_DEPTH = 64
BLANK = " \t\r\n"


class FrameError(ValueError):
    """What came is no frame; the text says why."""


class Frames:
    """Cuts what a peer sends into lines.  Memory is bounded by `limit`."""

    __slots__ = ("_limit", "_rest")

    def __init__(self, limit: int = FRAME_BYTES) -> None:
        self._limit = limit
        self._rest = b""

    @property
    def partial(self) -> bool:
        """Whether the peer is in the middle of a line."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the complete lines.  Raises FrameError for a line that is too long."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > self._limit or max(map(len, lines), default=0) > self._limit:
            raise FrameError(f"cannot read a frame: it is longer than {self._limit} bytes")
        return [line for line in lines if line.strip()]


def decode(line: bytes) -> Object:
    """Return the object in one line.  Raises FrameError."""
    try:
        value = loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise FrameError(f"cannot read a frame: it is not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise FrameError("cannot read a frame: it is nested too deep") from None
    if not isinstance(value, dict):
        raise FrameError("cannot read a frame: it is no JSON object")
    return value


def encode(value: Object) -> bytes:
    """Return the line of an object, its newline included."""
    return dumps(value).encode("ascii") + b"\n"


def loads(text: str) -> Json:
    """Return the value of a JSON text.  Raises FrameError."""
    _check_depth(text)
    start = len(text) - len(text.lstrip(BLANK))
    try:
        value, end = _scan(text, start)
    except StopIteration as stop:
        raise FrameError(f"cannot read a frame: no JSON value at character {stop}") from None
    except FrameError:
        raise
    except (ValueError, SystemError):  # SystemError: its own exception was not imported
        raise FrameError("cannot read a frame: it is not JSON") from None
    if text[end:].strip(BLANK):
        raise FrameError(f"cannot read a frame: something follows the value at character {end}")
    return value


def dumps(value: Json) -> str:
    """Return a JSON text in ASCII.  Raises ValueError for NaN and infinity."""
    return "".join(_encode(value, 0))


def _check_depth(text: str) -> None:
    """Refuse what would nest too deep, before anything recurses (brackets in strings count)."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = deepest = 0
    inside = escaped = False
    for char in text:
        if inside:
            inside = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            inside = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    if deepest > MAX_DEPTH:
        raise FrameError(f"cannot read a frame: it is nested deeper than {MAX_DEPTH}")


def _no_constant(name: str) -> Never:
    raise FrameError(f"cannot read a frame: {name} is not JSON")


def _default(value: object) -> Never:
    raise TypeError(f"cannot write {type(value).__name__} as JSON")


def _find_codec() -> tuple[
    Callable[[str, int], tuple[Json, int]], Callable[[Json, int], Iterable[str]]
]:
    """Return the scanner and the encoder: from C where they are as known, else from `json`."""
    try:
        from _json import encode_basestring_ascii, make_encoder, make_scanner

        scan = make_scanner(_Context())  # type: ignore[arg-type]
        encode = make_encoder(
            None, _default, encode_basestring_ascii, None, ":", ",", False, False, False
        )
        if scan('{"a":[1]}', 0) == ({"a": [1]}, 9) and "".join(encode([1, "\xe4"], 0)) == (
            '[1,"\\u00e4"]'
        ):
            return scan, encode
    except (ImportError, TypeError, ValueError):
        pass
    import json

    decoder = json.JSONDecoder(parse_constant=_no_constant)
    encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
    return decoder.raw_decode, lambda value, _level: encoder.iterencode(value)


class _Context:
    """What the scanner asks for: how to make each kind of value."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_no_constant)
    memo: dict[str, str] = {}  # noqa: RUF012  the scanner empties it after each text


_scan, _encode = _find_codec()
