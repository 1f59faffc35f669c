"""Frozen records: what `dataclasses` gives, without importing `inspect`, `re` and `ast`.

PID 1 has about one megabyte for all of its own code.  `dataclasses` alone costs five, a
`NamedTuple` two (and compares equal to any tuple of the same fields).  A record costs one class:
the metaclass turns the annotations into fields of a tuple, which C makes, copies and reads, and
one `__new__`, `__eq__`, `__hash__` and `__repr__` serve every record there is.  That it is a tuple
inside is nobody's business.

    class Run(Record):
        id: RunId
        pid: Pid = NO_PID

    Run(3) == Run(id=3, pid=NO_PID);  replace(run, pid=71);  match run: case Run(id, pid): ...

`to_plain` and `from_plain` turn any tree of records, tuples, dicts and scalars into plain data
and back, so that a plan or the whole state can cross a pipe or a re-exec.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import ClassVar, Never, Self, TypeAlias, TypeVar, dataclass_transform

    Scalar: TypeAlias = bool | int | float | str | None
    Plain: TypeAlias = Scalar | list["Plain"] | dict[str, "Plain"]
    R = TypeVar("R", bound="Record")
    _Base = object

    def _tuplegetter(number: int, doc: str | None) -> object: ...
    def _values(record: object, /) -> Iterator[object]: ...
else:
    from _collections import _tuplegetter

    _Base = tuple
    _new = tuple.__new__
    _values = tuple.__iter__  # a record may define what iterating over it means

    def dataclass_transform(**_options):  # noqa: ANN003, ANN201
        """Do nothing at run time; type checkers read the real one."""
        return lambda cls: cls


_SCALARS = (bool, int, float, str)
_ATOMS = frozenset((*_SCALARS, type(None)))
_getters: list[object] = []  # the n-th reads the n-th field, of whatever record


def _getter(number: int) -> object:
    while len(_getters) <= number:
        _getters.append(_tuplegetter(len(_getters), None))
    return _getters[number]


def _true(_record: object) -> bool:
    return True


@dataclass_transform(frozen_default=True, eq_default=True)
class RecordMeta(type):
    """Makes fields of a class's annotations and keeps the defaults aside."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, object]
    ) -> RecordMeta:
        """Build the class once, already with its fields."""
        own = namespace.pop("__annotations__", None)
        fields = list(own) if isinstance(own, dict) else []
        inherited: list[str] = []
        defaults: dict[str, object] = {}
        for base in bases:
            inherited.extend(getattr(base, "__match_args__", ()))
            defaults.update(getattr(base, "__defaults__", {}))
        defaults.update({field: namespace.pop(field) for field in fields if field in namespace})
        for number, field in enumerate(fields, len(inherited)):
            namespace[field] = _getter(number)
        if not (inherited or fields) and RecordMeta in map(type, bases):
            namespace["__bool__"] = _true  # an empty tuple is not
        namespace["__slots__"] = ()
        namespace["__match_args__"] = (*inherited, *fields)
        namespace["__defaults__"] = defaults
        return super().__new__(mcs, name, bases, namespace)


