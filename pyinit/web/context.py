"""What every page and every answer of the gateway is made with: PID 1, and the door one came by.

One Context is made for each door, and given to all that answers there: `page.routes(context)`
and its like return starlette routes whose handlers use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyinit.protocol.messages import READ, VERBS, Refused
from pyinit.rpc.faults import Fault
from pyinit.web.client import NOTHING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from pyinit.protocol.wire import Json, Object
    from pyinit.rpc.calls import Steps, Value
    from pyinit.web.client import Control


@dataclass(frozen=True)
class Facts:
    """A door: what may be done by those who come in by it.

    `place` is "unix:/path" or "tcp:HOST:PORT", to be shown.  `secured` is whether it asks for a
    password, `rpc` whether supervisord's methods are served.
    """

    place: str
    read_only: bool = False
    secured: bool = False
    rpc: bool = True


class Context:
    """PID 1 as those see it who come in by one door.

    `secret` is known to this pyinit and its gateway alone, the same for every door and every run
    of the gateway: what tokens of pages are made from.  `identifier` is what supervisord's
    clients know this pyinit by.
    """

    def __init__(self, control: Control, door: Facts, identifier: str, secret: bytes) -> None:
        self.door = door
        self.identifier = identifier
        self.secret = secret
        self._control = control

    @property
    def lost(self) -> asyncio.Event:
        """Set once PID 1 has hung up: endless answers end then."""
        return self._control.lost

    async def call(self, verb: str, args: Mapping[str, Json] = NOTHING) -> Object:
        """Carry out a verb of the control socket (docs/control.md) and return its result.

        Raises Refused, with code "denied" for what changes something at a read-only door; Gone.
        """
        self._check(verb)
        return await self._control.call(verb, args)

    def stream(self, verb: str, args: Mapping[str, Json] = NOTHING) -> AsyncGenerator[Object, None]:
        """Return the notifications of a stream ("logs", "events").  Raises as `call`, when read.

        Use contextlib.aclosing around it.
        """
        self._check(verb)
        return self._control.stream(verb, args)

    async def rpc(self, method: str, params: Sequence[Value] = ()) -> Value:
        """Carry out one of supervisord's methods.  Raises Fault (rpc.faults), and Gone."""
        from pyinit.rpc import dispatch  # most of it is for those who call methods

        steps = dispatch.begin(method, [*params])
        try:
            return await self._drive(steps)
        except Refused as refused:
            raise Fault("FAILED", refused.message) from None
        finally:
            steps.close()

    async def _drive(self, steps: Steps) -> Value:
        """Carry out the verbs that a method asks for, one after the other."""
        try:
            wanted = next(steps)
            while True:
                try:
                    result = await self.call(wanted.verb, wanted.args)
                except Refused as refused:
                    wanted = steps.throw(refused)
                else:
                    wanted = steps.send(result)
        except StopIteration as end:
            value: Value = end.value
            return value

    def _check(self, verb: str) -> None:
        """Raise Refused for what this door is not open for; no verb is beyond a full one."""
        if self.door.read_only and VERBS[verb].level != READ:
            raise Refused("denied", f"cannot {verb}: this door is read-only")
