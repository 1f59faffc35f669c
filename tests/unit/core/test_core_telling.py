"""Time that a run asks for, and another process that leads it."""

import pytest
from core_desk import Desk, never, program

from pyinit.core import effects as fx
from pyinit.core import escalation
from pyinit.core import events as ev
from pyinit.core.plan import Hooks, Ready, Stop
from pyinit.core.policy import FORKS_S, overdue
from pyinit.core.record import replace
from pyinit.core.states import NEVER, Pid, Run, RunId, Starting

OTHER = program("other")


def starting(**keys):
    desk = Desk(program("web", ready=Ready("notify", timeout=5.0), restart=never(), **keys), OTHER)
    desk.up()
    return desk


def forking(**keys):
    return Desk(program("web", kind="forking", restart=never(), start_s=1.0, **keys), OTHER)


def stopping():
    desk = Desk(program("web", stop=Stop(signals=(2, 15), timeout=8.0, kill="process")), OTHER)
    desk.up()
    desk.feed(ev.StopRequested(("web:0",)), 10.0)
    return desk


def run(desk):
    return desk["web"].state.run


def test_a_start_is_given_up_no_sooner_than_it_has_asked_for():
    desk = starting()
    desk.feed(ev.Extended("web:0", 1, 9.0), 3.0)
    assert desk["web"].due == 12.0
    desk.feed(ev.Extended("web:0", 1, 1.0), 4.0)
    assert desk["web"].due == 12.0, "less time is not asked for by it"
    desk.tick()
    assert desk["web"].state.failed == "not ready within 12 s"


@pytest.mark.parametrize("kind", ["service", "forking"])
def test_time_that_was_asked_for_before_the_news_of_the_exec_is_given(kind):
    ready = Ready("notify", timeout=5.0) if kind == "service" else None
    desk = Desk(program("web", kind=kind, ready=ready), OTHER)
    desk.spawn("web:0", executed=False)
    desk.feed(ev.Extended("web:0", 1, 60.0), 1.0)
    desk.feed(ev.Extended("web:0", 1, 2.0), 1.0)
    desk.feed(ev.Executed("web:0", 1), 2.0)
    assert desk["web"].due == 61.0


def test_a_stop_is_put_off_as_a_whole():
    desk = stopping()
    assert desk["web"].state.schedule == ((14.0, 15), (18.0, 9))
    desk.feed(ev.Extended("web:0", 1, 20.0), 11.0)
    assert desk["web"].state.schedule == ((27.0, 15), (31.0, 9))
    desk.feed(ev.Extended("web:0", 1, 1.0), 12.0)
    assert desk["web"].state.schedule == ((27.0, 15), (31.0, 9))


def test_a_stop_that_is_asked_for_again_is_over_in_its_time():
    desk = stopping()
    desk.feed(ev.Extended("web:0", 1, 500.0), 11.0)
    desk.feed(ev.StopRequested(("web:0",)), 12.0)
    assert desk["web"].state.schedule[-1] == (20.0, 9)


def test_who_was_killed_gets_no_more_time():
    desk = stopping()
    desk.tick()
    desk.tick()
    assert desk["web"].state.killed
    before = desk["web"]
    desk.feed(ev.Extended("web:0", 1, 50.0))
    assert desk["web"] == before


@pytest.mark.parametrize(("key", "run_id"), [("web:0", 7), ("nobody:0", 1)])
def test_a_run_that_is_not_there_asks_in_vain(key, run_id):
    desk = starting()
    before = desk.state
    desk.feed(ev.Extended(key, run_id, 50.0))
    desk.feed(ev.MainPid(key, run_id, 77))
    assert desk.state == before


def test_a_shutdown_is_extended_by_nobody():
    desk = stopping()
    desk.feed(ev.ShutdownRequested("asked"))
    before = desk["web"]
    desk.feed(ev.Extended("web:0", 1, 50.0))
    assert desk["web"] == before


def test_from_then_on_the_end_of_the_other_leader_is_that_of_the_run():
    desk = Desk(program("web", restart=never()), OTHER)
    desk.up()
    first = run(desk).pid
    desk.feed(ev.MainPid("web:0", 1, 77))
    assert (run(desk).pid, run(desk).group) == (77, first)
    desk.feed(ev.Reaped(first, 0))
    assert desk.name("web") == "Running"
    desk.feed(ev.MainPid("web:0", 1, 78))
    assert (run(desk).pid, run(desk).group) == (78, first)
    desk.feed(ev.Reaped(77, 0))
    desk.feed(ev.Reaped(78, 256))
    assert desk.name("web") == "Exited"
    assert not {first, 77, 78} & set(desk.state.pids.known())


@pytest.mark.parametrize("pid", [0, 1, -5])
def test_nobody_is_led_by_no_process(pid):
    desk = starting()
    before = desk.state
    desk.feed(ev.MainPid("web:0", 1, pid))
    assert desk.state == before


def test_who_leads_another_run_does_not_lead_this_one():
    desk = starting()
    other = desk["other"].state.run.pid
    desk.feed(ev.MainPid("web:0", 1, other))
    assert run(desk).pid != other
    desk.feed(ev.Reaped(other, 0))
    assert desk.name("other") == "Exited"


def test_signals_reach_the_first_group_and_that_of_the_leader():
    desk = Desk(program("web", stop=Stop(kill="tree")), OTHER)
    desk.up()
    first = run(desk).pid
    desk.feed(ev.MainPid("web:0", 1, 77))
    (kill, _) = desk.feed(ev.StopRequested(("web:0",)))
    assert kill == fx.Kill("web:0", 77, 15, "tree", first)
    (survey,) = desk.feed(ev.Reaped(77, 15))
    assert (survey.pid, survey.group) == (77, first)


