"""supervisord's files become one set of sections: main files, drop-in directories, includes."""

from __future__ import annotations

import posix

from pyinit.config import globs, paths
from pyinit.config.ini_expand import expand
from pyinit.config.ini_parse import DEFAULTS, Block, Entry, parse
from pyinit.config.problems import ValueFault
from pyinit.config.source import check_matched, check_writers, read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyinit.config.problems import Problems

ENDINGS = (".conf", ".ini")
COMMAND_LINE = "the command line"
MAX_FILES = 1000


class Ini:
    """All sections of a configuration, by name, in the order in which they were read.

    `names` are those that may be used everywhere: ENV_X of every variable, host_node_name.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.blocks: dict[str, Block] = {}
        self.files: list[str] = []
        self.names: dict[str, str | int] = {f"ENV_{name}": environ[name] for name in environ}
        self.names["host_node_name"] = posix.uname().nodename
        self.directories: dict[str, str] = {}

    def sections(self) -> list[Block]:
        """Return the sections without [DEFAULT]."""
        return [block for name, block in self.blocks.items() if name != DEFAULTS]

    def entry(self, block: Block, option: str) -> Entry | None:
        """Return an option of a section, or what [DEFAULT] says of it."""
        found = block.entries.get(option)
        if found is None and DEFAULTS in self.blocks:
            return self.blocks[DEFAULTS].entries.get(option)
        return found

    def here(self, file: str) -> str:
        """Return the directory of a file, from the root: what %(here)s is in it."""
        if file == COMMAND_LINE:
            return posix.getcwd()
        if file not in self.directories:
            self.directories[file] = paths.directory_of(paths.absolute(file))
        return self.directories[file]

    def expanded(self, entry: Entry, names: Mapping[str, str | int], where: str) -> str:
        """Return the value of an option with its names in place.  Raises ValueFault."""
        if "%" not in entry.value:
            return entry.value
        if "here" not in entry.value:  # the table of names is not small: no copy without need
            try:
                return expand(entry.value, names, where)
            except ValueFault:
                pass  # told below, with all names that there are
        return expand(entry.value, {"here": self.here(entry.file), **names}, where)


def read_all(
    files: Sequence[str],
    problems: Problems,
    environ: Mapping[str, str],
    overrides: Sequence[tuple[str, str]] = (),
) -> Ini:
    """Return the sections of `files`, directories of them, and what they include.

    `overrides` are options of [supervisord] that supervisord's command line has given.
    """
    reader = _Reader(problems, environ)
    for path in files:
        if paths.is_directory(path):
            reader.directory(path)
        else:
            reader.main(path)
    ini = reader.ini
    if overrides:
        block = ini.blocks.setdefault("supervisord", Block("supervisord", COMMAND_LINE, 0))
        given = {option: Entry(value, COMMAND_LINE, 0) for option, value in overrides}
        block.entries.update(given)
    return ini


def is_drop_in(name: str) -> bool:
    """Say whether a file of a drop-in directory is one of supervisord's."""
    return name.endswith(ENDINGS) and not name.startswith(".")


class _Reader:
    def __init__(self, problems: Problems, environ: Mapping[str, str]) -> None:
        self.problems = problems
        self.ini = Ini(environ)

    def directory(self, path: str) -> None:
        """Read every file of a drop-in directory."""
        try:
            names = sorted(posix.listdir(path))
            check_writers(path, posix.stat(path), self.problems, refuse=False)
        except OSError as error:
            text = f'cannot read the directory "{path}": {error.strerror}'
            self.problems.add(path, (), text, "see its owner and mode")
            return
        for file in [paths.join(path, name) for name in names if is_drop_in(name)]:
            if check_matched(file, self.problems):
                self.main(file)

    def main(self, path: str) -> None:
        """Read a file and what its [include] names; what those include is not read."""
        before = self._include()
        if not self._read(path):
            return
        include = self.ini.blocks.get("include")
        if include is None or (include.file != path and self._include() == before):
            return
        entry = self._include()
        if entry is None:
            text = ".ini file has [include] section, but no files setting"
            self.problems.add(path, (), text, "write files = conf.d/*.conf", include.line)
            return
        try:
            patterns = self.ini.expanded(entry, self.ini.names, "include.files").split()
        except ValueFault as fault:
            self.problems.add(entry.file, (), str(fault), fault.fix, entry.line)
            return
        for pattern in patterns:
            self._pattern(path, pattern, entry)

    def _include(self) -> Entry | None:
        block = self.ini.blocks.get("include")
        return None if block is None else self.ini.entry(block, "files")

    def _pattern(self, path: str, pattern: str, entry: Entry) -> None:
        base = self.ini.here(path)
        try:
            matches = globs.matches(base, pattern)
        except ValueFault as fault:
            self.problems.add(entry.file, (), f"include: {fault}", fault.fix, entry.line)
            return
        if not matches:
            shown = paths.join(base, pattern)
            self.problems.warnings.append(f'No file matches via include "{shown}"')
        for match in matches:
            if paths.is_directory(match):
                text = f'{entry.file}:{entry.line}: "{match}" is a directory: it is not read'
                self.problems.warnings.append(f"{text}\n  write {match}/*.conf")
                continue
            if not check_matched(match, self.problems):
                continue
            self._read(match)
            again = self._include()
            if again is not None and again.file == match:
                text = f"{match}:{again.line}: what an included file includes is not read"
                self.problems.warnings.append(text)

    def _read(self, path: str) -> bool:
        if len(self.ini.files) >= MAX_FILES:
            text = f"there are more than {MAX_FILES} files"
            self.problems.add(path, (), text, "see what [include] matches")
            return False
        self.problems.texts[path] = ""  # errors come in the order in which files were read
        written = read_text(path, self.problems, lenient=True)
        if written is None:
            return False
        self.ini.files.append(path)
        for bad in parse(written, path, self.ini.blocks):
            self.problems.add(path, (), bad.message, bad.fix, bad.line)
        return True
