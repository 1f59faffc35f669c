"""/metrics: what PID 1 has counted, for Prometheus.

A scrape asks PID 1 once and makes samples of the answer; nothing is kept in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from pyinit.protocol.messages import Refused
from pyinit.web import look
from pyinit.web.client import Gone

if TYPE_CHECKING:
    from starlette.requests import Request

    from pyinit.web.context import Context


def routes(context: Context) -> list[BaseRoute]:
    """Return what scrapers are answered with."""

    async def scrape(request: Request) -> Response:
        try:
            told = await context.call("metrics")
        except Refused as refused:
            return PlainTextResponse(f"{refused.message}\n", 503, look.FRESH)
        except Gone:
            return PlainTextResponse("pyinit has ended\n", 503, look.FRESH)
        from pyinit.web import samples  # a library that only scrapers need

        content, kind = samples.written(told, request.headers.get("accept", ""))
        return Response(content, 200, {**look.FRESH, "Content-Type": kind})

    return [Route("/metrics", scrape, methods=["GET"])]
