"""Schedules under a real PID 1: jobs come and go, and pyinit stays."""

import time
from pathlib import Path

from boxed import ORDINARY, Box, eventually, needs_root, program

EVERY_SECOND = {"every": "1s"}
WEB = program("web", "exec sleep 600")


def done(box, *words):
    """Carry out a command that must work."""
    found = box.ctl(*words)
    assert found.returncode == 0, found.stderr
    return found


def switches(pid):
    """Return how often a process went to sleep so far."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("voluntary_ctxt_switches:")[1].split()[0])


def next_run(box, name):
    return eventually(lambda: box.status()[name].get("next_run_at"))


def test_a_job_runs_again_and_again_and_pyinit_stays_up():
    with Box(program("job", "echo ran", schedule=EVERY_SECOND)) as box:
        assert box.status()["job"]["state"] == "STOPPED"
        eventually(lambda: box.out.count("ran") >= 3)
        assert "no program starts by itself" not in box.err
        box.send("TERM")
        assert box.wait() == 0


def test_a_job_that_fails_is_tried_again_and_keeps_nobody_from_being_ready():
    with Box(program("job", "echo ran; exit 3", schedule=EVERY_SECOND, restart="never")) as box:
        eventually(lambda: box.out.count("ran") >= 3)
        done(box, "ready")


def test_a_job_that_still_runs_is_skipped_or_replaced():
    text = program("skips", "echo s; exec sleep 600", schedule=EVERY_SECOND)
    replaces = {"every": "1s", "overlap": "replace"}
    text += program("replaces", "echo r; exec sleep 600", schedule=replaces)
    with Box(text) as box:
        eventually(lambda: box.out.count("r\n") >= 3)
        assert box.out.count("s\n") == 1
        assert "skips: its time has come, and it still runs; this time is skipped" in box.err


def test_a_job_is_started_by_hand_and_its_interval_begins_anew():
    with Box(program("job", "echo ran", schedule={"every": "1h"})) as box:
        first = next_run(box, "job")
        assert 3500 < first - time.time() <= 3600
        eventually(lambda: time.time() > first - 3600 + 1.5)
        done(box, "start", "job")
        assert next_run(box, "job") > first + 1


def test_the_time_of_a_job_and_its_next_try_after_a_failure_are_told_in_different_words():
    keys = {"schedule": {"every": "1h"}, "restart": {"policy": "on-failure", "delay": "60s"}}
    with Box(program("job", "exit 3", **keys)) as box:
        next_run(box, "job")
        box.ctl("start", "--no-wait", "job")
        box.wait_state("job", "BACKOFF")
        (line,) = [each for each in box.ctl("status").stdout.splitlines() if "job" in each]
        assert line.count("next run in") == 1
        assert "; scheduled in 59m" in line


def test_a_job_that_was_stopped_has_no_next_run():
    with Box(program("job", "echo ran", schedule=EVERY_SECOND)) as box:
        eventually(lambda: "ran" in box.out)
        done(box, "stop", "job")
        box.wait_state("job", "STOPPED")
        assert "next_run_at" not in box.status()["job"]
        done(box, "start", "job")
        next_run(box, "job")


def test_the_times_of_cron_lines_are_known():
    text = program("minutely", "true", schedule="* * * * *")
    text += program("daily", "true", schedule={"cron": "@daily", "timezone": "Asia/Tokyo"})
    with Box(text) as box:
        at = next_run(box, "minutely")
        assert -5 < at - time.time() <= 60
        assert at % 60 == 0
        assert (next_run(box, "daily") + 9 * 3600) % 86400 == 0


def test_times_are_kept_over_a_reexec():
    text = program("job", "echo ran", schedule={"every": "1h"})
    text += program("cron", "true", schedule="30 3 * * *")
    with Box(text) as box:
        before = next_run(box, "job"), next_run(box, "cron")
        done(box, "reexec")
        after = next_run(box, "job"), next_run(box, "cron")
        assert abs(after[0] - before[0]) < 1
        assert after[1] == before[1]


def test_a_schedule_comes_and_goes_with_a_reload():
    with Box(WEB) as box:
        box.wait_state("web", "RUNNING")
        box.config.write_text(WEB + program("job", "echo ran", schedule=EVERY_SECOND))
        done(box, "reload")
        eventually(lambda: box.out.count("ran") >= 2)
        box.config.write_text(WEB)
        done(box, "reload")
        eventually(lambda: "job" not in box.status())


@needs_root
def test_an_ordinary_user_has_schedules_too():
    text = program("job", "echo ran", schedule=EVERY_SECOND)
    with Box(text + program("cron", "true", schedule="@hourly"), uid=ORDINARY) as box:
        eventually(lambda: "ran" in box.out)
        assert next_run(box, "cron") % 3600 == 0


def test_a_pyinit_that_waits_for_a_time_sleeps_until_then():
    text = program("job", "true", schedule={"every": "1h"})
    with Box(text + program("cron", "true", schedule="17 3 29 2 *")) as box:
        next_run(box, "cron")
        start = time.monotonic()
        eventually(lambda: time.monotonic() > start + 2)  # what follows a boot is over
        before = switches(box.pid)
        start = time.monotonic()
        eventually(lambda: time.monotonic() > start + 3)
        assert switches(box.pid) - before <= 1  # the look at the clock that comes once a minute
