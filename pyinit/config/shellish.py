"""Words of a command that only a shell would understand, where none runs: warned of, with the fix.

A pipe sign may be meant as a word, so this is no fault; hardly anybody means it.
"""

from __future__ import annotations

from pyinit.config.values import shown
from pyinit.core.record import Record, replace

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


class Way(Record):
    """How a file writes what a shell is wanted for: it itself, to set a variable, to use one, ~.

    NAME and VALUE stand for those that are meant.
    """

    by_shell: str
    setting: str
    variable: str
    home: str


TEXT = Way(
    "write it as one text with shell = true, or as the words of sh -c",
    "write env = { NAME = VALUE }",
    "${NAME}",
    "${HOME}",
)
BESIDE = replace(TEXT, by_shell='write ["/bin/sh", "-c", "..."]')
INI = Way(
    "write command = /bin/sh -c '...'",
    "write environment = NAME=VALUE",
    "%(ENV_NAME)s",
    "%(ENV_HOME)s",
)


def warn(section: Section, key: str, words: tuple[str, ...], way: Way) -> None:
    """Warn of what the command at `key` of a section will not do."""
    holder = section.layers(key)[0]
    raw = holder.tree[key]
    texts = raw if isinstance(raw, list) else [raw]
    literal = any("$$" in str(text) for text in texts)
    text, fix = warning(words, way, listed=isinstance(raw, list), literal=literal)
    if text:
        told = f"{holder.shown()} {key}: {text}"
        section.problems.doubt(holder.file, (*holder.path, key), told, fix)


def warning(
    words: tuple[str, ...], way: Way, *, listed: bool = False, literal: bool = False
) -> tuple[str, str]:
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
        fix = way.setting.replace("NAME", name).replace("VALUE", shown(value))
        return f"{shown(words[0])} sets no variable: it is what is executed", fix
    if words[0].startswith("~"):
        return _as_it_is(words[0]), f'write "{way.home}{words[0].removeprefix("~")}"'
    for word in words:
        if word in OPERATORS or (not listed and _redirects(word)):
            return _as_it_is(word), way.by_shell
        if word.rpartition("/")[2] in SHELLS:
            break  # the rest is its own
        if not listed and word.endswith(";") and " " not in word:  # "daemon off;" was quoted
            return _as_it_is(word), way.by_shell
        variable = "" if literal else _variable(word)
        if variable:
            name = way.variable.replace("NAME", variable)
            fix = f"write {name} for a variable of pyinit's own environment; else {way.by_shell}"
            return _as_it_is(word), fix
        if not listed and ("$(" in word or "`" in word or word.endswith(("/*", "*.*"))):
            return _as_it_is(word), way.by_shell
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
