"""The environment of a run: what passes, what lies over it, and globs as everybody means them."""

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.core.plan import Launch
from pyinit.system import environment

OURS = {b"PATH": b"/bin", b"HOME": b"/root", b"HOST": b"h", b"SECRET": b"s"}


def built(env_pass=("*",), env=(), extra=()):
    return environment.build(Launch(("x",), env=env, env_pass=env_pass), OURS, extra)


def test_everything_passes_where_nothing_is_said():
    assert built() == OURS


def test_it_is_a_copy():
    built()[b"NEW"] = b""
    assert b"NEW" not in OURS


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ((), set()),
        (("PATH",), {b"PATH"}),
        (("HO*",), {b"HOME", b"HOST"}),
        (("HO?T", "P*"), {b"HOST", b"PATH"}),
        (("path",), set()),
        (("*E*",), {b"HOME", b"SECRET"}),
    ],
)
def test_patterns_say_what_passes(patterns, names):
    assert set(built(env_pass=patterns)) == names


def test_what_the_plan_says_is_over_it_and_ours_over_that():
    found = built(env=(("HOME", "/srv"), ("X", "1")), extra=(("X", "2"),))
    assert (found[b"HOME"], found[b"X"]) == (b"/srv", b"2")


def test_bytes_that_are_no_text_survive():
    assert built(env=(("X", "\udcff\udc80"),))[b"X"] == b"\xff\x80"


@given(st.text("ab", max_size=8), st.text("ab*?", max_size=6))
def test_globs_are_those_of_fnmatch(name, pattern):
    assert environment.matches(name.encode(), pattern.encode()) == fnmatch.fnmatchcase(
        name, pattern
    )
