"""What a row says: states, times, sizes and shares in few words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_world import fatal, process, status

from pyinit.web.rows import Meter, amount, percent, rows_of, size, span, text


def row(entry, meter=None, wall=1000.0, now=50.0):
    (found,) = rows_of(status(entry), meter or Meter(), wall, now)
    return found


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (7500, "2 h 5 min"),
        (90_000, "1 d 1 h"),
        (-3, "0 s"),
    ],
)
def test_a_time_is_told_in_its_two_largest_units(seconds, words):
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1024, "1.0 KB"),
        (47_400_000, "45.2 MB"),
        (157_286_400, "150 MB"),
        (1 << 50, "1024 TB"),
    ],
)
def test_a_size_is_told_with_a_digit_where_it_matters(count, words):
    assert size(count) == words


@pytest.mark.parametrize(
    ("share", "words"), [(0, "0.0 %"), (0.0034, "0.3 %"), (0.0995, "10 %"), (3.5, "350 %")]
)
def test_a_share_of_a_processor_is_told_as_top_does(share, words):
    assert percent(share) == words


@pytest.mark.parametrize(
    ("count", "words"), [(64, "64"), (1024, "1024"), (65536, "65\u202f536"), (1 << 30, "1074 M")]
)
def test_a_large_limit_stays_short(count, words):
    assert amount(count) == words


def test_a_share_needs_two_looks_at_the_same_run():
    meter = Meter()
    assert row(process(cpu_s=1.0), meter, now=10.0).cpu == ""
    assert row(process(cpu_s=1.5), meter, now=12.0).cpu == "25 %"
    assert row(process(cpu_s=0.1, pid=5000), meter, now=14.0).cpu == ""
    assert row(process(cpu_s=0.2, pid=5000), meter, now=16.0).cpu == "5.0 %"


def test_looks_that_follow_each_other_closely_make_no_share():
    meter = Meter()
    row(process(cpu_s=1.0), meter, now=10.0)
    assert row(process(cpu_s=1.01), meter, now=10.01).cpu == ""
    assert row(process(cpu_s=1.5), meter, now=12.0).cpu == "25 %"
    assert row(process(cpu_s=1.51), meter, now=12.01).cpu == "25 %"
    assert row(process(cpu_s=1.6), meter, now=14.0).cpu == "5.0 %"


def test_of_processes_that_are_no_more_nothing_is_kept():
    meter = Meter()
    row(process(), meter, now=10.0)
    meter.forget_all_but(["other"])
    assert row(process(), meter, now=12.0).cpu == ""


def test_a_process_that_runs_has_an_age_and_descriptors_of_so_many():
    found = row(process())
    assert (found.since, found.files, found.memory, found.crowded) == (
        935.0,
        "7 / 1024",
        "3.0 MB",
        False,
    )
    assert row(process(fds=900)).crowded
    assert row(process(fds_limit=-1)).files == "7"
    assert not row(process(fds_limit=-1)).crowded


def test_one_that_does_not_run_has_none_but_the_reason():
    found = row(fatal(reason="exit status 3", fix="look here"))
    assert (found.since, found.files, found.memory, found.cpu) == (0.0, "", "", "")
    assert (found.note, found.fix, found.ended) == ("exit status 3", "look here", 1_700_000_000.0)


def test_where_the_state_says_it_all_the_last_exit_is_the_note():
    end = {"signal": 9, "reason": "killed by SIGKILL, out of memory", "at": 5.0}
    assert row(process(last_exit=end)).note == "killed by SIGKILL, out of memory"


@given(st.text(st.characters(codec=None)))
def test_every_text_can_be_shown(found):
    shown = text(found)
    assert shown.encode().decode() == shown
    if not any("\ud800" <= char <= "\udfff" for char in found):
        assert shown == found


def test_an_answer_that_is_not_as_known_makes_no_row_fail():
    found = row(
        {"name": 7, "ok": "x", "pid": True, "uptime_s": "x", "last_exit": [], "restarts": None}
    )
    assert (found.name, found.pid, found.note, found.restarts) == ("", 0, "", 0)
