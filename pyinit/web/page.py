"""The web page: every process at a glance, what can be done to it, and its log.

Looking is done by GET, doing by POST, with a token that only our own page has.  Everything works
by plain forms; the page's script makes it move and spares the reloads.  supervisord's links that
do something (`/?action=stopall`, `/index.html?processname=web&action=stop`) lead to a page that
asks first, and so does a form whose token is not the one we gave.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from pyinit.protocol.messages import Refused
from pyinit.web import deeds, look, streams, tokens
from pyinit.web.client import Gone
from pyinit.web.context import Context
from pyinit.web.deeds import Said, Wish
from pyinit.web.live import Live
from pyinit.web.output import Output
from pyinit.web.rows import STATES, Row

if TYPE_CHECKING:
    from pyinit.protocol.wire import Object

LONGEST_MESSAGE = 2000
FIELDS = 20  # of a form: ours have four


def routes(context: Context, live: Live | None = None) -> list[BaseRoute]:
    """Return what is answered with pages, and the files they are made of."""
    page = Page(context, live or Live(context))
    output = Output(context)
    reads = {
        "/": page.show,
        "/index.html": page.show,
        "/live": page.live,
        "/tail.html": output.show,
        "/follow": output.follow,
        "/output.txt": output.download,
        "/static/{name}": look.static,
    }
    made: list[BaseRoute] = [
        Route(path, _careful(context, handler), methods=["GET"]) for path, handler in reads.items()
    ]
    take = _careful(context, page.take)
    return made + [Route(path, take, methods=["POST"]) for path in ("/", "/index.html")]


class Page:
    """The page with the processes, at one door."""

    def __init__(self, context: Context, live: Live) -> None:
        self._context = context
        self._live = live

    async def show(self, request: Request) -> Response:
        """Show the processes; a question first where a link asks for a deed."""
        query = request.query_params
        phase, rows = await self._live.look()
        action = query.get("action", "")
        if action and action != "refresh":
            wished = deeds.wish_of(action, query.get("processname", ""), rows)
            if isinstance(wished, Wish) and not self._context.door.read_only:
                return self._ask(request, wished, "A link has asked for this.")
            said: Said | None = wished if isinstance(wished, Said) else _read_only()
        elif action:
            said = Said(ok=True, text=f"Page refreshed at {time.ctime()}")
        else:
            said = self._message(request)
        return self._processes(request, phase, rows, said)

    async def take(self, request: Request) -> Response:
        """Do what a form asks for, if it is ours; else ask."""
        form = await _form(request)
        if self._context.door.read_only:
            return self._told(request, _read_only(), 403)
        action, name = _wanted(form)
        _, rows = await self._live.look()
        wished = deeds.wish_of(action, name, rows)
        if isinstance(wished, Said):
            return self._told(request, wished, 404)
        session = tokens.session_of(request.cookies)
        ours = session and tokens.is_signed(form.get("token", ""), *self._marked(session))
        if not ours:
            return self._ask(request, wished, "The page was an old one, or not ours.", 403)
        if wished.deed.asks and form.get("sure") != "yes":
            return self._ask(request, wished, "")
        said = await deeds.carry_out(self._context, wished)
        return self._told(request, said, 200 if said.ok else 409)

    async def live(self, request: Request) -> Response:
        """Tell the page's script of the rows that change, for as long as it listens."""
        del request
        return streams.events(self._changes())

    async def _changes(self) -> AsyncGenerator[tuple[str, Object], None]:
        async with aclosing(self._live.watch()) as changes:
            async for told in changes:
                yield "rows", told

    def _processes(
        self, request: Request, phase: str, rows: Sequence[Row], said: Said | None
    ) -> Response:
        session = tokens.session_of(request.cookies) or tokens.new_session()
        query = request.query_params
        answer = look.page(
            "processes.html",
            identifier=self._context.identifier,
            read_only=self._context.door.read_only,
            phase=phase,
            sections=_sections(rows),
            counts=[(state, sum(row.state == state for row in rows)) for state in STATES],
            total=len(rows),
            shown=[row.name for row in rows if _is_shown(row, query)],
            state=query.get("state", ""),
            word=query.get("q", ""),
            said=said,
            token=tokens.sign(*self._marked(session)),
            now=time.time(),
        )
        return _with_session(request, answer, session)

    def _ask(self, request: Request, wish: Wish, why: str, status: int = 200) -> Response:
        session = tokens.session_of(request.cookies) or tokens.new_session()
        answer = look.page(
            "question.html",
            status,
            identifier=self._context.identifier,
            wish=wish,
            why=why,
            token=tokens.sign(*self._marked(session)),
        )
        return _with_session(request, answer, session)

    def _told(self, request: Request, said: Said, status: int) -> Response:
        """Tell what came of a form: our script as JSON, a browser on the page it came from."""
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"ok": said.ok, "message": said.text}, status, look.FRESH)
        if status == 403:
            return look.page("refused.html", status, identifier=self._context.identifier, said=said)
        session = tokens.session_of(request.cookies) or tokens.new_session()
        shown = said.text[:LONGEST_MESSAGE]
        kind = "done" if said.ok else "failed"
        mark = tokens.sign(self._context.secret, "message", session, kind, shown)
        query = urlencode({"message": shown, "kind": kind, "mark": mark}, quote_via=quote)
        answer = RedirectResponse(f"./?{query}", 303, look.FRESH)
        return _with_session(request, answer, session)

    def _message(self, request: Request) -> Said | None:
        """Return the message in a link, if it was us who put it there."""
        query = request.query_params
        shown, kind, mark = (query.get(name, "") for name in ("message", "kind", "mark"))
        session = tokens.session_of(request.cookies)
        secret = self._context.secret
        if not tokens.is_signed(mark, secret, "message", session, kind, shown):
            return None
        return Said(ok=kind == "done", text=shown)

    def _marked(self, session: str) -> tuple[bytes, str, str, str]:
        return self._context.secret, "form", self._context.door.place, session


