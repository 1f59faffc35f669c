"""Options as supervisord and supervisorctl read them, beside Python's own getopt."""

import getopt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.applets.supervisor_words import Option, Unusable, complaint, read, split

TABLE = (
    Option("help", "h", valued=False),
    Option("help", "?", valued=False),
    Option("version", "v", valued=False),
    Option("configuration", "c"),
    Option("nodaemon", "n", valued=False),
    Option("silent", "s", valued=False),
    Option("minfds", "a", check=int),
    Option("minprocs", check=int),
)
LETTERS = "h?vc:nsa:"
LONGS = ["help", "version", "configuration=", "nodaemon", "silent", "minfds=", "minprocs="]
WORDS = st.sampled_from(
    (
        *("-n", "-ns", "-sc", "-cX", "-c", "X", "-", "--", "-z", "-a", "-a5", "--min", "--minf"),
        *("--s", "--silent", "--silent=1", "--conf=x=y", "--conf", "--=", "--minprocs", "-?", ""),
    )
)


@given(st.lists(WORDS, max_size=6))
def test_words_are_split_as_getopt_splits_them(words):
    try:
        wanted = getopt.getopt(words, LETTERS, LONGS)
    except getopt.GetoptError as error:
        with pytest.raises(Unusable) as caught:
            split(words, TABLE)
        assert str(caught.value) == str(error)
    else:
        assert split(words, TABLE) == wanted


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-n", "--nodaemon"], "conflicting command line option '--nodaemon'"),
        (["-c", "a", "-c", "a"], "conflicting command line option '-c'"),
        (["-a", "x"], "invalid value for -a 'x': invalid literal for int() with base 10: 'x'"),
        (
            ["--minf=x"],
            "invalid value for --minfds 'x': invalid literal for int() with base 10: 'x'",
        ),
        (["-n", "start"], "positional arguments are not supported: ['start']"),
        (["-h", "start"], "positional arguments are not supported: ['start']"),
        (["-v", "-x"], "option -x not recognized"),
    ],
)
def test_what_makes_no_sense_is_told_in_the_genuine_words(words, message):
    with pytest.raises(Unusable) as caught:
        read(words, TABLE, operands=False)
    assert str(caught.value) == message


def test_help_ends_the_reading():
    line = read(["-n", "-h", "-n"], TABLE, operands=False)
    assert line.given == (("nodaemon", ""), ("help", ""))


def test_a_value_is_found_by_the_name_of_its_option():
    line = read(["-c", "x", "status", "-n"], TABLE, operands=True)
    assert (line.value("configuration"), line.value("nodaemon")) == ("x", None)
    assert line.rest == ("status", "-n")


def test_a_complaint_has_two_lines():
    assert complaint("no", "/bin/x") == "Error: no\nFor help, use /bin/x -h\n"
