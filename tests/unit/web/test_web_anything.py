"""Whatever comes as the body of a call is a call or refused; whatever is answered can be read."""

import xmlrpc.client

import pytest
from fuzzing import TIMES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from page_world import World, run, scope_of

from pyinit.rpc.faults import Fault
from pyinit.web import wording

MANY = settings(
    max_examples=60 * TIMES,
    deadline=None,
    derandomize=TIMES == 1,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TAGS = ["methodCall", "methodName", "params", "param", "value", "array", "data", "struct", "member"]
TAGS += [
    "name",
    "int",
    "i4",
    "boolean",
    "double",
    "string",
    "base64",
    "dateTime.iso8601",
    "nil",
    "a",
]
WORDS = ["supervisor.getState", "system.multicall", "1", "-1", "9" * 5000, "1e999", "nan", "\u00e9"]
WORDS += [
    "&lt;",
    "&#0;",
    "&#xD800;",
    "&#x110000;",
    "&bogus;",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?x ?>",
]
WORDS += [
    "<!DOCTYPE a>",
    '<!ENTITY a "b">',
    "\ufffe",
    " ",
    "\n",
    "inf",
    "0x10",
    "1_0",
    "AAAA",
    "A",
    "\r",
]
PIECES = st.sampled_from(
    [f"<{tag}>" for tag in TAGS]
    + [f"</{tag}>" for tag in TAGS]
    + [f"<{tag}/>" for tag in TAGS]
    + WORDS
) | st.text(max_size=5)


@st.composite
def bodies(draw):
    """Return a body that is almost a call: a good one with pieces put in, or cut, or re-encoded."""
    good = xmlrpc.client.dumps(([1, "a", {"b": [True, 1.5]}],), draw(st.sampled_from(WORDS[:2])))
    parts = [good]
    for _ in range(draw(st.integers(0, 4))):
        whole = "".join(parts)
        at = draw(st.integers(0, len(whole)))
        parts = [whole[:at], draw(PIECES), whole[at + draw(st.integers(0, 6)) :]]
    text = draw(st.sampled_from(["", "<?xml version='1.0'?>", "\ufeff"])) + "".join(parts)
    code = draw(st.sampled_from(["utf-8", "utf-16", "utf-32-le", "latin-1", "utf-16-be"]))
    data = bytearray(text.encode(code, "replace" if code == "latin-1" else "surrogatepass"))
    for _ in range(draw(st.integers(0, 2))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


def read(body):
    try:
        method, params = wording.read_call(body)
    except wording.Unreadable as error:
        assert str(error)
        return None
    assert isinstance(method, str)
    assert isinstance(params, list)
    return method, params


@MANY
@given(
    bodies()
    | st.lists(PIECES, max_size=30).map(lambda parts: "".join(parts).encode("utf-8", "replace"))
)
@example(b"<?xml version='1.0' encoding='utf-7'?><methodCall/>")
@example(b"<methodCall><methodName>a</methodName><methodName>b</methodName></methodCall>")
@example(b"<methodCall xmlns:a='b'><a:methodName>a</a:methodName></methodCall>")
def test_a_body_is_a_call_or_unreadable(body):
    read(body)


ANY = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@MANY
@given(ANY)
@example([3_000_000_000, -(10**400), {"size": 1 << 31}])
def test_every_answer_can_be_read(value):
    xmlrpc.client.loads(wording.answer(value))


def test_a_number_that_no_int_of_xml_rpc_can_hold_is_a_double():
    assert xmlrpc.client.loads(wording.answer(["x", 1 << 31, False]))[0] == (["x", 2.0**31, False],)
    assert xmlrpc.client.loads(wording.answer([-(1 << 31), 10**400]))[0] == (
        [-(1 << 31), float("inf")],
    )


@MANY
@given(st.text(), st.integers(-(2**31), 2**31 - 1))
def test_every_fault_can_be_read(text, code):
    try:
        xmlrpc.client.loads(wording.fault(Fault("FAILED", text)))
    except xmlrpc.client.Fault as told:
        assert told.faultString.startswith("FAILED")


@pytest.mark.parametrize(
    ("length", "status"), [("9" * 5000, 413), ("\u00b2", 413), ("-1", 413), ("", 413), ("0", 200)]
)
def test_a_length_is_a_number_of_bytes_or_too_much(length, status, capfd):
    async def test():
        async with World() as world:
            found = await world.get("/ok.html", content_length=length)
            assert found.status == status

    run(test())
    assert "cannot answer" not in capfd.readouterr().err


def test_who_hangs_up_within_a_body_is_no_fault(capfd):
    async def test():
        async with World() as world:
            scope = scope_of("POST", "/api/v1/reload", {"content_type": "application/json"})
            messages = iter(
                [
                    {"type": "http.request", "body": b"{", "more_body": True},
                    {"type": "http.disconnect"},
                ]
            )

            async def receive():
                return next(messages)

            async def send(_message):
                return  # nobody reads it

            await world.app(scope, receive, send)
            assert world.asked == []

    run(test())
    assert capfd.readouterr().err == ""
