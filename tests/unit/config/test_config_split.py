"""Commands as texts: split as a shell splits them."""

import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyinit.config.problems import ValueFault
from pyinit.config.split import split

WORDS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
# what has no other meaning to a shell than quotes, backslashes and blanks
PLAIN = st.text(alphabet="ab'\"\\ \t-=/.", max_size=20)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  \t\n ", []),
        ("/bin/web", ["/bin/web"]),
        ("web  -v\t--name=x\n-y", ["web", "-v", "--name=x", "-y"]),
        ("web 'a b' \"c d\"", ["web", "a b", "c d"]),
        ("web a'b c'd", ["web", "ab cd"]),
        ("web '' \"\"", ["web", "", ""]),
        (r"web a\ b \\ \'", ["web", "a b", "\\", "'"]),
        (r'web "a\"b\\c\$d\e"', ["web", 'a"b\\c$d\\e']),
        (r"web 'a\b'", ["web", r"a\b"]),
        ("web \\\n  -v", ["web", "-v"]),
        ('web "a\\\nb"', ["web", "ab"]),
        ("web > /dev/null && x", ["web", ">", "/dev/null", "&&", "x"]),
        ("web # no comment", ["web", "#", "no", "comment"]),
    ],
)
def test_a_command_is_split_as_a_shell_splits(text, words):
    assert split(text) == words


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("web 'a", "cannot split it: a quote ' is not closed"),
        ('web "a', 'cannot split it: a quote " is not closed'),
        ('web "a\\', 'cannot split it: a quote " is not closed'),
        ("it's", "cannot split it: a quote ' is not closed"),
        ("web \\", "a backslash at the end quotes nothing"),
    ],
)
def test_quotes_that_are_not_closed_are_refused(text, message):
    with pytest.raises(ValueFault) as caught:
        split(text)
    assert str(caught.value) == message
    assert caught.value.fix


@given(words=st.lists(WORDS))
def test_quoted_words_come_back_as_they_were(words):
    assert split(shlex.join(words)) == words


@settings(max_examples=60)
@given(text=PLAIN)
def test_a_real_shell_splits_it_alike(text):
    script = f"show() {{ for each; do printf '%s\\0' \"$each\"; done; }}\nshow {text}\n"
    shell = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=False)
    try:
        words = split(text)
    except ValueFault:
        # a shell takes a backslash at the end as a joined line
        assert shell.returncode != 0 or text.endswith("\\")
        return
    assert shell.stdout.decode().split("\0")[:-1] == words
