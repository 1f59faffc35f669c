"""Names: what the user means by NAME, and nothing else."""

import fnmatch
import re
import time
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyinit.protocol import names
from pyinit.protocol.names import (
    CostlyName,
    UnknownName,
    glob_matches,
    nearest,
    resolve,
    stands_for,
)


@dataclass(frozen=True)
class One:
    key: str
    name: str
    program: str
    group: str
    hidden: bool = False


def program(name, instances=1, group=None):
    return [
        One(f"{name}:{n}", name if instances == 1 else f"{name}:{n}", name, group or name)
        for n in range(instances)
    ]


WORLD = [
    *program("web", 2, "backend"),
    *program("worker", 1, "backend"),
    *program("db-1"),
    *program("db-2"),
    *program("cron"),
]
EVERY = [each.key for each in WORLD]
KNOWN = "known: web, worker, db-1, db-2, cron"
OWN = One("own:0", "own", "own", "own", hidden=True)


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        (["web"], ["web:0", "web:1"]),
        (["web:1"], ["web:1"]),
        (["worker"], ["worker:0"]),
        (["worker:0"], ["worker:0"]),
        (["backend:worker"], ["worker:0"]),
        (["backend:web:1"], ["web:1"]),
        (["backend:*"], ["web:0", "web:1", "worker:0"]),
        (["db-[12]"], ["db-1:0", "db-2:0"]),
        (["db-?"], ["db-1:0", "db-2:0"]),
        (["w*"], ["web:0", "web:1", "worker:0"]),
        (["web:*"], ["web:0", "web:1"]),
        (["cron:*"], ["cron:0"]),
        (["*"], EVERY),
        (["all"], EVERY),
        (["cron", "web:0", "cron", "backend:*"], ["web:0", "web:1", "worker:0", "cron:0"]),
        ([], []),
    ],
)
def test_names_stand_for_processes_in_their_order_each_once(wanted, keys):
    assert resolve(wanted, WORLD) == keys


def test_all_of_nothing_is_nothing():
    assert resolve(["all"], []) == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("wbe", "web"),
        ("WEB", "web"),
        ("workr", "worker"),
        ("web:2", "web:0"),
        ("backend", "backend:*"),
        ("crno", "cron"),
        ("zzz", ""),
        ("x*", ""),
        ("", ""),
    ],
)
def test_an_unknown_name_is_an_error_that_says_what_may_be_meant(typed, meant):
    with pytest.raises(UnknownName) as caught:
        resolve(["web", typed], WORLD)
    assert caught.value.unknown == (typed,)
    fix = f"did you mean '{meant}'?" if meant else KNOWN
    assert str(caught.value) == f"no such program: '{typed}'\n  {fix}"


@pytest.mark.parametrize(("count", "told"), [(0, False), (1, True), (10, True), (11, False)])
def test_to_whom_nothing_can_be_suggested_a_handful_of_programs_is_told(count, told):
    world = [each for n in range(count) for each in program(f"job{n}", 2)]
    fix = "\n  known: " + ", ".join(f"job{n}" for n in range(count)) if told else ""
    with pytest.raises(UnknownName) as caught:
        resolve(["nonexist"], world)
    assert str(caught.value) == f"no such program: 'nonexist'{fix}"


def test_programs_who_ask_by_key_are_not_told_what_there_is():
    with pytest.raises(UnknownName) as caught:
        resolve(["=gone:0"], WORLD)
    assert str(caught.value) == "no such program: '=gone:0'"


def test_all_unknown_names_are_told_at_once():
    with pytest.raises(UnknownName) as caught:
        resolve(["nope", "web", "wbe", "nope"], WORLD)
    assert caught.value.unknown == ("nope", "wbe")
    assert str(caught.value).splitlines() == [
        "no such program: 'nope'",
        "no such program: 'wbe'",
        "  did you mean 'web'?",
        f"  {KNOWN}",
    ]


def test_many_or_long_unknown_names_make_a_short_complaint():
    typed = ["x" * 5000, *[f"nope{n}" for n in range(2000)]]
    with pytest.raises(UnknownName) as caught:
        resolve(typed, WORLD)
    assert caught.value.unknown == tuple(typed)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"no such program: '{'x' * names.LONGEST}'"
    assert lines[-2:] == ["and 1996 more names of no program", f"  {KNOWN}"]
    assert len(lines) == names.SUGGESTED + 2


def test_globs_of_a_request_are_bounded_together():
    long = "*" + "a" * (names.GLOB_CHARS - 1)
    with pytest.raises(UnknownName):
        resolve([long, long], WORLD)  # the same name counts once
    with pytest.raises(CostlyName, match="256 characters together"):
        resolve([long, "w*"], WORLD)
    assert resolve(["backend:*", *["web"] * 500], WORLD) == EVERY[:3]


