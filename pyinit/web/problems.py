"""Errors of the API, as problem details (RFC 9457) that say what, why, and how to mend it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import Response

from pyinit.protocol.messages import Refused
from pyinit.web import look
from pyinit.web.rows import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinit.protocol.wire import Json, Object

KIND = "application/problem+json"
STATUS = {
    "bad-request": 400,
    "unauthorized": 401,
    "denied": 403,
    "forbidden": 403,
    "no-such-program": 404,
    "no-file": 404,
    "bad-name": 404,
    "not-found": 404,
    "method-not-allowed": 405,
    "not-running": 409,
    "failed": 409,
    "no-such-file": 409,
    "not-executable": 409,
    "already-added": 409,
    "still-running": 409,
    "too-slow": 408,
    "too-large": 413,
    "unsupported-media-type": 415,
    "bad-config": 422,
    "too-many": 429,
    "internal": 500,
    "busy": 503,
    "stopping": 503,
    "interrupted": 503,
    "no-supervisor": 503,
    "timeout": 504,
    "not-ready": 504,
}
TITLES = {
    400: "The request makes no sense",
    401: "A password is wanted",
    403: "Not allowed",
    404: "There is no such thing",
    405: "Not to be done to this",
    408: "The request took too long to come",
    409: "It could not be done",
    413: "The request is too large",
    415: "A body of another kind is wanted",
    422: "The configuration has faults",
    429: "Too many at a time",
    500: "A fault of pyinit",
    503: "Not now",
    504: "It takes longer than was asked for",
}
# What never comes as far as PID 1.
PLAIN = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    408: "too-slow",
    413: "too-large",
    429: "too-many",
}
# What is said of these is not followed by how to mend it, but by what programs have said.
TELLING = frozenset(("failed", "bad-config"))


def problem(code: str, message: str, more: Object | None = None) -> Response:
    """Return the answer to a request that was not, or not wholly, carried out."""
    status = STATUS.get(code, 409)
    said, fix = text(message), ""
    if code not in TELLING:
        said, _, fix = said.partition("\n")
    told: Object = {
        "type": "about:blank",
        "title": TITLES[status],
        "status": status,
        "detail": said,
        "code": code,
        "message": said,
        "fix": "\n".join(line.strip() for line in fix.splitlines()),
        **(more or {}),
    }
    headers = {**look.FRESH, "Retry-After": "1"} if status == 503 else look.FRESH
    return Response(encoded(told), status, headers, KIND)


def refused(error: Refused) -> Response:
    """Return the answer to what PID 1 has refused."""
    return problem(error.code, error.message, error.more)


def plain(status: int, message: str, headers: Mapping[str, str]) -> Response:
    """Return the problem that an answer in plain text stands for; its headers are kept."""
    made = problem(PLAIN.get(status, "failed"), message, {"status": status})
    made.status_code = status
    for name, value in headers.items():
        if name.lower() not in ("content-type", "content-length"):
            made.headers[name] = value
    return made


def answer(told: Object, status: int = 200) -> Response:
    """Return an answer in JSON."""
    return Response(encoded(told), status, look.FRESH, "application/json")


def encoded(value: Json) -> bytes:
    """Return JSON that every reader takes: what is no UTF-8 is replaced."""
    return json.dumps(shown(value), separators=(",", ":"), allow_nan=False).encode()


def shown(value: Json) -> Json:
    """Return a value whose texts can be shown."""
    match value:
        case str():
            return text(value)
        case list() | tuple():
            return [shown(each) for each in value]
        case dict():
            return {text(name): shown(each) for name, each in value.items()}
        case _:
            return value
