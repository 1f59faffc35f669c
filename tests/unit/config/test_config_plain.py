"""The plain reader and tomli say the same, or the plain reader says nothing."""

import tomli
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyinit.config import plain

PLAIN = """\
# a comment with "quotes" and [brackets]
include = ["conf.d/*.toml"]

[init]
exit = "fail-fast"   # behind a value
limits = { nofile = 1048576, core = 0 }
[program.web]
command = [
    "/app/web", '-addr',  # one a line
    ":8080",
]
critical = true
env = { NAME = "ünï # no comment", EMPTY = "" }
depends_on = {}
[program]
[program.worker]
priority = -5
nested = [[1, 2], [], [{ a = [3] }]]"""

TOKENS = st.sampled_from(
    [
        *("[", "]", "[[", "{", "}", "=", ",", ".", "\n", " ", "\t", "#", "a", "b", "c-d", "é"),
        *('"x"', "'y'", '"', "'", "0", "1", "-1", "01", "1.5", "1_0", "true", "false", "inf"),
        *(
            "[a]\n",
            "[a.b]\n",
            "[b]\n",
            "a = 1\n",
            "b = {",
            "a = [",
            "c = 'z'\n",
            "\\",
            '"""',
            "\r\n",
        ),
        *("1979-05-27", "+1", "0x1F", "\x00", "[ a . b ]", "a.b = 2\n"),
    ]
)


def test_what_a_configuration_usually_holds_is_plain():
    assert plain.read(PLAIN) == tomli.loads(PLAIN)


@settings(max_examples=1500, deadline=None)
@given(st.lists(TOKENS, max_size=14).map("".join))
@example("[a]\nb = 1\n[a.b]\n")
@example("[a.b]\n[a]\nb = 1\n")
@example("[a]\n[a]\n")
@example("[a.b]\n[a.c]\n[a]\n")
@example("a = {b = 1}\n[a.c]\n")
@example("a = {b = 1,}")
@example("a = [1,,2]")
@example("a = 1 b = 2")
@example("a = [1,\n# x\n]\n#")
@example("a = 99999999999999999999")
@example("a =")
@example("a = [")
@example("a = 'x\ny'")
@example("")
def test_a_text_is_read_as_tomli_reads_it_or_not_at_all(text):
    found = plain.read(text)
    if found is not None:
        assert repr(found) == repr(tomli.loads(text))


def test_deep_nesting_is_left_to_tomli():
    assert plain.read("a = " + "[" * 50 + "]" * 50) is None


def test_numbers_are_numbers_and_truth_is_no_number():
    found = plain.read("a = 1\nb = true")
    assert found == {"a": 1, "b": True}
    assert type(found["a"]) is int
    assert type(found["b"]) is bool


def test_numbers_that_begin_with_a_zero_are_left_to_tomli():
    assert plain.read("a = 0\nb = -0\n") == {"a": 0, "b": 0}
    assert plain.read("a = 01\n") is None
    assert plain.read("a = -01\n") is None
