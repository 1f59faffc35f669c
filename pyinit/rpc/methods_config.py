"""Methods about the configuration: what it says, what has changed, groups to add and remove."""

from __future__ import annotations

from pyinit.protocol.messages import Refused
from pyinit.rpc.calls import Call, insisting, objects_of, texts_of
from pyinit.rpc.describe import capped
from pyinit.rpc.faults import Fault
from pyinit.rpc.view import observe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.protocol.wire import Json
    from pyinit.rpc.calls import Args, Steps, Value

FAULTS = {
    "already-added": "ALREADY_ADDED",
    "bad-name": "BAD_NAME",
    "still-running": "STILL_RUNNING",
}


def get_all_config_info(_args: Args) -> Steps:
    """Return what the configuration as it was read last says of every process."""
    yield from observe("")
    found = yield Call("config-info", {})
    structs = [_struct(each) for each in objects_of(found, "processes")]
    return [*sorted(structs, key=lambda each: (str(each["name"]), str(each["group"])))]


def reload_config(_args: Args) -> Steps:
    """Read the configuration again, and tell which groups differ; nothing is changed yet."""
    yield from observe("")
    try:
        found = yield from insisting("reread", {})
    except Refused as refused:
        errors = texts_of(refused.more, "errors") or [refused.message]
        raise Fault("CANT_REREAD", "\n".join(errors)) from refused
    names: list[Value] = [[*texts_of(found, kind)] for kind in ("added", "changed", "removed")]
    return [names]


def add_process_group(args: Args) -> Steps:
    """Put a group of the configuration that was read last in force."""
    return (yield from _change("add-group", args.text(0)))


def remove_process_group(args: Args) -> Steps:
    """Forget a group, whose processes must have stopped."""
    return (yield from _change("remove-group", args.text(0)))


def _change(verb: str, name: str) -> Steps:
    yield from observe("")
    if not name:
        raise Fault("BAD_NAME", name)
    try:
        yield Call(verb, {"name": name})
    except Refused as refused:
        if refused.code not in FAULTS:
            raise
        raise Fault(FAULTS[refused.code], name) from refused
    return True


def _struct(found: dict[str, Json]) -> dict[str, Value]:
    """Return one process's configuration; what is not set is the word "none"."""
    return {key: _value(value) for key, value in found.items()}


def _value(value: Json) -> Value:
    match value:
        case bool() | str():
            return value
        case int() | float():
            return capped(value)
        case list():
            return [_value(each) for each in value]
        case _:
            return "none"
