"""The API under /api/v1: the verbs of the control socket, for those who speak HTTP.

Bodies are JSON and nothing else: a form of another site cannot send it, and what a browser's
scripts send is held against its origin before it comes here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pyinit.protocol.messages import VERBS, Refused
from pyinit.protocol.names import nearest
from pyinit.web import openapi, streams
from pyinit.web.client import Gone
from pyinit.web.context import Context
from pyinit.web.operations import OPERATIONS, Field, Operation
from pyinit.web.problems import answer, plain, problem, refused

if TYPE_CHECKING:
    from pyinit.protocol.wire import Json, Object

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
YES, NO = ("true", "1", "yes"), ("false", "0", "no")
SHOWN = 60  # characters of what was given, in a complaint about it


def routes(context: Context) -> list[BaseRoute]:
    """Return what is answered under /api/v1; whatever is not known there is answered, too."""
    paths: dict[str, dict[str, Operation]] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method] = each
    made: list[BaseRoute] = [
        Route(openapi.ROOT + path, _endpoint(context, known), methods=METHODS)
        for path, known in paths.items()
    ]
    made.append(Route(openapi.ROOT + "/openapi.json", _document(context), methods=METHODS))
    made.append(Route(openapi.ROOT + "/{rest:path}", _unknown, methods=METHODS))
    return made


def _endpoint(
    context: Context, known: dict[str, Operation]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        operation = known.get(method)
        if operation is None:
            return _not_allowed(request, known)
        try:
            args = await _arguments(request, operation)
            if args.pop("follow", None) is True and request.method != "HEAD":
                return await _follow(context, operation, args)
            return await _whole(request, context.call(operation.verb, args))
        except Refused as error:
            return refused(error)
        except Gone:
            return problem("no-supervisor", "pyinit has ended")
        except HTTPException as error:  # the body was too large, or never came
            return plain(error.status_code, error.detail, error.headers or {})

    return endpoint


async def _whole(request: Request, call: Awaitable[Object]) -> Response:
    """Answer with what a verb results in; who has hung up meanwhile is not waited for."""
    asking = asyncio.ensure_future(call)
    leaving = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait((asking, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            return Response(status_code=499)  # nobody is there to read it
        return answer(asking.result())
    finally:
        for task in (asking, leaving):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task


async def _follow(context: Context, operation: Operation, args: Object) -> Response:
    """Answer with a stream; what is wrong with the request is told before it begins."""
    await context.call(operation.verb, {**args, "lines": 0})

    async def told() -> AsyncGenerator[tuple[str, Object], None]:
        async with aclosing(context.stream(operation.verb, args)) as notifications:
            async for each in streams.named(notifications):
                yield each

    return streams.events(told())


async def _arguments(request: Request, operation: Operation) -> Object:
    """Return the arguments of the verb.  Raises Refused (bad-request)."""
    args: Object = {}
    if operation.named:
        name = request.path_params["name"]
        args[operation.named] = [name] if operation.named == "names" else name
    query = request.query_params
    fields = {field.name: field for field in operation.query}
    _check_names(operation, list(query.keys()), fields)
    for name in query:
        values = query.getlist(name)
        args[fields[name].arg or name] = _from_words(fields[name], values)
    if "names" in VERBS[operation.verb].needs:
        args.setdefault("names", ["all"])
    given = await _body(request)
    bodies = {field.name: field for field in operation.body}
    _check_names(operation, list(given), bodies)
    for name, value in given.items():
        if value is None:  # to be left out, it must not be there
            raise _bad(f"'{name}' is null", f"give {openapi.KINDS[bodies[name].kind]['type']}")
    args.update(given)
    for field in (*operation.query, *operation.body):
        if field.needed and (field.arg or field.name) not in args:
            raise _bad(f"'{operation.id}' needs '{field.name}'", field.doc)
    return args


def _check_names(operation: Operation, names: list[str], known: dict[str, Field]) -> None:
    for name in names:
        if name not in known:
            near = nearest(name, known)
            fix = f"did you mean '{near}'?" if near else "known: " + (", ".join(known) or "nothing")
            raise _bad(f"'{operation.id}' takes no '{name[:SHOWN]}'", fix)


async def _body(request: Request) -> Object:
    """Return the object in the body, an empty one if there is no body."""
    body = await request.body()
    if not body:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        text = f"a body of '{kind[:SHOWN]}' is not taken\n  send application/json"
        raise Refused("unsupported-media-type", text)
    try:
        found = json.loads(body, parse_constant=_finite)
    except (ValueError, RecursionError):
        raise _bad("the body is no JSON", 'send an object, such as {"wait": false}') from None
    if not isinstance(found, dict):
        raise _bad("the body is no object", 'send one, such as {"wait": false}')
    return found


def _from_words(field: Field, values: list[str]) -> Json:
    """Return what the words of a query mean.  Raises Refused (bad-request)."""
    word = values[-1]
    try:
        match field.kind:
            case "names":
                return list(values)
            case "flag":
                return {**dict.fromkeys(YES, True), **dict.fromkeys(NO, False)}[word.lower()]
            case "count" | "integer":
                return int(word)
            case "seconds":
                return _finite(word)
            case _:
                return word
    except (KeyError, ValueError):
        text = f"cannot read '{field.name}': '{word[:SHOWN]}'"
        raise _bad(text, f"give {openapi.KINDS[field.kind]['type']}") from None


def _finite(word: str) -> float:
    """Return a number.  Raises ValueError for those that are none: they are not JSON."""
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(word)
    return value


def _bad(what: str, fix: str) -> Refused:
    return Refused("bad-request", f"{what}\n  {fix}")


def _not_allowed(request: Request, known: dict[str, Operation]) -> Response:
    allowed = ", ".join(sorted(known))
    made = problem("method-not-allowed", f"cannot {request.method[:SHOWN]} this\n  use {allowed}")
    made.headers["Allow"] = allowed
    return made


def _document(context: Context) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            made = problem("method-not-allowed", "cannot change the document\n  use GET")
            made.headers["Allow"] = "GET"
            return made
        return answer(openapi.document(secured=context.door.secured))

    return endpoint


async def _unknown(request: Request) -> Response:
    path = request.url.path[:200]
    return problem("not-found", f"there is no '{path}'\n  see {openapi.ROOT}/openapi.json")
