"""Server-sent events: answers without an end, told apart from silence by a beat now and then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse

from pyinit.protocol.messages import Refused
from pyinit.web import look
from pyinit.web.client import Gone
from pyinit.web.problems import encoded

if TYPE_CHECKING:
    from pyinit.protocol.wire import Object

BEAT_S = 15.0  # proxies give up on those who are silent for longer
RETRY_MS = 2000  # before a browser asks again
HEADERS = {**look.FRESH, "X-Accel-Buffering": "no"}
KIND = "text/event-stream"


def events(told: AsyncGenerator[tuple[str, Object], None]) -> StreamingResponse:
    """Return an answer that goes on with what `told` yields, as (name of the event, its data)."""
    return StreamingResponse(_lines(told), headers=HEADERS, media_type=KIND)


async def named(notifications: AsyncIterator[Object]) -> AsyncGenerator[tuple[str, Object], None]:
    """Yield the notifications of PID 1 under the names that they have."""
    async for each in notifications:
        yield str(each.get("event", "message")), each


async def _lines(told: AsyncGenerator[tuple[str, Object], None]) -> AsyncIterator[bytes]:
    coming: asyncio.Task[tuple[str, Object]] | None = asyncio.ensure_future(anext(told))
    try:
        await asyncio.sleep(0)  # PID 1 is asked before the answer begins: nothing is missed
        yield b"retry: %d\n\n" % RETRY_MS
        while True:
            coming = coming or asyncio.ensure_future(anext(told))
            done, _ = await asyncio.wait((coming,), timeout=BEAT_S)
            if not done:
                yield b": still here\n\n"
                continue
            name, data = coming.result()
            coming = None
            yield b"event: %s\ndata: %s\n\n" % (name.encode(), encoded(data))
    except (StopAsyncIteration, Gone):
        return
    except Refused as refused:
        yield b"event: error\ndata: %s\n\n" % encoded({"code": refused.code})
    finally:
        await _end(told, coming)


async def _end(
    told: AsyncGenerator[tuple[str, Object], None], coming: asyncio.Task[tuple[str, Object]] | None
) -> None:
    """Have the source let go of what it holds."""
    if coming is not None:
        coming.cancel()
        await asyncio.wait((coming,))
    await told.aclose()
