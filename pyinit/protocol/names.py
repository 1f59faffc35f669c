"""What a NAME of the command line or of a request means: the processes it stands for.

    web            the process or the program of that name (all instances of it)
    web:0          one instance, or PROCESS of group GROUP: GROUP:PROCESS
    backend:*      every process of a group
    w*, db-[12]    a glob over process, program and GROUP:PROCESS names
    all            every process
    =KEY           exactly the process of that key, which `info` tells: for programs, not people

An exact name wins over every other reading.  A hidden process (pyinit's own) is meant by its exact
name and by nothing else.  Nothing is guessed: an unknown name is an error
that says what may have been meant, or what there is.  PID 1 reads names that anybody with access
may send, so what they can cost is bounded: globs by their length, suggestions by their number.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    class Named(Protocol):
        """A process's plan, as far as its names go."""

        @property
        def key(self) -> str:
            """Return what identifies the process inside pyinit."""

        @property
        def name(self) -> str:
            """Return what people see."""

        @property
        def program(self) -> str:
            """Return the program's name."""

        @property
        def group(self) -> str:
            """Return the group's name."""

        @property
        def hidden(self) -> bool:
            """Say whether only the exact name means it."""


ALL = "all"
SPECIAL = "*?["
NEAR = 2  # edits at most between what was typed and what may have been meant
CANDIDATES = 500  # are compared at most: PID 1 has better things to do
LONGEST = 64  # characters of a name that are compared
GLOB_CHARS = 256  # of all globs of a request: each is tried on every process
SUGGESTED = 5  # unknown names that are told, each with what may have been meant
KNOWN = 10  # programs at most that are told to whom nothing can be suggested: one line of them


class UnknownName(ValueError):
    """Some names stand for no process; `unknown` are all of them."""

    def __init__(self, unknown: Sequence[str], text: str) -> None:
        super().__init__(text)
        self.unknown = tuple(unknown)


class CostlyName(ValueError):
    """The globs together are too long to be tried on every process."""


def resolve(names: Iterable[str], processes: Sequence[Named]) -> list[str]:
    """Return the keys that `names` stand for, in the order of `processes`, each once.

    Raises UnknownName if any name stands for none: a typo must not be half carried out.
    Raises CostlyName.
    """
    shown = [each for each in processes if not each.hidden]
    index = _index(shown)
    for each in processes:
        if each.hidden:
            index.setdefault(each.name, [each.key])
    names = dict.fromkeys(names)
    if sum([len(name) for name in names if name not in index and is_glob(name)]) > GLOB_CHARS:
        raise CostlyName(f"the globs of a request may have {GLOB_CHARS} characters together")
    wanted: set[str] = set()
    unknown: list[str] = []
    for name in names:
        found = _keys_of(name, shown, index)
        wanted.update(found)
        if not found and name != ALL:
            unknown.append(name)
    if unknown:
        raise UnknownName(unknown, _complaint(unknown, shown))
    return [each.key for each in processes if each.key in wanted]


def is_glob(name: str) -> bool:
    """Say whether a name is a pattern."""
    return any(char in name for char in SPECIAL)


def stands_for(pattern: str, name: str, program: str, group: str) -> bool:
    """Say whether `pattern` is a NAME of that process, without knowing the others."""
    if pattern in (ALL, name, program, f"{group}:*", f"{group}:{name}"):
        return True
    texts = (name, program, f"{group}:{name}") if is_glob(pattern) else ()
    return any(glob_matches(text, pattern) for text in texts)


def process_of(name: str, group: str) -> str:
    """Return what supervisord calls a process of `group` whose name here is `name`."""
    own = name.removeprefix(f"{group}:")
    return own if own != name else name.replace(":", "_")