class Record(_Base, metaclass=RecordMeta):
    """Base of every record: immutable, compared and hashed by its type and fields."""

    if TYPE_CHECKING:
        __match_args__: ClassVar[tuple[str, ...]]
        __defaults__: ClassVar[dict[str, object]]

    if not TYPE_CHECKING:  # pragma: no branch  checkers make their own from the fields

        def __new__(cls, *values, **named):  # noqa: ANN002, ANN003, ANN204, D102
            if named or len(values) != len(cls.__match_args__):
                values = _filled(cls, values, named)
            return _new(cls, values)

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError(f"cannot set '{name}': {type(self).__name__} is a frozen record")

    def __delattr__(self, name: str) -> Never:
        raise AttributeError(f"cannot delete '{name}': {type(self).__name__} is a frozen record")

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return type(self) is type(other) and tuple(_values(self)) == tuple(_values(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((type(self), *_values(self)))

    def __repr__(self) -> str:
        fields = zip(self.__match_args__, _values(self), strict=True)
        inner = ", ".join([f"{field}={value!r}" for field, value in fields])
        return f"{type(self).__name__}({inner})"

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), tuple(_values(self))


def _filled(
    cls: type[Record], values: tuple[object, ...], named: dict[str, object]
) -> tuple[object, ...]:
    """Return the values of all fields: those given by place, then by name, then by default."""
    fields, defaults = cls.__match_args__, cls.__defaults__
    if len(values) > len(fields):
        raise TypeError(f"{cls.__name__} takes {len(fields)} values")
    rest = fields[len(values) :]
    given = defaults
    if named:
        unknown = named.keys() - rest
        if unknown:
            raise TypeError(f"{cls.__name__} cannot take {sorted(unknown)}")
        given = named if len(named) == len(rest) else defaults | named
    try:
        return (*values, *map(given.__getitem__, rest))
    except KeyError as error:
        raise TypeError(f"{cls.__name__} needs '{error.args[0]}'") from None


if TYPE_CHECKING:

    def replace(record: R, /, **changes: object) -> R:
        """Return a copy of `record` with `changes`; a field that does not exist is a TypeError."""
        ...

else:

    def replace(record, /, **changes):  # noqa: ANN001, ANN003, ANN201
        """Return a copy of `record` with `changes`; a field that does not exist is a TypeError."""
        cls = type(record)
        values = [*_values(record)]
        place = cls.__match_args__.index
        try:
            for field, value in changes.items():
                values[place(field)] = value
        except ValueError:
            raise TypeError(f"{cls.__name__} has no '{field}'") from None
        return _new(cls, values)


def assert_never(value: Never) -> Never:
    """Say at type-check time that a `match` is complete; raise AssertionError if it was not."""
    raise AssertionError(f"unhandled: {value!r}")


def to_plain(value: object) -> Plain:
    """Return `value` as plain data: a record is `{"Name": [fields]}`, a dict `{"": [[k, v]]}`.

    What is there several times is the same object several times, in what is returned, too: marshal
    writes it once.  Raises TypeError for anything but records, tuples, dicts and None, bool, int,
    float, str.
    """
    return _written(value, {})


def _written(value: object, seen: dict[int, Plain]) -> Plain:
    if value is None or isinstance(value, _SCALARS):
        return value
    known = seen.get(id(value))
    if known is not None:
        return known
    plain: Plain
    if isinstance(value, tuple):
        items = _values(value)
        fields: list[Plain] = [
            item if type(item) in _ATOMS else _written(item, seen)  # type: ignore[misc]
            for item in items
        ]
        plain = {type(value).__name__: fields} if isinstance(value, Record) else fields
    elif isinstance(value, dict):
        pairs = value.items()
        plain = {"": [[_written(key, seen), _written(item, seen)] for key, item in pairs]}
    else:
        raise TypeError(f"cannot write out {type(value).__name__}: {value!r}")
    seen[id(value)] = plain
    return plain


def from_plain(data: Plain, kinds: dict[str, type[Record]]) -> object:
    """Return what `to_plain` was given; `kinds` names the records that may occur.

    A record written by an older version may lack fields that have defaults.
    Raises ValueError when the data names a record that is not in `kinds` or does not fit it.
    """
    return _read(data, kinds, {})


def _read(data: Plain, kinds: dict[str, type[Record]], seen: dict[int, object]) -> object:
    if not isinstance(data, list | dict):
        return data
    known = seen.get(id(data))
    if known is None:
        if isinstance(data, list):
            known = tuple([_read(item, kinds, seen) for item in data])
        else:
            known = _read_dict(data, kinds, seen)
        seen[id(data)] = known
    return known


def _read_dict(
    data: dict[str, Plain], kinds: dict[str, type[Record]], seen: dict[int, object]
) -> object:
    if len(data) != 1:
        raise ValueError(f"cannot read a record: {len(data)} names where one is needed")
    ((name, fields),) = data.items()
    if not isinstance(fields, list):
        raise ValueError(f"cannot read record '{name}': its fields are not a list")  # noqa: TRY004
    if name == "":
        pairs = [item for item in fields if isinstance(item, list) and len(item) == 2]
        if len(pairs) != len(fields):
            raise ValueError("cannot read a dict: not all that is in it are pairs")
        return {_read(pair[0], kinds, seen): _read(pair[1], kinds, seen) for pair in pairs}
    kind = kinds.get(name)
    if kind is None:
        raise ValueError(f"cannot read record '{name}': no such record here")
    try:
        return kind(
            *[item if type(item) in _ATOMS else _read(item, kinds, seen) for item in fields]
        )
    except TypeError as error:
        raise ValueError(f"cannot read record '{name}': {error}") from error


def kinds_of(*modules: object) -> dict[str, type[Record]]:
    """Return the records that `modules` define (not import), by name: for `from_plain`."""
    return {
        name: thing
        for module in modules
        for name, thing in vars(module).items()
        if isinstance(thing, type)
        and issubclass(thing, Record)
        and thing.__module__ == getattr(module, "__name__", "")
    }
