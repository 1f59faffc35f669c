"""Methods about methods, and many calls in one."""

from __future__ import annotations

from pyinit.rpc.faults import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.rpc.calls import Args, Method, Steps, Value

MULTICALL = "system.multicall"
LARGEST = 16 << 20  # of all results of one multicall: two whole logs, or all structs
VALUE_BYTES = 64  # what a value costs beside its text
TOO_MUCH = "the results so far are too large: ask for less at a time"


def list_methods(_args: Args) -> Steps:
    """Return the names of all methods."""
    yield from ()
    from pyinit.rpc.table import METHODS

    return [*sorted(METHODS)]


def method_help(args: Args) -> Steps:
    """Return what a method is for."""
    yield from ()
    return _method(args.any(0)).help


def method_signature(args: Args) -> Steps:
    """Return the types of a method's result and parameters."""
    yield from ()
    return _method(args.any(0)).signature


def multicall(args: Args) -> Steps:
    """Carry out calls one after the other; one that fails does not keep the next from it.

    As supervisord has it, a result stands in the array as it is, not in an array of its own.
    Once they are LARGEST together, the other calls are not carried out.
    """
    results: list[Value] = []
    size = 0
    for call in args.items(0):
        try:
            _check_room(size)
            results.append((yield from _one_of_many(call)))
            size += _size(results[-1])
        except Fault as fault:
            results.append({"faultCode": fault.code, "faultString": fault.text})
    return results


def _one_of_many(call: Value) -> Steps:
    from pyinit.rpc.dispatch import begin

    if not isinstance(call, dict):
        raise Fault("INCORRECT_PARAMETERS", "No methodName")
    name, params = call.get("methodName"), call.get("params", [])
    if not isinstance(name, str):
        raise Fault("INCORRECT_PARAMETERS", "No methodName")
    if name == MULTICALL:
        raise Fault("INCORRECT_PARAMETERS", f"Recursive {MULTICALL} forbidden")
    if params == {}:  # what some clients send for no parameters
        params = []
    if not isinstance(params, list):
        raise Fault("INCORRECT_PARAMETERS")
    return (yield from begin(name, params))


def _check_room(size: int) -> None:
    if size > LARGEST:
        raise Fault("FAILED", TOO_MUCH)


def _size(value: Value) -> int:
    """Return about how many bytes a value takes."""
    match value:
        case str() | bytes():
            return VALUE_BYTES + len(value)
        case list():
            return VALUE_BYTES + sum([_size(each) for each in value])
        case dict():
            inside = [len(name) + _size(each) for name, each in value.items()]
            return VALUE_BYTES + sum(inside)
        case _:
            return VALUE_BYTES


def _method(name: Value) -> Method:
    from pyinit.rpc.table import METHODS

    method = METHODS.get(name) if isinstance(name, str) else None
    if method is None:
        raise Fault("SIGNATURE_UNSUPPORTED")
    return method
