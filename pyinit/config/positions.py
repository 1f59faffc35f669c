"""On which line of a TOML text a key stands.  tomli does not say; this is asked only for errors.

The text has been parsed before, so it is well-formed, and a scan that knows strings, comments,
brackets and headers finds the place of every key: `[a.b]` headers, dotted keys, arrays of
tables (numbered from 0), inline tables and arrays.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.problems import Path

BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def line_of(places: dict[Path, int], path: Path) -> int:
    """Return the line of `path`, or of its nearest parent that is written down; 0 for none."""
    for length in range(len(path), 0, -1):
        found = places.get(path[:length])
        if found:
            return found
    return 0


def scan(text: str) -> dict[Path, int]:
    """Return the line of every key, header and array element of a well-formed TOML text."""
    return _Scanner(text).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text + "\n"
        self.at = 0
        self.places: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}
        self.counted = (0, 1)  # up to where lines were counted, and the line there

    def run(self) -> dict[Path, int]:
        prefix: Path = ()
        while True:
            self._skip(blank_lines=True)
            if self.at >= len(self.text):
                return self.places
            if self.text[self.at] == "[":
                prefix = self._header()
            else:
                self._pair(prefix)

    def _line(self) -> int:
        at, line = self.counted
        self.counted = (self.at, line + self.text.count("\n", at, self.at))
        return self.counted[1]

    def _skip(self, *, blank_lines: bool) -> None:
        space = " \t\r\n" if blank_lines else " \t"
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "#":
                self.at = self.text.index("\n", self.at)
            elif char in space:
                self.at += 1
            else:
                return

    def _header(self) -> Path:
        line = self._line()
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        path = self._indexed(self._key(), last=not array)
        self.at = self.text.index("\n", self.at)
        if array:
            number = self.counts.get(path, -1) + 1
            self.counts[path] = number
            self.places.setdefault(path, line)
            path = (*path, number)
        self._note(path, line)
        return path

    def _indexed(self, key: Path, *, last: bool) -> Path:
        """Put the current element's number behind every array of tables on the way."""
        path: Path = ()
        for place, part in enumerate(key):
            path = (*path, part)
            if path in self.counts and (last or place < len(key) - 1):
                path = (*path, self.counts[path])
        return path

    def _note(self, path: Path, line: int) -> None:
        self.places[path] = line
        for length in range(1, len(path)):
            self.places.setdefault(path[:length], line)

    def _key(self) -> Path:
        parts: list[str] = []
        while True:
            self._skip(blank_lines=False)
            char = self.text[self.at]
            if char in "\"'":
                start = self.at
                self._string()
                parts.append(_unquoted(self.text[start : self.at]))
            else:
                start = self.at
                while self.text[self.at] in BARE:
                    self.at += 1
                parts.append(self.text[start : self.at])
            self._skip(blank_lines=False)
            if self.text[self.at] != ".":
                return tuple(parts)
            self.at += 1

    def _pair(self, prefix: Path) -> None:
        line = self._line()
        path = (*prefix, *self._key())
        self._note(path, line)
        self.at += 1  # the equals sign
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip(blank_lines=False)
        char = self.text[self.at]
        if char in "\"'":
            self._string()
        elif char == "[":
            self._array(path)
        elif char == "{":
            self._inline(path)
        else:
            while self.text[self.at] not in ",]}#\n":
                self.at += 1

    def _string(self) -> None:
        quote = self.text[self.at]
        triple = self.text.startswith(quote * 3, self.at)
        ending = quote * 3 if triple else quote
        self.at += len(ending)
        while not self.text.startswith(ending, self.at):
            self.at += 2 if self.text[self.at] == "\\" and quote == '"' else 1
        self.at += len(ending)
        while triple and self.text[self.at] == quote:  # quotes right before the ending
            self.at += 1

    def _array(self, path: Path) -> None:
        self.at += 1
        number = 0
        while True:
            self._skip(blank_lines=True)
            if self.text[self.at] == "]":
                self.at += 1
                return
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self._note((*path, number), self._line())
            self._value((*path, number))
            number += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while True:
            self._skip(blank_lines=True)
            if self.text[self.at] == "}":
                self.at += 1
                return
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self._pair(path)


def _unquoted(written: str) -> str:
    """Return the key that a quoted one stands for."""
    if written[0] == "'" or "\\" not in written:
        return written[1:-1]
    import tomli

    (key,) = tomli.loads(f"{written} = 0")
    return key
