r"""Splits a command as a shell would, without a shell: quotes and backslashes, nothing else.

`shlex` does nearly this, but costs five milliseconds of regular expressions at each start, and
leaves "\$" inside of double quotes as it is, which a shell does not.
"""

from __future__ import annotations

from pyinit.config.problems import ValueFault

BLANK = " \t\r\n"
SPECIAL_IN_DOUBLE = '$`"\\'


def split(text: str) -> list[str]:
    """Return the words of `text`.  Raises ValueFault for a quote that is not closed."""
    words: list[str] = []
    at = 0
    while True:
        while at < len(text) and text[at] in BLANK:
            at += 1
        if at == len(text):
            return words
        word, at = _word(text, at)
        if word is not None:
            words.append(word)


def _word(text: str, at: int) -> tuple[str | None, int]:
    """Return the word at `at`, and where it ends; None if there is only a joined line."""
    parts: list[str] = []
    quoted = False
    while at < len(text) and text[at] not in BLANK:
        match text[at]:
            case "'":
                end = text.find("'", at + 1)
                if end < 0:
                    raise _unclosed("quote '", text, at)
                parts.append(text[at + 1 : end])
                at, quoted = end + 1, True
            case '"':
                at = _double(text, at, parts)
                quoted = True
            case "\\" if at + 1 == len(text):
                raise ValueFault("a backslash at the end quotes nothing", "leave it out")
            case "\\":
                parts.append("" if text[at + 1] == "\n" else text[at + 1])
                at += 2
            case _:
                start = at
                while at < len(text) and text[at] not in BLANK and text[at] not in "\\'\"":
                    at += 1
                parts.append(text[start:at])
    word = "".join(parts)
    return (word if word or quoted else None), at


def _double(text: str, start: int, parts: list[str]) -> int:
    """Add what stands in the double quotes that open at `start`; return where they end."""
    at = start + 1
    while at < len(text):
        char = text[at]
        if char == '"':
            return at + 1
        if char == "\\" and at + 1 < len(text):
            following = text[at + 1]
            if following in SPECIAL_IN_DOUBLE:
                parts.append(following)
            elif following != "\n":
                parts.append(char + following)
            at += 2
        else:
            parts.append(char)
            at += 1
    raise _unclosed('quote "', text, start)


def _unclosed(what: str, text: str, at: int) -> ValueFault:
    fix = f"close it, or write the command as a list: the quote opens at {text[at : at + 20]!r}"
    return ValueFault(f"cannot split it: a {what} is not closed", fix)
