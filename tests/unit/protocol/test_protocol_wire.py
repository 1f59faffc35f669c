"""The wire: our JSON is the json module's, malformed or huge input is a FrameError, no more."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyinit.protocol import wire
from pyinit.protocol.wire import FrameError, Frames, decode, dumps, encode, loads

# surrogates alone are bytes that are no UTF-8: they must survive
texts = st.text(st.characters(codec=None), max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | texts
    | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
CODECS = {"c": wire.from_c(), "json": wire.from_json()}


@given(st.dictionaries(texts, values, max_size=4))
@example({"n": "bad \udcff byte", "\ud83d": "lone", "pair": "\U0001f600"})
def test_what_is_encoded_is_decoded(value):
    line = encode(value)
    assert line.isascii()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == value
    assert json.loads(line) == value


@given(values)
def test_texts_are_those_of_the_json_module(value):
    text = json.dumps(value, separators=(",", ":"))
    assert dumps(value) == text
    assert loads(text) == value
    assert loads(json.dumps(value, indent=2, ensure_ascii=False)) == value


@given(st.text('{}[]":,truefalsn0123456789.eE+-\\u\t \x00xNI', max_size=30))
@example("NaN")
@example("[Infinity]")
@example("-Infinity")
@example("01")
@example('"\\ud800"')
@example("[1,]")
@example(" 1 ")
def test_the_json_module_decides_what_is_malformed(text):
    def refuse(name):
        raise ValueError(name)

    try:
        wanted = json.loads(text, parse_constant=refuse)
    except ValueError:
        with pytest.raises(FrameError):
            loads(text)
    else:
        if "inf" not in repr(wanted):
            assert loads(text) == wanted


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"", "no JSON value at character 0"),
        (b"[1]", "it is no JSON object"),
        (b'{"a":"\xff"}', "it is not UTF-8 at byte 6"),
        (b'{"a":1}}', "something follows the value at character 7"),
        (b'{"a":NaN}', "NaN is not JSON"),
        (b'{"a":-Infinity}', "-Infinity is not JSON"),
        (b'{"a":1e999}', "1e999 is too large for a number"),
        (b'{"a":' + b"9" * 5000 + b"}", "cannot read a frame: "),
        (b'{"a" 1}', "(?i)expecting ':' delimiter"),
        (b'{"a":"\\q"}', r"(?i)invalid \\escape"),
        (b'{"a":"\t"}', "(?i)invalid control character"),
        (b'{"a":' + b"[" * 65 + b"]" * 65 + b"}", "it is nested deeper than 64"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "it is nested deeper than 64"),
        (b'{"a":' + b"[" * 60_000, "cannot read a frame: "),
        (b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "nested deeper than 64"),
    ],
)
def test_malformed_frames_say_what_is_wrong(line, complaint):
    with pytest.raises(FrameError, match=complaint):
        decode(line)


def test_nesting_up_to_the_bound_and_many_brackets_in_a_string_are_fine():
    inside = b"[" * 62 + b"]" * 62
    assert decode(b'{"a":' + inside + b"}")
    assert decode(b'{"a":"' + b"[" * 500 + b'"}') == {"a": "[" * 500}
    assert decode(b'{"a":[' + b"[]," * 100 + b"1]}")["a"][-1] == 1


@pytest.mark.parametrize("value", [{"a": float("nan")}, {"a": float("inf")}])
def test_nan_and_infinity_are_never_written(value):
    with pytest.raises(ValueError, match="Out of range float"):
        encode(value)


def test_what_is_no_json_is_never_written():
    with pytest.raises(TypeError, match="cannot write bytes as JSON"):
        dumps({"a": b"raw"})
    assert dumps({"a": (1, 2)}) == '{"a":[1,2]}'


@pytest.mark.parametrize("name", CODECS)
@given(value=values)
def test_both_codecs_agree(name, value):
    scan, write = CODECS[name]
    text = "".join(write(value, 0))
    assert text == json.dumps(value, separators=(",", ":"))
    assert scan(text, 0) == (value, len(text))


ROOT = Path(__file__).resolve().parents[3]


def python(code):
    """Run `code` in a fresh interpreter, as bare as PID 1's; return what it prints."""
    text = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{code}"
    command = [sys.executable, "-I", "-S", "-c", text]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_malformed_frame_does_not_make_pid_1_import_json():
    said = python(
        "from pyinit.protocol import wire\n"
        "for line in (b'{', b'{\"a\" 1}', b'[NaN]', b'{\"a\":\"\\\\q\"}', b''):\n"
        "    try: wire.decode(line)\n"
        "    except wire.FrameError: print('refused')\n"
        "print(sorted({'json', 'json.decoder', 're', 'enum'} & set(sys.modules)))"
    )
    assert said.splitlines() == ["refused"] * 5 + ["[]"]


