"""The gateway's end of the control socket: many requests and streams at a time on one connection.

Requests are told apart by their numbers, so nothing waits for anything else.  Who stops waiting
(a browser that was closed) has the request called off, so that PID 1 holds nothing for nobody.
What a stream's reader does not take in time is dropped and counted, as PID 1 itself does it.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import TYPE_CHECKING

from pyinit.protocol import wire
from pyinit.protocol.messages import Refused, request

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from pyinit.protocol.wire import Json, Object

STREAM_FRAMES = 1024  # of one stream that wait for its reader; more are dropped and counted
NOTHING: Mapping[str, Json] = {}


class Gone(Exception):
    """PID 1 has hung up: nothing can be asked any more, and the gateway had better end."""


class Control:
    """The connection to PID 1; made by `connect`.

    `lost` is set when PID 1 hangs up.  Raises, from whatever waits then and later, Gone.
    """

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self._transport: asyncio.WriteTransport | None = None
        self._frames = wire.Frames()
        self._number = 0
        self._calls: dict[int, asyncio.Future[Object]] = {}
        self._streams: dict[int, _Stream] = {}

    async def call(self, verb: str, args: Mapping[str, Json] = NOTHING) -> Object:
        """Carry out one verb and return its result; arguments that are None are left out.

        Waits for as long as PID 1 does (a `wait` of a start, say); to be cancelled at any time,
        which calls the waiting off, though not what has begun.  Raises Refused, and Gone.
        """
        number = self._send(verb, args)
        future: asyncio.Future[Object] = asyncio.get_running_loop().create_future()
        self._calls[number] = future
        try:
            return await future
        except asyncio.CancelledError:
            self._call_off(number)
            raise
        finally:
            self._calls.pop(number, None)

    async def stream(
        self, verb: str, args: Mapping[str, Json] = NOTHING
    ) -> AsyncGenerator[Object, None]:
        """Yield the notifications of a stream until PID 1 ends it or the caller closes it.

        Use contextlib.aclosing around it, so that leaving early ends the stream at once.  An
        event "dropped" tells how many others came faster than they were taken.  Raises Refused,
        and Gone.
        """
        number = self._send(verb, {**args, "follow": True})
        stream = self._streams[number] = _Stream()
        try:
            while True:
                frame = await stream.next()
                if frame is None:
                    return
                yield frame
        finally:
            self._streams.pop(number, None)
            if not stream.over:
                self._call_off(number)

    def connected(self, transport: asyncio.WriteTransport) -> None:
        """Begin; called by the transport."""
        self._transport = transport

    def received(self, data: bytes) -> None:
        """Take what PID 1 says; called by the transport."""
        self._frames.feed(data)
        while (line := self._frames.take()) is not None:
            self._hear(wire.decode(line))

    def disconnected(self) -> None:
        """PID 1 is gone: whoever waits is told; called by the transport."""
        self.lost.set()
        for future in self._calls.values():
            if not future.done():
                future.set_exception(Gone("pyinit hung up"))
        for stream in self._streams.values():
            stream.end(Gone("pyinit hung up"))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def _send(self, verb: str, args: Mapping[str, Json]) -> int:
        if self._transport is None or self.lost.is_set():
            raise Gone("pyinit hung up")
        self._number += 1
        given: Object = {name: value for name, value in args.items() if value is not None}
        frame = wire.encode(request(self._number, verb, given))
        if len(frame) > wire.REQUEST_BYTES:  # PID 1 would drop us for it
            text = f"cannot {verb}: the request is longer than {wire.REQUEST_BYTES} bytes"
            raise Refused("bad-request", f"{text}\n  ask for less at a time")
        self._transport.write(frame)
        return self._number

    def _call_off(self, number: int) -> None:
        """Have PID 1 forget a request that nobody waits for any more."""
        if not self.lost.is_set():
            self._send("cancel", {"request": number})

    def _hear(self, frame: Object) -> None:
        number = frame.get("id")
        if not isinstance(number, int):
            self._hear_all(frame)
        elif number in self._streams:
            self._streams[number].hear(frame)
        elif number in self._calls and not self._calls[number].done():
            _settle(self._calls[number], frame)

    def _hear_all(self, frame: Object) -> None:
        """PID 1 says something to the whole connection: that something was dropped, say."""
        if "event" in frame:
            for stream in self._streams.values():
                stream.hear(frame)


class _Stream:
    """What waits for the reader of one stream."""

    def __init__(self) -> None:
        self.over = False  # PID 1 sends nothing more for it
        self._frames: deque[Object] = deque()
        self._dropped = 0
        self._error: Exception | None = None
        self._news = asyncio.Event()

    def hear(self, frame: Object) -> None:
        """Queue a notification; a reply is the end."""
        if "event" not in frame:
            self.end(_refused(frame) if frame.get("ok") is not True else None)
        elif len(self._frames) >= STREAM_FRAMES:
            self._dropped += 1
        else:
            self._frames.append({name: value for name, value in frame.items() if name != "id"})
            self._news.set()

    def end(self, error: Exception | None) -> None:
        """Nothing more comes."""
        self.over, self._error = True, error
        self._news.set()

    async def next(self) -> Object | None:
        """Return the next notification, None at the end.  Raises Refused, and Gone."""
        while not self._frames and not self._dropped and not self.over:
            self._news.clear()
            await self._news.wait()
        if self._frames:
            return self._frames.popleft()
        if self._dropped:
            count, self._dropped = self._dropped, 0
            return {"event": "dropped", "count": count}
        if self._error is not None:
            raise self._error
        return None


class _Wire(asyncio.Protocol):
    """Hands what happens at the socket to a Control."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        if isinstance(transport, asyncio.WriteTransport):
            self._control.connected(transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._control.received(data)
        except wire.FrameError:  # what is there is no pyinit
            if self._transport is not None:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._control.disconnected()


async def connect(connection: socket.socket) -> Control:
    """Return the client at the other end of a connected control socket."""
    connection.setblocking(False)
    control = Control()
    loop = asyncio.get_running_loop()
    await loop.create_unix_connection(lambda: _Wire(control), sock=connection)
    return control


def _settle(future: asyncio.Future[Object], frame: Object) -> None:
    result = frame.get("result")
    if frame.get("ok") is True and isinstance(result, dict):
        future.set_result(result)
    else:
        future.set_exception(_refused(frame))


def _refused(frame: Object) -> Refused:
    error = frame.get("error")
    told = error if isinstance(error, dict) else {}
    more = {name: value for name, value in told.items() if name not in ("code", "message")}
    return Refused(str(told.get("code", "failed")), str(told.get("message", "refused")), more)
