"""The log page: what a process has printed last, and what it prints from now on.

What is shown is text: escape sequences of terminals are taken out, and nothing of it can become
markup.  The file to be downloaded has every byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from pyinit.protocol.messages import Refused
from pyinit.web import look, streams, tokens
from pyinit.web.client import Gone
from pyinit.web.context import Context
from pyinit.web.rows import objects, text

if TYPE_CHECKING:
    from pyinit.protocol.wire import Json, Object

STREAMS = ("both", "stdout", "stderr")
LEAST_BYTES = 1024  # as supervisord's tail.html
SHOWN_BYTES = 64 * 1024
MOST_BYTES = 1 << 20
PIECE_BYTES = 64 * 1024  # of a file, in one answer of PID 1
WAITING = 16  # notifications that are read ahead of a browser
# Escape sequences of terminals (ECMA-48), and what else moves a cursor.
ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # a command
    r"|\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # a title and the like, to its terminator
    r"|[PX^_][^\x1b]*(?:\x1b\\)?"
    r"|[ -/]*[0-~])"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?=\n)"
)


class Output:
    """What processes have printed, at one door."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def show(self, request: Request) -> Response:
        """Show the last output of a process; supervisord's `processname` and `limit` are kept."""
        name, stream = _asked(request)
        entry = await self._find(name)
        if entry is None:
            return look.page(
                *("missing.html", 404), identifier=self._context.identifier, name=name[:200]
            )
        name = text(entry.get("name"))
        limit = _limit(request.query_params.get("limit", ""))
        kept, captured = await self._last(name, stream, limit)
        session = tokens.session_of(request.cookies) or tokens.new_session()
        answer = look.page(
            "output.html",
            identifier=self._context.identifier,
            read_only=self._context.door.read_only,
            name=name,
            state=text(entry.get("state")),
            stream=stream,
            streams=STREAMS,
            limit=limit,
            output=plain(kept),
            captured=captured,
            token=tokens.sign(self._context.secret, "form", self._context.door.place, session),
        )
        cookie = tokens.cookie_of(session, tls=request.url.scheme == "https")
        answer.headers.append("Set-Cookie", cookie)
        return answer

    async def follow(self, request: Request) -> Response:
        """Tell the page's script what a process prints, and what becomes of it, as it happens."""
        name, stream = _asked(request)
        entry = await self._find(name)
        if entry is None:
            return PlainTextResponse("no such process\n", 404, look.FRESH)
        name = text(entry.get("name"))
        return streams.events(self._news(name, stream))

    async def _news(self, name: str, stream: str) -> AsyncGenerator[tuple[str, Object], None]:
        """Merge output and changes of state; who is slow holds both up, and is told of losses."""
        queue: asyncio.Queue[tuple[str, Object] | None] = asyncio.Queue(WAITING)

        async def pass_on(notifications: AsyncGenerator[Object, None]) -> None:
            try:
                async with aclosing(notifications):
                    async for each in notifications:
                        await queue.put((str(each.get("event", "message")), each))
            except (Refused, Gone):
                pass
            finally:
                with contextlib.suppress(asyncio.QueueFull):
                    queue.put_nowait(None)

        output = self._context.stream("logs", {"names": [name], "stream": stream})
        changes = self._context.stream("events", {"names": [name], "lines": 0})
        tasks = [asyncio.create_task(pass_on(each)) for each in (output, changes)]
        try:
            while (news := await queue.get()) is not None:
                yield news
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def download(self, request: Request) -> Response:
        """Send the log of a process as a file: all of its log file, else what is in memory."""
        name, stream = _asked(request)
        entry = await self._find(name)
        if entry is None:
            return PlainTextResponse("no such process\n", 404, look.FRESH)
        name = text(entry.get("name"))
        file = f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.{stream}.log"
        headers = {**look.FRESH, "Content-Disposition": f'attachment; filename="{file}"'}
        first = await self._piece(name, stream, 0)
        if first is None:
            kept, _ = await self._last(name, stream, MOST_BYTES)
            return Response(_bytes(kept), 200, headers, "text/plain; charset=utf-8")
        pieces = self._pieces(name, stream, first)
        return StreamingResponse(pieces, 200, headers, "text/plain; charset=utf-8")

    async def _find(self, name: str) -> Mapping[str, Json] | None:
        """Return the status of the one process of that very name, or GROUP:NAME."""
        if not name:
            return None
        try:
            status = await self._context.call("status", {"names": [name]})
        except Refused:
            return None
        for each in objects(status.get("processes")):
            if name in (each.get("name"), f"{each.get('group')}:{each.get('name')}"):
                return each
        return None

    async def _last(self, name: str, stream: str, limit: int) -> tuple[str, bool]:
        """Return the end of the output, and whether pyinit sees it at all."""
        told = await self._context.call("logs", {"names": [name], "stream": stream})
        entries = [each for each in objects(told.get("processes")) if each.get("name") == name]
        found = str(entries[0].get("text", "")) if entries else ""
        captured = bool(entries and entries[0].get("captured") is True)
        if len(_bytes(found)) < limit and stream != "both":
            piece = await self._piece(name, stream, -min(limit, PIECE_BYTES))
            if piece is not None and len(piece[0]) > len(_bytes(found)):
                return piece[0].decode("utf-8", "surrogateescape"), True
        return _bytes(found)[-limit:].decode("utf-8", "surrogateescape"), captured

    async def _piece(self, name: str, stream: str, offset: int) -> tuple[bytes, int] | None:
        """Return bytes of the log file and where the next ones are; None if there is no file."""
        which = "stdout" if stream == "both" else stream
        args: dict[str, Json] = {"name": name, "stream": which, "offset": offset}
        try:
            told = await self._context.call("read-log", {**args, "length": PIECE_BYTES})
        except Refused:
            return None
        data = str(told.get("data", "")).encode("latin-1", "replace")
        at = told.get("offset")
        return data, (at if isinstance(at, int) else max(0, offset)) + len(data)

    async def _pieces(
        self, name: str, stream: str, first: tuple[bytes, int]
    ) -> AsyncIterator[bytes]:
        piece: tuple[bytes, int] | None = first
        while piece is not None and piece[0]:
            yield piece[0]
            piece = await self._piece(name, stream, piece[1])


def plain(kept: str) -> str:
    """Return output as it can be read: without escape sequences and other controls."""
    shown = ESCAPES.sub("", text(kept))
    return shown.replace("\r", "\n")


def address(name: str, stream: str) -> str:
    """Return where the log page of a process is."""
    return f"tail.html?processname={quote(name, safe='')}&stream={stream}"


def _asked(request: Request) -> tuple[str, str]:
    query = request.query_params
    stream = query.get("stream", "both")
    return query.get("processname", ""), stream if stream in STREAMS else "both"


def _limit(words: str) -> int:
    """Return how many bytes are asked for; supervisord gives never less than a KB."""
    if not words.isascii() or not words.isdigit() or len(words) > 9:
        return SHOWN_BYTES
    return max(LEAST_BYTES, min(int(words), MOST_BYTES))


def _bytes(kept: str) -> bytes:
    return kept.encode("utf-8", "surrogateescape")