def test_a_process_named_as_another_program_wins():
    """The exact name of a process hides that of a program of several."""
    world = [One("a:0", "b", "a", "g"), One("b:0", "b:0", "b", "b"), One("b:1", "b:1", "b", "b")]
    assert resolve(["b"], world) == ["a:0"]
    assert resolve(["b:*"], world) == ["b:0", "b:1"]


@pytest.mark.parametrize(
    "pattern",
    [
        "web",
        "web:0",
        "backend:*",
        "backend:web:0",
        "w*",
        "all",
        "[vw]eb",
        "back*:0",
        "db-?",
        "nope",
    ],
)
def test_stands_for_agrees_with_resolve_where_names_are_plain(pattern):
    known = [each for each in WORLD if stands_for(pattern, each.name, each.program, each.group)]
    try:
        found = resolve([pattern], WORLD)
    except UnknownName:
        found = []
    assert [each.key for each in known] == found


@given(st.text("ab*?[]!-x", max_size=7), st.text("ab]x-!", max_size=6))
@example("[!]]", "x")
@example("[]a]", "]")
@example("[!]", "!")
@example("[", "[")
@example("a*b*c", "aXbXXc")
def test_globs_are_those_of_fnmatch(pattern, text):
    if re.search(r"\[[^\]]*-", pattern):  # odd ranges are read differently by every version
        return
    assert glob_matches(text, pattern) == fnmatch.fnmatchcase(text, pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("[a-c]", "b", True),
        ("[a-c]", "d", False),
        ("[a-]", "-", True),
        ("[^a]", "b", True),
        ("[^a]", "a", False),
        ("[!a-c]x", "dx", True),
        ("[xa-c]", "x", True),
        ("w[", "w[", True),
    ],
)
def test_sets_and_ranges(pattern, text, fits):
    assert glob_matches(text, pattern) is fits


def test_a_hostile_glob_is_answered_at_once():
    started = time.monotonic()
    assert not glob_matches("a" * 500, "*a" * 30 + "b")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("word", "words", "found"),
    [
        ("start", ["stop", "restart", "start"], "start"),
        ("strat", ["stop", "start"], "start"),
        ("limit", ["limits", "list"], "limits"),
        ("ab", ["xy", "yz"], ""),
        ("a", ["b"], "b"),
        ("", ["b"], "b"),
        ("reload", [], ""),
        ("shutdwon", ["shutdown"], "shutdown"),
        ("completely-else", ["shutdown", "completely"], ""),
    ],
)
def test_the_nearest_word_is_within_two_edits(word, words, found):
    assert nearest(word, words) == found


def test_no_more_candidates_are_compared_than_promised():
    words = [f"x{n:03d}" for n in range(names.CANDIDATES)] + ["abcd"]
    assert nearest("abce", words) == ""
    assert nearest("abce", words[1:]) == "abcd"


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_edits_are_symmetric_and_bounded(one, other):
    assert names._edits(one, other, 99) == names._edits(other, one, 99)
    assert (names._edits(one, other, 99) == 0) == (one == other)
    assert names._edits(one, other, 2) == min(2, names._edits(one, other, 99))


@pytest.mark.parametrize(
    ("name", "group", "own"),
    [
        ("web", "web", "web"),
        ("backend:web", "backend", "web"),
        ("web:0", "web", "0"),
        ("web:0", "pool", "web_0"),
    ],
)
def test_supervisords_name_of_a_process_is_what_stands_behind_its_group(name, group, own):
    assert names.process_of(name, group) == own


def test_a_hidden_process_is_meant_by_its_exact_name_only():
    world = [*program("web"), OWN]
    assert resolve(["own"], world) == ["own:0"]
    assert resolve(["own", "all"], world) == ["web:0", "own:0"]
    assert resolve(["all"], world) == ["web:0"]
    assert resolve(["*w*"], world) == ["web:0"]


@pytest.mark.parametrize("name", ["own:*", "own:own", "own:0", "ow?", "*n", "owm"])
def test_nothing_else_finds_a_hidden_process_and_no_typo_tells_of_it(name):
    with pytest.raises(UnknownName) as caught:
        resolve([name], [*program("web"), OWN])
    assert "did you mean" not in str(caught.value)


def test_who_has_the_name_of_a_hidden_process_is_meant_instead():
    assert resolve(["own"], [OWN, One("x:0", "own", "x", "x")]) == ["x:0"]


def test_a_key_behind_an_equals_sign_is_that_process_and_no_other():
    world = [*program("web"), One("x:0", "=web:0", "x", "x")]
    assert resolve(["=x:0"], world) == ["x:0"]
    assert resolve(["=web:0"], program("web")) == ["web:0"]
    for name in ("=web", "=web:*", "="):
        with pytest.raises(UnknownName):
            resolve([name], world)
