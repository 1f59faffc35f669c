"""What one client can cost: connections, time and bytes, all of them bounded here.

uvicorn speaks HTTP; what it leaves open is closed by `Guarded`: a head that never ends (slowloris),
an answer that is never read, more connections than there is room for.  `Presence` counts who is
there, so that the gateway goes home when nobody has been for a while, and who is on the way in by
a handshake of TLS, for which `Loop` has no more patience than for a head.  Bodies are bounded as
they are read, by `bounded_body`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import h11
from starlette.exceptions import HTTPException
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from ssl import SSLContext

    from starlette.types import Message, Receive
    from uvicorn import Config
    from uvicorn.server import ServerState

CONNECTIONS = 256  # at a time, over all doors: browsers, scrapers and tails of a crowd of people
HEAD_BYTES = 32 * 1024  # of the request line and the headers
HEAD_S = 10.0  # for a request's head to come, from the connection or its first byte on
GRACE_S = 1.0  # until what is over is closed, too
BODY_BYTES = 1 << 20  # the largest is a multicall for some thousand processes
BODY_S = 30.0  # for a request's body to come
STALL_S = 60.0  # for a client to take something of an answer that waits for it
KEEP_S = 60  # between two requests on one connection


class Presence:
    """Who is connected.  `empty` is called when nobody has been for `idle_s` seconds."""

    def __init__(self, idle_s: float, empty: Callable[[], None]) -> None:
        self.count = 0
        self.arriving = 0
        self._idle_s = idle_s
        self._empty = empty
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Start to wait for the first client."""
        self._wait()

    def enter(self) -> bool:
        """Count a client in; say whether there was room."""
        self.count += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return self.count <= CONNECTIONS

    @property
    def is_full(self) -> bool:
        """Whether there is no room for one more on the way in."""
        return self.count + self.arriving >= CONNECTIONS

    def leave(self) -> None:
        """Count a client out."""
        self.count -= 1
        self._wait()

    def _wait(self) -> None:
        if self.count == 0:
            self._timer = asyncio.get_running_loop().call_later(self._idle_s, self._empty)


class Arrival:
    """The place of somebody on the way in: given back when he is in, or cannot come any more.

    Of a handshake that fails asyncio tells nobody, so its place is taken until its time is over.
    """

    def __init__(self, presence: Presence) -> None:
        self._presence = presence
        presence.arriving += 1
        self._timer = asyncio.get_running_loop().call_later(HEAD_S + GRACE_S, self._leave)

    def end(self) -> None:
        """He is in."""
        self._timer.cancel()
        self._leave()

    def _leave(self) -> None:
        self._presence.arriving -= 1


class Loop(asyncio.SelectorEventLoop):
    """asyncio's loop, which does not wait a minute for a handshake."""

    async def create_server(  # type: ignore[override]  # as uvicorn calls it
        self,
        factory: Callable[[], asyncio.Protocol],
        *,
        sock: socket.socket,
        ssl: SSLContext | None,
        backlog: int,
    ) -> asyncio.Server:
        """Listen as asyncio does."""
        patience_s = None if ssl is None else HEAD_S
        return await super().create_server(
            factory, sock=sock, ssl=ssl, backlog=backlog, ssl_handshake_timeout=patience_s
        )


class Guarded(H11Protocol):
    """A connection that cannot be held open for nothing."""

    presence: Presence
    _arrival: Arrival | None = None
    _head: asyncio.TimerHandle | None = None
    _stall: asyncio.TimerHandle | None = None

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Keep a place for one who has to shake hands first; raises ConnectionError if none is."""
        super().__init__(config, server_state, app_state, _loop)
        if config.ssl is not None:
            if self.presence.is_full:
                raise ConnectionError("no room")
            self._arrival = Arrival(self.presence)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let a client in, if there is room, and wait for its request for a while."""
        if self._arrival is not None:
            self._arrival.end()
        super().connection_made(transport)
        if not self.presence.enter():
            transport.abort()
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a client."""
        self._head_came()
        self._taken()
        self.presence.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; the time for a head runs from its first one."""
        if self._head is None and self.conn.their_state is h11.IDLE:
            self._expect_head()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._head_came()

    @property
    def expects(self) -> bool:
        """Whether the client's next request is on its way, but not all there."""
        return self._head is not None

    def pause_writing(self) -> None:
        """Wait for a client that does not read; not for ever."""
        super().pause_writing()
        if self._stall is None:
            self._stall = self.loop.call_later(STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client has taken something."""
        self._taken()
        super().resume_writing()

    def _expect_head(self) -> None:
        self._head = self.loop.call_later(HEAD_S, self.transport.abort)

    def _head_came(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _taken(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None


def guarded(presence: Presence) -> type[Guarded]:
    """Return the protocol of connections that `presence` counts."""
    return type("Guarded", (Guarded,), {"presence": presence})


def bounded_body(receive: Receive) -> Receive:
    """Return `receive` with bounds on what a body is, and on how long it takes to come.

    Raises HTTPException, 413 or 408, into whoever reads it.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + BODY_S
    size = 0
    whole = False

    async def take() -> Message:
        nonlocal size, whole
        if whole:  # what comes now is that the client has gone, whenever that is
            return await receive()
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, headers={"Connection": "close"}) from None
        size += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if size > BODY_BYTES:
            raise HTTPException(413, headers={"Connection": "close"})
        return message

    return take
