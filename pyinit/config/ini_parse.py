"""The INI dialect of supervisord, read as Python's RawConfigParser reads it, with every place.

The dialect is that of `RawConfigParser(strict=False, inline_comment_prefixes=(";", "#"))`:
`=` or `:` between option and value, option names in lower case, lines that are indented deeper
than their option go on with its value, a section that is there twice is one, and the last value
wins.  A comment is a line that starts with ; or #, and whatever follows a ; or # behind a space -
inside quotes, too.  That is how commands lose their ends, so the line where it happened is kept.

`configparser` itself does not say on which line a value stands, and costs seven milliseconds; the
tests hold the two against each other.
"""

from __future__ import annotations

from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULTS = "DEFAULT"  # the section whose options all others have, too
MARKS = ";#"


class Entry(Record):
    """One option: its value as it is written, and its place.

    `cut` is the first of its lines that ends with a comment while a quote is open, 0 for none.
    """

    value: str
    file: str
    line: int
    cut: int = 0


class Block:
    """One section: its name, where it begins for the first time, and its options.

    `lost` are options that it has twice, and the last of their values that does not count.
    """

    def __init__(self, name: str, file: str, line: int) -> None:
        self.name = name
        self.file = file
        self.line = line
        self.entries: dict[str, Entry] = {}
        self.lost: dict[str, Entry] = {}


class Bad(Record):
    """A line that is no INI, and what to write instead."""

    line: int
    message: str
    fix: str


def parse(text: str, file: str, blocks: dict[str, Block]) -> list[Bad]:
    """Read `text` into `blocks` over what is there already; return its bad lines."""
    return _Parser(file, blocks).run(text)


def unclosed(option: str, value: str = "") -> str:
    """Return what to write for an option that looks like a header without its end; "" if none."""
    if not option.startswith("[") or "]" in option + value:
        return ""
    name = value.partition("\n")[0].strip()
    header = f"{option}:{name}" if name else option
    return f'a "]" is missing: write {header}]'


class _Open:
    """An option whose value may go on."""

    def __init__(self, block: Block, option: str, line: int) -> None:
        self.block = block
        self.option = option
        self.line = line
        self.parts: list[str] = []
        self.cuts: list[int] = []


class _Parser:
    def __init__(self, file: str, blocks: dict[str, Block]) -> None:
        self.file = file
        self.blocks = blocks
        self.block: Block | None = None
        self.open: _Open | None = None
        self.indent = 0
        self.bad: list[Bad] = []

    def run(self, text: str) -> list[Bad]:
        for number, line in enumerate(_lines(text), 1):
            value = _without_comment(line)
            if not value:
                if self.open is not None and not line.strip():
                    self.open.parts.append("")  # an empty line is part of a value that goes on
                continue
            indent = len(line) - len(line.lstrip())
            if self.open is not None and indent > self.indent:
                self._more(number, line, value)
                continue
            self.indent = indent
            self._line(number, line, value)
        self._close()
        return self.bad

    def _line(self, number: int, line: str, value: str) -> None:
        """Read a line that begins something; those before the first header are one fault."""
        end = value.rfind("]")
        if value.startswith("[") and end > 1:
            self._close()
            self._header(value[1:end], number)
        elif self.block is not None:
            self._option(number, line, value)
        elif not self.bad:
            fix = unclosed(value) or "begin the file with a section, such as [supervisord]"
            self.bad.append(Bad(number, "File contains no section headers.", fix))

    def _header(self, name: str, number: int) -> None:
        block = self.blocks.get(name)
        if block is None:
            block = self.blocks[name] = Block(name, self.file, number)
        self.block = block

    def _option(self, number: int, line: str, value: str) -> None:
        at = min([place for place in (value.find("="), value.find(":")) if place >= 0], default=-1)
        option = value[: max(at, 0)].rstrip().lower()
        if not option:
            text = "Source contains parsing errors: there is no option on this line"
            fix = "write option = value; indent it, if it goes on with the value before it"
            fix = unclosed(value) or fix
            self.bad.append(Bad(number, text, fix))
            return
        self._close()
        assert self.block is not None  # its header came before
        self.open = _Open(self.block, option, number)
        self._more(number, line, value[at + 1 :].strip())

    def _more(self, number: int, line: str, value: str) -> None:
        assert self.open is not None  # who calls has seen it
        self.open.parts.append(value)
        if _comment(line) >= 0:
            self.open.cuts.append(number)

    def _close(self) -> None:
        if self.open is None:
            return
        found, self.open = self.open, None
        value = "\n".join(found.parts).rstrip()
        cut = found.cuts[0] if found.cuts and _quote_is_open(value) else 0
        before = found.block.entries.get(found.option)
        if before is not None and before.value != value:
            found.block.lost[found.option] = before
        found.block.entries[found.option] = Entry(value, self.file, found.line, cut)


def _lines(text: str) -> Iterator[str]:
    """Return the lines as a text file has them: all three kinds of ends are one."""
    return iter(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))


def _without_comment(line: str) -> str:
    """Return what a line says: "" for a comment."""
    stripped = line.strip()
    if stripped[:1] and stripped[0] in MARKS:
        return ""
    end = _comment(line)
    return stripped if end < 0 else line[:end].strip()


def _comment(line: str) -> int:
    """Return where the comment behind a value begins, -1 if there is none."""
    if ";" not in line and "#" not in line:
        return -1
    for at, char in enumerate(line):
        if char in MARKS and (at == 0 or line[at - 1].isspace()):
            return at
    return -1


def _quote_is_open(value: str) -> bool:
    """Say whether a quote of `value` is not closed, as a shell sees it."""
    quote = ""
    at = 0
    while at < len(value):
        char = value[at]
        if char == "\\" and quote != "'":
            at += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        at += 1
    return bool(quote)
