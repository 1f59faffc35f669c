"""Readiness expressions: what PID 1 compares itself means just what `re` means by it."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyinit.runtime.matching import plain

LETTERS = b"ab.:-]} \\^$*+?{[|()_\xc3\xa9\t0"
PATTERNS = st.lists(st.sampled_from(LETTERS), max_size=6).map(bytes)
LINES = st.lists(st.sampled_from(LETTERS), max_size=12).map(bytes)


@given(PATTERNS, LINES)
@example(rb"^a\.b$", b"a.b")
@example(rb"^a\.b$", b"axb")
@example(rb"a\$", b"a$b")
@example(b"a$", b"ab")
@example(b"^$", b"")
@example(b"^", b"a")
def test_a_plain_expression_finds_what_re_finds(pattern, line):
    matches = plain(pattern)
    if matches is not None:
        assert matches(line) is (re.search(pattern, line) is not None)


@given(LINES, st.booleans(), st.booleans(), LINES, LINES)
def test_an_escaped_text_is_plain_wherever_it_is_bound(text, begins, ends, before, after):
    pattern = b"^" * begins + re.escape(text) + b"$" * ends
    matches = plain(pattern)
    assert matches is not None
    for line in (text, before + text, text + after, before + text + after):
        assert matches(line) is (re.search(pattern, line) is not None)


@pytest.mark.parametrize(
    "pattern",
    [b"a.b", b"a|b", b"(a)", b"a*", b"a+", b"[a]", b"a{2}", b"a^b", b"a$b", rb"\d", b"\\"],
)
def test_whatever_needs_re_is_not_plain(pattern):
    assert plain(pattern) is None
