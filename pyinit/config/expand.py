"""Variables in strings: ${VAR}, ${VAR:-default}, ${VAR:?message}, and $$ for a dollar."""

from __future__ import annotations

from pyinit.config.problems import ValueFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DEEPEST = 20  # defaults within defaults
NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")


def expand(text: str, variables: Mapping[str, str], depth: int = 0) -> str:
    """Return `text` with its variables in place.  Raises ValueFault.

    An empty variable counts as unset for `:-` and `:?`, as in a shell.
    """
    if "$" not in text:
        return text
    if depth > DEEPEST:
        raise ValueFault("cannot expand it: defaults are nested too deep", "use fewer of them")
    parts: list[str] = []
    at = 0
    while True:
        dollar = text.find("$", at)
        if dollar < 0:
            parts.append(text[at:])
            return "".join(parts)
        parts.append(text[at:dollar])
        following = text[dollar + 1 : dollar + 2]
        if following == "$":
            parts.append("$")
            at = dollar + 2
        elif following == "{":
            end = _closing(text, dollar + 2)
            parts.append(_variable(text[dollar + 2 : end], variables, depth))
            at = end + 1
        else:  # a single dollar is itself: regular expressions and shell commands need it
            parts.append("$")
            at = dollar + 1


def _closing(text: str, start: int) -> int:
    """Return where the brace that opens before `start` is closed."""
    depth = 1
    at = start
    while at < len(text):
        if text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
        elif text.startswith("$$", at):
            at += 1
        elif text.startswith("${", at):
            depth += 1
        at += 1
    shown = text[start - 2 : start + 30]
    raise ValueFault(f'cannot expand "{shown}": the brace is not closed', "write ${NAME}, or $${")


def _variable(inside: str, variables: Mapping[str, str], depth: int) -> str:
    length = 0
    while length < len(inside) and inside[length] in NAME:
        length += 1
    name, rest = inside[:length], inside[length:]
    operator, argument = rest[:2], rest[2:]
    if not name or name[0].isdigit() or (rest and operator not in {":-", ":?"}):
        fix = "write ${NAME}, ${NAME:-default} or ${NAME:?message}"
        raise ValueFault(f'cannot expand "${{{inside}}}"', fix)
    value = variables.get(name)
    if operator == ":-":
        return value or expand(argument, variables, depth + 1)
    if operator == ":?" and not value:
        message = expand(argument, variables, depth + 1) or "it must be set"
        raise ValueFault(f"cannot expand ${{{name}}}: {message}", f"set {name} in the environment")
    if value is None and name == "INSTANCE":
        raise ValueFault("cannot expand ${INSTANCE}: only programs have instances", "leave it out")
    if value is None:
        fix = f"set {name} in the environment, or write ${{{name}:-default}}"
        raise ValueFault(f"cannot expand ${{{name}}}: it is not set", fix)
    return value
