"""The server: every door on the listener it was handed, until nobody comes any more."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio._backends._asyncio  # noqa: F401  by a string in its package, as the next two
import uvicorn
import uvicorn.lifespan.off
import uvicorn.loops.asyncio

from pyinit.web import app, auth, client
from pyinit.web.context import Context, Facts
from pyinit.web.limits import HEAD_BYTES, KEEP_S, Presence, guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

FAREWELL_S = 1  # for answers that are under way when we are told to stop
ARRIVAL_LOOKS, ARRIVAL_S = 25, 0.02  # for its request, half a second at most
ARRIVAL_TURNS = 5  # of the loop, until a connection that was accepted is counted


@dataclass(frozen=True)
class Entrance:
    """A door and its listener; an empty username and password let everybody in."""

    listener: socket.socket
    facts: Facts
    username: str
    password: str


@dataclass(frozen=True)
class Setting:
    """What the gateway is to do; `tls` are descriptors of certificate and key."""

    entrances: tuple[Entrance, ...]
    identifier: str
    secret: bytes
    idle_exit: float
    tls: tuple[int, int] | None = None


async def serve(connection: socket.socket, setting: Setting) -> bool:
    """Serve until told to stop, until PID 1 is gone, or until nobody has come for long.

    Return whether PID 1 was there to the end.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # anybody can make it talk
    control = await client.connect(connection)
    end = asyncio.Event()
    presence = Presence(setting.idle_exit, end.set)
    patience = auth.Patience()
    servers = [_server(each, setting, control, patience, presence) for each in setting.entrances]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    doors = [
        asyncio.ensure_future(server.serve([entrance.listener]))
        for server, entrance in zip(servers, setting.entrances, strict=True)
    ]
    presence.begin()
    await _first(end.wait(), control.lost.wait(), *doors)
    is_there = not control.lost.is_set()
    for server in servers:
        server.let_nobody_in()
    for _ in range(ARRIVAL_TURNS):
        await asyncio.sleep(0)
    await _heads_of(servers)
    for server, door in zip(servers, doors, strict=True):
        if presence.count:
            server.stop()
        else:
            door.cancel()  # there is nobody to take leave of: pyinit may be waiting for us
    await asyncio.gather(*doors, return_exceptions=True)
    control.close()
    return is_there


class DoorServer(uvicorn.Server):
    """uvicorn's server of one door; signals and the end are ours."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._end = asyncio.Event()

    def let_nobody_in(self) -> None:
        """Accept no more: who comes now waits for the next gateway."""
        for each in getattr(self, "servers", ()):  # none, if it was told to end as it started
            each.close()

    @property
    def expects(self) -> bool:
        """Whether somebody has come in whose request is not there yet."""
        return any(getattr(each, "expects", False) for each in self.server_state.connections)

    def stop(self) -> None:
        """End when those who are in have their answers."""
        self.should_exit = True
        self._end.set()

    async def main_loop(self) -> None:
        """Wait for the end; nothing is to be done every tenth of a second."""
        await self._end.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: `serve` has them."""
        yield


def _server(
    entrance: Entrance,
    setting: Setting,
    control: client.Control,
    patience: auth.Patience,
    presence: Presence,
) -> DoorServer:
    context = Context(control, entrance.facts, setting.identifier, setting.secret)
    lock = auth.Lock(entrance.username, entrance.password) if entrance.facts.secured else None
    config = uvicorn.Config(
        app.application(context, lock, patience),
        http=guarded(presence),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_S,
        timeout_graceful_shutdown=FAREWELL_S,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )
    config.load()
    if setting.tls is not None:
        from pyinit.web import tls

        config.ssl = tls.context(*setting.tls)
    return DoorServer(config)


async def _heads_of(servers: list[DoorServer]) -> None:
    """Return when those who have just come in have asked: until then uvicorn hangs up on them."""
    for _ in range(ARRIVAL_LOOKS):
        if not any(server.expects for server in servers):
            return
        await asyncio.sleep(ARRIVAL_S)


async def _first(*waits: object) -> None:
    """Return when one of them is over."""
    futures = [asyncio.ensure_future(each) for each in waits]  # type: ignore[call-overload]
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