@pytest.mark.parametrize("kill", ["process", "tree"])
def test_another_leader_is_told_to_stop_once(kill):
    """In a tree it has had the signal: a second one means haste to many."""
    desk = Desk(program("web", stop=Stop(kill=kill)), OTHER)
    desk.up()
    desk.feed(ev.StopRequested(("web:0",)))
    told = desk.kills(desk.feed(ev.MainPid("web:0", 1, 77)))
    assert told == ([("web:0", 15)] if kill == "process" else [])


def test_a_fork_that_is_not_reported_yet_is_led_by_nobody_else():
    desk = Desk(program("web"), OTHER)
    desk.feed(ev.MainPid("web:0", 1, 77))
    assert run(desk).pid == 0
    desk.feed(ev.StopRequested(("web:0",)))
    desk.feed(ev.MainPid("web:0", 1, 77))
    assert run(desk).pid == 0


def test_a_program_that_forks_away_is_up_a_while_after_it_has():
    desk = forking()
    desk.up()
    assert desk["web"].due == FORKS_S
    first = run(desk).pid
    desk.feed(ev.MainPid("web:0", 1, 77), 2.0)
    desk.feed(ev.Reaped(first, 0))
    assert (desk.name("web"), desk["web"].due) == ("Starting", 3.0)
    desk.feed(ev.MainPid("web:0", 1, 78), 2.5)
    assert desk["web"].due == 3.0, "who hands on again does not begin anew"
    desk.tick()
    assert desk.name("web") == "Running"


def test_a_program_that_forks_away_may_say_itself_when_it_is_ready():
    desk = forking(ready=Ready("notify", timeout=5.0))
    desk.up()
    desk.feed(ev.MainPid("web:0", 1, 77))
    assert (desk.name("web"), desk["web"].due) == ("Starting", 5.0)
    desk.feed(ev.ReadyReported("web:0", 1))
    assert desk.name("web") == "Running"


def test_who_says_ready_before_he_is_in_the_background_is_up_when_he_is_there():
    desk = forking(ready=Ready("notify", timeout=5.0))
    desk.up()
    desk.feed(ev.ReadyReported("web:0", 1))
    assert (desk.name("web"), desk["web"].due) == ("Starting", 5.0)
    desk.feed(ev.MainPid("web:0", 1, 77))
    assert desk.name("web") == "Running"


def test_who_says_ready_and_ends_has_left_nobody_behind():
    desk = forking(ready=Ready("notify", timeout=5.0))
    desk.up()
    desk.feed(ev.ReadyReported("web:0", 1))
    desk.ends("web", 0)
    assert desk["web"].state.failed == "done, and has left no process behind"


def test_who_says_ready_and_stays_in_the_foreground_is_given_up():
    desk = forking(ready=Ready("notify", timeout=5.0))
    desk.up()
    desk.feed(ev.ReadyReported("web:0", 1))
    desk.tick()
    assert desk["web"].state.failed == "ready, but not in the background within 5 s"


@pytest.mark.parametrize(
    ("status", "failed"), [(0, "done, and has left no process behind"), (256, "")]
)
def test_who_leaves_nobody_behind_has_failed(status, failed):
    desk = forking()
    desk.up()
    desk.ends("web", status)
    assert (desk["web"].state.success, desk["web"].state.failed) == (False, failed)


def test_the_end_of_whom_it_has_left_behind_is_as_any_other():
    desk = forking()
    desk.up()
    first = run(desk).pid
    desk.feed(ev.MainPid("web:0", 1, 77))
    desk.feed(ev.Reaped(first, 0))
    desk.feed(ev.Reaped(77, 0))
    assert desk["web"].state.success


def test_who_stays_in_the_foreground_is_given_up():
    desk = forking()
    desk.up()
    desk.tick()
    assert desk["web"].state.failed == f"not in the background within {FORKS_S:g} s"


def test_words_for_a_start_that_was_given_up():
    plan = program("web", ready=Ready("notify", timeout=5.0))
    state = Starting(Run(RunId(1), Pid(7), 10.0), executed=True)
    assert overdue(plan, replace(state, ready_by=15.4)) == "not ready within 5 s"
    assert overdue(plan, replace(state, ready_by=75.0)) == "not ready within 65 s"


def test_a_run_with_a_post_stop_is_over_when_that_is():
    plan = program("web", hooks=Hooks(post_stop=("x",)), restart=never())
    desk = Desk(plan, OTHER)
    desk.up()
    (survey,) = desk.ends("web")
    assert (survey.scope, desk.name("web")) == ("process", "Ending")
    desk.feed(ev.Surveyed("web:0", 1, 0))
    assert desk.name("web") == "Exited"
    assert escalation.is_alone(program("web", hooks=Hooks()), "process")
    assert desk["web"].due == NEVER


@pytest.mark.parametrize("kill", ["process", "tree"])
def test_who_leaves_nobody_behind_has_not_ended_as_expected(kill):
    desk = forking(stop=Stop(kill=kill))
    desk.spawn()
    run = desk["web:0"].state.run
    desk.feed(ev.Reaped(run.pid, 0))
    desk.feed(ev.Surveyed("web:0", run.id, 0))
    said = [each for each in desk.said if isinstance(each, fx.Announce) and each.now == "Exited"]
    assert [(each.expected, each.reason) for each in said] == [
        (False, "done, and has left no process behind")
    ]
