"""Lines as they are dressed: prefix, JSON, TAI64N."""

import calendar
import json
import time

from hypothesis import example, given
from hypothesis import strategies as st

from pyinit.logs import format as forms

clean = st.binary(max_size=40).map(lambda data: data.replace(b"\n", b""))
moments = st.floats(0, 4e9, allow_nan=False)


def test_every_line_gets_the_prefix():
    assert forms.prefix(b"a\n\nb | c\n", "web:0") == b"web:0 | a\nweb:0 | \nweb:0 | b | c\n"
    assert forms.prefix(b"x\n", "n\udcff") == b"n\xff | x\n"


@example([b"a\x1b[31m", b'"\\\t\r\0\x7f', b"\xe2\x80\xa8\xe2\x80", b"\xf0\xe2\x80\xa9"], "n", 1.0)
@given(st.lists(clean, min_size=1, max_size=4), st.text(max_size=8), moments)
def test_json_lines_are_read_by_the_json_module(lines, name, at):
    block = b"".join(line + b"\n" for line in lines)
    said = forms.json(block, name, "prog", "stderr", at)
    assert not {0x0D, 0x7F, *range(0x0A), *range(0x0B, 0x20)} & set(said)
    assert said.endswith(b"\n")
    read = [json.loads(line) for line in said.decode("utf-8").split("\n")[:-1]]
    assert [each["message"] for each in read] == [line.decode("utf-8", "replace") for line in lines]
    shown = name.encode("utf-8", "replace").decode()
    assert {(each["process"], each["program"], each["stream"]) for each in read} == {
        (shown, "prog", "stderr")
    }
    assert {each["time"] for each in read} == {forms.rfc3339(at)}


@given(st.text())
def test_quoted_text_is_the_inside_of_a_json_string_on_one_line(text):
    quoted = forms.quoted(text)
    assert json.loads(f'"{quoted}"') == text
    assert not {"\n", "\r", "\u2028", "\u2029", "\0", "\x7f"} & set(quoted)


@given(moments)
@example(1700000000.9999998)
@example(0.9996)
def test_rfc3339_never_runs_ahead(at):
    text = forms.rfc3339(at)
    assert len(text) == 24
    seconds = calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
    read = seconds + int(text[20:23]) / 1000
    assert read - 1e-6 <= at < read + 0.001 + 1e-6


def test_tai64n_labels_are_multilogs():
    assert forms.tai64n(b"a\nb\n", 0.5) == (
        b"@400000000000000a1dcd6500 a\n@400000000000000a1dcd6500 b\n"
    )
