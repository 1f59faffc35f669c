"""The step for the whole: requests, news, stale news, and what cannot be."""

import pytest
from core_desk import Desk, never, program

from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core import phases, supervisor
from pyinit.core.plan import Limit, Ready, Restart, Stop
from pyinit.core.record import replace
from pyinit.core.states import NEVER
from pyinit.core.status import NotExecuted

TREE = Stop(kill="tree")


def up(*plans, **settings):
    desk = Desk(*plans, **settings)
    desk.up()
    return desk


def test_nobody_is_known_that_is_not_in_the_plan():
    desk = up(program("web"))
    before = desk.state
    for kind in (ev.StartRequested, ev.StopRequested, ev.RestartRequested):
        assert desk.feed(kind(("ghost:0",))) == ()
    desk.feed(ev.LimitsSet(("ghost:0",), (Limit("nofile", 9),)))
    assert desk.feed(ev.ReadyReported("ghost:0", 1)) == ()
    assert desk.state == before


@pytest.mark.parametrize(
    "news",
    [
        ev.SpawnFailed("web:0", 1, NotExecuted("fork", 11)),
        ev.Executed("web:0", 1),
        ev.ExecFailed("web:0", 1, NotExecuted("exec", 2)),
        ev.ReadyReported("web:0", 1),
        ev.Surveyed("web:0", 1, 0),
        ev.Reaped(9999, 0),
        ev.Swept(0),
    ],
)
def test_stale_news_changes_nothing(news):
    desk = up(program("web", restart=Restart(delay=0.0)))
    desk.ends("web", 256)
    before = desk.state
    desk.feed(news)
    assert desk.state == before
    assert desk["web"].runs == 2


def test_a_child_of_a_run_that_is_over_is_killed():
    desk = up(program("web"))
    effects = desk.feed(ev.Spawned("web:0", 7, 555))
    assert effects == (fx.Kill("web:0", 555, 9, "tree"),)


def test_a_start_of_what_is_up_changes_nothing():
    desk = up(program("web"))
    before = desk.state
    assert desk.feed(ev.StartRequested(("web:0",))) == ()
    assert desk.state == before


def test_two_restarts_make_one_new_run():
    desk = up(program("web"))
    desk.feed(ev.RestartRequested(("web:0",)))
    desk.feed(ev.RestartRequested(("web:0",)))
    desk.ends("web", 15)
    assert (desk["web"].runs, desk["web"].restarts, desk.name("web")) == (2, 0, "Starting")


def test_a_stop_after_a_restart_wins_and_a_start_after_a_stop_too():
    desk = up(program("web"))
    desk.feed(ev.RestartRequested(("web:0",)))
    desk.feed(ev.StopRequested(("web:0",)))
    assert not desk["web"].state.again
    desk.feed(ev.StartRequested(("web:0",)))
    desk.ends("web", 15)
    assert desk.name("web") == "Starting"


def test_a_restart_is_announced_as_expected():
    desk = up(program("web"))
    desk.feed(ev.RestartRequested(("web:0",)))
    said = [each for each in desk.ends("web", 15) if isinstance(each, fx.Announce)]
    assert [(each.was, each.now, each.expected) for each in said] == [
        ("Stopping", "Waiting", True),
        ("Waiting", "Starting", None),
    ]


@pytest.mark.parametrize("kill", ["process", "tree"])
def test_the_end_of_a_run_is_announced_once_with_its_status(kill):
    desk = up(program("web", stop=Stop(kill=kill), restart=Restart(delay=0.0)))
    pid = desk["web"].state.run.pid
    effects = [*desk.ends("web", 9), *desk.feed(ev.Surveyed("web:0", 1, 0))]
    ends = [each for each in effects if isinstance(each, fx.Announce) and each.status is not None]
    assert [(each.was, each.now, each.run_id, each.pid, each.expected) for each in ends] == [
        ("Running", "Starting", 1, pid, False)
    ]


