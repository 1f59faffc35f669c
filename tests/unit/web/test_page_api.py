"""The API: every route is in its document, every fault is told as a problem, nothing is guessed."""

import pytest
from jsonschema import Draft202012Validator
from page_world import World, process, run
from starlette.routing import Route

from pyinit.protocol.messages import EXIT_CODES, VERBS, Refused
from pyinit.web import metrics, openapi, probes, problems, rest
from pyinit.web.operations import OPERATIONS
from pyinit.web.schemas import SCHEMAS

ROOT = "/api/v1"


def refers(value):
    """Return every $ref in a document."""
    if isinstance(value, dict):
        found = [each for name, each in value.items() if name == "$ref"]
        return found + [ref for each in value.values() for ref in refers(each)]
    if isinstance(value, list):
        return [ref for each in value for ref in refers(each)]
    return []


def test_every_route_is_in_the_document_and_the_other_way_round():
    async def test():
        async with World() as world:
            modules = (rest, metrics, probes)
            routed = {
                route.path
                for module in modules
                for route in module.routes(world.context)
                if isinstance(route, Route)
            }
            told = (await world.get(f"{ROOT}/openapi.json")).json
            assert routed - {f"{ROOT}/{{rest:path}}"} == set(told["paths"])

    run(test())


def test_every_method_of_the_document_is_answered_and_no_other():
    async def test():
        async with World() as world:
            told = openapi.document(secured=False)
            for path, methods in told["paths"].items():
                if not path.startswith(ROOT):
                    continue
                for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                    answer = await world.ask(method, path.replace("{name}", "web"))
                    is_there = method.lower() in methods
                    assert (answer.status != 405) is is_there, (method, path)
                    if not is_there:
                        allowed = {each.upper() for each in methods}
                        assert set(answer.header("allow").split(", ")) == allowed

    run(test())


def test_the_document_is_whole():
    told = openapi.document(secured=True)
    assert told["openapi"].startswith("3.1")
    assert told["security"] == [{"basic": []}]
    for ref in refers(told):
        kind, name = ref.removeprefix("#/components/").split("/")
        assert name in told["components"][kind], ref
    used = {ref.rpartition("/")[2] for ref in refers(told)}
    assert set(SCHEMAS) <= used
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
    ids = [each["operationId"] for methods in told["paths"].values() for each in methods.values()]
    assert len(set(ids)) == len(ids)
    for path, methods in told["paths"].items():
        for each in methods.values():
            names = [p["name"] for p in each.get("parameters", ()) if p["in"] == "path"]
            assert names == (["name"] if "{name}" in path else [])


def test_every_verb_of_pyinitctl_can_be_asked_for():
    wanted = {
        *("status", "start", "stop", "restart", "signal", "reload", "logs", "events", "why"),
        *("limits", "set-limits", "env", "graph", "health", "ready", "wait", "drain"),
        *("shutdown", "reexec", "trace", "metrics"),
    }
    assert wanted <= {each.verb for each in OPERATIONS}


def test_every_code_of_an_error_has_a_status():
    assert set(EXIT_CODES) <= set(problems.STATUS)
    assert set(problems.STATUS.values()) <= set(problems.TITLES)


@pytest.mark.parametrize(
    ("method", "path", "verb", "args"),
    [
        ("GET", "/status", "status", {}),
        ("GET", "/status?name=web&name=db&usage=true", "status", {"names": ["web", "db"], "usage": True}),
        ("GET", "/processes/web%3A0?usage=0", "status", {"names": ["web:0"], "usage": False}),
        ("GET", "/events?lines=3", "events", {"lines": 3}),
        ("GET", "/processes/g%3A*/wait?for=stopped&timeout_s=1.5", "wait", {"names": ["g:*"], "for": "stopped", "timeout_s": 1.5}),
        ("POST", "/processes/web/restart", "restart", {"names": ["web"]}),
        ("POST", "/shutdown", "shutdown", {}),
        ("GET", "/graph", "graph", {}),
    ],
)  # fmt: skip
def test_words_of_a_path_and_a_query_become_arguments(method, path, verb, args):
    async def test():
        async with World() as world:
            world.answers[verb] = {}
            answer = await world.ask(method, ROOT + path)
            assert answer.status == 200, answer.text
            assert world.asked == [(verb, args)]

    run(test())


