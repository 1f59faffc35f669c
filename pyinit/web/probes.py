"""Probes for Kubernetes and its like: /livez, /readyz and /startupz, open to everybody.

Yes is 200, no is 503.  Who may come in is also told what fails; others only that something does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from pyinit.protocol.messages import Refused
from pyinit.web import look
from pyinit.web.client import Gone
from pyinit.web.context import Context
from pyinit.web.problems import answer
from pyinit.web.rows import objects, text

if TYPE_CHECKING:
    from pyinit.protocol.wire import Json, Object

PATHS = ("/livez", "/readyz", "/startupz")
LOST = ("FATAL", "EXITED")
KNOWN = "pyinit.known"  # in the scope: whether who asks may come in


class Probes:
    """The probes at one door."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._started = False

    async def is_alive(self) -> Object:
        """PID 1 answers, and nothing critical has failed for good.

        What is being started again is in good hands: to kill everything else for it helps nobody.
        """
        found = await self._context.call("health")
        failing = [each for each in objects(found.get("failing")) if each.get("state") in LOST]
        return {**found, "ok": not failing, "failing": list(failing)}

    async def is_ready(self) -> Object:
        """Everything that starts by itself is up, and traffic is welcome."""
        return await self._context.call("ready")

    async def is_started(self) -> Object:
        """Everything was up at least once: from then on it is a matter of the other two."""
        found = await self._context.call("ready")
        self._started = self._started or found.get("ok") is True or _has_ended(found)
        return {**found, "ok": self._started}


def routes(context: Context) -> list[BaseRoute]:
    """Return what probes are answered with."""
    probes = Probes(context)
    asks = (probes.is_alive, probes.is_ready, probes.is_started)
    return [
        Route(path, _endpoint(ask), methods=["GET"]) for path, ask in zip(PATHS, asks, strict=True)
    ]


def _endpoint(ask: Callable[[], Awaitable[Object]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            found = await ask()
        except (Refused, Gone):
            found = {"ok": False, "state": "over", "failing": []}
        known = request.scope.get(KNOWN, True) is True
        status = 200 if found.get("ok") is True else 503
        if "application/json" in request.headers.get("accept", ""):
            return answer(_told(found, known=known), status)
        return PlainTextResponse(_words(found, known=known), status, look.FRESH)

    return endpoint


def _told(found: Object, *, known: bool) -> Object:
    ok = found.get("ok") is True
    if not known:
        return {"ok": ok}
    failing: list[Json] = [
        {name: text(each.get(name)) for name in ("name", "state", "reason")}
        for each in objects(found.get("failing"))
    ]
    return {"ok": ok, "state": text(found.get("state")), "failing": failing}


def _words(found: Object, *, known: bool) -> str:
    lines = ["ok" if found.get("ok") is True else "not ok"]
    for each in objects(found.get("failing")) if known else ():
        words = [text(each.get(field)) for field in ("state", "reason")]
        lines.append(f"{text(each.get('name'))}: {' '.join(words).strip()}")
    return "\n".join(lines) + "\n"


def _has_ended(found: Object) -> bool:
    """Say whether pyinit is past being up: a probe that begins now has nothing to wait for."""
    return found.get("state") in ("draining", "stopping", "over")
