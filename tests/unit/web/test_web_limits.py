"""Bodies are bounded in size and in time; a gateway knows how long nobody was there."""

import asyncio

import pytest
from starlette.exceptions import HTTPException

from pyinit.web import limits
from pyinit.web.limits import CONNECTIONS, Presence, bounded_body


def receiver(*messages, then=None):
    """Return an ASGI receive that gives `messages`, then never anything (or `then`)."""
    left = list(messages)

    async def receive():
        if left:
            return left.pop(0)
        if then is None:
            await asyncio.Event().wait()
        return then

    return receive


def piece(body, more=False):
    return {"type": "http.request", "body": body, "more_body": more}


def read(receive):
    async def run():
        take = bounded_body(receive)
        found = b""
        while True:
            message = await take()
            found += message["body"]
            if not message["more_body"]:
                return found

    return asyncio.run(run())


def test_a_body_comes_through_as_it_is():
    assert read(receiver(piece(b"a", more=True), piece(b"b", more=True), piece(b"c"))) == b"abc"


def test_a_body_that_is_too_large_is_refused_however_it_comes(monkeypatch):
    monkeypatch.setattr(limits, "BODY_BYTES", 5)
    assert read(receiver(piece(b"abc", more=True), piece(b"de"))) == b"abcde"
    with pytest.raises(HTTPException) as refused:
        read(receiver(piece(b"abc", more=True), piece(b"def", more=True)))
    assert refused.value.status_code == 413


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(limits, "BODY_S", 0.05)
    with pytest.raises(HTTPException) as refused:
        read(receiver(piece(b"a", more=True)))
    assert refused.value.status_code == 408


def test_after_the_body_the_client_may_wait_for_its_answer_for_as_long_as_it_likes(monkeypatch):
    monkeypatch.setattr(limits, "BODY_S", 0.05)

    async def run():
        take = bounded_body(receiver(piece(b"a")))
        await take()
        late = asyncio.ensure_future(take())
        await asyncio.sleep(0.2)
        is_waiting = not late.done()
        late.cancel()
        return is_waiting

    assert asyncio.run(run())


def test_nobody_there_for_a_while_is_told_once_and_only_then():
    async def run():
        told = []
        presence = Presence(0.1, lambda: told.append(presence.count))
        presence.begin()
        assert presence.enter()
        assert presence.enter()
        presence.leave()
        await asyncio.sleep(0.2)
        before = list(told)
        presence.leave()
        await asyncio.sleep(0.3)
        return before, told

    assert asyncio.run(run()) == ([], [0])


def test_there_is_room_for_so_many():
    async def run():
        presence = Presence(60.0, lambda: None)
        return [presence.enter() for _ in range(CONNECTIONS + 2)].count(False)

    assert asyncio.run(run()) == 2
