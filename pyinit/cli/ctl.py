"""The command `pyinitctl`: reads its words, imports the family of its verb, exits truthfully."""

from __future__ import annotations

import posix
import sys
import time

from pyinit.cli.present import say, say_json
from pyinit.cli.verbs import PLAIN, VERBS, Verb, usage, usage_of
from pyinit.cli.words import UsageError, Words, meant, parse
from pyinit.client import Client, NoSupervisor
from pyinit.protocol.far_end import FAR_END
from pyinit.protocol.messages import EXIT_CODES, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from pyinit.protocol.wire import Object

INTERRUPTED = 130
BROKEN_PIPE = 141
KNOCK_S = 0.05  # between two attempts to connect
EX_OK, EX_FAILED, EX_USAGE = 0, 1, 2


class Call:
    """One call of pyinitctl: what was asked, and the connection once somebody wants it."""

    def __init__(self, verb: str, words: Words) -> None:
        self.verb = verb
        self.words = words
        self.json = words.has("json")
        self._client: Client | None = None

    @property
    def names(self) -> list[str]:
        """The operands, as names of processes."""
        return self.words.operands

    @property
    def client(self) -> Client:
        """The connection.  Raises NoSupervisor."""
        if self._client is None:
            self._client = Client(self.words.given.get("socket"))
        return self._client

    def client_within(self, seconds: float) -> Client:
        """The connection, also to a pyinit that is only about to begin.  Raises NoSupervisor."""
        until = time.monotonic() + seconds
        while True:
            try:
                return self.client
            except NoSupervisor:
                if time.monotonic() >= until:
                    raise
            time.sleep(KNOCK_S)


def main() -> None:
    """Run as the command `pyinitctl`."""
    try:
        if FAR_END.encode() in posix.environ:
            from pyinit.cli import leash

            leash.hold()
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        code = BROKEN_PIPE
    except OSError as error:  # a full disk, a closed standard output
        code = _complain(f"cannot write: {error.strerror}")
    posix._exit(code)  # noqa: SLF001  nothing is buffered, and tearing down takes a millisecond


def _complain(text: str) -> int:
    try:
        say(f"pyinitctl: {text}", 2)
    except OSError:  # nobody listens at all
        return EX_FAILED
    return EX_FAILED


def run(words: list[str]) -> int:
    """Carry out one call; return the exit status."""
    try:
        name, verb, parsed = _read(words)
        if verb is None:
            return _answer(name, parsed)
        return _carry_out(name, verb, parsed)
    except UsageError as error:
        say(f"pyinitctl: {error}\nTry 'pyinitctl --help'.", 2)
        return EX_USAGE


def _read(words: list[str]) -> tuple[str, Verb | None, Words]:
    """Return the verb and its words.  Raises UsageError."""
    first = parse(words, PLAIN, stop_at_operand=True)
    if not first.operands or first.has("help") or first.has("version"):
        return "", None, first
    name, *rest = first.operands
    if name == "help":  # of a verb, or of all
        first.given["help"] = ""
        if not rest:
            return "", None, first
        name, rest = rest[0], ["--help"]
    verb = VERBS.get(name)
    if verb is None:
        near = meant(name, VERBS)
        raise UsageError(f"no such verb: '{name}'" + (f"\n  did you mean {near}?" if near else ""))
    parsed = parse(rest, (*verb.options, *PLAIN))
    parsed.given = {**first.given, **parsed.given}
    count = len(parsed.operands)
    if parsed.has("help"):
        return name, None, parsed
    if parsed.has("context") and name != "fleet" and not parsed.has("container"):
        raise UsageError("--context goes with --container or fleet")
    if count < verb.least or (verb.most is not None and count > verb.most):
        raise UsageError(f"{name} takes {verb.operands or 'no argument'}")
    return name, verb, parsed


def _answer(name: str, words: Words) -> int:
    if words.has("version"):
        from pyinit import __version__

        say(f"pyinitctl {__version__}")
        return EX_OK
    asked = words.has("help")
    say(usage_of(name) if name else usage(), 1 if asked else 2)
    return EX_OK if asked else EX_USAGE


def _carry_out(name: str, verb: Verb, words: Words) -> int:
    call = Call(name, words)
    try:
        if words.has("container"):
            from pyinit.cli import ctl_fleet

            return ctl_fleet.in_container(call, verb)
        return _function(verb.place)(call)
    except NoSupervisor as error:
        return _fail(call, "no-supervisor", str(error), {})
    except Refused as refused:
        return _fail(call, refused.code, refused.message, refused.more)


def _function(place: str) -> Callable[[Call], int]:
    """Import the family of a verb, and only that: exec probes pay for each import."""
    family, _, function = place.partition(":")
    found: Callable[[Call], int] = getattr(_family(family), function)
    return found


def _family(name: str) -> ModuleType:
    match name:
        case "state":
            from pyinit.cli import ctl_state

            return ctl_state
        case "act":
            from pyinit.cli import ctl_act

            return ctl_act
        case "output":
            from pyinit.cli import ctl_output

            return ctl_output
        case "facts":
            from pyinit.cli import ctl_facts

            return ctl_facts
        case "graph":
            from pyinit.cli import ctl_graph

            return ctl_graph
        case "fleet":
            from pyinit.cli import ctl_fleet

            return ctl_fleet
        case _:
            from pyinit.cli import ctl_tools

            return ctl_tools


def _fail(call: Call, code: str, message: str, more: Object) -> int:
    if call.json:
        say_json({"ok": False, "error": {"code": code, "message": message, **more}})
    say(f"pyinitctl: {message}", 2)
    return EXIT_CODES.get(code, EX_FAILED)


if __name__ == "__main__":
    main()
