"""Commands and variables are split as shlex splits them."""

import shlex

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyinit.config.ini_words import command_words, variable_tokens
from pyinit.config.problems import ValueFault

TEXTS = st.text(alphabet="aZ_9/.+-():=,;%$ \t\r\n'\"\\#é@", max_size=16)


def theirs_of_command(text):
    try:
        return shlex.split(text)
    except ValueError:
        return None


def theirs_of_variables(text):
    lexer = shlex.shlex(text)
    lexer.wordchars += "/.+-():"
    try:
        return list(lexer)
    except ValueError:
        return None


def ours(convert, text):
    try:
        return convert(text)
    except ValueFault:
        return None


@settings(max_examples=500, deadline=None)
@given(TEXTS)
@example("a'b c'\"d\" '' e")
@example('"\\$x"')
@example("'")
@example("a\\")
def test_a_command_is_split_as_shlex_splits_it(text):
    assert ours(command_words, text) == theirs_of_command(text)


@settings(max_examples=500, deadline=None)
@given(TEXTS)
@example("A='1,2',B=x#y\nz")
@example('A="1"B')
@example("a'b'")
@example("#")
@example("A=\\,")
def test_variables_are_parted_as_shlex_parts_them(text):
    assert ours(variable_tokens, text) == theirs_of_variables(text)


@pytest.mark.parametrize("convert", [command_words, variable_tokens])
def test_a_quote_that_is_not_closed_is_told(convert):
    with pytest.raises(ValueFault) as caught:
        convert("'a")
    assert str(caught.value) == "no closing quotation"
