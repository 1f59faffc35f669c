"""What moves on the page: one look at all processes every now and then, for everybody who watches.

As long as somebody does, the status is asked for every SAMPLE_S seconds, and at once when a
process has changed its state.  A watcher is told of the rows that are not as it has last seen
them: a slow one skips what was in between, and nothing is ever queued for anybody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from pyinit.protocol.messages import Refused
from pyinit.web.client import Gone
from pyinit.web.context import Context
from pyinit.web.rows import Meter, Row, rows_of, text

if TYPE_CHECKING:
    from pyinit.protocol.wire import Json, Object

SAMPLE_S = 2.0
SETTLE_S = 0.1  # changes come in swarms: one look is enough for all of them
REST = 10  # times as long as a look took is the pause before the next
RETRY_S = 1.0


class Live:
    """The processes as the page shows them; one for each door."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._meter = Meter()
        self._rows: dict[str, Row] = {}
        self._changed: dict[str, int] = {}  # name -> the version in which its row became this
        self._version = 0
        self._phase = ""
        self._watchers = 0
        self._work: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._next = asyncio.Event()

    async def look(self) -> tuple[str, list[Row]]:
        """Return what pyinit as a whole is doing, and every row, as of now."""
        status = await self._context.call("status", {"usage": True})
        found = rows_of(status, self._meter, time.time(), time.monotonic())
        self._meter.forget_all_but([row.name for row in found])
        return text(status.get("state")), found

    async def watch(self) -> AsyncGenerator[Object, None]:
        """Yield the rows, and then those that change; for ever, or until pyinit is gone.

        `names` are all there are, in their order, where that is new.
        """
        self._enter()
        seen, order = 0, None
        try:
            while not self._context.lost.is_set():
                news = self._next
                if self._version > seen:
                    names = tuple(self._rows)
                    yield self._told(seen, None if names == order else names)
                    seen, order = self._version, names
                    continue
                await news.wait()
        finally:
            self._leave()

    def _told(self, seen: int, names: tuple[str, ...] | None) -> Object:
        rows: list[Json] = [
            row.told() for name, row in self._rows.items() if self._changed[name] > seen
        ]
        told: Object = {"now": time.time(), "phase": self._phase, "rows": rows}
        return told if names is None else {**told, "names": list(names)}

    def _enter(self) -> None:
        self._watchers += 1
        if self._work is None:
            self._work = asyncio.create_task(self._run())

    def _leave(self) -> None:
        self._watchers -= 1
        if self._watchers == 0 and self._work is not None:
            self._work.cancel()
            self._work = None

    async def _run(self) -> None:
        """Look again and again; what goes wrong once may go well the next time."""
        listening = asyncio.create_task(self._listen())
        try:
            while not self._context.lost.is_set():
                began = time.monotonic()
                try:
                    self._take(*await self.look())
                except Refused:
                    pass
                except Gone:
                    break
                await self._pause(time.monotonic() - began)
        finally:
            listening.cancel()
            self._wake()

    async def _pause(self, took_s: float) -> None:
        """Wait for news; in a storm of them PID 1 has most of its time for itself."""
        try:
            async with asyncio.timeout(SAMPLE_S):
                await self._news.wait()
            await asyncio.sleep(max(SETTLE_S, min(SAMPLE_S, REST * took_s)))
        except TimeoutError:
            pass
        self._news.clear()

    async def _listen(self) -> None:
        """Have the next look come at once when a process changes its state."""
        while True:
            try:
                async with aclosing(self._context.stream("events")) as events:
                    async for _ in events:
                        self._news.set()
            except Refused:
                pass
            except Gone:
                return
            await asyncio.sleep(RETRY_S)

    def _take(self, phase: str, rows: list[Row]) -> None:
        found = {row.name: row for row in rows}
        moved = tuple(found) != tuple(self._rows) or phase != self._phase
        version = self._version + 1
        changed = [row.name for row in rows if _is_new(row, self._rows.get(row.name))]
        if not changed and not moved:
            return
        self._changed = {name: self._changed.get(name, version) for name in found}
        self._changed.update(dict.fromkeys(changed, version))
        self._rows, self._phase, self._version = found, phase, version
        self._wake()

    def _wake(self) -> None:
        self._next.set()
        self._next = asyncio.Event()


def _is_new(row: Row, before: Row | None) -> bool:
    """Say whether a row reads otherwise than before; clocks that differ by a breath do not."""
    if before is None:
        return True
    near = abs(row.since - before.since) < 1.0
    told, was = row.told(), before.told()
    return {**told, "since": 0} != {**was, "since": 0} or not near
