"""Begins a method by its name, and drives one for those who can wait.

`begin` never raises: what is wrong with a call is raised by the first step.  Only names of the
table are methods: nothing is ever looked up in an object.
"""

from __future__ import annotations

from pyinit.protocol.messages import Refused
from pyinit.rpc.calls import Args
from pyinit.rpc.faults import Fault
from pyinit.rpc.table import METHODS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from typing import TypeVar

    from pyinit.protocol.wire import Object
    from pyinit.rpc.calls import Call, Steps, Value

    T = TypeVar("T")


def begin(name: str, params: Sequence[Value]) -> Steps:
    """Return the steps of a method.  They raise Fault, and nothing else of their own.

    Each yields a Call: send the result of its verb in, or throw in the Refused that it was
    answered with.  Closing the generator gives the call up; what was begun goes on.
    """
    method = METHODS.get(name)
    if method is None:
        raise Fault("UNKNOWN_METHOD")
    if not method.takes(len(params)):
        raise Fault("INCORRECT_PARAMETERS")
    try:
        return (yield from method.run(Args(params)))
    except Refused as refused:
        raise _fault_of(refused) from refused


def run(steps: Generator[Call, Object, T], call: Callable[[str, Object], Object]) -> T:
    """Drive steps to their end and return it; `call` carries out one verb, and may wait."""
    try:
        asked = next(steps)
        while True:
            try:
                result = call(asked.verb, asked.args)
            except Refused as refused:
                asked = steps.throw(refused)
            else:
                asked = steps.send(result)
    except StopIteration as end:
        value: T = end.value
        return value


def _fault_of(refused: Refused) -> Fault:
    """Return what a client is told of a refusal that its method has no words for."""
    if refused.code == "stopping":
        return Fault("SHUTDOWN_STATE")
    return Fault("FAILED", refused.message.partition("\n")[0])
