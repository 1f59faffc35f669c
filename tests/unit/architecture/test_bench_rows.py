"""What a benchmark has written can be read again, and a row measured anew takes its place."""

import pytest

from bench import plot, report
from bench.__main__ import _merged
from bench.judge import Result

SETTING = report.Setting("2026-01-02 03:04 UTC", "a machine", "0.5", False, "here", {"s6": "2"})


def row(name, ours, theirs, when=""):
    made = Result(name, f"the {name}", "ms", more_is_better=True, when=when)
    made.of("ours").values = [ours, ours + 2.0]
    made.of("theirs").values = [theirs]
    made.of("nobody").why_not = "it is not there"
    made.ratio("ours / theirs", "ours", "theirs", 1.0)
    made.notes.append("a note")
    return made


def test_rows_are_read_as_they_were_written(tmp_path):
    rows = [row("start", 1.0, 4.0, "then"), row("stop", 5.0, 4.0, "later")]
    report.write(tmp_path, SETTING, rows)
    assert report.read(tmp_path) == rows
    assert [each.verdict for each in report.read(tmp_path)] == ["ok", "FAIL"]
    assert report.read_setting(tmp_path) == SETTING
    assert all("<svg" in plot.draw(each) for each in report.read(tmp_path))


def test_a_row_of_old_was_measured_when_its_run_began(tmp_path):
    report.write(tmp_path, SETTING, [row("start", 1.0, 4.0)])
    assert report.read(tmp_path)[0].when == "2026-01-02 03:04 UTC, load 0.5"


def test_a_row_measured_again_takes_the_place_of_the_old_one(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.__main__.RESULTS", tmp_path)
    report.write(tmp_path, SETTING, [row("start", 1.0, 4.0, "then"), row("stop", 5.0, 4.0, "then")])
    rows = _merged(("start", "memory", "stop"), [row("stop", 1.0, 4.0, "now")])
    assert [(each.name, each.when, each.verdict) for each in rows] == [
        ("start", "then", "ok"),
        ("stop", "now", "ok"),
    ]


def test_without_a_last_run_there_is_nothing_to_put_a_row_into(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.__main__.RESULTS", tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        _merged(("start",), [])
