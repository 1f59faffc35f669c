"""The INI dialect is configparser's: what it reads, what it refuses, and on which line it stands."""

import configparser
import io

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pyinit.config.ini_parse import Bad, parse

# Newer Pythons end a value at the first comment; those before 3.13 overlook the first mark of a
# kind if it has no space before it and the other kind follows.  The newer ones are right.
MARKS = (";", "#")


def ours(*texts):
    """Return the values by section and option, or None if a text is refused."""
    blocks = {}
    for text in texts:
        if parse(text, "x.conf", blocks):
            return None
    return {
        name: {option: entry.value for option, entry in block.entries.items()}
        for name, block in blocks.items()
    }


def theirs(*texts):
    parser = configparser.RawConfigParser(strict=False, inline_comment_prefixes=MARKS)
    try:
        for text in texts:
            parser.read_file(io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8"))
    except configparser.Error:
        return None
    found = {name: dict(parser._sections[name]) for name in parser.sections()}
    if parser.defaults():
        found["DEFAULT"] = dict(parser.defaults())
    return found


def first_comment(line):
    for at, char in enumerate(line):
        if char in MARKS and (at == 0 or line[at - 1].isspace()):
            return at
    return -1


def first_comment_of_old(line):
    """Return what Pythons before 3.13 take for it."""
    at = dict.fromkeys(MARKS, -1)
    while at:
        at = {mark: line.find(mark, place + 1) for mark, place in at.items()}
        at = {mark: place for mark, place in at.items() if place >= 0}
        found = [place for place in at.values() if place == 0 or line[place - 1].isspace()]
        if found:
            return min(found)
    return -1


def without_empty(sections):
    """Return the sections; [DEFAULT] is only there if it says something."""
    if sections is not None and not sections.get("DEFAULT", True):
        return {name: options for name, options in sections.items() if name != "DEFAULT"}
    return sections


names = st.text(alphabet="abcXYZ_:.é ", max_size=8)
values = st.text(alphabet="ab=: ;#%'\"\\[]()\t,é", max_size=20)
spaces = st.text(alphabet=" \t", max_size=3)
lines = st.one_of(
    st.builds("[{}]{}".format, names, values),
    st.builds("{}{}{}{}{}".format, spaces, names, spaces, st.sampled_from("=:"), values),
    st.builds("{}{}".format, spaces, values),
    st.just(""),
    st.sampled_from(["[DEFAULT]", "[program:x]", "; c", " # c", "command=x ; c", "  more"]),
)
texts = st.lists(lines, max_size=12).map("\n".join)


@settings(max_examples=400, deadline=None)
@given(st.lists(texts, min_size=1, max_size=3), st.sampled_from(["\n", "\r\n", "\r"]))
@example(["[a]\nx = 1\n\n  2\n\n\ny : 3"], "\n")
@example(["[a]\nx = 1\n ; c\n  2 # c"], "\n")
@example(["[a]b]\nX = =1"], "\n")
@example(["[a]\n  x = 1\n y = 2\n   z"], "\n")
@example(["[a]\nx=\n\t1"], "\r\n")
def test_every_text_means_what_it_means_to_configparser(found, end):
    written = [f"[start]\n{text}\n".replace("\n", end) for text in found]
    for text in written:
        for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
            assume(first_comment(line) == first_comment_of_old(line))
    assert without_empty(ours(*written)) == theirs(*written)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_no_text_is_read_otherwise_than_by_configparser(text):
    assume("\x1c" not in text)
    for line in text.splitlines():
        assume(first_comment(line) == first_comment_of_old(line))
    text = text.encode("utf-8", "replace").decode()
    assert without_empty(ours(text)) == theirs(text)


def test_every_option_has_its_file_and_line():
    blocks = {}
    parse("# c\n[a]\none = 1\n\n  more\ntwo: 2\n", "one.conf", blocks)
    parse("[b]\nx=1\n[a]\nTWO = 3\n", "two.conf", blocks)
    entries = blocks["a"].entries
    assert (entries["one"].file, entries["one"].line) == ("one.conf", 3)
    assert (entries["two"].file, entries["two"].line, entries["two"].value) == ("two.conf", 4, "3")
    assert (blocks["a"].file, blocks["a"].line) == ("one.conf", 2)
    assert (blocks["b"].file, blocks["b"].line) == ("two.conf", 1)


def test_the_first_comment_ends_a_value_whatever_stands_before_it():
    assert ours("[a]\nx = 1;2#3 ;4 #5\n") == {"a": {"x": "1;2#3"}}
    assert ours("[a]\nx = sh -c 'a ; b'\n") == {"a": {"x": "sh -c 'a"}}


@pytest.mark.parametrize(
    ("value", "cut"),
    [
        ("sh -c 'a ; b'", 2),
        ('sh -c "a # b"', 2),
        ("sh -c 'a\n  b ; c'", 3),
        ("sh -c 'a' ; b", 0),
        ("it\\'s ; b", 0),
        ("sh -c 'a;b'", 0),
        ("a 'b\n  c ; d\n e'", 0),
    ],
)
def test_a_comment_within_quotes_is_noticed_with_its_line(value, cut):
    blocks = {}
    assert parse(f"[a]\nx = {value}\n", "f", blocks) == []
    assert blocks["a"].entries["x"].cut == cut


def test_lines_that_are_no_ini_are_all_told():
    bad = parse("[a]\nnothing\nx = 1\n= 2\n", "f", {})
    assert [(each.line, each.message) for each in bad] == [
        (2, "Source contains parsing errors: there is no option on this line"),
        (4, "Source contains parsing errors: there is no option on this line"),
    ]


@pytest.mark.parametrize("rest", ["", "[a]\nz = 3\n"])
def test_lines_before_the_first_section_are_one_fault_at_the_first_of_them(rest):
    blocks = {}
    (bad,) = parse(f"; c\n\nx = 1\ny = 2\n{rest}", "f", blocks)
    assert list(blocks) == ["a"][: len(rest)]
    assert isinstance(bad, Bad)
    assert (bad.line, bad.message) == (3, "File contains no section headers.")
