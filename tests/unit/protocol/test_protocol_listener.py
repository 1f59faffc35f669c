"""The protocol of event listeners, whatever the pieces it comes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.protocol import listener as protocol
from pyinit.protocol.listener import (
    ACKNOWLEDGED,
    BUSY,
    READY,
    RESULT_BYTES,
    UNKNOWN,
    Answered,
    Became,
    Broke,
    Listener,
    header,
    heard,
    sent,
    text,
)

BUSY_NOW = sent(Listener(READY))
# What a listener may say while it has an event, and whether it took it.
RESULTS = st.one_of(
    st.just((b"RESULT 2\nOK", True)),
    st.just((b"RESULT 4\nFAIL", False)),
    st.binary(max_size=40).map(lambda data: (b"RESULT %d\n%s" % (len(data), data), data == b"OK")),
)


def pieces(data, cuts):
    at = sorted({cut % (len(data) + 1) for cut in cuts})
    return [
        data[start:end]
        for start, end in zip([0, *at], [*at, len(data)], strict=True)
        if end > start
    ]


def talk(listener, parts):
    """Return the listener and all news after it has said `parts`."""
    told = []
    for part in parts:
        listener, news = heard(listener, part)
        told += news
    return listener, told


@given(RESULTS, st.lists(st.integers(0, 100), max_size=8))
def test_a_result_means_the_same_in_whatever_pieces_it_comes(result, cuts):
    data, ok = result
    listener, told = talk(BUSY_NOW, pieces(data + b"READY\n", cuts))
    assert told == [Answered(ok), Became(ACKNOWLEDGED), Became(READY)]
    assert listener == Listener(READY)


@given(st.binary(max_size=80), st.lists(st.integers(0, 100), max_size=8))
def test_pieces_change_nothing_of_what_breaks_the_protocol(data, cuts):
    for start in (Listener(), Listener(READY), BUSY_NOW):
        whole, told = talk(start, [data] if data else [])
        parted, again = talk(start, pieces(data, cuts))
        assert (whole.state, [type(each) for each in told]) == (
            parted.state,
            [type(each) for each in again],
        )
        assert parted.rest == whole.rest


@given(st.lists(st.one_of(st.binary(max_size=20), st.sampled_from([b"READY\n", b"RESULT 2\nOK"]))))
def test_a_listener_is_always_in_a_state_that_its_news_led_to(parts):
    state = ACKNOWLEDGED
    listener = Listener()
    for part in parts:
        listener, news = heard(listener, part)
        for each in news:
            state = each.state if isinstance(each, Became) else state
        assert listener.state == state
        if state == READY:
            listener = sent(listener)
            state = BUSY


@given(st.binary())
def test_what_an_unknown_listener_says_means_nothing(data):
    assert heard(Listener(UNKNOWN), data) == (Listener(UNKNOWN), ())


@given(st.binary(max_size=3000))
def test_what_is_kept_of_a_listener_is_bounded(data):
    for start in (Listener(), Listener(READY), BUSY_NOW):
        listener, _ = talk(start, [data] * 100)
        assert len(listener.rest) <= RESULT_BYTES + len(data)


@pytest.mark.parametrize(
    ("state", "said", "due"),
    [
        (Listener(), b"hello\n", "READY"),
        (Listener(), b"READX", "READY"),
        (Listener(), b"READY\r\n", "READY"),
        (Listener(READY), b"READY\n", "nothing"),
        (Listener(READY), b"x", "nothing"),
        (BUSY_NOW, b"READY\n", "RESULT and its length"),
        (BUSY_NOW, b"RESULT two\n", "RESULT and its length"),
        (BUSY_NOW, b"RESULT -1\n", "RESULT and its length"),
        (BUSY_NOW, b"RESULT\n", "RESULT and its length"),
        (BUSY_NOW, b"RESULTS 2\nOK", "RESULT and its length"),
        (BUSY_NOW, b"RESULT 99999999999\n", "RESULT and its length"),
        (BUSY_NOW, b"RESULT " + b"0" * 2000, "RESULT and its length"),
    ],
)
def test_what_is_not_due_breaks_the_protocol_at_once(state, said, due):
    listener, news = heard(state, said)
    assert listener == Listener(UNKNOWN)
    assert news == (Broke(said[:60], due), Became(UNKNOWN))


def test_a_number_is_read_as_generously_as_supervisord_does():
    for line in (b"RESULT 2\r\n", b"RESULT  2\n", b"RESULT +2\n"):
        assert heard(BUSY_NOW, line + b"OK")[1][0] == Answered(ok=True)


def test_an_empty_result_is_a_refusal():
    assert heard(BUSY_NOW, b"RESULT 0\n")[1] == (Answered(ok=False), Became(ACKNOWLEDGED))


def test_the_length_in_a_header_counts_characters():
    line = header("box", 7, "watch", 3, "REMOTE_COMMUNICATION", "type:é\ndätä")
    assert line == (
        "ver:3.0 server:box serial:7 pool:watch poolserial:3 "
        "eventname:REMOTE_COMMUNICATION len:11\n"
    )


def test_bytes_that_are_no_text_are_told_as_what_they_are():
    assert text("cäp".encode()) == "cäp"
    assert text(b"\xff\n") == "Undecodable: b'\\xff\\n'"


def test_the_header_ends_where_the_payload_begins():
    assert protocol.header("s", 0, "p", 0, "TICK_5", "").count("\n") == 1