def nearest(word: str, words: Iterable[str]) -> str:
    """Return the one of `words` that is most like `word`, "" if none is like it."""
    best, least = "", min(NEAR, max(1, len(word) // 3)) + 1
    compared = 0
    for each in words:
        if abs(len(each) - len(word)) >= least:
            continue
        compared += 1
        if compared > CANDIDATES:
            break
        edits = _edits(word[:LONGEST].lower(), each[:LONGEST].lower(), least)
        if edits < least:
            best, least = each, edits
    return best


def known(programs: Iterable[str]) -> str:
    """Return the line that tells what there is, "" where that is nothing or more than a line."""
    names = tuple(dict.fromkeys(programs))
    return f"known: {', '.join(names)}" if 0 < len(names) <= KNOWN else ""


def glob_matches(text: str, pattern: str) -> bool:
    """Say whether `text` matches a glob of `*`, `?` and `[...]`: bounded by their product."""
    at = place = 0
    star, resume = -1, 0
    while at < len(text):
        if place < len(pattern) and pattern[place] == "*":
            star, resume = place, at
            place += 1
            continue
        length = _one_matches(text[at], pattern, place)
        if length:
            at, place = at + 1, place + length
        elif star >= 0:
            resume += 1
            at, place = resume, star + 1
        else:
            return False
    return not pattern[place:].strip("*")


def _complaint(unknown: Sequence[str], processes: Sequence[Named]) -> str:
    lines: list[str] = []
    lost = False  # nothing here is like a name that was asked for
    for name in unknown[:SUGGESTED]:
        lines.append(f"no such program: '{name[:LONGEST]}'")
        suggestion = _suggestion(name, processes)
        if suggestion:
            lines.append(f"  did you mean '{suggestion}'?")
        lost = lost or not (suggestion or name.startswith("="))
    if len(unknown) > SUGGESTED:
        lines.append(f"and {len(unknown) - SUGGESTED} more names of no program")
    there = known([each.program for each in processes]) if lost else ""
    if there:
        lines.append(f"  {there}")
    return "\n".join(lines)


def _index(processes: Sequence[Named]) -> dict[str, list[str]]:
    """Return the keys by every exact name; a process's own name hides a program's."""
    index: dict[str, list[str]] = {}
    for each in processes:
        index.setdefault(each.program, []).append(each.key)
    for each in processes:
        index.setdefault(f"{each.group}:*", []).append(each.key)
        index.setdefault(each.key, [each.key])
        index.setdefault(f"{each.group}:{each.name}", [each.key])
    for each in processes:
        if index.get(each.name) != [each.key] and each.name != each.program:
            index[each.name] = [each.key]
    return index


def _keys_of(name: str, processes: Sequence[Named], index: dict[str, list[str]]) -> list[str]:
    if name == ALL:
        return [each.key for each in processes]
    if name in index:
        return index[name]
    if name.startswith("="):
        return [each.key for each in processes if each.key == name[1:]]
    if not is_glob(name):
        return []
    return [each.key for each in processes if stands_for(name, each.name, each.program, each.group)]


def _suggestion(name: str, processes: Sequence[Named]) -> str:
    for each in processes:
        if each.group == name:
            return f"{name}:*"
    programs = dict.fromkeys([each.program for each in processes])
    names = dict.fromkeys([each.name for each in processes])
    return nearest(name, programs) or nearest(name, names)


def _one_matches(char: str, pattern: str, place: int) -> int:
    """Return how much of `pattern` at `place` the one character uses, 0 if it does not match."""
    if place >= len(pattern):
        return 0
    if pattern[place] == "?":
        return 1
    if pattern[place] == "[":
        negated = pattern[place + 1 : place + 2] in ("!", "^")
        end = pattern.find("]", place + (3 if negated else 2))  # a first "]" is one of the set
        if end > 0:
            return end + 1 - place if _in_set(char, pattern[place + 1 : end]) else 0
    return int(pattern[place] == char)


def _in_set(char: str, choice: str) -> bool:
    negated = choice[0] in "!^"
    rest = choice[1:] if negated else choice
    found = False
    at = 0
    while at < len(rest):
        if rest[at + 1 : at + 2] == "-" and at + 2 < len(rest):
            found = found or rest[at] <= char <= rest[at + 2]
            at += 3
        else:
            found = found or rest[at] == char
            at += 1
    return found != negated


def _edits(one: str, other: str, enough: int) -> int:
    """Return the edits between two words (a swap of neighbours is one), or `enough` if more."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, char in enumerate(one, 1):
        above, before, row = before, row, [at]
        for place, target in enumerate(other, 1):
            least = min(before[place] + 1, row[-1] + 1, before[place - 1] + (char != target))
            if place > 1 and at > 1 and char == other[place - 2] and one[at - 2] == target:
                least = min(least, above[place - 2] + 1)
            row.append(least)
        if min(row) >= enough:
            return enough
    return min(row[-1], enough)
