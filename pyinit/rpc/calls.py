"""What methods are made of: the calls they yield, the values they return, their arguments."""

from __future__ import annotations

from pyinit.core.record import Record
from pyinit.protocol.messages import Refused
from pyinit.rpc.faults import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from typing import TypeAlias

    from pyinit.protocol.wire import Json, Object

    Value: TypeAlias = "str | int | float | bytes | list[Value] | dict[str, Value]"
    Steps: TypeAlias = Generator["Call", Object, Value]


class Call(Record):
    """A verb of the control socket to be asked.

    Its result is sent into the method, or the Refused it was answered with is thrown in.
    """

    verb: str
    args: Object


class Args:
    """The arguments of one call, as many as its method takes.

    XML-RPC's own types are taken as supervisord takes them; what makes no sense is the fault
    INCORRECT_PARAMETERS.
    """

    def __init__(self, values: Sequence[Value]) -> None:
        self._values = values

    def any(self, place: int) -> Value:
        """Return an argument as it is."""
        return self._values[place]

    def text(self, place: int) -> str:
        """Return an argument that must be a string."""
        value = self._values[place]
        if isinstance(value, str):
            return value
        raise Fault("INCORRECT_PARAMETERS", shown(value))

    def loose_text(self, place: int) -> str:
        """Return an argument of which any scalar is taken, as text."""
        value = self._values[place]
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if isinstance(value, str | int | float):
            return str(value)
        raise Fault("INCORRECT_PARAMETERS", shown(value))

    def whole(self, place: int) -> int:
        """Return an argument that must be a number, or look like a whole one."""
        value = self._values[place]
        if isinstance(value, str | int | float):
            try:
                return int(value)
            except (ValueError, OverflowError):
                pass
        raise Fault("INCORRECT_PARAMETERS", shown(value))

    def flag(self, place: int, default: bool) -> bool:
        """Return whether an argument that may be left out is true, by Python's own rules."""
        return bool(self._values[place]) if place < len(self._values) else default

    def items(self, place: int) -> list[Value]:
        """Return an argument that must be an array."""
        value = self._values[place]
        if isinstance(value, list):
            return value
        raise Fault("INCORRECT_PARAMETERS")


class Param(Record):
    """One parameter: its type in XML-RPC's words, its name, and what it is for."""

    kind: str
    name: str
    about: str
    optional: bool = False


class Method(Record):
    """One method: what it does, and what `system.methodHelp` and `methodSignature` say of it."""

    run: Callable[[Args], Steps]
    about: str
    result: str
    outcome: str
    params: tuple[Param, ...] = ()

    @property
    def signature(self) -> list[Value]:
        """The types: of the result, then of every parameter."""
        return [self.result, *[each.kind for each in self.params]]

    @property
    def help(self) -> str:
        """What it does, in the form that tools for supervisord read."""
        lines = [self.about, ""]
        lines += [f"@param {each.kind} {each.name} {each.about}" for each in self.params]
        lines.append(f"@return {self.result} {self.outcome}")
        return "\n".join(lines)

    def takes(self, count: int) -> bool:
        """Say whether so many arguments may be given."""
        needed = [each for each in self.params if not each.optional]
        return len(needed) <= count <= len(self.params)


def insisting(verb: str, args: Object) -> Generator[Call, Object, Object]:
    """Ask a verb that may be asked twice, again if pyinit was re-executed while it waited."""
    try:
        return (yield Call(verb, args))
    except Refused as refused:
        if refused.code != "interrupted":
            raise
    return (yield Call(verb, args))


def shown(value: Value) -> str:
    """Return a value as a fault tells it, never longer than a line."""
    return str(value)[:200]


def text_of(found: Object, name: str) -> str:
    """Return a field of a result, "" if it is no text."""
    value = found.get(name)
    return value if isinstance(value, str) else ""


def number_of(found: Object, name: str) -> float:
    """Return a field of a result, 0 if it is no number."""
    value = found.get(name)
    return value if isinstance(value, int | float) else 0


def objects_of(found: Object, name: str) -> list[Object]:
    """Return the objects in a list of a result."""
    return [each for each in listed(found.get(name)) if isinstance(each, dict)]


def texts_of(found: Object, name: str) -> list[str]:
    """Return the texts in a list of a result."""
    return [each for each in listed(found.get(name)) if isinstance(each, str)]


def listed(value: Json) -> list[Json]:
    """Return what should be a list as one."""
    return list(value) if isinstance(value, list | tuple) else []
