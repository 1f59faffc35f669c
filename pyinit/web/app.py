"""The application of one door: who may come in, what may be asked, and who answers it."""

from __future__ import annotations

import sys
from email.utils import formatdate
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pyinit.web import auth, metrics, origin, page, probes, problems, rest, tails, xmlrpc
from pyinit.web.limits import BODY_BYTES, bounded_body

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pyinit.web.context import Context

SERVER = "pyinit"
OPEN = frozenset(("/livez", "/readyz", "/startupz"))  # to all; what they are told is KNOWN's
API = "/api/"  # where errors are problem details
KNOWN = "pyinit.known"  # in the scope: whether it is somebody who may come in
LENGTH_DIGITS = 20  # more than this is too much of whatever it is
CLOSE = {"Connection": "close"}  # what is left of a refused request is not read
UNAUTHORIZED = {**CLOSE, "WWW-Authenticate": 'Basic realm="default"'}


def application(context: Context, lock: auth.Lock | None, patience: auth.Patience) -> ASGIApp:
    """Return what answers at a door; `lock` None lets everybody in."""
    found: list[BaseRoute] = [Route("/ok.html", _ok)]
    if context.door.rpc:
        found += xmlrpc.routes(context)
        found += tails.routes(context)
    for part in (page, rest, metrics, probes):
        found += part.routes(context)
    return Gate(Starlette(routes=found), context, lock, patience)


class Gate:
    """Stands before everything else that answers at a door."""

    def __init__(
        self, app: ASGIApp, context: Context, lock: auth.Lock | None, patience: auth.Patience
    ) -> None:
        self._app = app
        self._door = context.door
        self._lock = lock
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            return
        send = _signed(send)
        headers = Headers(scope=scope)
        refused = await self._refuse_stranger(scope, headers) or self._refuse(scope, headers)
        if refused is not None and scope["path"].startswith(API):
            told = bytes(refused.body).decode()
            refused = problems.plain(refused.status_code, told, refused.headers)
        scope[KNOWN] = self._lock is None or bool(headers.get("authorization"))
        app = refused or self._app
        try:
            await app(scope, bounded_body(receive), send)
        except ClientDisconnect:  # in the middle of a body: there is nobody to answer
            return
        except Exception as error:  # noqa: BLE001  its answer is on the way: 500
            _tell(scope, error)

    async def _refuse_stranger(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the answer to somebody who may not come in."""
        if self._lock is None:
            return None
        client = scope.get("client")
        address = client[0] if client else ""
        given = headers.get("authorization", "")
        scheme = given.partition(" ")[0].lower()
        if scope["path"] in OPEN and not given:
            return None
        if scheme != "basic":
            return PlainTextResponse("Unauthorized", 401, UNAUTHORIZED)
        if not self._patience.has_room(address):
            return PlainTextResponse("Too Many Requests", 429, {**CLOSE, "Retry-After": "5"})
        found = self._lock.try_key(given)
        if found == auth.RIGHT:
            return None
        await self._patience.failed(address)
        if found == auth.MALFORMED:
            return PlainTextResponse("Bad Request", 400, CLOSE)
        return PlainTextResponse("Unauthorized", 401, UNAUTHORIZED)

    def _refuse(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the answer to a request that may not be made."""
        door = self._door
        why = origin.complaint(scope["method"], headers, door.place, secured=door.secured)
        if why:
            return PlainTextResponse(f"Forbidden: {why}", 403, CLOSE)
        if "transfer-encoding" in headers and "content-length" in headers:
            # A proxy that believes the other one would take the rest for somebody's next request.
            return PlainTextResponse("Bad Request", 400, CLOSE)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > LENGTH_DIGITS or int(length) > BODY_BYTES:
            return PlainTextResponse("Content Too Large", 413, CLOSE)
        return None


def _signed(send: Send) -> Send:
    """Return `send` that adds to every answer what all of them have."""

    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=[*message.get("headers", ())])
            headers["Server"] = SERVER
            headers["Date"] = formatdate(usegmt=True)
            headers["X-Content-Type-Options"] = "nosniff"
            message = {**message, "headers": headers.raw}
        await send(message)

    return add


def _tell(scope: Scope, error: Exception) -> None:
    """Say on stderr, in one line, what went wrong with an answer."""
    text = f"pyinit-web: cannot answer {scope['method']} {scope['path'][:100]!r}: {error!r}"
    print(text[:1000], file=sys.stderr, flush=True)


async def _ok(request: Request) -> Response:
    del request
    return PlainTextResponse("OK", media_type="text/plain")
