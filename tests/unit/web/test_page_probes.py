"""Probes: open to everybody, yes is 200 and no is 503, and details are for those who may come in."""

import base64

import pytest
from page_world import World, run

LOST = {"name": "db", "state": "FATAL", "reason": "exit status 1"}
COMING = {"name": "web", "state": "BACKOFF", "reason": "exit status 2; next run in 1.0 s"}
KEY = {"authorization": "Basic " + base64.b64encode(b"admin:secret").decode()}


def verdict(*failing, ok=None, state="running"):
    return {"ok": not failing if ok is None else ok, "state": state, "failing": list(failing)}


@pytest.mark.parametrize(
    ("path", "verb", "told", "status"),
    [
        ("/livez", "health", verdict(), 200),
        ("/livez", "health", verdict(LOST), 503),
        ("/livez", "health", verdict(COMING), 200),  # it is in good hands
        ("/livez", "health", verdict(ok=False, state="booting"), 200),
        ("/readyz", "ready", verdict(), 200),
        ("/readyz", "ready", verdict(COMING), 503),
        ("/readyz", "ready", verdict(ok=False, state="draining"), 503),
        ("/startupz", "ready", verdict(COMING), 503),
        ("/startupz", "ready", verdict(), 200),
    ],
)
def test_a_probe_says_yes_or_no(path, verb, told, status):
    async def test():
        async with World() as world:
            world.answers[verb] = told
            answer = await world.get(path)
            assert answer.status == status
            assert answer.text.splitlines()[0] == ("ok" if status == 200 else "not ok")
            as_json = await world.get(path, accept="application/json")
            assert as_json.status == status
            assert as_json.json["ok"] is (status == 200)

    run(test())


def test_once_started_it_has_been_started():
    async def test():
        async with World() as world:
            world.answers["ready"] = verdict(COMING)
            assert (await world.get("/startupz")).status == 503
            world.answers["ready"] = verdict()
            assert (await world.get("/startupz")).status == 200
            world.answers["ready"] = verdict(COMING)
            assert (await world.get("/startupz")).status == 200
            assert (await world.get("/readyz")).status == 503

    run(test())


def test_details_are_for_those_who_have_the_password():
    async def test():
        async with World(username="admin", password="secret") as world:
            world.answers["ready"] = verdict(LOST)
            stranger = await world.get("/readyz")
            assert (stranger.status, stranger.text) == (503, "not ok\n")
            told = await world.get("/readyz", accept="application/json")
            assert told.json == {"ok": False}
            nobody = await world.get("/readyz", authorization="")
            assert (nobody.status, nobody.text) == (503, "not ok\n")
            known = await world.get("/readyz", **KEY)
            assert known.text == "not ok\ndb: FATAL exit status 1\n"
            told = await world.get("/readyz", accept="application/json", **KEY)
            assert told.json == {"ok": False, "state": "running", "failing": [LOST]}

    run(test())


def test_a_wrong_password_is_as_wrong_here_as_elsewhere():
    async def test():
        async with World(username="admin", password="secret") as world:
            world.answers["ready"] = verdict()
            wrong = {"authorization": "Basic " + base64.b64encode(b"admin:guess").decode()}
            assert (await world.get("/readyz", **wrong)).status == 401

    run(test())


@pytest.mark.parametrize("path", ["/", "/metrics", "/api/v1/status", "/live", "/static/page.js"])
def test_nothing_else_is_open(path):
    async def test():
        async with World(username="admin", password="secret") as world:
            assert (await world.get(path)).status == 401
            assert world.asked == []

    run(test())


def test_a_pyinit_that_is_gone_is_not_alive():
    async def test():
        async with World() as world:
            world.hang_up()
            await world.control.lost.wait()
            for path in ("/livez", "/readyz", "/startupz"):
                assert (await world.get(path)).status == 503

    run(test())
