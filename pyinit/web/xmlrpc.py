"""/RPC2: supervisord's methods, answered for as long as the client waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pyinit.rpc.faults import Fault

if TYPE_CHECKING:
    from starlette.requests import Request

    from pyinit.rpc.calls import Value
    from pyinit.web.context import Context

CALLS = 128  # of all clients that wait at a time: PID 1 holds no more for one gateway than 512


def routes(context: Context) -> list[Route]:
    """Return the routes of the API."""
    room = asyncio.Semaphore(CALLS)

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
        async with room:
            return await _answered(context, request, method, params)

    every = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
    return [Route("/RPC2{rest:path}", serve, methods=every)]


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