def _careful(
    context: Context, handler: Callable[[Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that also has an answer where PID 1 has none (any more)."""

    async def answering(request: Request) -> Response:
        try:
            return await handler(request)
        except (Refused, Gone) as error:
            said = Said(ok=False, text=f"pyinit does not answer: {error}")
            return look.page("refused.html", 503, identifier=context.identifier, said=said)

    return answering


def _with_session(request: Request, answer: Response, session: str) -> Response:
    tls = request.url.scheme == "https"
    answer.headers.append("Set-Cookie", tokens.cookie_of(session, tls=tls))
    return answer


def _sections(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Return groups with their rows; who is alone in its group is in one without a name."""
    members: dict[str, list[Row]] = {}
    for row in rows:
        members.setdefault(row.group, []).append(row)
    keyed = [(group if len(found) > 1 else "", found) for group, found in members.items()]
    keyed.sort(key=lambda each: each[0] != "")
    return [
        (group, [row for _, found in each for row in found])
        for group, each in groupby(keyed, key=lambda each: each[0])
    ]


def _is_shown(row: Row, query: QueryParams) -> bool:
    """Say whether a row fits what is looked for."""
    word, state = query.get("q", "").casefold(), query.get("state", "")
    return word in f"{row.group}:{row.name}".casefold() and state in ("", row.state)


def _wanted(form: dict[str, str]) -> tuple[str, str]:
    """Return action and name: of the button `do`, or of supervisord's two fields."""
    if "do" in form:
        action, _, name = form["do"].partition(" ")
        return action, name
    return form.get("action", ""), form.get("processname", "")


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a plain form; a body of another kind has none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if kind != "application/x-www-form-urlencoded":
        return {}
    try:
        pairs = parse_qsl(
            body.decode("latin-1"), keep_blank_values=True, max_num_fields=FIELDS, errors="replace"
        )
    except ValueError:
        return {}
    return dict(pairs)


def _read_only() -> Said:
    return Said(ok=False, text="This page is read-only: nothing can be changed here.")
