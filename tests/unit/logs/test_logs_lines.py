"""Lines: what comes in pieces goes out in lines, whatever the pieces."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pyinit.logs.lines import MAX_LINE_BYTES, Lines

LONG = MAX_LINE_BYTES


def cut(data):
    """Return the lines of `data` as they must come out, cut the simple way."""
    found = []
    for line in data.split(b"\n")[:-1]:
        found += [line[n : n + LONG] for n in range(0, len(line), LONG)] or [b""]
    rest = data.split(b"\n")[-1]
    return found + [rest[n : n + LONG] for n in range(0, len(rest), LONG)]


def fed(pieces):
    lines = Lines()
    found = [line for piece in pieces for line in lines.feed(piece)]
    return found + lines.finish(), lines


sizes = st.sampled_from([0, 1, 2, 80, LONG - 1, LONG, LONG + 1, 2 * LONG, 2 * LONG + 7])
texts = st.lists(sizes, max_size=6).map(lambda found: b"\n".join(b"x" * n for n in found))


@given(texts, st.lists(st.integers(0, 7 * LONG), max_size=5))
def test_the_pieces_in_which_a_stream_comes_do_not_matter(data, places):
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges)]
    found, _ = fed(pieces)
    assert found == cut(data)


@given(st.binary(max_size=300), st.integers(1, 40))
def test_bytes_are_never_changed(data, step):
    found, _ = fed([data[n : n + step] for n in range(0, len(data), step)])
    assert b"\n".join(found) == data.removesuffix(b"\n")


def test_nul_and_invalid_utf8_pass():
    assert Lines().feed(b"a\0b\xff\xfe\n\r\n") == [b"a\0b\xff\xfe", b"\r"]


def test_a_line_of_exactly_the_longest_size_is_one_line_however_it_comes():
    lines = Lines()
    assert lines.feed(b"x" * LONG) == []
    assert lines.feed(b"\n") == [b"x" * LONG]
    assert Lines().feed(b"x" * LONG + b"\n") == [b"x" * LONG]


def test_memory_is_bounded_without_any_newline():
    lines = Lines()
    for _ in range(100):
        lines.feed(b"y" * 10_000)
        assert len(lines.rest) <= LONG


def test_an_unfinished_line_is_given_out_once():
    lines = Lines(b"carried over ")
    assert lines.feed(b"and on") == []
    assert lines.finish() == [b"carried over and on"]
    assert lines.finish() == []
