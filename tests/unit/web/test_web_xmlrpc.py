"""How many calls of XML-RPC are under way at a time, and until when."""

import asyncio

import pytest
from starlette.responses import Response

from pyinit.web.xmlrpc import LARGE, Called, Rooms


@pytest.mark.parametrize(
    "method",
    [
        *("supervisor.readLog", "supervisor.readProcessStdoutLog", "supervisor.tailProcessLog"),
        *("supervisor.getAllProcessInfo", "supervisor.getAllConfigInfo"),
    ],
)
def test_calls_with_large_answers_have_a_small_room_of_their_own(method):
    async def work():
        rooms = Rooms()
        for _ in range(LARGE):
            await rooms.of(method).acquire()
        assert rooms.of(method).locked()
        for other in ("supervisor.startProcess", "supervisor.getState", "system.multicall"):
            assert not rooms.of(other).locked()

    asyncio.run(work())


def test_a_call_is_in_its_room_until_its_answer_was_taken():
    async def work():
        room = asyncio.Semaphore(1)
        taken = asyncio.Event()
        sent = []

        async def send(message):
            if sent and sent[-1].get("body"):  # as uvicorn: what is sent next waits
                await taken.wait()
            sent.append(message)

        async def answered():
            return Response(b"large")

        task = asyncio.create_task(Called(room, answered)({"type": "http"}, None, send))
        await asyncio.sleep(0.01)
        assert sent[-1]["body"] == b"large"
        assert room.locked()
        taken.set()
        await task
        assert not room.locked()
        assert [each.get("more_body", False) for each in sent] == [False, True, False]

    asyncio.run(work())
