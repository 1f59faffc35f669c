"""/logtail and /mainlogtail: log files as they grow, without an end.

The files are read by PID 1, which knows what is being written, and asked for by the names of
processes: no path ever comes from outside.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from pyinit.protocol.messages import Refused
from pyinit.rpc import names
from pyinit.web.client import Gone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from pyinit.protocol.wire import Object
    from pyinit.web.context import Context

BACK_BYTES = 1024  # of what is there already
READ_BYTES = 64 * 1024  # what PID 1 gives at a time
LOOK_S = 0.25  # between two looks at a file that does not grow
TAILS = 64  # of all clients at a time: each of them asks PID 1 four times a second
CHANNELS = ("stdout", "stderr")
TRUNCATED = b"==> File truncated <==\n"
HEADERS = {"Content-Type": "text/plain;charset=utf-8", "X-Accel-Buffering": "no"}
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


def routes(context: Context) -> list[Route]:
    """Return the routes of the endless tails."""
    room = asyncio.Semaphore(TAILS)

    async def of_process(request: Request) -> Response:
        if request.method != "GET":
            return PlainTextResponse("Bad Request", 400)
        namespec, _, channel = request.path_params["rest"].partition("/")
        channel = channel or "stdout"
        if channel not in CHANNELS:
            return _not_found()
        name = await _name(context, namespec)
        return _not_found() if name is None else await _tail(context, room, name, channel)

    async def of_pyinit(request: Request) -> Response:
        if request.method != "GET":
            return PlainTextResponse("Bad Request", 400)
        return await _tail(context, room, "", "stdout")

    return [
        Route("/logtail/{rest:path}", of_process, methods=METHODS),
        Route("/mainlogtail", of_pyinit, methods=METHODS),
    ]


async def _name(context: Context, namespec: str) -> str | None:
    """Return what pyinit calls the process that supervisord's clients call so, None if nobody."""
    group, process = names.split(namespec)
    found = (await context.call("info"))["processes"]
    for each in found if isinstance(found, list | tuple) else ():
        if isinstance(each, dict) and (each.get("group"), each.get("name")) == (group, process):
            return f"={each.get('key')}"  # which no pattern of a name can be mistaken for
    return None


async def _tail(context: Context, room: asyncio.Semaphore, name: str, channel: str) -> Response:
    if room.locked():
        return PlainTextResponse("Service Unavailable", 503)
    try:
        first = await _read(context, name, channel, -BACK_BYTES)
    except Refused:
        return _not_found()
    return StreamingResponse(
        _growing(context, room, name, channel, first), media_type=None, headers=HEADERS
    )


async def _growing(
    context: Context, room: asyncio.Semaphore, name: str, channel: str, piece: Object
) -> AsyncIterator[bytes]:
    """Yield what a file has, and what is added to it; a new file is read from its beginning."""
    async with room:
        while not context.lost.is_set():
            data = _bytes(piece)
            if data:
                yield data
            at = _number(piece, "offset") + len(data)
            seen = piece.get("inode")
            if not data:
                await asyncio.sleep(LOOK_S)
            try:
                piece = await _read(context, name, channel, at)
                if piece.get("inode") != seen:  # rotated
                    piece = await _read(context, name, channel, 0)
                elif _number(piece, "size") < at:
                    yield TRUNCATED
                    piece = await _read(context, name, channel, 0)
            except (Refused, Gone):  # the process was removed, or has no file any more
                return


async def _read(context: Context, name: str, channel: str, offset: int) -> Object:
    given: Object = {"name": name, "stream": channel, "offset": offset, "length": READ_BYTES}
    return await context.call("read-log", given)


def _bytes(piece: Object) -> bytes:
    data = piece.get("data")
    return data.encode("latin-1", "replace") if isinstance(data, str) else b""


def _number(piece: Object, name: str) -> int:
    value = piece.get(name)
    return value if isinstance(value, int) else 0


def _not_found() -> Response:
    return PlainTextResponse("Not Found", 404)
