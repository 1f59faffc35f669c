"""A section being read: each key converted by the schema, each fault noted with its place."""

from __future__ import annotations

from pyinit.config import schema
from pyinit.config.expand import expand
from pyinit.config.problems import ValueFault, suggest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from pyinit.config.problems import Path, Problems

    T = TypeVar("T")
    D = TypeVar("D")


class Section:
    """A table of a file, at `path` in it, whose keys are those of the schema's section `name`.

    `inherited` are the sections that are asked for a key that is not here ([defaults]).
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
    ) -> None:
        self.name = name
        self.file = file
        self.path = path
        self.problems = problems
        self.variables = variables
        self.inherited = inherited
        self.tree: dict[str, object] = {}
        if isinstance(tree, dict):
            self.tree = tree
        else:
            problems.add(file, path, f'"{path[-1]}" is no table', "write [section] or { ... }")

    def check_keys(self) -> None:
        """Note every key that the schema does not have, or this version does not do."""
        known = schema.section(self.name)
        for key in self.tree:
            if key not in known:
                where = f" in [{self.name}]" if self.name else ""
                message = f'unknown key "{key}"{where}'
                self.problems.add(self.file, (*self.path, key), message, suggest(key, known))
            elif known[key].since not in schema.AVAILABLE:
                message = f'"{key}" is not available in this version'
                fix = f"planned for {known[key].since}; leave it out until then"
                self.problems.add(self.file, (*self.path, key), message, fix)

    def holder(self, key: str) -> Section | None:
        """Return the section that says `key`: this one, or one that it inherits from."""
        if key in self.tree:
            return self
        for each in self.inherited:
            if key in each.tree:
                return each
        return None

    def get(self, key: str, convert: Callable[[object], T], default: D) -> T | D:
        """Return the converted value of `key`; `default` if it is not there or at fault."""
        holder = self.holder(key)
        if holder is None:
            return default
        try:
            return convert(self.expanded(holder.tree[key]))
        except ValueFault as fault:
            message = f"{key}: {fault}" if str(fault) else key
            self.fault(message, fault.fix, (key, *fault.path), holder)
            return default

    def sub(self, key: str, name: str) -> Section | None:
        """Return the nested table `key` as a section of its own, None if it is not there."""
        holder = self.holder(key)
        if holder is None:
            return None
        path = (*holder.path, key)
        found = Section(name, holder.file, path, holder.tree[key], self.problems, self.variables)
        found.check_keys()
        return found

    def fault(
        self, message: str, fix: str = "", path: Path = (), holder: Section | None = None
    ) -> None:
        """Note a fault at `path` below this section (or the one that says it)."""
        at = holder or self
        self.problems.add(at.file, (*at.path, *path), message, fix)

    def expanded(self, value: object) -> object:
        """Return `value` with the variables of every string in it in place.  Raises ValueFault."""
        if isinstance(value, str):
            return expand(value, self.variables)
        if isinstance(value, list):
            found = []
            for place, item in enumerate(value):
                try:
                    found.append(self.expanded(item))
                except ValueFault as fault:
                    fault.path = (place, *fault.path)
                    raise
            return found
        if isinstance(value, dict):
            result: dict[str, object] = {}
            for key, item in value.items():
                try:
                    result[key] = self.expanded(item)
                except ValueFault as fault:
                    fault.path = (key, *fault.path)
                    raise
            return result
        return value


def env_file(path: str) -> dict[str, str]:
    """Return the variables of a file of NAME=value lines.  Raises ValueFault.

    Comments start with #, `export` is allowed, values may stand in quotes; "-path" may be missing.
    """
    name = path.removeprefix("-")
    try:
        with open(name, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().split("\n")
    except OSError as error:
        if path.startswith("-") and isinstance(error, FileNotFoundError):
            return {}
        raise ValueFault(f'cannot read "{name}": {error.strerror}', "") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        key, equals, value = text.removeprefix("export ").partition("=")
        if not equals or not key.strip() or " " in key.strip():
            raise ValueFault(f'"{name}" line {number} is no NAME=value')
        found[key.strip()] = _unquoted(value.strip())
    return found


def env_dir(path: str) -> dict[str, str]:
    """Return a variable for each file of a directory (its first line).  Raises ValueFault."""
    import os

    found: dict[str, str] = {}
    try:
        for name in sorted(os.listdir(path)):
            full = os.path.join(path, name)
            if name.startswith(".") or "=" in name or not os.path.isfile(full):
                continue
            with open(full, encoding="utf-8", errors="surrogateescape") as file:
                found[name] = file.readline().rstrip(" \t\n").replace("\0", "\n")
    except OSError as error:
        raise ValueFault(f'cannot read "{error.filename}": {error.strerror}') from None
    return found


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return value[1:-1]
    if len(value) >= 2 and value[0] == value[-1] == '"':
        inside = value[1:-1]
        pairs = (("\\n", "\n"), ("\\t", "\t"), ('\\"', '"'), ("\\$", "$"), ("\\\\", "\\"))
        for written, meant in pairs:
            inside = inside.replace(written, meant)
        return inside
    return value.partition(" #")[0].rstrip()