def test_a_start_that_fails_without_delay_is_announced_though_the_state_is_the_same():
    desk = Desk(program("web", start_s=1.0, restart=Restart(delay=0.0)))
    desk.spawn("web:0")
    said = [each for each in desk.ends("web", 256) if isinstance(each, fx.Announce)]
    assert [(each.was, each.now) for each in said] == [("Starting", "Starting")]


def test_who_is_not_ready_in_time_has_failed_to_start():
    plan = program("web", ready=Ready("notify", timeout=5.0), stop=TREE, restart=never())
    desk = up(plan, program("other"))
    assert desk.kills(desk.tick()) == [("web:0", 15)]
    assert desk.now == 5.0
    desk.ends("web", 0)
    effects = desk.feed(ev.Surveyed("web:0", 1, 0))
    (said,) = [each for each in effects if isinstance(each, fx.Announce) and each.key == "web:0"]
    assert (said.now, said.expected) == ("Exited", False)
    assert not desk["web"].state.success


def test_the_reason_of_a_late_readiness_is_told_without_a_survey_too():
    plan = program("web", ready=Ready("notify", timeout=5.0), restart=Restart(jitter=0.0))
    desk = up(plan)
    desk.tick()
    (said,) = [each for each in desk.ends("web", 15) if isinstance(each, fx.Announce)]
    assert (said.now, said.reason, said.expected) == ("Backoff", "not ready within 5 s", False)


@pytest.mark.parametrize("executed", [False, True])
def test_who_is_ready_before_the_news_of_its_fork_is_up_with_its_pid(executed):
    desk = Desk(program("web", ready=Ready("file", timeout=5.0)))
    desk.feed(ev.ReadyReported("web:0", 1))
    assert desk.name("web") == "Starting", "it is not known to have become its program"
    desk.spawn(executed=executed)
    if not executed:
        desk.feed(ev.Executed("web:0", 1))
    assert (desk.name("web"), desk["web"].state.run.pid) == ("Running", desk.pids)
    assert desk.kills(desk.feed(ev.StopRequested(("web:0",)))) == [("web:0", 15)]


def test_what_it_was_to_be_ready_by_makes_nobody_a_program_that_could_not_be_executed():
    desk = Desk(program("web", ready=Ready("file", timeout=5.0), restart=never()))
    desk.spawn(executed=False)
    desk.feed(ev.ReadyReported("web:0", 1))
    desk.feed(ev.ExecFailed("web:0", 1, NotExecuted("exec", 2)))
    desk.ends("web", 127 << 8)
    assert "Running" not in {each.now for each in desk.said if isinstance(each, fx.Announce)}
    assert desk["web"].last == NotExecuted("exec", 2)


def test_leftovers_of_a_stop_are_waited_for_and_killed_in_time():
    desk = up(program("web", stop=Stop(kill="tree", timeout=3.0)))
    desk.feed(ev.StopRequested(("web:0",)))
    desk.ends("web", 15)
    assert desk.kills(desk.feed(ev.Surveyed("web:0", 1, 2))) == []
    assert desk.kills(desk.tick()) == [("web:0", 9)]
    assert desk.now == 3.0


def test_leftovers_of_a_crash_are_told_and_then_killed_before_the_next_run():
    desk = up(program("web", stop=TREE, restart=Restart(delay=0.0)))
    desk.ends("web", 256)
    assert desk.kills(desk.feed(ev.Surveyed("web:0", 1, 1))) == [("web:0", 15)]
    effects = desk.tick()
    assert desk.kills(effects) == [("web:0", 9)]
    assert desk.now == 2.0
    assert desk.spawned(desk.feed(ev.Surveyed("web:0", 1, 0))) == ["web:0"]


def test_a_stop_of_what_crashed_shortens_the_life_of_its_members():
    desk = up(program("web", stop=Stop(kill="tree", timeout=1.0)))
    desk.ends("web", 256)
    desk.feed(ev.Surveyed("web:0", 1, 1))
    desk.now = 0.5
    desk.feed(ev.StopRequested(("web:0",)))
    desk.tick()
    assert (desk.now, desk.kills()[-1]) == (1.0, ("web:0", 9))
    desk.feed(ev.Surveyed("web:0", 1, 0))
    assert desk.name("web") == "Stopped"


