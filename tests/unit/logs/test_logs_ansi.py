"""strip_ansi: terminal sequences are taken out, wherever the reads cut them."""

from hypothesis import given
from hypothesis import strategies as st

from pyinit.logs.ansi import LONGEST_BYTES, Ansi

texts = st.lists(
    st.sampled_from([b"\x1b", b"[", b"\x1b[", b"31", b";", b"m", b"K", b"plain", b"\n", b"\xff"]),
    max_size=12,
).map(b"".join)


def stripped(*reads):
    ansi = Ansi()
    return b"".join([*(ansi.feed(read) for read in reads), ansi.finish()])


def test_colours_and_movements_are_gone_and_nothing_else():
    assert stripped(b"\x1b[1;31mred\x1b[0m \x1b[2K\x1b[10;20Hthere\n") == b"red there\n"
    assert stripped(b"no sequence [31m at all\n") == b"no sequence [31m at all\n"


def test_every_final_byte_ends_a_sequence():
    assert stripped(b"\x1b[2Gabc\x1b[?25lx\x1b[3~y\x1b[4@z") == b"abcxyz"


def test_what_breaks_a_sequence_off_is_kept():
    assert stripped(b"a\x1b[31\nb\x1b[\x1b[0mc") == b"a\nbc"


@given(texts, st.data())
def test_how_the_reads_cut_it_makes_no_difference(text, data):
    first = data.draw(st.integers(0, len(text)))
    second = data.draw(st.integers(first, len(text)))
    assert stripped(text[:first], text[first:second], text[second:]) == stripped(text)


def test_a_byte_at_a_time_gives_the_same():
    text = b"\x1b[1;31mred\x1b[0m\n"
    assert stripped(*[bytes([byte]) for byte in text]) == b"red\n"


def test_what_never_ends_is_no_sequence_and_is_not_kept_back():
    ansi = Ansi()
    endless = b"\x1b[" + b"1" * LONGEST_BYTES
    assert ansi.feed(endless) == b""
    assert ansi.feed(b"1") == endless + b"1"
    assert ansi.rest == b""


def test_a_stream_that_ends_within_a_sequence_does_not_show_it():
    assert stripped(b"x\x1b[31") == b"x"
    assert stripped(b"x\x1b") == b"x\x1b"
