"""Whatever the API's document allows or forbids is answered as it says, and never by a fault."""

import asyncio

import attacking
import pytest
import schemathesis
from page_world import WITHIN_S, World, process, run

from pyinit.protocol.messages import Refused
from pyinit.system import limits
from pyinit.web import auth, openapi
from pyinit.web.operations import OPERATIONS
from pyinit.web.schemas import SCHEMAS

ROOT = "/api/v1"
NAMES = ("web", "db")


def sample(schema):
    """Return something that a schema of the document allows."""
    if "$ref" in schema:
        return sample(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return sample(schema["anyOf"][-1])
    kind = schema["type"]
    match kind if isinstance(kind, str) else kind[-1]:
        case "object":
            return {name: sample(each) for name, each in schema.get("properties", {}).items()}
        case "array":
            return [sample(schema["items"])] if "items" in schema else []
        case "string":
            return "word"
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return 1


class Door:
    """The application at a door, and PID 1 behind it: made in the loop that asks first."""

    def __init__(self, **options):
        self._options = options
        self._made = None

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        if self._made is None:
            self._made = asyncio.ensure_future(self._make())
        world = await self._made
        await world.app(scope, receive, send)

    def close(self):
        """Let PID 1 end, in the loop where it is."""
        loop, world = self._made.get_loop(), self._made.result()
        asyncio.run_coroutine_threadsafe(world.__aexit__(), loop).result(WITHIN_S)

    async def _make(self):
        world = World(process("web"), process("db"), **self._options)
        for each in OPERATIONS:
            world.answers[each.verb] = answerer(world, each)
        world.streams = {"logs": ENDED, "events": ENDED}
        return await world.__aenter__()


ENDED = [{"event": "state", "name": "web"}, {"event": "output", "text": "one\ntwo"}] * 2


def answerer(world, operation):
    good = sample(SCHEMAS[operation.result])

    def answer(args):
        names = args.get("names", [args.get("name", "web")])
        for name in names:
            if name not in (*NAMES, "all", "*"):
                raise Refused("no-such-program", f"no such program: '{name}'", {"names": [name]})
        return good

    return answer


def test_an_attack_by_its_own_document_finds_nothing(capfd, monkeypatch):
    monkeypatch.setattr(auth, "FIRST_S", 0.0)  # it guesses passwords, too
    key = ("admin", "open sesame")
    door = Door(username=key[0], password=key[1])
    schema = schemathesis.openapi.from_asgi(
        f"{ROOT}/openapi.json", door, config=attacking.settings(2, key=key), auth=key
    )
    report = attacking.Report(schema)
    door.close()
    assert report.findings == []
    assert report.phases == {"coverage", "fuzzing", "stateful"}
    assert report.requests > 300
    assert len(report.labels) >= len(OPERATIONS)
    assert "cannot answer" not in capfd.readouterr().err


def test_the_document_names_the_limits_that_there_are():
    assert set(openapi.LIMITS) == set(limits.NUMBERS)


@pytest.mark.parametrize("body", [{"dry_run": None}, {"timeout_s": None}])
def test_null_is_no_value(body):
    async def test():
        async with World() as world:
            path = "/reload" if "dry_run" in body else "/processes/web/start"
            answer = await world.send("POST", ROOT + path, body)
            assert (answer.status, answer.json["code"]) == (400, "bad-request")
            assert world.changes == []

    run(test())
