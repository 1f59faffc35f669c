"""Files of variables with anything in them: read as the manual says, or refused at their line."""

import os
import re

import pytest
from fuzzing import TIMES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyinit.config.envfiles import MAX_BYTES, env_dir, env_file
from pyinit.config.problems import ValueFault

MANY = settings(
    max_examples=200 * TIMES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
ANY = ("utf-8", "surrogateescape")
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,5}", fullmatch=True) | st.sampled_from(
    ["é", "a-b", "1", "\udcff", "A\x1bB"]
)
# Any bytes but NUL, as a string of the configuration has them.
TEXTS = st.binary(max_size=24).map(lambda data: data.replace(b"\0", b"").decode(*ANY))
BLANKS = st.text(" \t", max_size=2)
COMMENTS = st.sampled_from(["", " # it's \"so\" = '", "\t#", " #"])
ESCAPED = {"\n": "n", "\t": "t", "\r": "r", '"': '"', "\\": "\\", "$": "$"}


def settled(text):
    """Return a text as it is after it was written and read: bytes may have become characters."""
    return re.sub("\r+\n", "\n", text.encode(*ANY).decode(*ANY))


def plainly(text):
    """Return a text as it can stand without quotes."""
    text = text.replace("\n", "").strip(" \t\r\f\v").lstrip("\"'#").strip(" \t\r\f\v")
    return re.sub(r"[ \t]#.*", "", text).rstrip(" \t\r\f\v").lstrip("\"'#").lstrip(" \t")


@st.composite
def assignments(draw):
    """Return (a line or several of a file, the name, the value it has), as the manual has it."""
    name, text = draw(NAMES), draw(TEXTS)
    export = draw(st.sampled_from(["", "", "export ", "export\t "]))
    blanks = [draw(BLANKS) for _ in range(4)]
    how = draw(st.sampled_from(["plain", "single", "double", "escaped"]))
    if how == "plain":
        text = settled(plainly(text))
        if text[:1] in ("'", '"', "#"):
            text = ""
        written = text
    elif how == "single":
        text = settled(text.replace("'", ""))
        written = f"'{text}'"
    elif how == "double":
        text = settled(text.replace("\\", "/").replace('"', ""))
        written = f'"{text}"'
    else:
        written = "".join([f"\\{ESCAPED[each]}" if each in ESCAPED else each for each in text])
        written = f'"{written}"'
    comment = draw(COMMENTS)
    before, behind, inner, after = blanks
    line = f"{before}{export}{name}{behind}={inner}{written}{after}{comment}"
    return line, name, text


LINES = st.one_of(
    assignments(),
    st.sampled_from([("", None, ""), ("  \t", None, ""), ("# A=1 'x", None, ""), (" #", None, "")]),
)


@MANY
@given(st.lists(LINES, max_size=6), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
@example([("A=\u00a0x\u00a0", "A", "\u00a0x\u00a0")], "\n", False, True)
@example([("A=x\x85\x1c", "A", "x\x85\x1c")], "\r\n", False, False)
@example([("A='\r'", "A", "\r")], "\r\n", True, False)
def test_a_file_means_what_the_manual_says(tmp_path, lines, end, mark, last):
    text = ("\ufeff" if mark else "") + end.join([line for line, _, _ in lines])
    path = tmp_path / "web.env"
    path.write_bytes((text + end * last).encode("utf-8", "surrogateescape"))
    wanted = {name: value for _, name, value in lines if name is not None}
    assert env_file(str(path)) == wanted


PIECES = st.sampled_from(
    [
        *(b"A=", b"B", b"=", b"'", b'"', b"\\", b"\n", b"\r\n", b"\r", b" ", b"#", b"export "),
        *(b"\0", b"\xef\xbb\xbf", b"\xff", b"\xc2\x85", b"\xe2\x80\xa8", b"\\n", b"$", b"x" * 3000),
    ]
)


@MANY
@given(st.lists(PIECES | st.binary(max_size=4), max_size=20).map(b"".join))
def test_any_bytes_are_variables_or_a_fault_with_file_line_and_fix_and_no_value(tmp_path, data):
    path = tmp_path / "web.env"
    path.write_bytes(data)
    try:
        found = env_file(str(path))
    except ValueFault as fault:
        place, _, reason = str(fault).partition(": ")
        assert re.fullmatch(re.escape(f"{path}:") + r"[1-9][0-9]*", place), fault
        assert int(place.rpartition(":")[2]) <= data.count(b"\n") + 1
        assert reason.isprintable()
        assert fault.fix
        return
    for name, value in found.items():
        assert name
        assert not {"=", "\0"} & set(name)
        assert "\0" not in value


@pytest.mark.parametrize(
    "line",
    ["hunter2-the-secret", "A='hunter2' hunter2", "hunter2 b = x", "A='hunter2", "A=hunter2\0"],
)
def test_a_fault_never_shows_what_stands_there(tmp_path, line):
    """A line that is wrong is often half of a key or of a password."""
    path = tmp_path / "web.env"
    path.write_text(f"B=1\n{line} hunter2\n")
    with pytest.raises(ValueFault) as caught:
        env_file(str(path))
    assert str(caught.value).startswith(f"{path}:2: ")
    assert "hunter2" not in str(caught.value) + caught.value.fix


@pytest.mark.parametrize("fill", ["A=x\n", "A='", 'A="\\', "#", "=", "\n", "A=#\r\n", "export "])
def test_a_file_as_large_as_it_may_be_is_read_at_once(tmp_path, fill):
    path = tmp_path / "web.env"
    path.write_text((fill * (MAX_BYTES // len(fill) + 1))[:MAX_BYTES], newline="")
    try:
        env_file(str(path))
    except ValueFault as fault:
        assert len(str(fault)) < 1000


FILES = st.dictionaries(
    st.binary(min_size=1, max_size=6).filter(
        lambda name: name not in (b".", b"..") and not {0, ord("/")} & set(name)
    ),
    st.binary(max_size=30) | st.sampled_from([b"x\0y\r\nz", b"\n", b"\xef\xbb\xbfx ", b"\t"]),
    max_size=4,
)


@MANY
@given(FILES)
def test_a_directory_is_the_first_line_of_each_file(tmp_path_factory, files):
    place = tmp_path_factory.mktemp("vars")
    for name, content in files.items():
        with open(os.path.join(os.fsencode(place), name), "wb") as file:
            file.write(content)
    wanted = {
        os.fsdecode(name): content.partition(b"\n")[0].rstrip(b" \t\r").replace(b"\0", b"\n")
        for name, content in files.items()
        if not name.startswith(b".") and b"=" not in name
    }
    found = {
        name: value.encode("utf-8", "surrogateescape")
        for name, value in env_dir(str(place)).items()
    }
    assert found == wanted