def test_a_body_is_the_arguments():
    async def test():
        async with World() as world:
            given = {"limits": {"nofile": "512:1024", "core": 0}}
            answer = await world.send("PATCH", f"{ROOT}/processes/web/limits", given)
            assert answer.status == 200
            assert world.asked == [("set-limits", {"names": ["web"], **given})]

    run(test())


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status", "message", "fix"),
    [
        ("GET", "/status?nam=web", b"", "", 400, "'getStatus' takes no 'nam'", "did you mean 'name'?"),
        ("GET", "/graph?x=1", b"", "", 400, "'getGraph' takes no 'x'", "known: nothing"),
        ("GET", "/status?usage=maybe", b"", "", 400, "cannot read 'usage': 'maybe'", "give boolean"),
        ("GET", "/events?lines=x", b"", "", 400, "cannot read 'lines': 'x'", "give integer"),
        ("GET", "/processes/web/wait?timeout_s=nan", b"", "", 400, "", ""),
        ("POST", "/processes/web/stop", b"{", "application/json", 400, "the body is no JSON", 'send an object, such as {"wait": false}'),
        ("POST", "/processes/web/stop", b"[]", "application/json", 400, "the body is no object", 'send one, such as {"wait": false}'),
        ("POST", "/processes/web/stop", b'{"names": ["x"]}', "application/json", 400, "'stop' takes no 'names'", "known: wait, timeout_s"),
        ("POST", "/processes/web/stop", b'{"wait": "no"}', "application/json", 400, "cannot read 'wait' of 'stop'", "give true or false"),
        ("POST", "/processes/web/stop", b'{"timeout_s": NaN}', "application/json", 400, "", ""),
        ("POST", "/processes/web/stop", b"[" * 100_000, "application/json", 400, "the body is no JSON", 'send an object, such as {"wait": false}'),
        ("POST", "/processes/web/signal", b"", "", 400, "'signal' needs 'signal'", "such as HUP, SIGHUP, 1 or RTMIN+1"),
        ("POST", "/processes/web/stop", b"wait=false", "application/x-www-form-urlencoded", 415, "a body of 'application/x-www-form-urlencoded' is not taken", "send application/json"),
        ("POST", "/processes/web/stop", b'{"wait": false}', "text/plain", 415, "a body of 'text/plain' is not taken", "send application/json"),
        ("GET", "/nothing", b"", "", 404, "there is no '/api/v1/nothing'", "see /api/v1/openapi.json"),
        ("GET", "/processes/nobody", b"", "", 404, "no such program: 'nobody'", ""),
        ("PUT", "/status", b"", "", 405, "cannot PUT this", "use GET"),
        ("POST", "/openapi.json", b"", "", 405, "cannot change the document", "use GET"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told_with_how_to_mend_it(
    method, path, body, kind, status, message, fix
):
    async def test():
        async with World() as world:
            headers = {"content_type": kind} if kind else {}
            answer = await world.ask(method, ROOT + path, body, **headers)
            assert answer.status == status, answer.text
            assert answer.header("content-type") == "application/problem+json"
            told = answer.json
            Draft202012Validator(SCHEMAS["Problem"]).validate(told)
            if message:
                assert (told["message"], told["fix"]) == (message, fix)
            assert world.changes == []

    run(test())


def test_what_pyinit_refuses_comes_with_all_it_says():
    async def test():
        async with World() as world:
            entry = {"name": "web", "ok": False, "message": "exit status 3"}
            text = "cannot start web: exit status 3\n  its last words"
            world.answers["start"] = Refused("failed", text, {"processes": [entry]})
            told = await world.send("POST", f"{ROOT}/processes/web/start", {})
            assert (told.status, told.json["code"], told.json["message"]) == (409, "failed", text)
            assert told.json["processes"] == [entry]
            world.answers["start"] = Refused("busy", "too much\n  ask again later")
            told = await world.send("POST", f"{ROOT}/processes/web/start", {})
            assert (told.status, told.json["fix"]) == (503, "ask again later")
            assert told.header("retry-after")

    run(test())


def test_every_answer_is_json_that_every_reader_takes():
    async def test():
        async with World() as world:
            world.answers["env"] = {
                "processes": [{"name": "\udcff", "from": "plan", "env": {"A\udc80": "\ud800"}}]
            }
            answer = await world.get(f"{ROOT}/processes/web/env")
            assert "\\ud" not in answer.text
            assert answer.json["processes"][0] == {
                "name": "\ufffd",
                "from": "plan",
                "env": {"A\ufffd": "?"},
            }

    run(test())


def test_a_read_only_door_only_tells():
    async def test():
        async with World(read_only=True) as world:
            for each in OPERATIONS:
                world.answers.setdefault(each.verb, {})
                path = ROOT + each.path.replace("{name}", "web")
                query = "&".join(f"{f.name}=stdout" for f in each.query if f.needed)
                given = {
                    field.name: {"nofile": 1} if field.kind == "limits" else "1"
                    for field in each.body
                    if field.needed
                }
                answer = await world.send(each.method, f"{path}?{query}", given)
                assert answer.status == (200 if each.level == "read" else 403), each.id
            assert world.changes == [
                each for each in world.changes if VERBS[each[0]].level == "read"
            ]

    run(test())


def test_a_request_of_another_sites_page_is_refused():
    async def test():
        async with World() as world:
            path = f"{ROOT}/processes/web/stop"
            for headers in ({"origin": "http://evil.example"}, {"sec_fetch_site": "cross-site"}):
                assert (await world.send("POST", path, {}, **headers)).status == 403
            assert world.changes == []
            assert (await world.send("POST", path, {}, origin="http://localhost:1")).status == 200

    run(test())


def test_what_the_door_refuses_is_a_problem_too():
    async def test():
        async with World(username="admin", password="secret") as world:
            answer = await world.get(f"{ROOT}/status")
            assert (answer.status, answer.json["code"]) == (401, "unauthorized")
            assert answer.header("content-type") == "application/problem+json"
            assert answer.header("www-authenticate").startswith("Basic ")
            Draft202012Validator(SCHEMAS["Problem"]).validate(answer.json)
        async with World() as world:
            path = f"{ROOT}/processes/web/stop"
            answer = await world.send("POST", path, {}, origin="http://evil.example")
            assert (answer.status, answer.json["code"]) == (403, "forbidden")
            large = b'{"wait": "' + b"x" * (2 << 20) + b'"}'
            answer = await world.ask("POST", path, large, content_type="application/json")
            assert (answer.status, answer.json["code"]) == (413, "too-large")
            assert world.asked == []

    run(test())


def test_who_hangs_up_is_not_waited_for():
    async def test():
        async with World() as world:
            world.answers["restart"] = lambda _args: None  # it never comes to an end
            async with world.asking("POST", f"{ROOT}/processes/web/restart"):
                await world.until(lambda: world.changes)

    run(test())


def test_streams_are_told_as_they_come_and_end_with_pyinit():
    async def test():
        async with World() as world:
            world.answers["events"] = {"events": []}
            async with world.asking("GET", f"{ROOT}/events?follow=true&name=web") as answer:
                await answer.until(lambda: world.open)
                world.tell("events", {"event": "state", "name": "web", "state": "FATAL"})
                await answer.until(lambda: answer.events)
                assert answer.events == [
                    ("state", {"event": "state", "name": "web", "state": "FATAL"})
                ]
                assert answer.header("content-type").startswith("text/event-stream")
                world.hang_up()
                await answer.whole()

    run(test())


def test_a_stream_of_nobody_is_a_problem_and_no_stream():
    async def test():
        async with World() as world:
            world.answers["logs"] = Refused("no-such-program", "no such program: 'x'")
            answer = await world.get(f"{ROOT}/processes/x/logs?follow=true")
            assert (answer.status, answer.json["code"]) == (404, "no-such-program")
            assert not world.open

    run(test())


def test_when_pyinit_is_gone_that_is_a_problem_too():
    async def test():
        async with World(process()) as world:
            world.hang_up()
            await world.control.lost.wait()
            answer = await world.get(f"{ROOT}/status")
            assert (answer.status, answer.json["code"]) == (503, "no-supervisor")

    run(test())