def test_without_the_json_package_the_complaint_is_the_same_but_in_our_words(monkeypatch):
    monkeypatch.delitem(sys.modules, "json")
    monkeypatch.delitem(sys.modules, "json.decoder")
    with pytest.raises(FrameError) as caught:
        decode(b'{"a" 1}')
    assert str(caught.value) == "cannot read a frame: expecting ':' delimiter at character 5"
    assert "json" not in sys.modules
    assert "json.decoder" not in sys.modules


BROKEN = {
    "no module": "sys.modules['_json'] = None",
    "no scanner": "import _json; del _json.make_scanner",
    "another encoder": "import _json; _json.make_encoder = lambda *_: lambda *_: ['no']",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_python_without_the_c_codec_gets_the_json_package(broken):
    said = python(
        "import json\n"  # itself a user of the C code: it may have it
        f"{BROKEN[broken]}\nfrom pyinit.protocol import wire\n"
        "print(wire.from_c() is None, wire.decode(wire.encode({'a': [1, 'ä']})))"
    )
    assert said == "True {'a': [1, 'ä']}\n"


def test_a_python_without_the_c_codec_is_noticed(monkeypatch):
    monkeypatch.setitem(sys.modules, "_json", None)
    assert wire.from_c() is None


# --- frames


@given(
    st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=8),
    st.integers(1, 40),
)
def test_frames_come_out_whole_whatever_the_pieces(lines, step):
    data = b"".join(line + b"\n" for line in lines)
    frames, found = Frames(1000), []
    for n in range(0, len(data), step):
        frames.feed(data[n : n + step])
        while frames.ready:
            found.append(frames.take())
    assert found == [line for line in lines if line.strip()]
    assert frames.take() is None
    assert not frames.partial


def test_a_frame_in_the_making_is_partial():
    frames = Frames()
    assert not frames.partial
    frames.feed(b'{"a"')
    assert frames.partial
    assert not frames.ready
    frames.feed(b":1}\n{")
    assert frames.ready
    assert not frames.partial
    assert frames.take() == b'{"a":1}'
    assert frames.partial


def test_a_line_that_is_too_long_is_refused_before_its_end():
    frames = Frames(100)
    frames.feed(b"x" * 100)
    with pytest.raises(FrameError, match="longer than 100 bytes"):
        frames.feed(b"x")
    ended = Frames(100)
    with pytest.raises(FrameError, match="longer than 100 bytes"):
        ended.feed(b"x" * 101 + b"\n")
    second = Frames(100)
    second.feed(b"a\n" + b"x" * 101)
    with pytest.raises(FrameError, match="longer than 100 bytes"):
        second.take()


def test_blank_lines_cost_nothing_and_are_no_frames():
    frames = Frames(100)
    frames.feed(b"\n \r\n\t\n" * 10_000)
    assert not frames.ready
    assert frames.take() is None
    frames.feed(b"{}\r\n")
    assert frames.take() == b"{}\r"


def test_what_was_fed_and_not_taken_can_be_handed_on():
    frames = Frames()
    frames.feed(b'{"a":1}\n{"b":2}\n{"c"')
    assert frames.take() == b'{"a":1}'
    assert frames.rest == b'{"b":2}\n{"c"'
    other = Frames()
    other.feed(frames.rest)
    assert other.take() == b'{"b":2}'
    assert other.partial
