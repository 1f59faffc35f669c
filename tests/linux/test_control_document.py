"""docs/control.md is true: its transcripts are what pyinit says, its tables are what the code has."""

import json
import re

import pytest
from boxed import ROOT, Box
from control_raw import Raw

from pyinit.protocol import names, wire
from pyinit.protocol.messages import EXIT_CODES, VERBS
from pyinit.runtime import control, control_session, stdin, verbs_files, verbs_output

TEXT = (ROOT / "docs" / "control.md").read_text()
PLACEHOLDERS = {"<number>": (int, float), "<text>": str, "<list>": list}
REST = "..."


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def rows(head):
    """Return the cells of the table whose first head is `head`."""
    lines = TEXT.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {head} |"))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def parsed(text):
    """Return the JSON of an expected line, `...` made a field or an item of that name."""
    text = re.sub(r", \.\.\.\}", f', "{REST}": 0}}', text)
    return json.loads(re.sub(r", \.\.\.\]", f', "{REST}"]', text))


def same(told, wanted):
    """Say whether what pyinit told is what the page says."""
    if isinstance(wanted, str) and wanted in PLACEHOLDERS:
        return isinstance(told, PLACEHOLDERS[wanted]) and not isinstance(told, bool)
    if isinstance(wanted, dict) and isinstance(told, dict):
        fields = wanted.keys() - {REST}
        more = told.keys() > fields if REST in wanted else told.keys() == fields
        return more and all(same(told[name], wanted[name]) for name in fields)
    if isinstance(wanted, list) and isinstance(told, list):
        pairs = zip(told, wanted, strict=False)
        return len(told) == len(wanted) and all(same(one, other) for one, other in pairs)
    return told == wanted and type(told) is type(wanted)


def play(box, transcript):
    """Send and expect what a transcript says, on one connection."""
    with Raw(box.socket) as client:
        for line in transcript.splitlines():
            kind, text = line[0], line[2:]
            if kind == ">":
                client.send(text.encode() + b"\n")
                continue
            assert kind == "<", line
            told = client.receive()
            assert same(told, parsed(text)), f"the page says\n{text}\npyinit says\n{told}"


def test_every_transcript_is_what_pyinit_says():
    config = next(block for block in blocks("toml") if "[program.web]" in block)
    transcripts = blocks("control")
    assert len(transcripts) >= 8
    with Box(config) as box:
        box.wait_state("worker:0", "RUNNING")
        box.wait_state("worker:1", "RUNNING")
        for transcript in transcripts:
            play(box, transcript)
        assert box.wait() == 0


@pytest.mark.parametrize(
    ("told", "wanted", "equal"),
    [
        ({"a": 1, "b": 2}, '{"a": 1, ...}', True),
        ({"a": 1}, '{"a": 1, ...}', False),
        ({"a": 1, "b": 2}, '{"a": 1}', False),
        ({"a": 2, "b": 2}, '{"a": 1, ...}', False),
        ({"a": True}, '{"a": 1}', False),
        ({"a": True}, '{"a": "<number>"}', False),
        ({"a": 1.5}, '{"a": "<number>"}', True),
        ({"a": "x"}, '{"a": "<number>"}', False),
        ({"a": [1, 2]}, '{"a": [1]}', False),
        ({"a": []}, '{"a": "<list>"}', True),
    ],
)
def test_the_comparison_can_fail(told, wanted, equal):
    assert same(told, parsed(wanted)) is equal


def test_every_verb_is_there_with_its_access_and_arguments():
    found = {}
    for verb, level, arguments in rows("verb"):
        words = [word.strip() for word in arguments.split(",") if word.strip()]
        found[verb] = (level, {word.strip("*") for word in words}, {
            word.strip("*") for word in words if word.startswith("**")
        })  # fmt: skip
    assert found == {
        name: (verb.level, set(verb.args), set(verb.needs)) for name, verb in VERBS.items()
    }


def test_every_error_code_is_there_with_its_exit_status():
    assert {code: int(number) for code, _, number in rows("code")} == EXIT_CODES


def test_every_bound_is_there_with_its_value():
    found = {name: float(value) for name, value, _ in rows("bound")}
    for name, value in found.items():
        modules = (control, control_session, verbs_output, verbs_files, stdin, wire, names)
        places = [each for each in modules if hasattr(each, name)]
        assert places, name
        assert getattr(places[0], name) == value
    assert {"CLIENTS", "RESERVED", "HELD", "STREAMS", "PARTIAL_S", "STALL_S"} <= set(found)
    assert {"LOGS_BYTES", "FRAME_BYTES"} <= set(found)


def test_every_goal_of_a_wait_is_there():
    from pyinit.runtime.verbs_state import GOALS

    sentence = re.search(r"is in the state `for`: (.*?)\.", TEXT).group(1)
    assert tuple(word.split(" ")[0] for word in sentence.split(", ")) == GOALS
