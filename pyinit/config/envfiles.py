r"""Variables kept in files: NAME=value lines (`env_file`), or a file for each (`env_dir`).

    # a comment            export NAME=value            NAME='as it is, $ and all'
    NAME=value # comment   NAME=                        NAME="with \n, \t, \\, \" and \$"

Quoted values may span lines.  Nothing is expanded in them, as Docker and systemd have it.

What stands in a line is told by no fault: it may be the half of a key or of a password.
"""

from __future__ import annotations

import errno
import os

from pyinit.config.problems import ValueFault, each, together
from pyinit.config.source import read_given

MAX_BYTES = 1 << 20
MAX_FAULTS = 20  # that are told of one file: with more it is no file of variables
BLANKS = " \t\r\f\v"  # and no others: a space of Unicode is part of a value
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$", "`": "`", "\n": ""}
FIXES = {
    errno.EFBIG: "is it the right file?",
    errno.EISDIR: "name a file, or write env_dir for a directory of them",
    errno.ETIMEDOUT: "see who is to write into it",
}


def env_file(path: str, base: str = "") -> dict[str, str]:
    """Return the variables of a file of NAME=value lines, relative to `base`.  Raises ValueFault.

    "-path" may be missing.
    """
    name = os.path.join(base, path.removeprefix("-"))
    try:
        text = _read(name)
    except FileNotFoundError:
        if path.startswith("-"):
            return {}
        fix = f'make it, or write "-{path}" if it may be missing'
        raise ValueFault(f'cannot read "{name}": there is no such file', fix) from None
    except OSError as error:
        fix = FIXES.get(error.errno or 0, "see its owner and mode")
        raise ValueFault(f'cannot read "{name}": {error.strerror}', fix) from None
    return _Lines(name, text).read()


def env_dir(path: str, base: str = "") -> dict[str, str]:
    """Return a variable for each file of a directory: its first line, as envdir(8) reads it.

    Hidden files and those with an equals sign are left out; a NUL stands for a line's end; an
    empty file is an empty variable.  Raises ValueFault.
    """
    directory = os.path.join(base, path)
    try:
        names = _names_in(directory)
    except OSError as error:
        raise _unreadable(error) from None
    files = [(name, os.path.join(directory, name)) for name in names]
    wanted = [(name, file) for name, file in files if os.path.isfile(file)]
    return each(wanted, lambda _, file: _first_line(str(file)))


def lost(path: str, base: str = "") -> list[str]:
    """Return the files of such a directory that are links to nothing: there is no variable."""
    directory = os.path.join(base, path)
    try:
        files = [os.path.join(directory, name) for name in _names_in(directory)]
    except OSError:
        return []
    return [file for file in files if os.path.islink(file) and not os.path.exists(file)]


def _names_in(directory: str) -> list[str]:
    names = sorted(os.listdir(directory))
    return [name for name in names if not name.startswith(".") and "=" not in name]


def _first_line(path: str) -> str:
    try:
        line = _read(path).partition("\n")[0]
    except OSError as error:
        raise _unreadable(error) from None
    return line.rstrip(" \t\r").replace("\0", "\n")


def _unreadable(error: OSError) -> ValueFault:
    fix = FIXES.get(error.errno or 0, "it is a directory with a file for each variable")
    return ValueFault(f'cannot read "{error.filename}": {error.strerror}', fix)


def _read(name: str) -> str:
    return read_given(name, MAX_BYTES).decode("utf-8", "surrogateescape")


class _Lines:
    """Reads the text of a file of variables, character by character where there are quotes."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text.removeprefix("\ufeff").replace("\r\n", "\n") + "\n"
        self.at = 0

    def read(self) -> dict[str, str]:
        found: dict[str, str] = {}
        faults: list[ValueFault] = []
        while self.at < len(self.text) and len(faults) < MAX_FAULTS:
            try:
                self._next(found)
            except ValueFault as fault:
                faults.append(fault)
                self.at = self.text.find("\n", self.at) + 1 or len(self.text)
        if faults:
            raise together(faults)
        return found

    def _next(self, found: dict[str, str]) -> None:
        line = self._line()
        content = self.text[self.at : line].strip(BLANKS)
        if not content or content.startswith("#"):
            self.at = line + 1
            return
        name, equals, _ = content.partition("=")
        words = name.split()
        if len(words) == 2 and words[0] == "export":
            words = words[1:]
        if not equals or len(words) != 1 or not _usable(words[0]):
            raise self._fault("it is no NAME=value")
        self.at = self.text.index("=", self.at) + 1
        found[words[0]] = self._value()

    def _line(self) -> int:
        return self.text.index("\n", self.at)

    def _fault(self, text: str, at: int | None = None) -> ValueFault:
        number = self.text.count("\n", 0, self.at if at is None else at) + 1
        return ValueFault(f"{self.name}:{number}: {text}", 'write NAME=value or NAME="value"')

    def _value(self) -> str:
        while self.text[self.at] in " \t":
            self.at += 1
        quote = self.text[self.at]
        if quote not in "\"'":
            end = self._line()
            plain = self.text[self.at : end]
            if "\0" in plain:
                raise self._fault("a NUL character has no place here")
            self.at = end + 1
            if plain.startswith("#"):
                return ""
            return plain.partition(" #")[0].partition("\t#")[0].rstrip(BLANKS)
        start = self.at
        value = self._quoted(quote)
        end = self._line()
        rest = self.text[self.at : end].strip()
        if rest and not rest.startswith("#"):
            raise self._fault("something stands behind the quotes", start)
        if "\0" in value:
            raise self._fault("a NUL character has no place here", start)
        self.at = end + 1
        return value

    def _quoted(self, quote: str) -> str:
        """Return what stands in the quotes that open here; go behind them."""
        start = self.at
        parts: list[str] = []
        self.at += 1
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
            if char == quote:
                return "".join(parts)
            if char == "\\" and quote == '"' and self.text[self.at] in ESCAPES:
                parts.append(ESCAPES[self.text[self.at]])
                self.at += 1
            else:
                parts.append(char)
        raise self._fault(f"the quote {quote} is not closed", start)


def _usable(name: str) -> bool:
    return "\0" not in name and "'" not in name and '"' not in name
