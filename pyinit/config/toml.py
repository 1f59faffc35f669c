"""Reading the files: TOML documents, drop-in directories and includes, in their order."""

from __future__ import annotations

import glob
import os

import tomli

from pyinit.config.problems import ValueFault
from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.problems import Problems

MAX_FILES = 1000
MAX_BYTES = 16 << 20


class Document(Record):
    """One parsed file."""

    file: str
    tree: dict[str, object]


def read_all(paths: list[str], problems: Problems) -> list[Document]:
    """Return the documents of `paths` and of what they include, each file once."""
    found: list[Document] = []
    for path in paths:
        _read(path, (), found, problems)
    return found


def _read(path: str, above: tuple[str, ...], found: list[Document], problems: Problems) -> None:
    real = os.path.realpath(path)
    if real in above:
        problems.add(above[-1] if above else path, ("include",), f'"{path}" includes itself')
        return
    if any(os.path.realpath(document.file) == real for document in found):
        return
    if len(found) >= MAX_FILES:
        problems.add(path, (), f"there are more than {MAX_FILES} files")
        return
    if os.path.isdir(path):
        for name in sorted(glob.glob(os.path.join(glob.escape(path), "*.toml"))):
            _read(name, above, found, problems)
        return
    tree = _parse(path, problems)
    if tree is None:
        return
    found.append(Document(path, tree))
    for pattern in _includes(path, tree, problems):
        matches = sorted(glob.glob(pattern))
        if not matches:
            if glob.has_magic(pattern):
                problems.warnings.append(f'{path}: no file matches include "{pattern}"')
            else:
                problems.add(path, ("include",), f'cannot include "{pattern}": no such file')
        for name in matches:
            _read(name, (*above, real), found, problems)


def _parse(path: str, problems: Problems) -> dict[str, object] | None:
    if path.endswith((".conf", ".ini")):
        fix = "write it as TOML; `pyinitctl convert` comes with it"
        problems.add(path, (), "supervisord files are not read by this version", fix)
        return None
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
            status = os.fstat(file.fileno())
    except OSError as error:
        problems.add(path, (), f"cannot read it: {error.strerror}")
        return None
    if len(data) > MAX_BYTES:
        problems.add(path, (), f"it is larger than {MAX_BYTES >> 20} MB")
        return None
    if os.geteuid() == 0 and status.st_mode & 0o002:
        text = f"{path}: everybody may write this file, and root runs what it says (chmod o-w)"
        problems.warnings.append(text)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.add(path, (), "it is not UTF-8", line=line)
        return None
    problems.texts[path] = text
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        message, line = _place(str(error), text)
        problems.add(path, (), f"it is not TOML: {message}", line=line)
    except RecursionError:
        problems.add(path, (), "it is nested too deep")
    return None


def _place(message: str, text: str) -> tuple[str, int]:
    """Return tomli's message without its place, and the line of the place."""
    head, found, rest = message.rpartition(" (at line ")
    if found:
        return head.lower(), int(rest.partition(",")[0])
    if message.endswith("(at end of document)"):
        return message.removesuffix(" (at end of document)").lower(), text.count("\n") + 1
    return message, 0


def _includes(path: str, tree: dict[str, object], problems: Problems) -> list[str]:
    from pyinit.config.values import strings

    if "include" not in tree:
        return []
    try:
        patterns = strings(tree["include"])
    except ValueFault as fault:
        problems.add(path, ("include", *fault.path), str(fault), fault.fix)
        return []
    return [os.path.join(os.path.dirname(path), pattern) for pattern in patterns]
