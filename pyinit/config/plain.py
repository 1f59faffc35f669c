"""The plain part of TOML, read at once; whatever is not plain is tomli's.

Most configurations use little of TOML: headers, bare keys, simple strings, whole numbers, arrays
and inline tables.  Reading that takes a page of code.  Importing tomli takes longer than all the
rest of pyinit's start: it brings `re` and `typing`, and compiles its expressions.

So this reader is allowed to say "not plain" (None) whenever it likes, and does at the first sign
of anything else: an escape, a dotted or quoted key, a date, a key that is there twice, and every
mistake.  What it does return is what tomli returns: tests hold the two against each other.  All
errors are tomli's.
"""

from __future__ import annotations

BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
BLANK = " \t"
ENDS = frozenset(" \t\n,]}#")  # what may stand behind a number or a word
MAX_DEPTH = 20  # of arrays and inline tables in each other
MAX_DIGITS = 18  # of a whole number: more is tomli's to judge


def read(text: str) -> dict[str, object] | None:
    """Return the tree of a TOML text, None if the text is not plain."""
    if "\r" in text or "\\" in text or '"""' in text or "'''" in text:
        return None
    if any((char < " " and char not in "\t\n") or char == "\x7f" for char in set(text)):
        return None
    try:
        return _Reader(text + "\n").run()
    except NotPlain:
        return None


class NotPlain(Exception):
    """Something that is left to tomli."""


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.root: dict[str, object] = {}
        self.tables: dict[tuple[str, ...], dict[str, object]] = {(): self.root}
        self.named: set[tuple[str, ...]] = set()  # tables that had a header of their own

    def run(self) -> dict[str, object]:
        table = self.root
        text = self.text
        size = len(text)
        while True:
            self._skip_lines()
            if self.at >= size:
                return self.root
            if text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._end_line()

    def _header(self) -> dict[str, object]:
        self.at += 1
        path: tuple[str, ...] = ()
        while True:
            self._skip(BLANK)
            path = (*path, self._bare())
            self._skip(BLANK)
            char = self.text[self.at]
            self.at += 1
            if char == "]":
                break
            if char != ".":
                raise NotPlain
        if path in self.named:
            raise NotPlain
        self.named.add(path)
        return self._table(path)

    def _table(self, path: tuple[str, ...]) -> dict[str, object]:
        found = self.tables.get(path)
        if found is not None:
            return found
        above = self._table(path[:-1])
        if path[-1] in above:
            raise NotPlain
        made: dict[str, object] = {}
        above[path[-1]] = made
        self.tables[path] = made
        return made

    def _pair(self, table: dict[str, object], depth: int = 0) -> None:
        key = self._bare()
        self._skip(BLANK)
        if self.text[self.at] != "=" or key in table:
            raise NotPlain
        self.at += 1
        self._skip(BLANK)
        table[key] = self._value(depth)

    def _value(self, depth: int) -> object:
        char = self.text[self.at]
        if char in "\"'":
            start = self.at + 1
            end = self.text.find(char, start)
            if end < 0 or "\n" in self.text[start:end]:
                raise NotPlain
            self.at = end + 1
            return self.text[start:end]
        if depth > MAX_DEPTH:
            raise NotPlain
        if char == "[":
            return self._array(depth + 1)
        if char == "{":
            return self._inline(depth + 1)
        return self._word()

    def _array(self, depth: int) -> list[object]:
        self.at += 1
        found: list[object] = []
        while True:
            self._skip_lines()
            if self._at_end() or self.text[self.at] == "]":
                break
            found.append(self._value(depth))
            self._skip_lines()
            if self._at_end() or self.text[self.at] != ",":
                break
            self.at += 1
        self._expect("]")
        return found

    def _inline(self, depth: int) -> dict[str, object]:
        self.at += 1
        found: dict[str, object] = {}
        self._skip(BLANK)
        if self.text[self.at] == "}":
            self.at += 1
            return found
        while True:
            self._skip(BLANK)
            self._pair(found, depth)
            self._skip(BLANK)
            if self.text[self.at] != ",":
                break
            self.at += 1
        self._expect("}")
        return found

    def _word(self) -> object:
        start = self.at
        while self.text[self.at] not in ENDS:
            self.at += 1
        word = self.text[start : self.at]
        if word in ("true", "false"):
            return word == "true"
        digits = word.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal()) or len(digits) > MAX_DIGITS:
            raise NotPlain
        if digits[0] == "0" and digits != "0":
            raise NotPlain
        return int(word)

    def _bare(self) -> str:
        start = self.at
        while self.text[self.at] in BARE:
            self.at += 1
        if self.at == start:
            raise NotPlain
        return self.text[start : self.at]

    def _skip(self, blank: str) -> None:
        while self.text[self.at] in blank:  # the text ends with a newline
            self.at += 1

    def _skip_lines(self) -> None:
        """Skip blanks, newlines and comments."""
        text, size = self.text, len(self.text)
        while self.at < size:
            char = text[self.at]
            if char == "#":
                self.at = text.index("\n", self.at)
            elif char not in " \t\n":
                return
            else:
                self.at += 1

    def _end_line(self) -> None:
        self._skip(BLANK)
        if self.text[self.at] == "#":
            self.at = self.text.index("\n", self.at)
        self._expect("\n")

    def _expect(self, char: str) -> None:
        if self._at_end() or self.text[self.at] != char:
            raise NotPlain
        self.at += 1

    def _at_end(self) -> bool:
        return self.at >= len(self.text)
