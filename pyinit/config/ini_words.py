"""Commands and variables of supervisord's files in words: what `shlex` makes of them, without it.

`shlex` brings `re` and `enum`, and with them costs more than reading the whole file.  The tests
hold the two against each other.
"""

from __future__ import annotations

from pyinit.config.problems import ValueFault
from pyinit.config.split import split

BLANK = " \t\r\n"
QUOTES = "'\""
WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/.+-():")
UNCLOSED = "no closing quotation"


def command_words(text: str) -> list[str]:
    """Return what `shlex.split` returns.  Raises ValueFault."""
    if "\\" not in text:
        try:
            return split(text)
        except ValueFault:
            raise ValueFault(UNCLOSED) from None
    import shlex  # its backslashes are not a shell's

    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueFault(str(error).lower()) from None


def variable_tokens(text: str) -> list[str]:
    """Return the tokens of `shlex.shlex(text)` whose words may have any of `/.+-():`.

    Quotes stay around what is quoted.  Raises ValueFault.
    """
    found: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char in BLANK:
            at += 1
        elif char == "#":
            at = _line_end(text, at)
        elif char in QUOTES:
            end = text.find(char, at + 1)
            if end < 0:
                raise ValueFault(UNCLOSED)
            found.append(text[at : end + 1])
            at = end + 1
        elif char in WORD:
            word, at = _word(text, at)
            found.append(word)
        else:
            found.append(char)
            at += 1
    return found


def _word(text: str, at: int) -> tuple[str, int]:
    """Return a word and where it ends; a comment in it ends its line, and not the word."""
    parts: list[str] = []
    while at < len(text) and (text[at] in WORD or text[at] in QUOTES or text[at] == "#"):
        if text[at] == "#":
            at = _line_end(text, at)
        else:
            parts.append(text[at])
            at += 1
    return "".join(parts), at


def _line_end(text: str, at: int) -> int:
    """Return where the next line begins."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1
