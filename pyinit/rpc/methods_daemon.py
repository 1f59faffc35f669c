"""Methods about pyinit itself: what it is, what it does, and its end."""

from __future__ import annotations

from pyinit.protocol.messages import Refused
from pyinit.rpc.calls import Call, texts_of
from pyinit.rpc.faults import Fault
from pyinit.rpc.states import SUPERVISOR
from pyinit.rpc.view import observe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.protocol.wire import Object
    from pyinit.rpc.calls import Args, Steps

API_VERSION = "3.0"
SUPERVISOR_VERSION = "4.3.0"  # of which we are the replacement: clients look for it


def get_api_version(_args: Args) -> Steps:
    """Return the version of the API."""
    yield from observe("")
    return API_VERSION


def get_supervisor_version(_args: Args) -> Steps:
    """Return the version of the supervisord that this is in the place of."""
    yield from observe("")
    return SUPERVISOR_VERSION


def get_identification(_args: Args) -> Steps:
    """Return the identifier of the configuration."""
    view = yield from observe("")
    return view.identifier


def get_state(_args: Args) -> Steps:
    """Return a struct; whatever is not RUNNING is a fault by now."""
    yield from observe("")
    return {"statecode": SUPERVISOR["RUNNING"], "statename": "RUNNING"}


def get_pid(_args: Args) -> Steps:
    """Return pyinit's process id."""
    view = yield from observe("")
    return view.pid


def shutdown(_args: Args) -> Steps:
    """Stop everything and end."""
    yield from observe("")
    yield Call("shutdown", {"wait": False})
    return True


def restart(_args: Args) -> Steps:
    """Stop everything and begin anew, unless the configuration is bad: then nothing is stopped."""
    yield from observe("")
    try:
        yield Call("restart-all", {})
    except Refused as refused:
        if refused.code != "bad-config":
            raise
        errors = texts_of(refused.more, "errors") or [refused.message]
        raise Fault("CANT_REREAD", "\n".join(errors)) from refused
    return True


def send_remote_comm_event(args: Args) -> Steps:
    """Tell event listeners something; the one method that an end does not refuse."""
    event: Object = {"type": args.loose_text(0), "data": args.loose_text(1)}
    yield Call("remote-event", event)
    return True
