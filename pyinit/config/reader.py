"""A section being read: each key converted by the schema, each fault noted with its place."""

from __future__ import annotations

from pyinit.config import schema
from pyinit.config.expand import expand
from pyinit.config.problems import ValueFault, each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from pyinit.config.problems import Path, Problems

    K = TypeVar("K")
    T = TypeVar("T")
    D = TypeVar("D")

DEEPEST = 8  # tables and lists within a value; nothing that is known needs more than three


class Section:
    """A table of a file, at `path` in it, whose keys are those of the schema's section `name`.

    `inherited` are the sections that are asked for a key that is not here ([defaults]), the
    nearest first.  `short` is the key that a text in place of the table stands for.
    """

    def __init__(
        self,
        name: str,
        file: str,
        path: Path,
        tree: object,
        problems: Problems,
        variables: Mapping[str, str],
        inherited: tuple[Section, ...] = (),
        short: str = "",
    ) -> None:
        self.name = name
        self.file = file
        self.path = path
        self.problems = problems
        self.variables = variables
        self.inherited = inherited
        self.short = ""
        self.is_table = True  # else it is empty, and that is no fault of its own
        self.tree: dict[str, object] = {}
        if isinstance(tree, dict):
            self.tree = tree
        elif short:
            self.tree = {short: tree}
            self.short = short
        else:
            from pyinit.config import meant

            self.is_table = False
            fix = meant.table(name, str(path[-1]), tree)
            problems.add(file, path, f'"{path[-1]}" is no table', fix)

    def check_keys(self) -> None:
        """Note every key that the schema does not have, or this version does not do."""
        known = schema.section(self.name)
        for key in self.tree:
            if key not in known:
                where = f" in {self.shown()}" if self.path else ""
                message = f'unknown key "{key}"{where}'
                from pyinit.config import meant

                fix = meant.instead(key, known, self.name)
                self.problems.add(self.file, (*self.path, key), message, fix)
            elif known[key].since not in schema.AVAILABLE:
                message = f'"{key}" is not available in this version'
                fix = f"planned for {known[key].since}; leave it out until then"
                self.problems.add(self.file, (*self.path, key), message, fix)

    @property
    def strange(self) -> bool:
        """Say whether there is a key that nobody knows: it may be what is missing, badly typed."""
        return not schema.section(self.name).keys() >= self.tree.keys()

    def shown(self) -> str:
        """Return the section as a header would name it."""
        return f"[{'.'.join([part for part in self.path if isinstance(part, str)])}]"

    def layers(self, key: str) -> list[Section]:
        """Return the sections that say `key`, the nearest first."""
        return [layer for layer in (self, *self.inherited) if key in layer.tree]

    def get(self, key: str, convert: Callable[[object], T], default: D) -> T | D:
        """Return the converted value of `key`; `default` if it is not there or at fault."""
        for holder in (self, *self.inherited):
            if key in holder.tree:
                return self.get_from(holder, key, convert, default)
        return default

    def get_from(
        self, holder: Section, key: str, convert: Callable[[object], T], default: D
    ) -> T | D:
        """Return the converted value of `key` as `holder`, one of the layers, says it."""
        value = holder.tree[key]
        try:
            value = self.expanded(value)
        except ValueFault as fault:
            self._note(fault, holder, key)
            if not isinstance(value, dict):
                return default
            broken = {part.path[0] for part in fault.parts()}
            whole = {name: item for name, item in value.items() if name not in broken}
            value = self.expanded(whole)
        try:
            return _value(value, convert, varies=value != holder.tree[key])
        except ValueFault as fault:
            self._note(fault, holder, key)
            return default

    def _note(self, fault: ValueFault, holder: Section, key: str) -> None:
        # a text in place of a table stands at the table's own key
        label = holder.path[-1] if holder.short == key else key
        for part in fault.parts():
            self.fault(f"{label}: {part}", part.fix, (key, *part.path), holder)

    def merged(self, key: str, convert: Callable[[object], dict[K, T]]) -> dict[K, T]:
        """Return the table `key`, merged entry by entry: the nearest section's entries win."""
        found: dict[K, T] = {}
        for holder in reversed(self.layers(key)):
            found |= self.get_from(holder, key, convert, {})
        return found

    def sub(self, key: str, name: str, *, short: str = "", merge: bool = True) -> Section | None:
        """Return the nested table `key` as a section of its own, None if it is not there.

        What it does not say itself, it inherits from the same table of [defaults] if `merge`.
        A value that is no table is, with `short`, the value of that key.
        """
        layers = self.layers(key)
        inherited: tuple[Section, ...] = ()
        found: Section | None = None
        for holder in reversed(layers if merge else layers[:1]):
            found = Section(
                *(name, holder.file, (*holder.path, key), holder.tree[key]),
                *(self.problems, self.variables, inherited, short),
            )
            found.check_keys()
            inherited = (found, *inherited)
        return found

    def fault(
        self, message: str, fix: str = "", path: Path = (), holder: Section | None = None
    ) -> None:
        """Note a fault at `path` below this section (or the one that says it)."""
        at = holder or self
        self.problems.add(at.file, (*at.path, *path), message, fix)

    def expanded(self, value: object, depth: int = 0) -> object:
        """Return `value` with the variables of every string in it in place.  Raises ValueFault."""
        if isinstance(value, str):
            return expand(value, self.variables)
        if depth > DEEPEST:
            raise ValueFault("it is nested too deep", "use fewer brackets")
        if isinstance(value, dict):
            return each(value.items(), lambda _, item: self.expanded(item, depth + 1))
        if isinstance(value, list):
            items = each(enumerate(value), lambda _, item: self.expanded(item, depth + 1))
            return list(items.values())
        return value


def _value(value: object, convert: Callable[[object], T], *, varies: bool) -> T:
    """Return the converted value; a text that variables gave may be a number or a truth."""
    try:
        return convert(value)
    except ValueFault:
        found = scalar(value) if varies else None
        if found is None:
            raise
    return convert(found)


def scalar(value: object) -> int | float | bool | None:
    """Return what a text is that variables gave: a number, a truth, or neither."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text in {"true", "false"}:
        return text == "true"
    digits = text.removeprefix("-")
    if not digits.isascii() or len(digits) > 15:
        return None
    if digits.isdecimal():
        return int(text)
    return float(text) if digits.replace(".", "", 1).isdecimal() else None
