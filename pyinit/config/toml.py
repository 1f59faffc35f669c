"""Reading the files: TOML documents, drop-in directories and includes, in their order."""

from __future__ import annotations

import posix

from pyinit.config import globs, paths, plain
from pyinit.config.problems import ValueFault, each
from pyinit.config.source import check_matched, check_writers, read_text
from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyinit.config.problems import Path, Problems

MAX_FILES = 1000
SUPERVISORD = (".conf", ".ini")


class Document(Record):
    """One parsed file."""

    file: str
    tree: dict[str, object]


def read_all(
    files: Sequence[str], problems: Problems, environ: Mapping[str, str]
) -> list[Document]:
    """Return the documents of `files` and of what they include, each file once."""
    reader = _Reader(problems, environ)
    for path in files:
        reader.read(path, ())
    return reader.documents


class _Reader:
    def __init__(self, problems: Problems, environ: Mapping[str, str]) -> None:
        self.problems = problems
        self.environ = environ
        self.documents: list[Document] = []
        self.seen: set[str] = set()

    def read(self, path: str, above: tuple[str, ...], where: Path = ()) -> None:
        """Read a file or directory that `above` led to, at `where` in the last of them."""
        file = above[-1] if above else path
        real = paths.identity(path)
        chain = [paths.identity(one) for one in above]
        if real in chain:
            way = " -> ".join([*above[chain.index(real) :], path])
            self.problems.add(file, where, f'"{path}" includes itself: {way}', "leave one out")
            return
        if real in self.seen:
            return
        self.seen.add(real)
        if len(self.seen) > MAX_FILES:
            if len(self.seen) == MAX_FILES + 1:
                text = f"there are more than {MAX_FILES} files"
                self.problems.add(file, where, text, "see what `include` matches")
            return
        if paths.is_directory(path):
            self._directory(path, above, where)
            return
        self.problems.texts[path] = ""  # errors come in the order in which files were read
        tree = _parse(path, self.problems)
        if tree is not None:
            self.documents.append(Document(path, tree))
            self._includes(path, tree, above)

    def _directory(self, path: str, above: tuple[str, ...], where: Path) -> None:
        try:
            names = sorted(posix.listdir(path))
            check_writers(path, posix.stat(path), self.problems, refuse=False)
        except OSError as error:
            file = above[-1] if above else path
            text = f'cannot read the directory "{path}": {error.strerror}'
            self.problems.add(file, where, text, "see its owner and mode")
            return
        wanted = [name for name in names if name.endswith(".toml") and not name.startswith(".")]
        if not wanted:
            self.problems.warnings.append(f'{path}: there is no file called "*.toml" in it')
        for file in [paths.join(path, name) for name in wanted]:
            if check_matched(file, self.problems):
                self.read(file, (*above, path))

    def _includes(self, path: str, tree: dict[str, object], above: tuple[str, ...]) -> None:
        if "include" not in tree:
            return
        try:
            patterns = _patterns(tree["include"], self.environ)
        except ValueFault as fault:
            for part in fault.parts():
                where = ("include", *part.path)
                self.problems.add(path, where, f"include: {part}", part.fix)
            return
        for place, pattern in patterns.items():
            where = ("include", place)
            for name in self._matches(path, pattern, where):
                self.read(name, (*above, path), where)

    def _matches(self, path: str, pattern: str, where: Path) -> list[str]:
        """Return the files of an `include`: relative to the file that has it, sorted."""
        directory = paths.directory_of(path)
        full = paths.join(directory, pattern)
        if not pattern.strip():
            self.problems.add(path, where, "include: it must not be empty", 'write "conf.d/*.toml"')
            return []
        if globs.MAGIC.isdisjoint(pattern):
            if paths.is_there(full):
                return [full]
            fix = f'it is looked for as "{full}"; a pattern such as "*.toml" may match nothing'
            self.problems.add(path, where, f'cannot include "{pattern}": no such file', fix)
            return []
        try:
            matches = globs.matches(directory, pattern)
        except ValueFault as fault:
            self.problems.add(path, where, f"include: {fault}", fault.fix)
            return []
        if not matches:
            self.problems.warnings.append(f'{path}: no file matches include "{pattern}"')
        return [each for each in matches if check_matched(each, self.problems)]


def _patterns(value: object, environ: Mapping[str, str]) -> dict[int, str]:
    """Return the patterns of an `include` by place.  Raises ValueFault."""
    from pyinit.config.expand import expand
    from pyinit.config.values import strings

    return each(enumerate(strings(value)), lambda _, pattern: expand(str(pattern), environ))


def _parse(path: str, problems: Problems) -> dict[str, object] | None:
    if path.endswith(SUPERVISORD):
        fix = f"give it alone, or write it as TOML: pyinitctl convert supervisord {path}"
        problems.add(path, (), "a supervisord file cannot be part of a TOML configuration", fix)
        return None
    text = read_text(path, problems)
    return None if text is None else _parse_text(path, text, problems)


def _parse_text(path: str, text: str, problems: Problems) -> dict[str, object] | None:
    plainly = plain.read(text)
    if plainly is not None:
        problems.texts[path] = text
        return plainly
    import tomli

    try:
        tree = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        message, line = _place(str(error), text)
        problems.add(path, (), f"it is not TOML: {message}", _how(text, line, message), line=line)
        return None
    except RecursionError:
        problems.add(path, (), "it is not TOML: it is nested too deep", "use fewer brackets")
        return None
    except ValueError as error:  # of a number with thousands of digits, without its place
        problems.add(path, (), f"it is not TOML: {error}".lower(), "see its numbers")
        return None
    problems.texts[path] = text
    return tree


def _place(message: str, text: str) -> tuple[str, int]:
    """Return tomli's message without its place, and the line of the place."""
    head, found, rest = message.rpartition(" (at line ")
    if found:
        return _lower(head), int(rest.partition(",")[0])
    return _lower(message.removesuffix(" (at end of document)")), text.count("\n") + 1


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _how(text: str, line: int, message: str) -> str:
    """Return what to do about a line that is no TOML."""
    lines = text.split("\n")
    written = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    from pyinit.config import meant

    fix = meant.toml(written, message)
    if fix:
        return fix
    return f"see line {line}: {written[:60]}" if written else "see the line before it"
