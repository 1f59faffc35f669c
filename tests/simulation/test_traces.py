"""Golden traces: what was found once, and what must stay as it is, step by step."""

from pathlib import Path

import pytest
from replaying import GENUINE, Trace, event_of

FILES = sorted(Path(__file__).with_name("traces").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_trace_leads_to_what_it_led_to_before(path):
    trace = Trace(path.read_text())
    text, _ = trace.replay()
    assert text == trace.expected()


def test_there_are_traces():
    assert len(FILES) >= 10


def test_every_event_in_a_trace_reads_back_as_it_was():
    for path in FILES:
        for _, words, _ in Trace(path.read_text()).steps:
            if not words.startswith("PlanLoaded("):
                assert GENUINE.trace.brief(event_of(GENUINE, words)) == words


def test_what_is_no_value_is_not_read():
    with pytest.raises(ValueError, match="cannot read"):
        event_of(GENUINE, "Reaped(pid=[7], status=0)")
