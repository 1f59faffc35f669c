"""XML-RPC is read as Python's own client writes it, and answers are what it reads."""

import xmlrpc.client

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyinit.rpc.faults import Fault
from pyinit.web import wording
from pyinit.web.wording import Unreadable, answer, fault, read_call

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]))
NAMES = TEXT.filter(lambda text: "\ufffe" not in text and "\uffff" not in text)
SCALARS = (
    st.integers(-(2**31), 2**31 - 1) | st.booleans() | NAMES | st.floats(allow_nan=False, width=32)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(VALUES, max_size=4))
def test_what_pythons_client_writes_is_read_as_it_was_meant(params):
    body = xmlrpc.client.dumps(tuple(params), "a.b", encoding="utf-8").encode()
    assert read_call(body) == ("a.b", params)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_what_is_answered_is_what_pythons_client_reads(value):
    assert xmlrpc.client.loads(answer(value)) == ((value,), None)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8")))
def test_no_bytes_do_anything_but_be_refused(data):
    with pytest.raises(Unreadable):
        read_call(data)


@pytest.mark.parametrize(
    ("inner", "value"),
    [
        ("text", "text"),
        ("", ""),
        ("<string/>", ""),
        ("<i4>7</i4>", 7),
        ("<int> -7 </int>", -7),
        ("<boolean>1</boolean>", True),
        ("<double>1.5</double>", 1.5),
        ("<base64>aGk=</base64>", b"hi"),
        ("<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>", "19980717T14:08:55"),
        ("<array><data/></array>", []),
        ("<struct/>", {}),
        ("<struct><member><name>a</name><value>b</value></member></struct>", {"a": "b"}),
        (" <string>x</string> ", "x"),
    ],
)
def test_every_type_and_a_bare_string(inner, value):
    body = f"<methodCall><methodName> a.b </methodName><params><param><value>{inner}</value>"
    body += "</param></params></methodCall>"
    assert read_call(body.encode()) == ("a.b", [value])


@pytest.mark.parametrize(
    "inner",
    [
        "<value><nil/></value>",
        "<value><i8>1</i8></value>",
        "<value><int>x</int></value>",
        "<value><int>1</int><int>2</int></value>",
        "<value><base64>!</base64></value>",
        "<value><struct><member><value>b</value></member></struct></value>",
        "<value><struct><value>b</value></struct></value>",
        "<value><value>b</value></value>",
        "<string>b</string>",
    ],
)
def test_what_has_no_place_there_is_refused(inner):
    body = f"<methodCall><methodName>a.b</methodName><params><param>{inner}</param></params>"
    with pytest.raises(Unreadable):
        read_call(f"{body}</methodCall>".encode())


def test_a_method_needs_a_name():
    for body in ("<methodCall/>", "<methodCall><methodName/></methodCall>"):
        with pytest.raises(Unreadable, match="names no method"):
            read_call(body.encode())


@pytest.mark.parametrize("encoding", [b"nonsense", b"utf-7", b"utf-32", b"idna", b"zip"])
def test_an_unknown_encoding_is_refused(encoding):
    with pytest.raises(Unreadable):
        read_call(b'<?xml version="1.0" encoding="%s"?><methodCall/>' % encoding)


def test_values_are_counted_and_measured(monkeypatch):
    body = xmlrpc.client.dumps(([[[["x"]]]],), "a.b").encode()
    assert read_call(body) == ("a.b", [[[[["x"]]]]])
    monkeypatch.setattr(wording, "DEEPEST", 4)
    with pytest.raises(Unreadable, match="too deep"):
        read_call(body)


def test_terminal_codes_and_broken_text_do_not_break_the_answer():
    value = ["\x1b[31mred\x00", {"\x01": "\udcff\ufffe"}]
    (found,), _ = xmlrpc.client.loads(answer(value))
    assert found == ["\ufffd[31mred\ufffd", {"\ufffd": "\ufffd\ufffd"}]


def test_a_fault_is_one():
    with pytest.raises(xmlrpc.client.Fault) as told:
        xmlrpc.client.loads(fault(Fault("BAD_NAME", "<web>\x1b")))
    assert (told.value.faultCode, told.value.faultString) == (10, "BAD_NAME: <web>\ufffd")