def test_a_pid_that_is_another_runs_by_now_is_not_signalled():
    desk = up(program("web", stop=TREE), program("db", autostart=False))
    pid = desk["web"].state.run.pid
    desk.ends("web", 256)
    desk.feed(ev.Surveyed("web:0", 1, 1))
    desk.feed(ev.StartRequested(("db:0",)))
    desk.feed(ev.Spawned("db:0", 1, pid, executed=True))
    assert desk.kills(desk.tick()) == []
    desk.feed(ev.Surveyed("web:0", 1, 0))
    assert (desk.name("db"), desk.state.pids.get(pid)) == ("Running", "db:0")


def test_the_end_of_an_orphan_is_a_reason_to_count_again():
    desk = up(program("web", stop=TREE), program("api", stop=TREE))
    assert desk.feed(ev.Reaped(555, 0)) == ()
    pid = desk["web"].state.run.pid
    desk.ends("web", 256)
    assert desk.feed(ev.Reaped(555, 0)) == (fx.Survey("web:0", 1, pid, "tree"),)


def test_limits_set_by_hand_go_to_later_runs_and_replace_their_kind():
    desk = up(program("web", restart=Restart(delay=0.0)))
    for limits in ((Limit("nofile", 1), Limit("core", 2)), (Limit("nofile", 3),)):
        desk.feed(ev.LimitsSet(("web:0",), limits))
    (spawn,) = [each for each in desk.ends("web", 256) if isinstance(each, fx.Spawn)]
    assert spawn.limits == (Limit("core", 2), Limit("nofile", 3))


def test_the_next_deadline_is_the_earliest_of_rows_and_phase():
    desk = up(program("web", start_s=4.0), drain_delay=1.0)
    assert supervisor.next_deadline(desk.state) == 4.0
    desk.feed(ev.ShutdownRequested("asked"))
    assert supervisor.next_deadline(desk.state) == 1.0


def test_what_is_no_event_is_refused():
    desk = up(program("web"))
    with pytest.raises(AssertionError, match="unhandled"):
        desk.feed("knock")


def test_a_step_never_changes_the_state_it_was_given():
    desk = up(program("web", restart=Restart(delay=0.0)), program("log"))
    old = desk.state
    first = supervisor.step(old, ev.Reaped(desk["web"].state.run.pid, 256), 1.0)
    again = supervisor.step(old, ev.Reaped(desk["web"].state.run.pid, 256), 1.0)
    assert first == again


def test_every_phase_has_a_public_name_and_a_deadline():
    shutdown = phases.Shutdown("asked", None, 1.0, 9.0, {})
    found = [
        (phases.Booting(), "booting", NEVER, False),
        (phases.Up(), "running", NEVER, False),
        (phases.Draining(3.0, shutdown), "draining", 3.0, True),
        (phases.Halting(shutdown), "stopping", 9.0, True),
        (phases.Sweeping(shutdown), "stopping", 9.0, True),
        (phases.Sweeping(shutdown, ((2.0, 9),)), "stopping", 2.0, True),
        (phases.Over(0), "over", NEVER, False),
        (phases.Over(0, shutdown), "over", NEVER, True),
    ]  # fmt: skip
    for phase, name, due, has_shutdown in found:
        assert phases.public_name(phase) == name
        assert phases.deadline(phase) == due
        assert phases.shutdown_of(phase) == (shutdown if has_shutdown else None)


def test_what_is_no_phase_is_refused():
    desk = up(program("web"))
    desk.state = replace(desk.state, phase="asleep")
    with pytest.raises(AssertionError, match="unhandled"):
        desk.feed(ev.ShutdownRequested("asked"))
    for function in (phases.deadline, phases.shutdown_of):
        with pytest.raises(AssertionError, match="unhandled"):
            function("asleep")
