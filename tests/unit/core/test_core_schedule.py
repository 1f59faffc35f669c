"""What the time of a schedule does, in every state, and that nothing ends while there is one."""

import pytest
from core_desk import Desk, never, program

from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core.plan import Plan, Schedule
from pyinit.core.record import replace
from pyinit.core.slot import is_active


def job(name="job", overlap="skip", **fields):
    settings = {"kind": "oneshot", "autostart": False, "critical": False, "restart": never()}
    return program(name, schedule=Schedule(every=60.0, overlap=overlap), **{**settings, **fields})


def due(desk, key="job"):
    return desk.feed(ev.ScheduleDue(f"{key}:0"))


def notes(effects):
    return [each.text for each in effects if isinstance(each, fx.Note)]


def test_it_is_not_started_at_boot_and_nothing_ends():
    desk = Desk(job())
    assert desk.name("job") == "Stopped"
    assert desk.phase == "Up"
    assert notes(desk.said) == []


def test_its_time_starts_it_and_its_end_ends_nothing():
    desk = Desk(job())
    for _ in range(3):
        due(desk)
        desk.up()
        assert desk.name("job") == "Running"
        desk.ends("job")
        assert desk.name("job") == "Exited"
        assert desk.phase == "Up"


@pytest.mark.parametrize("exit_rule", ["fail-fast", "all-done"])
def test_what_ends_beside_a_schedule_ends_nothing(exit_rule):
    desk = Desk(job(), program("web"), exit=exit_rule)
    desk.up()
    desk.ends("web")
    assert desk.phase == "Up"


def test_a_critical_program_that_fails_ends_everything_all_the_same():
    desk = Desk(job(), program("web", restart=never()))
    desk.up()
    desk.ends("web", 3 << 8)
    assert desk.phase != "Up"


def test_a_job_that_failed_is_tried_again_at_its_next_time():
    desk = Desk(job())
    due(desk)
    desk.up()
    desk.ends("job", 1 << 8)
    assert desk.name("job") == "Exited"
    due(desk)
    assert desk.name("job") == "Starting"


def test_one_that_was_given_up_is_tried_again_at_its_next_time():
    desk = Desk(job(needs={"db": "ready"}), program("db", restart=never(), critical=False))
    desk.up()
    desk.ends("db", 1 << 8)
    desk.feed(ev.StopRequested(("nobody:0",)))
    due(desk)  # what it needs has failed, and is started again with it
    desk.up()
    assert (desk.name("db"), desk.name("job")) == ("Running", "Running")


def test_what_somebody_has_stopped_its_time_does_not_start():
    desk = Desk(job())
    desk.feed(ev.StopRequested(("job:0",)))
    due(desk)
    assert desk.name("job") == "Stopped"
    desk.feed(ev.StartRequested(("job:0",)))
    desk.up()
    desk.ends("job")
    due(desk)
    assert desk.name("job") == "Starting"


def test_a_stop_between_two_times_keeps_it_down():
    desk = Desk(job())
    due(desk)
    desk.up()
    desk.ends("job")
    desk.feed(ev.StopRequested(("job:0",)))
    due(desk)
    assert desk.name("job") == "Stopped"


def test_a_stop_under_way_is_not_undone():
    desk = Desk(job(overlap="replace"))
    due(desk)
    desk.up()
    desk.feed(ev.StopRequested(("job:0",)))
    due(desk)
    desk.ends("job", 15)
    assert desk.name("job") == "Stopped"


def test_skip_leaves_the_run_alone_and_says_so():
    desk = Desk(job())
    due(desk)
    desk.up()
    before = desk["job"]
    said = due(desk)
    assert desk["job"] == before
    assert notes(said) == ["job: its time has come, and it still runs; this time is skipped"]
    desk.ends("job")
    assert desk.name("job") == "Exited"


def test_queue_runs_once_more_however_often_its_time_came():
    desk = Desk(job(overlap="queue"))
    due(desk)
    desk.up()
    due(desk)
    due(desk)
    desk.ends("job", 1 << 8)
    desk.up()
    assert (desk.name("job"), desk["job"].runs) == ("Running", 2)
    desk.ends("job")
    assert desk.name("job") == "Exited"


def test_a_stop_takes_a_queued_run_back():
    desk = Desk(job(overlap="queue"))
    due(desk)
    desk.up()
    due(desk)
    desk.feed(ev.StopRequested(("job:0",)))
    desk.ends("job", 15)
    assert desk.name("job") == "Stopped"
    desk.feed(ev.StartRequested(("job:0",)))
    desk.up()
    desk.ends("job")
    assert desk.name("job") == "Exited"


def test_a_queued_run_does_not_begin_in_a_shutdown():
    desk = Desk(job(overlap="queue"), program("web"))
    due(desk)
    desk.up()
    due(desk)
    desk.feed(ev.ShutdownRequested("asked"))
    desk.ends("job")
    assert not is_active(desk["job"])


