"""What is wrong with a configuration: everything at once, each with its file, line and fix."""

from __future__ import annotations

from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias, TypeVar

    Path: TypeAlias = tuple[str | int, ...]
    K = TypeVar("K", str, int)
    T = TypeVar("T")


PREFIX = 4  # characters: so many are enough to mean the one word that begins with them
MANY, FEW = 40, 8  # words to choose from: all of them are listed, or only some


class ConfigError(Record):
    """One fault.  `line` is 0 where the file as a whole is meant."""

    file: str
    line: int
    message: str
    fix: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = f"{place}: {self.message}"
        return text + (f"\n    {self.fix}" if self.fix else "")


class ConfigErrors(Exception):
    """A configuration that cannot be used, with all of its faults, and what else was found."""

    def __init__(self, errors: tuple[ConfigError, ...], warnings: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join([str(error) for error in errors]))
        self.errors = errors
        self.warnings = warnings


class ValueFault(ValueError):
    """A value that cannot be used; the text says why, `fix` what to write instead.

    `path` leads from the value that was converted to the part of it that is at fault.
    """

    def __init__(
        self, message: str, fix: str = "", path: Path = (), parts: tuple[ValueFault, ...] = ()
    ) -> None:
        super().__init__(message)
        self.fix = fix
        self.path = path
        self._parts = parts

    def parts(self) -> tuple[ValueFault, ...]:
        """Return the faults of a value that has several, or just this one."""
        return self._parts or (self,)

    def within(self, key: str | int) -> tuple[ValueFault, ...]:
        """Return the faults as those of what has this value at `key`."""
        for part in self.parts():
            part.path = (key, *part.path)
        return self.parts()


def each(items: Iterable[tuple[K, object]], convert: Callable[[K, object], T]) -> dict[K, T]:
    """Return `convert(key, item)` by key.  Raises a ValueFault with the faults of all items."""
    found: dict[K, T] = {}
    faults: list[ValueFault] = []
    for key, item in items:
        try:
            found[key] = convert(key, item)
        except ValueFault as fault:
            faults += fault.within(key)
    if faults:
        raise together(faults)
    return found


def together(faults: Sequence[ValueFault]) -> ValueFault:
    """Return some faults of one value as one."""
    return ValueFault(str(faults[0]), faults[0].fix, faults[0].path, tuple(faults))


class Problems:
    """Collects faults by file and path; lines are looked up only if there are any."""

    def __init__(self) -> None:
        self._found: list[tuple[str, Path, str, str, int]] = []
        self.warnings: list[str] = []
        self.texts: dict[str, str] = {}
        self._places: dict[str, dict[Path, int]] = {}
        self._doubted: set[tuple[str, Path]] = set()

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, file: str, path: Path, message: str, fix: str = "", line: int = 0) -> None:
        """Note a fault at `path` (keys and indexes) of `file`."""
        self._found.append((file, path, message, fix, line))

    def doubt(self, file: str, path: Path, message: str, fix: str, line: int = 0) -> None:
        """Note a warning about what stands at `path` of `file`, or on a line: one for each."""
        place = (file, path or (line,))
        if place in self._doubted:
            return
        self._doubted.add(place)
        at = line or self._line(file, path)
        shown = f"{file}:{at}" if at else file
        self.warnings.append(f"{shown}: {message}\n  {fix}")

    def _line(self, file: str, path: Path) -> int:
        from pyinit.config.positions import line_of, scan

        if file not in self._places:
            try:
                self._places[file] = scan(self.texts.get(file, ""))
            except RecursionError:  # it is told all the same, without its line
                self._places[file] = {}
        return line_of(self._places[file], path)

    def errors(self) -> tuple[ConfigError, ...]:
        """Return what was found, each once, by file (as they were read) and line."""
        files = [*self.texts, *[file for file, *_ in self._found if file not in self.texts]]
        order = {file: place for place, file in enumerate(files)}
        found: dict[ConfigError, None] = {}
        for file, path, message, fix, line in self._found:
            at = line or (self._line(file, path) if path else 0)
            found[ConfigError(file, at, message, fix)] = None
        return tuple(sorted(found, key=lambda error: (order[error.file], error.line)))


def suggest(word: str, known: Iterable[str], least: float = 0.6) -> str:
    """Return `did you mean "x"?` for the nearest of `known`, or what there is to choose from.

    `least` is how alike the two must be, of 1.
    """
    import difflib

    names = sorted(known)
    longer = [name for name in names if len(word) >= PREFIX and name.startswith(word)]
    near = longer if len(longer) == 1 else difflib.get_close_matches(word, names, 1, least)
    if near:
        return f'did you mean "{near[0]}"?'
    if not names:
        return "there is none here"
    more = f"... ({len(names)} in all)" if len(names) > MANY else ""
    return f"known here: {', '.join(names[: FEW if more else MANY])}{more}"
