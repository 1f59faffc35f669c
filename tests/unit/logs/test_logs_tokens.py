"""Capture mode: what stands between the tokens is a message, however the reads cut them."""

from hypothesis import given
from hypothesis import strategies as st

from pyinit.logs.tokens import BEGIN, END, INSIDE, MESSAGE, OUTPUT, Capture

texts = st.lists(
    st.sampled_from([BEGIN, END, BEGIN[:9], END[:-1], b"<", b"<<!--", b"text", b"\n", b"\0"]),
    max_size=8,
).map(b"".join)


def told(*reads, size=1000):
    """Return (the output, the messages, all that was inside of one)."""
    capture = Capture(size)
    pieces = [piece for read in reads for piece in capture.feed(read)]
    output = b"".join([data for kind, data in pieces if kind == OUTPUT])
    inside = b"".join([data for kind, data in pieces if kind == INSIDE])
    return output + capture.finish(), [data for kind, data in pieces if kind == MESSAGE], inside


def test_what_is_between_the_tokens_is_a_message_and_no_output():
    assert told(b"a\n" + BEGIN + b"hello" + END + b"b\n") == (b"a\nb\n", [b"hello"], b"hello")


def test_there_may_be_several_in_one_read_and_empty_ones():
    text = b"a" + BEGIN + b"1" + END + BEGIN + END + b"b" + BEGIN + b"2" + END
    assert told(text) == (b"ab", [b"1", b"", b"2"], b"12")


def test_an_end_without_a_beginning_is_output():
    assert told(END + b"a") == (END + b"a", [], b"")


@given(texts, st.data())
def test_where_the_reads_cut_the_tokens_makes_no_difference(text, data):
    first = data.draw(st.integers(0, len(text)))
    second = data.draw(st.integers(first, len(text)))
    assert told(text[:first], text[first:second], text[second:]) == told(text)


def test_a_byte_at_a_time_gives_the_same():
    text = b"a" + BEGIN + b"hello" + END + b"b"
    assert told(*[bytes([byte]) for byte in text]) == (b"ab", [b"hello"], b"hello")


def test_only_what_may_be_a_token_is_kept_back():
    capture = Capture(10)
    assert capture.feed(b"short") == [(OUTPUT, b"short")]
    assert capture.feed(b"x<!--XS") == [(OUTPUT, b"x")]
    assert capture.feed(b"y") == [(OUTPUT, b"<!--XSy")]


@given(st.lists(st.integers(0, 5000), max_size=20), st.integers(1, 6000))
def test_the_last_bytes_of_a_long_message_are_kept(sizes, most):
    parts = [bytes([97 + number]) * size for number, size in enumerate(sizes)]
    _, (message,), inside = told(BEGIN, *parts, END, size=most)
    assert message == b"".join(parts)[-most:]
    assert inside == b"".join(parts)


def test_a_message_that_never_ends_is_bounded():
    capture = Capture(10_000)
    capture.feed(BEGIN)
    for _ in range(100_000):
        capture.feed(b"x")
    assert sum(len(part) for part in capture._parts) < 10_000 + 2 * 2048
    assert len(capture._parts) < 10


def test_a_message_without_an_end_is_output_when_the_stream_is_over():
    assert told(b"a" + BEGIN + b"hello" + END[:5]) == (b"ahello" + END[:5], [], b"hello")
