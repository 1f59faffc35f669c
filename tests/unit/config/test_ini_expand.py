"""%(name)s: Python's formatting, defaults, and messages that have names but no values."""

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pyinit.config.ini_expand import expand
from pyinit.config.problems import ValueFault

NAMES = {"here": "/etc", "process_num": 7, "program_name": "web", "ENV_A": "x y", "ENV_E": ""}


def theirs(text):
    """Return what Python makes of it, or None if it refuses."""
    try:
        return text % NAMES
    except (KeyError, ValueError, TypeError):
        return None


def ours(text):
    try:
        return expand(text, NAMES, "s.o")
    except ValueFault:
        return None


pieces = st.sampled_from(
    [
        "a",
        "%",
        "%%",
        "(",
        ")",
        "s",
        "d",
        "0",
        "2",
        "-",
        ".",
        " ",
        "%(here)",
        "%(process_num)",
        "%(ENV_A)s",
        "%(process_num)02d",
        "%(nothing)s",
        "%(program_name)-8s",
        "%(ENV_E)s",
        "l",
        "h",
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(pieces, max_size=8).map("".join))
@example("%(process_num)02d")
@example("%(process_num)+5.3d|")
@example("%(program_name)10s")
@example("100%%")
@example("%(process_num)ld")
def test_what_is_expanded_is_what_python_makes_of_it(text):
    found = ours(text)
    assume("%(" in text or "%" not in text or theirs(text) is None or found is not None)
    if found is not None:
        assert found == theirs(text)
    elif theirs(text) is not None:
        assert "{" in theirs(text), text  # a form without a name is the whole table of names


def test_a_default_is_for_what_is_not_set_or_empty():
    assert expand("%(ENV_PORT:-8080)s", NAMES, "o") == "8080"
    assert expand("%(ENV_E:-empty)s", NAMES, "o") == "empty"
    assert expand("%(ENV_A:-no)s", NAMES, "o") == "x y"
    assert expand("%(ENV_PORT:-)s", NAMES, "o") == ""


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("a %(ENV_PRT)s", ("Format string '%(ENV_PRT)s' for 'program:x.command' contains names "
         "('ENV_PRT') which cannot be expanded: it is not set"),
         "set PRT in the environment, or write %(ENV_PRT:-default)s"),
        ("%(PORT)s", ("Format string '%(PORT)s' for 'program:x.command' contains names ('PORT') "
         "which cannot be expanded. Available names: here, ENV_X for a variable X"),
         "write %(ENV_PORT)s"),
        ("%(her)s", "Format string '%(her)s' for 'program:x.command' contains names ('her')",
         'did you mean "here"?'),
        ("%(ENV_NOTHING_LIKE)s", "Format string", ("set NOTHING_LIKE in the environment, or write "
         "%(ENV_NOTHING_LIKE:-default)s")),
        ("date +%s", "Format string for 'program:x.command' is badly formatted: '%s'",
         "write %% for a percent sign"),
        ("100%", "Format string for 'program:x.command' is badly formatted: '%'", "write %%"),
        ("%(here)d", ("Format string for 'program:x.command' is badly formatted: '%(here)d': "
         "%d format: a"), "write %(NAME)s"),
        ("%(here", "Format string for 'program:x.command' is badly formatted: '%(here'", "write"),
        ("%(here)y", "Format string for 'program:x.command' is badly formatted: '%(here)y'", "w"),
        ("%(ENV_PORT)999999999d", "Format string for 'program:x.command' is badly formatted", "w"),
    ],
)  # fmt: skip
def test_what_cannot_be_expanded_is_told_with_the_names_that_can(text, message, fix):
    names = {"ENV_A": "a-value", "ENV_PORT": 80, "here": "/etc"}
    with pytest.raises(ValueFault) as caught:
        expand(text, names, "program:x.command")
    assert str(caught.value).startswith(message)
    assert caught.value.fix.startswith(fix)
    assert "a-value" not in str(caught.value)


@pytest.mark.parametrize("digits", ["9" * 5000, "9" * 20 + "0", "1001", "5.1001", "." * 21])
def test_a_width_beyond_reason_is_badly_formatted(digits):
    with pytest.raises(ValueFault, match="badly formatted"):
        expand(f"%(process_num){digits}d", NAMES, "s.o")
