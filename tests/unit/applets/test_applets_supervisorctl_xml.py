"""XML-RPC as supervisorctl writes and reads it, beside the standard library's."""

import xmlrpc.client

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.applets import supervisorctl_xml as xml
from pyinit.applets.supervisorctl_server import Fault

CHARS = st.characters(
    codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"
)
TEXT = st.text(CHARS)
SCALARS = (
    st.booleans()
    | st.integers(-(2**31), 2**31 - 1)
    | TEXT
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_an_answer_is_read_as_the_standard_library_reads_it(value):
    document = xmlrpc.client.dumps((value,), methodresponse=True).encode()
    assert xml.answer(document) == value


@given(st.lists(VALUES, max_size=3))
def test_a_call_is_written_so_that_the_standard_library_understands_it(values):
    params, method = xmlrpc.client.loads(xml.call("supervisor.x", tuple(values)))
    assert (list(params), method) == (values, "supervisor.x")


def test_a_value_without_a_type_is_text():
    text = b"<methodResponse><params><param><value>a <![CDATA[<b>]]></value></param></params></methodResponse>"
    assert xml.answer(text) == "a <b>"


@pytest.mark.parametrize("text", ["BAD_NAME: <x>", "", "ä"])
def test_a_fault_is_raised(text):
    document = xmlrpc.client.dumps(xmlrpc.client.Fault(10, text), methodresponse=True).encode()
    with pytest.raises(Fault) as caught:
        xml.answer(document)
    assert (caught.value.code, caught.value.text) == (10, text)
    assert str(caught.value) == str(xmlrpc.client.Fault(10, text))


BOMB = b"""<!DOCTYPE b [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>
<methodResponse><params><param><value>&b;</value></param></params></methodResponse>"""
DEEP = b"<value><array><data>" * 100


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"not xml",
        b"<methodResponse/>",
        BOMB,
        DEEP,
        b"<methodResponse><params><param><value><int>x</int></value></param></params></methodResponse>",
        b"<methodResponse><fault><value><int>1</int></value></fault></methodResponse>",
        b"<methodResponse><value><struct><member><name>x</name></member></struct></value></methodResponse>",
    ],
)
def test_what_is_no_answer_is_refused(document):
    with pytest.raises(xml.NotUnderstood):
        xml.answer(document)
