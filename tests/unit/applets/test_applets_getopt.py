"""Options as the C library reads them: bundled, attached, cut short, between the words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.applets.options import BadOption, Long, Option, Scanner, as_int, read_number

LONGS = (
    Long(b"verbose", b"v"),
    Long(b"version", b"V"),
    Long(b"ver", b"x"),
    Long(b"rewrite", b"r", takes_value=True),
)


def scan(*words, permute=False, letters=b"avVxr", valued=b"r", name=b"me"):
    scanner = Scanner((name, *words), letters, valued, LONGS, permute=permute)
    found = list(scanner)
    return found, scanner.rest


def complaint(*words):
    """Return what is said of the first word that cannot be understood."""
    [bad] = [each for each in scan(*words)[0] if isinstance(each, BadOption)]
    return bad.message


def test_no_words_are_no_options():
    assert scan() == ([], ())
    assert list(Scanner((), b"a", b"")) == []


def test_letters_may_be_bundled():
    assert scan(b"-avV") == ([Option(b"a"), Option(b"v"), Option(b"V")], ())


@pytest.mark.parametrize("words", [[b"-rx"], [b"-r", b"x"]])
def test_a_value_is_attached_or_the_next_word(words):
    assert scan(*words, b"c") == ([Option(b"r", b"x")], (b"c",))


def test_a_value_may_look_like_an_option_or_like_their_end():
    assert scan(b"-r", b"-a", b"-r", b"--") == ([Option(b"r", b"-a"), Option(b"r", b"--")], ())


def test_a_value_may_end_a_bundle():
    assert scan(b"-arx", b"c") == ([Option(b"a"), Option(b"r", b"x")], (b"c",))


def test_options_end_at_the_first_word():
    assert scan(b"-a", b"c", b"-v") == ([Option(b"a")], (b"c", b"-v"))


def test_a_dash_is_a_word_and_so_is_nothing():
    assert scan(b"-", b"-a") == ([], (b"-", b"-a"))
    assert scan(b"", b"-a") == ([], (b"", b"-a"))


def test_two_dashes_end_the_options_once():
    assert scan(b"-a", b"--", b"--", b"-v") == ([Option(b"a")], (b"--", b"-v"))


def test_options_between_words_are_found_and_the_words_come_first():
    found, rest = scan(b"c", b"-a", b"d", b"-r", b"x", b"--", b"-v", permute=True)
    assert found == [Option(b"a"), Option(b"r", b"x")]
    assert rest == (b"c", b"d", b"-v")


def test_a_long_option_may_be_cut_short_as_far_as_it_is_the_only_one():
    assert scan(b"--verb", b"--versi", b"--rew=x")[0] == [
        Option(b"v"),
        Option(b"V"),
        Option(b"r", b"x"),
    ]


def test_a_name_in_full_is_no_beginning_of_another():
    assert scan(b"--ver")[0] == [Option(b"x")]


def test_a_long_options_value_follows_its_equals_sign_or_is_the_next_word():
    assert scan(b"--rewrite=", b"c") == ([Option(b"r", b"")], (b"c",))
    assert scan(b"--rewrite", b"x=y", b"c") == ([Option(b"r", b"x=y")], (b"c",))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([b"-z"], b"invalid option -- 'z'"),
        ([b"-\xff"], b"invalid option -- '\xff'"),
        ([b"-r"], b"option requires an argument -- 'r'"),
        ([b"--rewrite"], b"option '--rewrite' requires an argument"),
        ([b"--rew"], b"option '--rewrite' requires an argument"),
        ([b"--nonesuch=x"], b"unrecognized option '--nonesuch=x'"),
        ([b"--verbo=x"], b"option '--verbose' doesn't allow an argument"),
        (
            [b"--v=x"],
            b"option '--v=x' is ambiguous; possibilities: '--verbose' '--version' '--ver'",
        ),
    ],
)
def test_what_cannot_be_understood_is_said_as_the_c_library_says_it(words, text):
    assert complaint(*words) == b"me: " + text + b"\n"


def test_a_bad_letter_does_not_hide_those_after_it():
    assert scan(b"-zav")[0][1:] == [Option(b"a"), Option(b"v")]


WORDS = st.lists(
    st.one_of(
        st.sampled_from([b"-a", b"--", b"-", b"-r", b"--ver", b"--rewrite", b"c", b""]),
        st.binary(max_size=5).map(lambda word: word.replace(b"\0", b"")),
    ),
    max_size=8,
)


@given(WORDS, st.booleans())
def test_every_word_is_an_option_a_value_or_left_over(words, permute):
    """In their order; nothing is invented and the scanner always comes to an end."""
    found, rest = scan(*words, permute=permute)
    remaining = iter(words)
    assert all(word in remaining for word in rest)
    assert len(rest) + len(found) <= sum(max(1, len(word)) for word in words)


# --- numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"15", (15, b"")),
        (b"  \t\n+15x", (15, b"x")),
        (b"-0015:2", (-15, b":2")),
        (b"0x10", (0, b"x10")),
        (b"000000000000000000000000000012", (12, b"")),
        (b"9223372036854775807", (2**63 - 1, b"")),
        (b"9223372036854775808", (2**63 - 1, b"")),
        (b"-9223372036854775809", (-(2**63), b"")),
        (b"9" * 5000, (2**63 - 1, b"")),
        (b"-" + b"9" * 5000, (-(2**63), b"")),
    ],
)
def test_a_number_is_read_as_strtol_reads_it(text, number):
    assert read_number(text) == number


@pytest.mark.parametrize("text", [b"", b" ", b"+", b"-", b"x", b"- 1", b"--1", b"+-1", b"\xb2"])
def test_what_is_no_number_is_none(text):
    assert read_number(text) is None


@given(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=3))
def test_any_long_is_read_whatever_follows(value, after):
    rest = b":" + after
    assert read_number(b"%d" % value + rest) == (value, rest)


@pytest.mark.parametrize(
    ("value", "found"),
    [(0, 0), (2**31 - 1, 2**31 - 1), (2**31, -(2**31)), (-1, -1), (2**32 + 15, 15)],
)
def test_an_int_keeps_the_lower_half_of_a_long(value, found):
    assert as_int(value) == found
