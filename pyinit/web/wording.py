"""XML-RPC as supervisord's clients speak it: requests read with suspicion, answers as they expect.

A document type is refused, and with it every entity (billion laughs, files read by reference).
Values are built while the parser runs, so that what is too deep or too much is refused before it
has cost anything.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import xmlrpc.client
from typing import TYPE_CHECKING

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.rpc.calls import Value
    from pyinit.rpc.faults import Fault

DEEPEST = 32  # values within values: a multicall has five
MOST_VALUES = 20_000  # in one request: a multicall for all of some thousand processes
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
UNKNOWN = "\N{REPLACEMENT CHARACTER}"


class Unreadable(ValueError):
    """What came is no call of a method; the text says why."""


def read_call(data: bytes) -> tuple[str, list[Value]]:
    """Return (method, arguments) of a request's body.  Raises Unreadable."""
    reader = _Reader()
    parser = DefusedXMLParser(
        target=reader, forbid_dtd=True, forbid_entities=True, forbid_external=True
    )
    try:
        parser.feed(data)
        parser.close()
    except ParseError as error:
        raise Unreadable(f"it is no XML: {error}") from None
    except DefusedXmlException:
        raise Unreadable("it has a document type or entities") from None
    except Unreadable:
        raise
    except (LookupError, ValueError, OverflowError) as error:  # of an encoding that is unknown
        raise Unreadable(f"it makes no sense: {error}") from None
    if not reader.method:
        raise Unreadable("it names no method")
    return reader.method, reader.params


def answer(value: Value) -> bytes:
    """Return the body that answers a call; a number beyond 32 bits is a double in it."""
    text = xmlrpc.client.dumps((_writable(value),), methodresponse=True)
    return _encoded(text)


def fault(told: Fault) -> bytes:
    """Return the body that answers a call by a fault."""
    text = NO_XML.sub(UNKNOWN, told.text)
    return _encoded(xmlrpc.client.dumps(xmlrpc.client.Fault(told.code, text), methodresponse=True))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _writable(value: Value) -> Value:
    """Return a value whose text has only what XML can carry: a terminal's codes it cannot."""
    match value:
        case str():
            return NO_XML.sub(UNKNOWN, value)
        case int() if not xmlrpc.client.MININT <= value <= xmlrpc.client.MAXINT:
            return _double(value)
        case list():
            return [_writable(each) for each in value]
        case dict():
            return {NO_XML.sub(UNKNOWN, name): _writable(each) for name, each in value.items()}
        case _:
            return value


def _double(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


class _Frame:
    """A value that is not finished: what is in it so far, and what it is known to be."""

    def __init__(self) -> None:
        self.kind = ""  # of the element inside <value>; none is a string
        self.items: list[Value] = []
        self.members: dict[str, Value] = {}
        self.name: str | None = None
        self.done: list[Value] = []  # at most one


class _Reader:
    """Builds the values while the parser speaks; what has no place where it is, is refused."""

    def __init__(self) -> None:
        self.method = ""
        self.params: list[Value] = []
        self._path: list[str] = []
        self._frames: list[_Frame] = []
        self._text: list[str] = []
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        del attributes
        above = self._path[-1] if self._path else ""
        if above not in _PLACES.get(tag, ()):
            raise Unreadable(f"<{tag[:50]}> has no place in <{above}>")
        self._path.append(tag)
        self._text = []
        if tag == "value":
            self._open()
        elif above == "value":
            self._say_kind(tag)
        elif tag == "member":
            self._frames[-1].name = None

    def data(self, text: str) -> None:
        """Text within an element."""
        self._text.append(text)

    def end(self, tag: str) -> None:
        """An element ends."""
        self._path.pop()
        text, self._text = "".join(self._text), []
        above = self._path[-1] if self._path else ""
        if tag == "methodName":
            self.method = text.strip()
        elif tag == "name":
            self._frames[-1].name = text
        elif tag == "value":
            self._close(text)
        elif above == "value":
            self._frames[-1].done.append(self._made(tag, text))

    def close(self) -> None:
        """The document ends."""

    def _open(self) -> None:
        self._count += 1
        if self._count > MOST_VALUES or len(self._frames) >= DEEPEST:
            raise Unreadable("it is too much, or too deep")
        self._frames.append(_Frame())

    def _say_kind(self, tag: str) -> None:
        frame = self._frames[-1]
        if frame.kind:
            raise Unreadable("a value is two things at once")
        frame.kind = tag

    def _close(self, text: str) -> None:
        """A value is finished: it goes where it belongs."""
        frame = self._frames.pop()
        value: Value = frame.done[0] if frame.done else text
        above = self._path[-1]
        if above == "param":
            self.params.append(value)
        elif above == "data":
            self._frames[-1].items.append(value)
        else:
            outer = self._frames[-1]
            if outer.name is None:
                raise Unreadable("a member has no name")
            outer.members[outer.name] = value

    def _made(self, tag: str, text: str) -> Value:
        if tag == "array":
            return self._frames[-1].items
        if tag == "struct":
            return self._frames[-1].members
        try:
            return _SCALARS[tag](text)
        except (ValueError, binascii.Error):
            raise Unreadable(f"cannot read a value of type {tag}") from None


def _truth(text: str) -> bool:
    return bool(int(text))


_SCALARS: dict[str, Callable[[str], Value]] = {
    "int": int,
    "i4": int,
    "boolean": _truth,
    "string": str,
    "double": float,
    "dateTime.iso8601": str,
    "base64": lambda text: base64.b64decode("".join(text.split()), validate=True),
}
_PLACES: dict[str, tuple[str, ...]] = {
    "methodCall": ("",),
    "methodName": ("methodCall",),
    "params": ("methodCall",),
    "param": ("params",),
    "value": ("param", "data", "member"),
    "data": ("array",),
    "member": ("struct",),
    "name": ("member",),
    **dict.fromkeys((*_SCALARS, "array", "struct"), ("value",)),
}
