"""/RPC2: supervisord's methods, answered for as long as the client waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pyinit.rpc.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import Message, Receive, Scope, Send

    from pyinit.rpc.calls import Value
    from pyinit.web.context import Context

CALLS = 128  # of all clients that wait at a time: PID 1 holds no more for one gateway than 512
LARGE = 8  # of them may have an answer of megabytes, from its making until the client has it
MULTICALLS = 16  # as well, but these may wait for something

MULTICALL = "system.multicall"


class Rooms:
    """How many calls of each kind are under way."""

    def __init__(self) -> None:
        self._small = asyncio.Semaphore(CALLS)
        self._large = asyncio.Semaphore(LARGE)
        self._many = asyncio.Semaphore(MULTICALLS)

    def of(self, method: str) -> asyncio.Semaphore:
        """Return the room for a call: logs, and whatever is told of all, are large."""
        if method == MULTICALL:
            return self._many
        is_large = ".read" in method or ".tail" in method or ".getAll" in method
        return self._large if is_large else self._small


def routes(context: Context) -> list[Route]:
    """Return the routes of the API."""
    rooms = Rooms()

    async def serve(request: Request) -> Response:
        if request.method != "POST":
            return PlainTextResponse("Bad Request", 400)
        if "content-length" not in request.headers:
            return PlainTextResponse("Length Required", 411, {"Connection": "close"})
        from pyinit.web import wording  # expat and its guard are for those who need them

        try:
            method, params = wording.read_call(await request.body())
        except wording.Unreadable as error:
            return PlainTextResponse(f"Bad Request: {error}", 400)
        return Called(rooms.of(method), lambda: _answered(context, request, method, params))

    every = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
    return [Route("/RPC2{rest:path}", serve, methods=every)]


class Called(Response):
    """A call that begins when there is room for it, and leaves it when its answer was taken."""

    def __init__(self, room: asyncio.Semaphore, work: Callable[[], Awaitable[Response]]) -> None:
        super().__init__()
        self._room = room
        self._work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry it out."""

        async def in_two(message: Message) -> None:
            if message["type"] != "http.response.body":
                await send(message)
                return
            await send({**message, "more_body": True})
            await send({"type": "http.response.body", "body": b""})  # waits for what is before it

        async with self._room:
            answer = await self._work()
            await answer(scope, receive, in_two)


async def _answered(
    context: Context, request: Request, method: str, params: list[Value]
) -> Response:
    """Carry out a method; a client that hangs up meanwhile has its waiting called off."""
    from pyinit.web import wording

    work = asyncio.ensure_future(context.rpc(method, params))
    gone = asyncio.ensure_future(_hung_up(request))
    try:
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            return Response(status_code=499)  # nobody reads it
        body = wording.answer(work.result())
    except Fault as fault:
        body = wording.fault(fault)
    finally:
        work.cancel()
        gone.cancel()
    return Response(body, media_type="text/xml", headers={"Content-Type": "text/xml"})


async def _hung_up(request: Request) -> None:
    """Return when the client is gone."""
    while (await request.receive())["type"] != "http.disconnect":
        continue