def test_replace_stops_the_run_and_starts_another():
    desk = Desk(job(overlap="replace"))
    due(desk)
    desk.up()
    due(desk)
    assert desk.name("job") == "Stopping"
    desk.ends("job", 15)
    desk.up()
    assert (desk.name("job"), desk["job"].runs) == ("Running", 2)


def test_what_it_needs_is_started_with_it():
    desk = Desk(job(needs={"db": "ready"}), program("db", autostart=False))
    due(desk)
    desk.up()
    assert (desk.name("db"), desk.name("job")) == ("Running", "Running")


def test_what_it_needs_and_waits_to_be_stopped_is_stopped():
    desk = Desk(
        program("db"), program("user", needs={"db": "started"}), job(needs={"db": "started"})
    )
    desk.up()
    desk.feed(ev.StopRequested(("db:0",)))
    assert desk.state.falling == {"db:0": False}, "who uses it is stopped first"
    due(desk)
    desk.ends("user", 15)
    desk.obey()
    assert (desk.name("db"), desk["db"].runs) == ("Stopped", 1)


def test_what_it_needs_and_somebody_has_stopped_is_waited_for():
    desk = Desk(job(needs={"db": "ready"}), program("db"))
    desk.up()
    desk.feed(ev.StopRequested(("db:0",)))
    due(desk)  # the stop of db is under way
    assert (desk.name("db"), desk.name("job")) == ("Stopping", "Waiting")
    desk.ends("db", 15)
    due(desk)
    assert (desk.name("db"), desk.name("job")) == ("Stopped", "Waiting")
    desk.feed(ev.StartRequested(("db:0",)))
    desk.up()
    assert desk.name("job") == "Running"


def test_the_time_of_a_program_without_a_schedule_is_nothing():
    desk = Desk(program("job", autostart=False), job("other"))
    due(desk)
    desk.feed(ev.ScheduleDue("nobody:0"))
    assert desk.name("job") == "Stopped"


def test_no_time_comes_in_a_shutdown():
    desk = Desk(job(), program("web"))
    desk.up()
    desk.feed(ev.ShutdownRequested("asked"))
    due(desk)
    assert desk.name("job") == "Stopped"


def test_a_reload_that_changes_its_command_does_not_run_it():
    old = job()
    desk = Desk(old)
    due(desk)
    desk.up()
    desk.ends("job")
    new = replace(old, launch=replace(old.launch, argv=("/bin/other",)))
    desk.feed(ev.PlanLoaded(Plan(processes=(new,))))
    assert desk.name("job") == "Exited"
    effects = due(desk)
    (spawn,) = [each for each in effects if isinstance(each, fx.Spawn)]
    assert spawn.plan.launch.argv == ("/bin/other",)


def test_a_reload_does_not_break_off_a_job_under_way():
    old = job()
    desk = Desk(old)
    due(desk)
    desk.up()
    new = replace(old, launch=replace(old.launch, argv=("/bin/other",)))
    desk.feed(ev.PlanLoaded(Plan(processes=(new,))))
    assert desk.name("job") == "Running"
    desk.ends("job")
    (spawn,) = [each for each in due(desk) if isinstance(each, fx.Spawn)]
    assert spawn.plan.launch.argv == ("/bin/other",)


def test_a_job_that_is_a_service_from_now_on_gets_a_new_run():
    old = job()
    desk = Desk(old)
    due(desk)
    desk.up()
    new = replace(old, kind="service", schedule=None, launch=replace(old.launch, argv=("/x",)))
    desk.feed(ev.PlanLoaded(Plan(processes=(new,))))
    assert desk.name("job") == "Stopping"


def test_a_job_that_leaves_the_plan_leaves_without_a_word():
    desk = Desk(job(), program("web"))
    desk.up()
    due(desk)
    desk.up()
    desk.ends("job")
    effects = desk.feed(ev.PlanLoaded(Plan(processes=(program("web"),))))
    assert [type(each).__name__ for each in effects] == ["Removed"]


@pytest.mark.parametrize("overlap", ["queue", "replace"])
def test_a_time_means_nothing_to_who_waits_for_his_turn_to_be_stopped(overlap):
    job = program("job", kind="oneshot", schedule=Schedule(every=60.0, overlap=overlap))
    desk = Desk(job, program("web", needs={"job": "started"}), exit="never")
    desk.feed(ev.StartRequested(("job:0",)))
    desk.up()
    desk.feed(ev.StopRequested(("job:0",)))  # web goes first
    assert desk.name("job") == "Running"
    before = desk.state
    assert desk.feed(ev.ScheduleDue("job:0")) == ()
    assert desk.state == before
    desk.obey()
    assert desk.names() == {"job:0": "Stopped", "web:0": "Stopped"}
