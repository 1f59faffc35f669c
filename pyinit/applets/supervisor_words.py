"""Options as supervisord and supervisorctl read them: Python's getopt, to its messages.

Long options may be cut short (`--conf`), letters bundled (`-nc FILE`), and the options end at the
first word that is none.  An option given twice is a conflict, whichever its spelling.
"""

from __future__ import annotations

from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Unusable(Exception):
    """The command line makes no sense; the text is what the genuine program says of it."""


class Option(Record):
    """One option: the option it sets, its letter ("" none), whether it takes a value.

    `check` raises ValueError, with the genuine reason, for a value that cannot be used.  The long
    spelling is `name`, or `long` where that is another.
    """

    name: str
    letter: str = ""
    valued: bool = True
    check: Callable[[str], object] | None = None
    long: str = ""


class Line(Record):
    """A command line that was understood: (option, value) in their order, and the words behind."""

    given: tuple[tuple[str, str], ...]
    rest: tuple[str, ...]

    def value(self, name: str) -> str | None:
        """Return the value of an option, None if it was not given."""
        for option, value in self.given:
            if option == name:
                return value
        return None


def split(words: Sequence[str], table: Sequence[Option]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return (spelling, value) of every option, and the words after them.  Raises Unusable."""
    letters = {each.letter: each for each in table if each.letter}
    longs = {each.long or each.name: each for each in table}
    found: list[tuple[str, str]] = []
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            found.append(_long(word[2:], longs, rest))
        else:
            found += _letters(word[1:], letters, rest)
    return found, rest


def read(words: Sequence[str], table: Sequence[Option], *, operands: bool) -> Line:
    """Understand a command line whose options are `table`.

    The options "help" and "version" end the reading: `given` ends with them.  Raises Unusable.
    """
    found, rest = split(words, table)
    if rest and not operands:
        raise Unusable(f"positional arguments are not supported: {rest}")
    spellings = {f"-{each.letter}": each for each in table if each.letter}
    spellings |= {f"--{each.long or each.name}": each for each in table}
    given: dict[str, str] = {}
    for spelling, value in found:
        option = spellings[spelling]
        if option.check is not None:
            try:
                option.check(value)
            except ValueError as error:
                raise Unusable(f"invalid value for {spelling} {value!r}: {error}") from None
        if option.name in given:
            raise Unusable(f"conflicting command line option {spelling!r}")
        given[option.name] = value
        if option.name in ("help", "version"):
            break
    return Line(tuple(given.items()), tuple(rest))


def complaint(text: str, program: str) -> str:
    """Return the two lines on stderr with which the genuine programs refuse to start."""
    return f"Error: {text}\nFor help, use {program} -h\n"


def _long(text: str, longs: dict[str, Option], rest: list[str]) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    meant = [each for each in longs if each.startswith(name)]
    if not meant:
        raise Unusable(f"option --{name} not recognized")
    if name not in meant and len(meant) > 1:
        raise Unusable(f"option --{name} not a unique prefix")
    full = name if name in meant else meant[0]
    if not longs[full].valued:
        if equals:
            raise Unusable(f"option --{full} must not have an argument")
        return f"--{full}", ""
    if not equals:
        if not rest:
            raise Unusable(f"option --{full} requires argument")
        value = rest.pop(0)
    return f"--{full}", value


def _letters(text: str, letters: dict[str, Option], rest: list[str]) -> list[tuple[str, str]]:
    found = []
    while text:
        letter, text = text[0], text[1:]
        option = letters.get(letter)
        if option is None:
            raise Unusable(f"option -{letter} not recognized")
        if not option.valued:
            found.append((f"-{letter}", ""))
            continue
        if not text and not rest:
            raise Unusable(f"option -{letter} requires argument")
        found.append((f"-{letter}", text or rest.pop(0)))
        break
    return found
