"""The API, metrics and probes at a door of a real pyinit: every answer is as the document says."""

import base64
import contextlib
import http.client
import json
import socket

import pytest
from boxed import WITHIN_S, Box, eventually, inline, program
from jsonschema import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families

USER, PASSWORD = "admin", "open sesame"
ROOT = "/api/v1"
PROGRAMS = (
    program("web", "echo ready; exec sleep 600", stdout="prefix", stderr="prefix")
    + program("pair", "sleep", "600", instances=2)
    + program("bad", "echo no database >&2; exit 3", stderr="prefix", restart="never", critical=False)
    + program("lost", "/nowhere/lost", "now", restart={"max": 1, "delay": "10ms"}, critical=False)
    + program("file", "echo in a file; exec sleep 600", stdout={"file": "FILE"})
    + program("migrate", "true", type="oneshot")
    + program("cron", "sleep", "600", autostart=False, depends_on={"web": "started"})
)  # fmt: skip


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def web(port, **keys):
    """Return a [web] section."""
    given = {"username": USER, "password": PASSWORD, **keys}
    lines = [f"{name} = {inline(value)}" for name, value in given.items()]
    return "\n".join(["[web]", f'listen = "127.0.0.1:{port}"', *lines, ""])


class Api:
    """A box with a door, and its API."""

    def __init__(self, config, **keys):
        self.port = free_port()
        text = f'[init]\nexit = "never"\n{web(self.port, **keys)}\n{config}'
        self.box = Box(text)
        self._document = None

    def __enter__(self):
        self.box.wait_socket()
        return self

    def __exit__(self, *_):
        self.box.close()

    def raw(self, method, path, body=None, **headers):
        """Return (status, headers, body) of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN_S)
        key = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = {"Authorization": f"Basic {key}"}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            body = json.dumps(body)
            known["Content-Type"] = "application/json"
        with contextlib.closing(connection):
            connection.request(method, path, body, {**known, **given})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def ask(self, method, path, body=None, wanted=200):
        """Return the answer of the API, which is as its document says and has nothing beside."""
        status, headers, data = self.raw(method, ROOT + path, body)
        told = json.loads(data)
        assert status == wanted, told
        self.check(method, path.partition("?")[0], status, headers["content-type"], told)
        return told

    def check(self, method, path, status, kind, told):
        methods = self.document["paths"][self._template(ROOT + path)]
        answers = methods[method.lower()]["responses"]
        answer = answers.get(str(status)) or self.document["components"]["responses"]["Problem"]
        schema = {**answer["content"][kind]["schema"], "components": self.document["components"]}
        Draft202012Validator(schema).validate(told)
        if status == 200:
            strict = {**schema, "components": closed(self.document["components"])}
            Draft202012Validator(strict).validate(told)

    @property
    def document(self):
        if self._document is None:
            self._document = json.loads(self.raw("GET", f"{ROOT}/openapi.json")[2])
        return self._document

    def _template(self, path):
        for each in self.document["paths"]:
            parts, wanted = path.split("/"), each.split("/")
            if len(parts) == len(wanted) and all(
                w in (p, "{name}") for p, w in zip(parts, wanted, strict=True)
            ):
                return each
        raise AssertionError(f"{path} is not in the document")


def closed(value):
    """Return schemas in which every object has the fields that are named and no other."""
    if isinstance(value, dict):
        made = {name: closed(each) for name, each in value.items()}
        if made.get("type") == "object" and "properties" in made:
            made.setdefault("additionalProperties", False)
        return made
    return [closed(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    file = tmp_path_factory.mktemp("logs") / "file.log"
    with Api(PROGRAMS.replace("FILE", str(file))) as found:
        for name, state in (("web", "RUNNING"), ("bad", "EXITED"), ("lost", "FATAL")):
            found.box.wait_state(name, state)
        yield found


def test_what_only_looks_is_as_the_document_says(api):
    for path in (
        *("/status", "/status?usage=true", "/status?name=web&name=bad", "/metrics", "/health"),
        *("/ready", "/events", "/events?lines=2", "/why", "/limits", "/graph", "/trace?lines=5"),
        *("/processes/web", "/processes/pair%3A*?usage=true", "/processes/all/why"),
        *("/processes/web/logs?lines=1&stream=stdout", "/processes/web/env"),
        *("/processes/web/limits", "/processes/web/wait?for=running&timeout_s=30"),
    ):
        api.ask("GET", path)


def test_status_tells_what_pyinitctl_tells(api):
    ours = api.ask("GET", "/status")
    theirs = api.box.json("status")
    assert [each["name"] for each in ours["processes"]] == [
        each["name"] for each in theirs["processes"]
    ]
    (lost,) = api.ask("GET", "/processes/lost")["processes"]
    assert lost["state"] == "FATAL"
    assert "/nowhere/lost" in lost["reason"]
    (web,) = api.ask("GET", "/processes/web?usage=true")["processes"]
    assert web["fds"] >= 3
    assert web["fds_limit"] >= 64


def test_starts_and_stops_are_answered_when_they_are_done(api):
    path = "/processes/pair%3A1"
    (stopped,) = api.ask("POST", f"{path}/stop", {})["processes"]
    assert (stopped["was"], stopped["state"], stopped["ok"]) == ("RUNNING", "STOPPED", True)
    (waited,) = api.ask("GET", f"{path}/wait?for=stopped")["processes"]
    assert waited["name"] == "pair:1"
    (started,) = api.ask("POST", f"{path}/start", {"timeout_s": 60})["processes"]
    assert (started["was"], started["state"]) == ("STOPPED", "RUNNING")
    (again,) = api.ask("POST", f"{path}/restart", {})["processes"]
    assert again["pid"] not in (0, started["pid"])
    (at_once,) = api.ask("POST", f"{path}/restart", {"wait": False})["processes"]
    assert at_once["ok"]
    api.box.wait_state("pair:1", "RUNNING")
    api.ask("POST", "/processes/web/signal", {"signal": "CONT"})
    api.ask("DELETE", "/processes/web/logs")


def test_limits_are_set_and_told(api):
    api.ask("PATCH", "/processes/pair%3A0/limits", {"limits": {"nofile": "64:128"}})
    (told,) = api.ask("GET", "/processes/pair%3A0/limits")["processes"]
    assert (told["limits"]["nofile"]["soft"], told["limits"]["nofile"]["hard"]) == (64, 128)


def test_a_log_file_is_read_piece_by_piece(api):
    eventually(lambda: "in a file" in json.dumps(api.box.call("logs", {"names": ["file"]})))
    piece = api.ask("GET", "/processes/file/log-file?stream=stdout&offset=3&length=4")
    assert (piece["data"], piece["offset"], piece["size"]) == ("a fi", 3, 10)
    piece = api.ask("GET", "/processes/file/log-file?stream=stdout&offset=-5")
    assert piece["data"] == "file\n"


def test_the_configuration_is_read_again_and_readiness_taken_back(api):
    assert api.ask("POST", "/reload", {"dry_run": True})["added"] == []
    assert api.ask("POST", "/drain", {"delay_s": 0}) == {"draining": True}
    assert api.ask("GET", "/ready")["state"] == "draining"
    assert api.raw("GET", "/readyz")[0] == 503
    assert api.ask("POST", "/drain", {"off": True}) == {"draining": False}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/processes/nobody", None, 404, "no-such-program"),
        ("POST", "/processes/bad/start", {}, 409, "failed"),
        ("POST", "/processes/bad/signal", {"signal": "HUP"}, 409, "not-running"),
        ("POST", "/processes/web/signal", {"signal": "HUPP"}, 400, "bad-request"),
        ("GET", "/processes/web/wait?for=stopped&timeout_s=0.05", None, 504, "not-ready"),
        ("GET", "/processes/bad/wait?for=running", None, 409, "failed"),
        ("GET", "/processes/web/log-file?stream=stdout", None, 404, "no-file"),
        ("PATCH", "/processes/web/limits", {"limits": {"nofiles": 1}}, 400, "bad-request"),
        ("POST", "/processes/web/stdin", {"data": "x"}, 404, "no-file"),
    ],
)
def test_what_is_refused_is_a_problem(api, method, path, body, status, code):
    assert api.ask(method, path, body, status)["code"] == code


def test_numbers_are_those_of_the_kernel(api):
    _, headers, data = api.raw("GET", "/metrics")
    assert headers["content-type"].startswith("text/plain")
    found = {
        (sample.name, sample.labels.get("name"), sample.labels.get("status")): sample.value
        for family in text_string_to_metric_families(data.decode())
        for sample in family.samples
    }
    assert found["pyinit_process_exits_total", "bad", "code:3"] >= 1
    assert found["pyinit_process_exits_total", "lost", "not-executed"] == 2
    assert found["pyinit_process_resident_memory_bytes", "web", None] > 100_000
    assert found["pyinit_process_open_fds", "web", None] >= 3
    assert found["pyinit_process_output_bytes_total", "web", None] >= 6
    assert found["pyinit_uptime_seconds", None, None] > 0
    assert found["pyinit_loop_turns_total", None, None] > 10


def test_probes_tell_strangers_nothing_but_yes_or_no(api):
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=WITHIN_S)
    with contextlib.closing(connection):
        connection.request("GET", "/livez")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"ok\n")
    status, _, data = api.raw("GET", "/readyz", Accept="application/json")
    assert status == 503
    told = json.loads(data)
    assert {each["name"] for each in told["failing"]} == {"bad", "lost"}
    schema = api.document["components"]["schemas"]["Probe"]
    Draft202012Validator({**schema, "components": api.document["components"]}).validate(told)


def test_states_and_output_are_told_as_they_happen(api):
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=WITHIN_S)
    key = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    with contextlib.closing(connection):
        path = f"{ROOT}/events?follow=true&name=bad"
        connection.request("GET", path, headers={"Authorization": f"Basic {key}"})
        answer = connection.getresponse()
        assert answer.getheader("content-type").startswith("text/event-stream")
        assert answer.readline() == b"retry: 2000\n"
        api.box.call("start", {"names": ["bad"], "wait": False})
        lines = iter(answer.readline, b"")
        told = [json.loads(line[6:]) for line in take_data(lines, until=b'"state":"EXITED"')]
    assert [each["state"] for each in told] == ["STARTING", "EXITED"]
    schema = {**api.document["components"]["schemas"]["Event"]}
    for each in told:
        Draft202012Validator({**schema, "components": api.document["components"]}).validate(each)
    assert told[-1]["exit"]["code"] == 3


def take_data(lines, until):
    """Return the lines of data of a stream, the last being the one with `until` in it."""
    found = []
    for line in lines:
        if line.startswith(b"data: "):
            found.append(line)
            if until in line:
                return found
    raise AssertionError("the stream has ended")


def test_pyinit_is_replaced_and_ended_by_request():
    bad = program("bad", "sh", "-c", "exit 3", restart="never", critical=False)
    with Api(program("web", "sleep", "600") + bad) as api:
        api.box.wait_state("bad", "EXITED")
        pid = api.box.wait_state("web", "RUNNING")["pid"]
        api.ask("POST", "/reexec", {})
        assert api.ask("GET", "/processes/web")["processes"][0]["pid"] == pid
        (bad,) = api.ask("GET", "/metrics?name=bad")["processes"]
        assert bad["exits"] == {"code:3": 1}
        assert api.ask("POST", "/shutdown", {"wait": False})["state"] == "stopping"
        assert api.box.wait() == 0


def test_a_door_that_is_read_only_shows_all_and_does_nothing():
    with Api(program("web", "sleep", "600"), read_only=True) as api:
        api.box.wait_state("web", "RUNNING")
        api.ask("GET", "/status")
        assert api.raw("GET", "/metrics")[0] == 200
        for method, path, body in (
            ("POST", "/processes/web/stop", {}),
            ("POST", "/shutdown", {}),
            ("GET", "/processes/web/env", None),
            ("DELETE", "/processes/web/logs", None),
        ):
            assert api.ask(method, path, body, 403)["code"] == "denied"
        assert api.box.status()["web"]["state"] == "RUNNING"
