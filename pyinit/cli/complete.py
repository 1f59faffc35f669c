"""What may come next on the command line of pyinitctl: for the completion of every shell.

The scripts of `completion` ask `pyinitctl completion words -- WORD...`, where the last word is
the one being typed, and put the lines of the answer before the user.
"""

from __future__ import annotations

from pyinit.cli.verbs import PLAIN, VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyinit.cli.words import Option
    from pyinit.protocol.wire import Object

ANSWER_S = 1.0  # nobody waits longer for a Tab
SHELLS = ("bash", "zsh", "fish")
GOALS = ("ready", "started", "running", "completed", "done", "stopped", "exited", "fatal")
STREAMS = ("stdout", "stderr")


def complete(words: list[str]) -> list[str]:
    """Return what the last of `words` may become."""
    *before, current = words or [""]
    line = _Line(before)
    if line.pending is not None:
        return _starting(current, _values(line, line.pending, current))
    name, equals, value = current.partition("=")
    option = line.options.get(name)
    if equals and option is not None and option.value:
        return [f"{name}={each}" for each in _starting(value, _values(line, option, value))]
    if current.startswith("-") and not line.ended:
        return _starting(current, line.options)
    return _starting(current, _operands(line, current))


class _Line:
    """What has been typed: the verb, its operands, and the option that waits for its value."""

    def __init__(self, words: list[str]) -> None:
        self.verb = ""
        self.operands: list[str] = []
        self.given: dict[str, str] = {}  # --socket, --container, --context
        self.pending: Option | None = None
        self.ended = False  # by `--`: no options any more
        self.options = {name: option for option in PLAIN for name in option.names}
        for word in words:
            self._take(word)

    def _take(self, word: str) -> None:
        if self.pending is not None:
            self._given(self.pending, word)
            self.pending = None
        elif self.ended or not word.startswith("-") or word == "-":
            self._operand(word)
        elif word == "--":
            self.ended = True
        else:
            name, equals, value = word.partition("=")
            option = self.options.get(name)
            if option is not None and option.value:
                if equals:
                    self._given(option, value)
                else:
                    self.pending = option

    def _operand(self, word: str) -> None:
        if self.verb:
            self.operands.append(word)
            return
        self.verb = word
        verb = VERBS.get(word)
        if verb is not None:
            self.options |= {name: option for option in verb.options for name in option.names}

    def _given(self, option: Option, value: str) -> None:
        self.given[option.key] = value


def _starting(text: str, choices: Iterable[str]) -> list[str]:
    return sorted({choice for choice in choices if choice.startswith(text)})


def _values(line: _Line, option: Option, text: str) -> Iterable[str]:
    match option.key:
        case "socket":
            return _paths(text)
        case "for":
            return GOALS
        case "stream":
            return STREAMS
        case "container" | "context":
            from pyinit.cli import ctl_fleet

            return ctl_fleet.names_of(option.key, line.given.get("context"))
        case _:
            return ()


def _operands(line: _Line, current: str) -> Iterable[str]:
    if not line.verb:
        return VERBS
    verb = VERBS.get(line.verb)
    count = len(line.operands)
    if verb is None or (verb.most is not None and count >= verb.most):
        return ()
    match line.verb:
        case "check":
            return _paths(current)
        case "show":
            return _programs(line.operands[0]) if line.operands else _paths(current)
        case "convert":
            return _paths(current) if count else ("supervisord",)
        case "completion":
            return SHELLS if not count else ()
        case "fleet":
            context = line.given.get("context")
            from pyinit.cli import ctl_fleet

            return ctl_fleet.names_of("container", context) if count else ("status",)
        case "signal" if not count:
            from pyinit.config.values import SIGNALS

            return SIGNALS
        case "limits" if count:
            from pyinit.config.limits import RESOURCES

            return [f"{name}=" for name in RESOURCES]
        case _:
            return _names(line) if "NAME" in verb.operands else ()


def _paths(text: str) -> list[str]:
    """Return the files and directories that a path may become; directories end in a slash."""
    import os

    name = text.rpartition("/")[2]
    top = text.removesuffix(name)
    try:
        with os.scandir(top or ".") as entries:
            return [
                f"{top}{entry.name}/" if entry.is_dir() else f"{top}{entry.name}"
                for entry in entries
                if name.startswith(".") or not entry.name.startswith(".")
            ]
    except OSError:
        return []


def _programs(file: str) -> list[str]:
    """Return the programs of a configuration; none if it is bad."""
    import os

    from pyinit.config.load import load
    from pyinit.config.problems import ConfigErrors

    try:
        plan = load([file], os.environ)
    except ConfigErrors:
        return []
    return list({process.program.rpartition("/")[2] for process in plan.processes})


def _names(line: _Line) -> list[str]:
    """Return what NAME may be: processes, programs, groups; nothing if no pyinit answers."""
    names = ["all"]
    found = _status(line).get("processes")
    for each in found if isinstance(found, list | tuple) else ():
        if isinstance(each, dict):
            names += [str(each.get("name")), str(each.get("program")), f"{each.get('group')}:*"]
    return names if found is not None else []


def _status(line: _Line) -> Object:
    from pyinit.client import Client, NoSupervisor
    from pyinit.protocol.messages import Refused

    if "container" in line.given:
        from pyinit.cli import ctl_fleet

        return ctl_fleet.status_in(line.given["container"], line.given.get("context"))
    try:
        with Client(line.given.get("socket")) as client:
            return client.call("status", {}, answer_s=ANSWER_S)
    except (NoSupervisor, Refused):
        return {}
