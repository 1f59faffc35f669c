"""The environment of a run: what passes, what lies over it, and globs as everybody means them."""

import fnmatch
import os

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


def test_what_was_meant_for_pyinit_itself_is_passed_on_only_by_its_name():
    told = dict.fromkeys(environment.OURS_ALONE, b"x")
    ours = {**OURS, **told}

    def of(*patterns):
        return environment.build(Launch(("x",), env_pass=patterns), ours, ())

    assert of("*") == OURS
    assert of("*", "HOME") == OURS
    assert of("LISTEN_*", "N*") == {}
    assert of("*", "NOTIFY_SOCKET") == {**OURS, b"NOTIFY_SOCKET": b"x"}
    found = environment.build(Launch(("x",), env=(("LISTEN_FDS", "1"),)), ours, ())
    assert found == {**OURS, b"LISTEN_FDS": b"1"}


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


PAGE = os.sysconf("SC_PAGESIZE")
MOST = 32 * PAGE - 1


@pytest.mark.parametrize(
    ("words", "env", "told"),
    [
        ([b"a", b"x" * (MOST + 1)], {}, f"argument 1 has {MOST + 1} bytes, of at most {MOST}"),
        (
            [b"a", b"x" * MOST],
            {b"FITS": b"x" * (MOST - 5), b"BIG": b"x" * (MOST - 3)},
            f'the variable "BIG" has {MOST + 1} bytes, of at most {MOST}',
        ),
        (
            [b"a"],
            {b"N" * 50 + b"=" * MOST: b""},
            f'the variable "{"N" * 40}" has {MOST + 51} bytes',
        ),
        ([b"a"], {b"\x1b" + b"N" * 45: b"x" * MOST}, f"the variable '\\x1b{'N' * 39}' has"),
        ([b"a", b"bc"], {b"D": b"ef"}, "its command and its environment have 34 bytes"),
    ],
)
def test_what_is_too_long_is_told_by_its_size(words, env, told):
    assert environment.too_long(words, env).startswith(told)
