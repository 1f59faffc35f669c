"""Lines: what comes in pieces goes out in lines, whatever the pieces."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pyinit.logs.lines import MAX_LINE_BYTES, Lines

LONG = MAX_LINE_BYTES


def cut(data):
    """Return the block of `data` as it must come out, cut the simple way."""
    found = []
    for line in data.split(b"\n")[:-1]:
        found += [line[n : n + LONG] for n in range(0, len(line), LONG)] or [b""]
    rest = data.split(b"\n")[-1]
    found += [rest[n : n + LONG] for n in range(0, len(rest), LONG)]
    return b"".join(line + b"\n" for line in found)


def fed(pieces):
    """Return everything that comes out for the pieces; what comes out at a time is whole lines."""
    lines = Lines()
    found = [lines.feed(piece) for piece in pieces]
    assert all(block.endswith(b"\n") for block in found if block)
    return b"".join(found) + lines.finish()


sizes = st.sampled_from([0, 1, 2, 80, LONG - 1, LONG, LONG + 1, 2 * LONG, 2 * LONG + 7])
texts = st.lists(sizes, max_size=6).map(lambda found: b"\n".join(b"x" * n for n in found))


@given(texts, st.lists(st.integers(0, 7 * LONG), max_size=5))
def test_the_pieces_in_which_a_stream_comes_do_not_matter(data, places):
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges)]
    assert fed(pieces) == cut(data)


@given(st.binary(max_size=300), st.integers(1, 40))
def test_bytes_are_never_changed(data, step):
    found = fed([data[n : n + step] for n in range(0, len(data), step)])
    assert found == data + (b"" if data.endswith(b"\n") or not data else b"\n")


def test_nul_and_invalid_utf8_pass():
    assert Lines().feed(b"a\0b\xff\xfe\n\r\nrest") == b"a\0b\xff\xfe\n\r\n"


@given(st.integers(LONG - 3, LONG + 3), st.sampled_from(["\u00e4", "\u20ac", "\U0001f600"]))
def test_a_long_line_is_never_cut_within_a_character(before, character):
    line = "x" * before + character * (LONG // 2)
    parts = fed([line.encode()]).split(b"\n")[:-1]
    assert "".join(part.decode("utf-8") for part in parts) == line
    assert max(map(len, parts)) <= LONG


def test_what_is_no_utf8_is_cut_at_the_very_size():
    assert (
        Lines().feed(b"\x80" * (LONG + 5) + b"\n") == b"\x80" * LONG + b"\n" + b"\x80" * 5 + b"\n"
    )


def test_a_line_of_exactly_the_longest_size_is_one_line_however_it_comes():
    lines = Lines()
    assert lines.feed(b"x" * LONG) == b""
    assert lines.feed(b"\n") == b"x" * LONG + b"\n"
    assert Lines().feed(b"x" * LONG + b"\n") == b"x" * LONG + b"\n"


def test_memory_is_bounded_without_any_newline():
    lines = Lines()
    for _ in range(100):
        lines.feed(b"y" * 10_000)
        assert len(lines.rest) <= LONG


def test_an_unfinished_line_is_given_out_once():
    lines = Lines(b"carried over ")
    assert lines.feed(b"and on") == b""
    assert lines.finish() == b"carried over and on\n"
    assert lines.finish() == b""
