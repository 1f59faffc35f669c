"""Verbs about supervisord's events: a client sees them all, or sends one."""

from __future__ import annotations

from pyinit.protocol.messages import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.protocol.wire import Object
    from pyinit.runtime.control import Ask
    from pyinit.runtime.verbs_service import Service


def events(ask: Ask, service: Service) -> Object | None:
    """Tell every event from now on, as a listener of EVENT is told it."""
    if ask.args.get("names") or ask.args.get("lines"):
        text = "supervisord's events are told from now on, and all of them"
        raise Refused("bad-request", f"cannot choose among events: {text}\n  leave names out")
    bus = service.desk.bus()

    def told(name: str, payload: str) -> None:
        ask.notify({"event": "supervisord", "name": name, "payload": payload})

    bus.subscribe(told)
    ask.stream(lambda: bus.unsubscribe(told))
    return None


def remote_event(ask: Ask, service: Service) -> Object:
    """Send a REMOTE_COMMUNICATION event to whoever subscribes to it."""
    kind, data = str(ask.args.get("type", "")), str(ask.args.get("data", ""))
    try:
        (kind + data).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # it could never be sent, and all that waits behind it neither
        raise Refused("bad-request", "cannot read 'remote-event': no such text") from None
    bus = service.desk.announcer.bus
    if bus is not None:
        bus.remote(kind, data)
    return {}
