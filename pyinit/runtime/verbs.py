"""Carries out the requests of the control socket: one function for each verb of the protocol.

A verb is a function of (ask, service).  It looks at the state through `service.desk`, feeds
events to the core, and returns its result; or it holds the request until the state is what was
asked for, and returns None.  No verb waits, and none changes the state but by an event.
"""

from __future__ import annotations

from pyinit.protocol.messages import READ, VERBS
from pyinit.runtime import verbs_act, verbs_facts, verbs_limits, verbs_output, verbs_state
from pyinit.runtime.verbs_service import Service, strings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pyinit.protocol.wire import Object
    from pyinit.runtime.control import Ask
    from pyinit.runtime.desk import Desk

    Handler: TypeAlias = Callable[[Ask, Service], Object | None]

# take more than read access, but only look
LOOKING = frozenset(("doors", "check-door", "env", "trace"))
TYPING = "write-stdin"  # comes with every line that somebody types
LONGEST = 200  # characters of a line about a request


def _rare(ask: Ask, service: Service) -> Object | None:
    """Carry out a verb whose module is imported with the first of its kind: most have none."""
    from pyinit.runtime.verbs_rare import RARE

    return RARE[ask.verb](ask, service)


HANDLERS: dict[str, Handler] = {
    "status": verbs_state.status,
    "health": verbs_state.health,
    "ready": verbs_state.ready,
    "wait": verbs_state.wait,
    "graph": _rare,
    "start": verbs_act.start,
    "stop": verbs_act.stop,
    "restart": verbs_act.restart,
    "signal": verbs_act.signal,
    "reload": verbs_act.reload,
    "drain": verbs_act.drain,
    "shutdown": verbs_act.shutdown,
    "restart-all": verbs_act.restart_all,
    "reexec": verbs_act.reexec,
    "logs": verbs_output.logs,
    "events": verbs_output.events,
    "why": verbs_output.why,
    "trace": verbs_output.trace,
    "limits": verbs_limits.limits,
    "set-limits": verbs_limits.set_limits,
    "env": verbs_facts.env,
    "cancel": verbs_facts.cancel,
    "metrics": _rare,
    "doors": _rare,
    "check-door": _rare,
    "info": _rare,
    "config-info": _rare,
    "reread": _rare,
    "add-group": _rare,
    "remove-group": _rare,
    "remote-event": _rare,
    "read-log": _rare,
    "clear-log": _rare,
    "write-stdin": _rare,
}


class Verbs:
    """The verbs, at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._service = Service(desk)

    def perform(self, ask: Ask) -> Object | None:
        """Carry out a request whose verb, arguments and access were checked.  Raises Refused."""
        desk = self._service.desk
        desk.log.say(
            desk.announcer.speech.asked if changes(ask.verb, ask.args) else "debug",
            f"asked to {asked(ask.verb, ask.args)} by {ask.peer.shown}",
        )
        return HANDLERS[ask.verb](ask, self._service)


def changes(verb: str, args: Object) -> bool:
    """Say whether a request changes anything of ours, which is worth a line in the log."""
    looks = verb in LOOKING or verb == TYPING or args.get("dry_run")
    return VERBS[verb].level != READ and not looks


def asked(verb: str, args: Object) -> str:
    """Return what is asked for as one short line, whatever the names are."""
    words = [verb]
    signal = args.get("signal")
    if isinstance(signal, str):
        words.append(signal)
    name = args.get("name")
    if isinstance(name, str):
        words.append(name.removeprefix("="))
    words += [each.removeprefix("=") for each in strings(args.get("names"))]
    limits = args.get("limits")
    if isinstance(limits, dict):
        words += [f"{name}={value}" for name, value in limits.items()]
    text = " ".join(words)
    if len(text) > LONGEST:
        text = text[:LONGEST] + "..."
    return "".join([char if char.isprintable() else "?" for char in text])
