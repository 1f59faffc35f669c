"""`%(name)s` in supervisord's files: Python's formatting by a table of names, and no more.

A form may have a default: `%(ENV_PORT:-8080)s` is 8080 where the variable is not set or empty,
as in a shell.  supervisord has no such thing, so no file of its can mean anything else by it.

A `%s` without a name is refused: by Python's rules it would be the whole table of names, and
with it the environment.  Messages have names, never values.
"""

from __future__ import annotations

from pyinit.config.problems import ValueFault, suggest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Names: TypeAlias = Mapping[str, str | int]

VARIABLE = "ENV_"  # what the names of variables of the environment begin with
FLAGS = "#0- +"
KINDS = "diouxXeEfFgGcrsa"
LONGEST_WIDTH = 20  # characters of it
WIDEST = 1000  # columns of one form: more is no file name, and fills the memory


def expand(text: str, names: Names, where: str) -> str:
    """Return `text` with its forms in place; `where` is the option.  Raises ValueFault."""
    if "%" not in text:
        return text
    parts: list[str] = []
    at = 0
    while True:
        percent = text.find("%", at)
        if percent < 0:
            parts.append(text[at:])
            return "".join(parts)
        parts.append(text[at:percent])
        if text.startswith("%%", percent):
            parts.append("%")
            at = percent + 2
        else:
            at = _form(text, percent, names, where, parts)


def _form(text: str, start: int, names: Names, where: str, parts: list[str]) -> int:
    """Add what the form at `start` stands for; return where it ends."""
    if not text.startswith("(", start + 1):
        shown = text[start : start + 2]
        fix = "write %% for a percent sign, %(NAME)s for what a name stands for"
        raise ValueFault(f"Format string for '{where}' is badly formatted: '{shown}'", fix)
    closing = _closing(text, start + 1)
    end = closing + 1
    while end < len(text) and text[end] in FLAGS:
        end += 1
    digits = end
    while end < len(text) and text[end] in "0123456789.":
        end += 1
    width = text[digits:end]
    while end < len(text) and text[end] in "hlL":
        end += 1
    form = text[start : end + 1]
    fix = "write %(NAME)s, or %(NAME)d for a number; %% is a percent sign"
    wide = len(width) > LONGEST_WIDTH or any(
        int(part) > WIDEST for part in width.split(".") if part.isdecimal()
    )
    if closing < 0 or end >= len(text) or text[end] not in KINDS or wide:
        shown = form if closing >= 0 else text[start : start + 20]
        raise ValueFault(f"Format string for '{where}' is badly formatted: '{shown}'", fix)
    value = _value(text[start + 2 : closing], form, names, where)
    try:
        parts.append(f"%{text[closing + 1 : end + 1]}" % (value,))
    except (TypeError, ValueError, OverflowError) as error:
        message = f"Format string for '{where}' is badly formatted: '{form}': {error}"
        raise ValueFault(message, fix) from None
    return end + 1


def _closing(text: str, opening: int) -> int:
    """Return where the parenthesis at `opening` is closed, -1 if it is not."""
    end = text.find(")", opening)
    if end < 0 or "(" not in text[opening + 1 : end]:
        return end
    depth = 0
    for at in range(opening, len(text)):
        if text[at] == "(":
            depth += 1
        elif text[at] == ")":
            depth -= 1
            if depth == 0:
                return at
    return -1


def _value(inside: str, form: str, names: Names, where: str) -> str | int:
    if inside in names:
        return names[inside]
    name, operator, default = inside.partition(":-")
    if operator:
        return names.get(name) or default
    text = f"Format string '{form}' for '{where}' contains names ('{inside}') which cannot be "
    if inside.startswith(VARIABLE):
        fix = f"set {inside[4:]} in the environment, or write %({inside}:-default)s"
        raise ValueFault(f"{text}expanded: it is not set", fix)
    known = sorted(each for each in names if not each.startswith(VARIABLE))
    fix = f"write %({VARIABLE}{inside})s" if VARIABLE + inside in names else suggest(inside, known)
    shown = ", ".join([*known, f"{VARIABLE}X for a variable X"])
    raise ValueFault(f"{text}expanded. Available names: {shown}", fix)
