"""`schedule`: what may be written, what is wrong with it, and when cron lines come."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from configs import fault_in, plan_of, program_fault, program_of

from pyinit.config import cron
from pyinit.config.problems import ValueFault
from pyinit.core.plan import ExitWhen, Schedule

BERLIN = "Europe/Berlin"  # 2026: a gap at 02:00 on March 29, 03:00 twice on October 25
DAY = 86400.0


def stamp(text, zone=BERLIN, fold=0):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def coming(line, after, zone=BERLIN, within_s=2 * DAY, most=100, fold=0):
    found = cron.coming(line, zone, stamp(after, zone, fold), within_s, most)
    return [f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%d %H:%M %z}" for at in found]


@pytest.mark.parametrize(
    ("written", "schedule"),
    [
        ('"*/5 * * * *"', Schedule("*/5 * * * *")),
        ('{ cron = "@daily", timezone = "Asia/Tokyo" }', Schedule("@daily", 0.0, "Asia/Tokyo")),
        ('{ every = "5m", overlap = "queue" }', Schedule(every=300.0, overlap="queue")),
        ("{ every = 90 }", Schedule(every=90.0)),
    ],
)
def test_a_schedule_is_a_cron_line_or_an_interval(tmp_path, written, schedule):
    assert program_of(tmp_path, f"schedule = {written}").schedule == schedule


def test_a_job_is_a_oneshot_that_is_neither_started_at_boot_nor_critical(tmp_path):
    job = program_of(tmp_path, 'schedule = "@daily"')
    assert (job.kind, job.autostart, job.critical) == ("oneshot", False, False)


def test_a_job_may_be_critical_and_run_at_boot_too(tmp_path):
    job = program_of(tmp_path, 'schedule = "@daily"\nautostart = true\ncritical = true')
    assert (job.autostart, job.critical) == (True, True)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('schedule = "61 * * * *"', 'schedule: "61 * * * *" is no cron line: bad minute'),
        ('schedule = "* * * *"', 'schedule: "* * * *" is no cron line: wrong number of fields'),
        ('schedule = "@reboot"', 'schedule: "@reboot" is no time'),
        ('schedule = "@often"', 'schedule: "@often" is no cron line: there is no such name'),
        ('schedule = "0 0 31 2 *"', 'schedule: "0 0 31 2 *" is no cron line: bad day-of-month'),
        ("schedule = {}", "schedule: it has no times"),
        ('schedule = { cron = "@daily", every = "5m" }', "schedule: it has both cron and every"),
        ('schedule = { every = "10ms" }', "every: every 0.01 s is too often"),
        (
            'schedule = { cron = "@daily", timezone = "Europe/Berln" }',
            'timezone: there is no time zone "Europe/Berln"',
        ),
        (
            'schedule = { every = "5m", timezone = "UTC" }',
            "timezone: an interval is the same everywhere",
        ),
        (
            'schedule = "@daily"\ntype = "service"',
            "schedule: a service runs on, and has no times",
        ),
        ('schedule = { every = "5m", overlap = "wait" }', "overlap:"),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path, written, message):
    _, said, fix = program_fault(tmp_path, written)
    assert said.startswith(message)
    assert fix


@pytest.mark.parametrize(
    ("line", "message", "fix"),
    [
        (
            "*/3 * * * * *",
            '"*/3 * * * * *" is no cron line: it has six fields, and not five',
            'for seconds write schedule = { every = "3s" }, else "* * * * *"',
        ),
        (
            "* 30 2 * * *",
            '"* 30 2 * * *" is no cron line: it has six fields, and not five',
            'for seconds write schedule = { every = "1s" }, else "30 2 * * *"',
        ),
        (
            "0  30 2 * * mon",
            '"0  30 2 * * mon" is no cron line: it has six fields, and not five',
            cron.FIX,
        ),
        (
            "*/0 * * * * *",
            '"*/0 * * * * *" is no cron line: it has six fields, and not five',
            cron.FIX,
        ),
        (
            "30 2 * * * root",
            '"30 2 * * * root" is no cron line: it has six fields, and not five',
            cron.FIX,
        ),
        ("* * * * * * *", '"* * * * * * *" is no cron line: wrong number of fields', cron.FIX),
        ("@dayly", '"@dayly" is no cron line: there is no such name', 'did you mean "@daily"?'),
        ("@Hurly", '"@Hurly" is no cron line: there is no such name', 'did you mean "@hourly"?'),
    ],
)
def test_a_line_of_another_number_of_fields_or_name_is_refused(tmp_path, line, message, fix):
    for written in (f'schedule = "{line}"', f'schedule = {{ cron = "{line}" }}'):
        place, said, told = program_fault(tmp_path, f"\n{written}")
        assert (place, said.partition(": ")[2], told) == (2, message, fix)


def test_a_time_zone_that_is_misspelt_is_recognised():
    with pytest.raises(ValueFault) as raised:
        cron.zone("Europe/Berln")
    assert raised.value.fix == 'did you mean "Europe/Berlin"?'


def test_a_time_in_the_gap_comes_once_at_its_end():
    found = coming("30 2 * * *", "2026-03-28 12:00", within_s=2 * DAY)
    assert found == ["29 03:00 +0200", "30 02:30 +0200", "31 02:30 +0200"]


def test_two_times_in_the_gap_are_one():
    found = coming("0,30 2 * * *", "2026-03-29 00:00", within_s=0.9 * DAY)
    assert found == ["29 03:00 +0200", "30 02:00 +0200"]


def test_a_time_that_is_there_twice_comes_once():
    found = coming("30 2 * * *", "2026-10-24 12:00")
    assert found == ["25 02:30 +0200", "26 02:30 +0100", "27 02:30 +0100"]


def test_a_time_that_is_there_twice_does_not_come_again_when_asked_in_between():
    found = coming("30 2 * * *", "2026-10-25 02:10", fold=1, within_s=DAY / 2)
    assert found == ["26 02:30 +0100"]


def test_a_star_goes_by_the_time_that_passes():
    found = coming("30 * * * *", "2026-10-25 01:00", within_s=3 * 3600.0)
    assert found == ["25 01:30 +0200", "25 02:30 +0200", "25 02:30 +0100", "25 03:30 +0100"]
    found = coming("*/30 * * * *", "2026-03-29 01:00", within_s=3600.0)
    assert found == ["29 01:30 +0100", "29 03:00 +0200", "29 03:30 +0200"]


def test_a_line_is_read_in_its_time_zone():
    after = stamp("2026-07-01 00:00", "UTC")
    assert cron.coming("0 9 * * *", "Asia/Tokyo", after, 0.0, 1) == [after + DAY]
    assert cron.coming("0 9 * * *", "UTC", after, 0.0, 1) == [after + 9 * 3600.0]
    assert cron.coming("0 9 * * *", "America/New_York", after, 0.0, 1) == [after + 13 * 3600.0]


def test_without_a_time_zone_it_is_that_of_the_environment(monkeypatch):
    after = stamp("2026-07-01 00:00", "UTC")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert cron.coming("0 9 * * *", "", after, 0.0, 1) == [after + DAY]
    monkeypatch.setenv("TZ", "Nowhere/Land")  # the C library takes it for UTC, too
    assert cron.coming("0 9 * * *", "", after, 0.0, 1) == [after + 9 * 3600.0]


def test_days_of_week_and_month_are_those_of_cron():
    found = coming("0 0 13 * fri", "2026-02-01 00:00", "UTC", within_s=14 * DAY)
    assert found[:3] == ["06 00:00 +0000", "13 00:00 +0000", "20 00:00 +0000"]
    found = coming("0 0 L * *", "2028-02-01 00:00", "UTC", most=1)
    assert found == ["29 00:00 +0000"]


@pytest.mark.parametrize("name", [*cron.NAMED, "@Daily"])
def test_the_names_of_cron_are_lines(name):
    assert len(coming(name, "2026-01-02 00:00", "UTC", most=2, within_s=800 * DAY)) == 2


def test_there_is_at_least_one_time_and_not_too_many():
    after = "2026-01-02 00:00"
    assert len(coming("0 0 29 2 *", after, "UTC", within_s=1.0)) == 1
    assert len(coming("* * * * *", after, "UTC", most=24)) == 24
    assert len(coming("* * * * *", after, "UTC", within_s=0.0)) == 1


def exit_when(directory, value):
    return plan_of(directory, f"[init]\nexit_when = {value}\n").init.exit_when


def test_a_sidecar_ends_with_a_file_or_with_a_process(tmp_path):
    assert exit_when(tmp_path, '{ file = "/lifecycle/done" }') == ExitWhen(file="/lifecycle/done")
    assert exit_when(tmp_path, '{ process = "web" }') == ExitWhen(process="web")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{}", "exit_when: it is a file or a process"),
        ('{ file = "/done", process = "web" }', "exit_when: it is a file or a process"),
        ('{ process = "/app/web" }', 'process: "/app/web" is a path'),
    ],
)
def test_an_end_that_makes_no_sense_is_said(tmp_path, value, message):
    _, said, fix = fault_in(tmp_path, f"[init]\nexit_when = {value}\n")
    assert said == message
    assert fix
