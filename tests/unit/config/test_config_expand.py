"""Variables in strings: as a shell has them, with nothing of a shell behind them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.config.expand import expand
from pyinit.config.problems import ValueFault

VARIABLES = {"NAME": "value", "EMPTY": "", "DOLLAR": "${NAME}"}
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ""),
        ("plain", "plain"),
        ("${NAME}", "value"),
        ("a${NAME}b${NAME}c", "avaluebvaluec"),
        ("${EMPTY}", ""),
        ("${NAME:-other}", "value"),
        ("${EMPTY:-other}", "other"),
        ("${UNSET:-other}", "other"),
        ("${UNSET:-}", ""),
        ("${UNSET:-${NAME}}", "value"),
        ("${UNSET:-${OTHER:-deep}}", "deep"),
        ("${UNSET:-a}b}", "ab}"),
        ("${NAME:?it must be there}", "value"),
        ("$$", "$"),
        ("$${NAME}", "${NAME}"),
        ("$$$${NAME}", "$${NAME}"),
        ("$", "$"),
        ("$NAME", "$NAME"),
        ("^a.*b$", "^a.*b$"),
        ("${UNSET:-$$}", "$"),
        ("${UNSET:-$${x}}", "${x}"),
        ("${DOLLAR}", "${NAME}"),  # what a variable holds is not expanded again
        ("{NAME}", "{NAME}"),
    ],
)
def test_variables_stand_for_their_values(text, wanted):
    assert expand(text, VARIABLES) == wanted


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("${UNSET}", "cannot expand ${UNSET}: it is not set", "set UNSET in the environment"),
        ("${UNSET:?no name}", "cannot expand ${UNSET}: no name", "set UNSET in the environment"),
        ("${EMPTY:?}", "cannot expand ${EMPTY}: it must be set", "set EMPTY in the environment"),
        ("${EMPTY:?${NAME} first}", "cannot expand ${EMPTY}: value first", "set EMPTY"),
        ("${INSTANCE}", "cannot expand ${INSTANCE}: only programs have instances", "leave it out"),
        ("a ${NAME", 'cannot expand "${NAME": the brace is not closed', "write ${NAME}"),
        ("${UNSET:-${NAME}", 'cannot expand "${UNSET:-${NAME}": the brace', "write ${NAME}"),
        ("${", 'cannot expand "${": the brace is not closed', "write ${NAME}, or $${"),
        ("${}", 'cannot expand "${}"', "write ${NAME}"),
        ("${1A}", 'cannot expand "${1A}"', "write ${NAME}"),
        ("${A B}", 'cannot expand "${A B}"', "write ${NAME}"),
        ("${NAME-x}", 'cannot expand "${NAME-x}"', "write ${NAME}"),
        ("${NAME:+x}", 'cannot expand "${NAME:+x}"', "write ${NAME}"),
        ("${UNSET:-" * 30 + "x" + "}" * 30, "cannot expand it: defaults are nested", "use fewer"),
    ],
)
def test_what_cannot_be_expanded_says_why_and_what_to_do(text, message, fix):
    with pytest.raises(ValueFault) as caught:
        expand(text, VARIABLES)
    assert str(caught.value).startswith(message)
    assert caught.value.fix.startswith(fix)


@given(text=st.text())
def test_doubled_dollars_give_any_text_back(text):
    assert expand(text.replace("$", "$$"), {}) == text


@given(name=NAMES, value=st.text(), before=st.text(), after=st.text())
def test_a_variable_is_replaced_and_its_surroundings_stay(name, value, before, after):
    text = before.replace("$", "$$") + f"${{{name}}}" + after.replace("$", "$$")
    assert expand(text, {name: value}) == before + value + after


@given(text=st.text(alphabet="${}:-?AB ", max_size=30))
def test_whatever_is_written_is_expanded_or_refused(text):
    try:
        expand(text, {"A": "1", "B": ""})
    except ValueFault as fault:
        assert fault.fix
