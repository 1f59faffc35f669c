"""Words of a command that only a shell would understand, where none runs: warned of, with the fix.

A pipe sign may be meant as a word, so this is no fault; hardly anybody means it.
"""

from __future__ import annotations

from pyinit.config.values import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.reader import Section

OPERATORS = frozenset(
    (
        "|",
        "||",
        "&&",
        "&",
        ";",
        ">",
        ">>",
        "<",
        "<<",
        "2>",
        "2>>",
        "&>",
        "2>&1",
        ">&2",
        "1>&2",
        "|&",
    )
)
REDIRECTIONS = (">", "2>", "1>", "&>", "<")
SHELLS = frozenset(("sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "busybox"))
BY_SHELL = "write it as one text with shell = true, or as the words of sh -c"


def warn(section: Section, words: tuple[str, ...]) -> None:
    """Warn of what the command of a program will not do."""
    layers = section.layers("command")
    raw = layers[0].tree["command"] if layers else ""
    texts = raw if isinstance(raw, list) else [raw]
    literal = any("$$" in str(text) for text in texts)
    text, fix = warning(words, listed=isinstance(raw, list), literal=literal)
    told = f"{section.file}: {section.shown()} command: {text}\n  {fix}"
    if text and told not in section.problems.warnings:
        section.problems.warnings.append(told)


def warning(words: tuple[str, ...], *, listed: bool, literal: bool) -> tuple[str, str]:
    """Return what a command without a shell will not do, and what to write; nothing if it is well.

    `listed` tells a list from a text; `literal` that it has "$$": its dollars are meant.
    """
    if words[0].rpartition("/")[2] in SHELLS:
        return "", ""
    if listed and len(words) == 1 and " -" in words[0]:
        parts = ", ".join([shown(part) for part in words[0].split()])
        return f"{shown(words[0])} is the name of one file", f"write [{parts}]"
    name, equals, value = words[0].partition("=")
    if equals and name.isidentifier():
        fix = f"write env = {{ {name} = {shown(value)} }}"
        return f"{shown(words[0])} sets no variable: it is what is executed", fix
    if words[0].startswith("~"):
        return _as_it_is(words[0]), f'write "${{HOME}}{words[0].removeprefix("~")}"'
    for word in words:
        if word in OPERATORS or (not listed and _redirects(word)):
            return _as_it_is(word), BY_SHELL
        if not listed and word.endswith(";"):
            return _as_it_is(word), BY_SHELL
        variable = "" if literal else _variable(word)
        if variable:
            fix = (
                f"write ${{{variable}}} for a variable of pyinit's own environment; else {BY_SHELL}"
            )
            return _as_it_is(word), fix
        if not listed and ("$(" in word or "`" in word or word.endswith(("/*", "*.*"))):
            return _as_it_is(word), BY_SHELL
    return "", ""


def _as_it_is(word: str) -> str:
    return f"no shell reads it: {shown(word)} is handed on as it is"


def _redirects(word: str) -> bool:
    return any(word.startswith(sign) and word[len(sign) :][:1] in "/&" for sign in REDIRECTIONS)


def _variable(word: str) -> str:
    """Return the name of a variable that a shell would put in, "" if there is none."""
    _, dollar, rest = word.partition("$")
    name = ""
    for char in rest:
        if not (char == "_" or char.isalnum()):
            break
        name += char
    return name if dollar and name and not name[0].isdigit() else ""
