"""Requests nobody thought of: whatever is sent, it is answered, and PID 1 stays as it was."""

import json

import pytest
from boxed import Box
from control_raw import Raw, assert_unharmed
from fuzzing import TIMES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyinit.protocol.messages import EXIT_CODES, VERBS

CONFIG = """
[init]
exit = "never"
[program.web]
command = ["sleep", "600"]
start_seconds = 0
restart = { policy = "always", delay = "10ms", max = 0 }
[program.pair]
command = ["sleep", "600"]
start_seconds = 0
instances = 2
stdout = "prefix"
[program.job]
command = ["sh", "-c", "echo done; exit 1"]
type = "oneshot"
stdout = "prefix"
stderr = "prefix"
restart = "never"
autostart = false
depends_on = { web = "started" }
"""
HARMLESS = sorted(VERBS.keys() - {"shutdown", "reexec", "restart-all"})
LIVE = settings(
    max_examples=150 * TIMES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
NAMES = ["web", "pair", "pair:1", "pair:*", "job", "all", "w*", "[a-z]*", "nope", "", "*", "[", ":"]
WORDS = [
    "TERM",
    "HUP",
    "USR1",
    "KILL",
    "0",
    "9",
    "-1",
    "RTMIN+1",
    "stdout",
    "both",
    "ready",
    "done",
]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([*NAMES, *WORDS])
    | st.text(st.characters(codec=None), max_size=20)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
resources = st.sampled_from(["core", "nofile", "NOFILE", "cpu", "nice", "x", "rlimit_core"])
limits = st.sampled_from(["max", "unlimited", "100:200", "64KB", "inherit", "", ":", 1000, 10**30])
GOOD = {
    "names": st.lists(st.sampled_from(NAMES), max_size=3),
    "text": st.sampled_from(WORDS),
    "flag": st.booleans(),
    "seconds": st.floats(0, 0.01) | st.sampled_from([0, 1e308, 10**300]),
    "count": st.integers(0, 5) | st.just(10**300),
    "integer": st.integers(-5, 5) | st.just(-(10**300)),
    "limits": st.dictionaries(resources, limits, max_size=2),
}
known_words = sorted({name for verb in VERBS.values() for name in verb.args} | {"nmaes", ""})


@st.composite
def requests(draw):
    """Return a request that is almost right, or quite."""
    verb = draw(st.sampled_from(HARMLESS))
    args = {}
    for name, kind in VERBS[verb].args.items():
        if draw(st.booleans()) or name in VERBS[verb].needs:
            args[name] = draw(GOOD[kind] if draw(st.integers(0, 9)) else values)
    if draw(st.integers(0, 9)) == 0:
        args[draw(st.sampled_from(known_words))] = draw(values)
    return {"id": draw(values), "verb": verb, "args": args}


@pytest.fixture(scope="module")
def box():
    with Box(CONFIG) as made:
        made.wait_state("pair:1", "RUNNING")
        yield made
        made.ctl("start", "web", "pair")
        assert_unharmed(made)


def assert_answer(frame):
    """Assert that a frame is a well-formed notification or reply, and no fault of pyinit's."""
    if "event" in frame:
        assert isinstance(frame["event"], str)
    elif frame["ok"]:
        assert isinstance(frame["result"], dict)
    else:
        assert frame["error"]["code"] in EXIT_CODES, frame
        assert frame["error"]["code"] != "internal", frame
        assert frame["error"]["message"]


def is_reply(frame, number):
    return "event" not in frame and frame["id"] == number


@LIVE
@given(st.lists(requests(), min_size=1, max_size=4))
@example([{"id": 1, "verb": "events", "args": {"follow": True, "lines": 0}}])
@example([{"id": None, "verb": "wait", "args": {"names": ["nope"]}}])
@example([{"id": 1, "verb": "drain", "args": {"delay_s": 1e308}}])
@example([{"id": 1, "verb": "set-limits", "args": {"names": ["all"], "limits": {"nofile": "0"}}}])
def test_requests_that_are_almost_right_are_answered(box, many):
    with Raw(box.socket) as client:
        for request in many:
            client.send(request)
        client.send({"id": "last", "verb": "health"})
        while True:
            frame = client.receive()
            assert frame is not None
            assert_answer(frame)
            if is_reply(frame, "last"):
                break


@LIVE
@given(st.dictionaries(st.sampled_from(["id", "verb", "args", "x"]), values))
@example({"verb": "status", "args": {"names": ["web"] * 5000}})
def test_objects_of_any_kind_are_answered(box, frame):
    with Raw(box.socket) as client:
        if frame.get("verb") in ("shutdown", "reexec"):
            return
        client.send(frame)
        client.send({"id": "last", "verb": "health"})
        assert_answer(client.receive())


@LIVE
@given(
    st.lists(
        st.binary(max_size=30)
        | st.sampled_from([b'{"verb":"status"}\n', b"\n", b"{", b'"', b"[" * 500, b"\xff\n", b"\0"])
        | requests().map(lambda frame: json.dumps(frame).encode()),
        max_size=8,
    )
)
@example([b"\r\n\r\n"])
@example([b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
@example([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"])
def test_bytes_of_any_kind_leave_pyinit_as_it_was(box, parts):
    with Raw(box.socket) as client:
        for part in parts:
            client.send(part)
    with Raw(box.socket) as other:
        assert other.ask({"id": "last", "verb": "health"})["id"] == "last"
