"""Reads the words of a command line by a table of options: GNU's habits, nothing to import."""

from __future__ import annotations

from pyinit.core.record import Record
from pyinit.protocol.names import nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Never


class UsageError(Exception):
    """The words make no sense; the text says which one and what was expected."""


class Option(Record):
    """One option: its spellings, and what its value is called ("" if it takes none)."""

    names: tuple[str, ...]
    value: str = ""
    doc: str = ""

    @property
    def key(self) -> str:
        """The name under which `Words.given` has it: the longest spelling, without dashes."""
        return max(self.names, key=len).lstrip("-")


class Words:
    """What was said: `given` by option, `operands` in order."""

    def __init__(self, given: dict[str, str], operands: list[str]) -> None:
        self.given = given
        self.operands = operands

    def has(self, key: str) -> bool:
        """Say whether the option was given."""
        return key in self.given

    def count(self, key: str) -> int | None:
        """Return the option's value as a whole number from 0, None if it was not given."""
        text = self.given.get(key)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit()):
            raise UsageError(f"--{key} takes a whole number from 0, not '{text}'")
        return int(text) if len(text) < DIGITS else MOST

    def seconds(self, key: str) -> float | None:
        """Return the option's value in seconds ("500ms", "10s", "5m", "1h", "2.5")."""
        text = self.given.get(key)
        return None if text is None else read_seconds(text, f"--{key}")


DIGITS = 12  # a number that has as many is as good as endless
MOST = 10**DIGITS
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def read_seconds(text: str, what: str) -> float:
    """Return a duration in seconds.  Raises UsageError naming `what`."""
    unit = next((each for each in UNITS_S if text.endswith(each)), "")
    digits = text[: len(text) - len(unit)]
    if digits.isascii() and digits.replace(".", "", 1).isdigit():
        return min(float(digits) * UNITS_S.get(unit, 1.0), float(MOST))
    raise UsageError(f'{what} takes a duration such as "500ms", "10s", "5m" or 2.5, not \'{text}\'')


def parse(words: list[str], options: tuple[Option, ...], *, stop_at_operand: bool = False) -> Words:
    """Sort `words` into options and operands; `--` ends the options.  Raises UsageError.

    With `stop_at_operand` options end at the first operand, which may be a command with its own.
    """
    spellings = {name: option for option in options for name in option.names}
    given: dict[str, str] = {}
    operands: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            operands += rest
            break
        if word == "-" or not word.startswith("-"):
            operands.append(word)
            if stop_at_operand:
                operands += rest
                break
        elif word.startswith("--"):
            _long(word, rest, spellings, given)
        else:
            _short(word, rest, spellings, given)
    return Words(given, operands)


def meant(word: str, names: Iterable[str]) -> str:
    """Return what `word` was to be: the only one that begins with it, else the nearest, else ""."""
    known = tuple(dict.fromkeys(names))
    longer = [name for name in known if name.startswith(word)]
    return longer[0] if len(longer) == 1 else nearest(word, known)


def _long(word: str, rest: list[str], spellings: dict[str, Option], given: dict[str, str]) -> None:
    name, equals, value = word.partition("=")
    option = spellings.get(name)
    if option is None:
        _unknown(name, spellings)
    if not option.value and equals:
        raise UsageError(f"{name} takes no value")
    given[option.key] = value if equals else _value(option, name, rest)


def _short(word: str, rest: list[str], spellings: dict[str, Option], given: dict[str, str]) -> None:
    place = 1
    while place < len(word):
        name = "-" + word[place]
        option = spellings.get(name)
        if option is None:
            _unknown(name, spellings)
        place += 1
        if option.value and place < len(word):
            given[option.key] = word[place:].removeprefix("=")
            return
        given[option.key] = _value(option, name, rest)


def _value(option: Option, name: str, rest: list[str]) -> str:
    if not option.value:
        return ""
    if not rest:
        raise UsageError(f"{name} needs {option.value}")
    return rest.pop(0)


def _unknown(name: str, spellings: dict[str, Option]) -> Never:
    near = meant(name, spellings) if name.startswith("--") else ""  # letters are all alike
    raise UsageError(f"unknown option {name}" + (f"\n  did you mean {near}?" if near else ""))
