"""getopt(3) and getopt_long(3) of the GNU C library, to the letter of their messages.

The genuine programs leave their options to the C library, so a link to pyinit must understand
what it understands: bundled letters (`-sg`), values that are attached or follow (`-pSIGKILL`,
`-p SIGKILL`), long options cut short (`--verb`), and, for tini, options between the words of the
command: `tini ls -l` gives `-l` to tini, which is why tini is written `tini ls -- -l`.
POSIXLY_CORRECT in the environment ends the options at the first word that is none, as a `+` in
the option string of dumb-init does always.

Words are bytes throughout: a file name need not be text.
"""

from __future__ import annotations

from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONG_MAX = 2**63 - 1
SPACES = b" \t\n\v\f\r"


class Option(Record):
    """One option that was given, by its letter, with its value if it takes one."""

    letter: bytes
    value: bytes = b""


class BadOption(Record):
    """An option that cannot be understood, and what the C library says about it."""

    message: bytes


class Long(Record):
    """A long option: the letter it stands for, and whether it takes a value."""

    name: bytes
    letter: bytes
    takes_value: bool = False


class Scanner:
    """Reads `argv` from its second word on: iterate over it, then `rest` is the command.

    `letters` are the short options, those of `valued` take a value.  With `permute`, words that
    are no options are stepped over and put before the rest.
    """

    def __init__(
        self,
        argv: Sequence[bytes],
        letters: bytes,
        valued: bytes,
        longs: Sequence[Long] = (),
        *,
        permute: bool = False,
    ) -> None:
        self.rest: tuple[bytes, ...] = ()
        self._name = argv[0] if argv else b""
        self._words = list(argv[1:])
        self._letters = letters
        self._valued = valued
        self._longs = longs
        self._permute = permute

    def __iter__(self) -> Iterator[Option | BadOption]:
        """Give the options one by one; the reader may stop at any of them."""
        stepped_over: list[bytes] = []
        words = self._words
        while words:
            word = words.pop(0)
            if word == b"--":
                break
            if not word.startswith(b"-") or word == b"-":
                stepped_over.append(word)
                if not self._permute:
                    break
            elif self._longs and word.startswith(b"--"):
                yield self._long(word[2:])
            else:
                yield from self._bundle(word[1:])
        self.rest = (*stepped_over, *words)

    def _bundle(self, letters: bytes) -> Iterator[Option | BadOption]:
        for position in range(len(letters)):
            letter = letters[position : position + 1]
            if letter in self._valued:
                yield self._valued_letter(letter, letters[position + 1 :])
                return
            if letter in self._letters:
                yield Option(letter)
            else:
                yield self._bad(b"invalid option -- '%b'" % letter)

    def _valued_letter(self, letter: bytes, attached: bytes) -> Option | BadOption:
        if attached:
            return Option(letter, attached)
        if self._words:
            return Option(letter, self._words.pop(0))
        return self._bad(b"option requires an argument -- '%b'" % letter)

    def _long(self, word: bytes) -> Option | BadOption:
        """Understand what follows two dashes: a name or an unambiguous beginning of one."""
        name, equals, value = word.partition(b"=")
        found = [each for each in self._longs if each.name == name]
        if not found:
            found = [each for each in self._longs if each.name.startswith(name)]
        if not found:
            return self._bad(b"unrecognized option '--%b'" % word)
        if len(found) > 1:
            names = b"".join([b" '--%b'" % each.name for each in found])
            return self._bad(b"option '--%b' is ambiguous; possibilities:%b" % (word, names))
        option = found[0]
        if not option.takes_value:
            if equals:
                return self._bad(b"option '--%b' doesn't allow an argument" % option.name)
            return Option(option.letter)
        if equals:
            return Option(option.letter, value)
        if self._words:
            return Option(option.letter, self._words.pop(0))
        return self._bad(b"option '--%b' requires an argument" % option.name)

    def _bad(self, what: bytes) -> BadOption:
        return BadOption(b"%b: %b\n" % (self._name, what))


def read_number(text: bytes) -> tuple[int, bytes] | None:
    """Read a number as strtol(3) does in base 10: return it and what follows, None for none.

    Blanks and a sign may stand before it; what does not fit in a long is the nearest one.
    """
    body = text.lstrip(SPACES)
    sign = -1 if body[:1] == b"-" else 1
    if body[:1] in (b"-", b"+"):
        body = body[1:]
    rest = body.lstrip(b"0123456789")
    digits = body[: len(body) - len(rest)]
    if not digits:
        return None
    digits = digits.lstrip(b"0") or b"0"
    value = int(digits) if len(digits) < 20 else LONG_MAX + 1  # int() refuses 4,300 digits
    return max(-LONG_MAX - 1, min(LONG_MAX, sign * value)), rest


def as_int(value: int) -> int:
    """Return what is left of a long in an int of C."""
    return (value + 2**31) % 2**32 - 2**31
