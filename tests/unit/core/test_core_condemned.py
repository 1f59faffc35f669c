"""A run that does not live as it should: ended as a failed one, whatever it was up to."""

import pytest
from core_desk import Desk, never, program

from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core.plan import Restart
from pyinit.core.states import Exited, Fatal
from pyinit.core.status import ExitCode

WHY = "not live: no answer"


def condemned(*plans, action="restart", reason=WHY, **settings):
    """Return a desk whose program `web` was up and is condemned, and what that led to."""
    desk = Desk(*plans, **settings)
    desk.up()
    told = desk.feed(ev.Condemned("web:0", desk["web"].runs, reason, action))
    return desk, told


def web(**fields):
    return program("web", **{"restart": Restart(delay=0.0, jitter=0.0), **fields})


@pytest.mark.parametrize("policy", ["on-failure", "always"])
def test_it_is_stopped_and_restarted_as_a_failed_run_however_well_it_ends(policy):
    desk, told = condemned(web(restart=Restart(policy, delay=2.0, jitter=0.0, max=1)))
    assert isinstance(told[0], fx.Kill)
    assert (desk.name("web"), desk["web"].state.failed) == ("Stopping", WHY)
    said = [each for each in desk.ends("web", 0) if isinstance(each, fx.Announce)]
    assert (said[0].reason, said[0].expected) == (WHY, False)
    assert desk.name("web") == "Backoff"
    desk.tick()
    desk.up()
    desk.feed(ev.Condemned("web:0", 2, WHY))
    desk.ends("web", 0)
    assert isinstance(desk["web"].state, Fatal)
    assert WHY in desk["web"].state.reason


def test_under_the_policy_never_it_stays_down_as_failed():
    desk, _ = condemned(web(restart=never(), critical=False), exit="never")
    desk.ends("web", 0)
    assert desk["web"].state == Exited(ExitCode(0), False, WHY, "restart")
    assert desk.phase == "Up"


@pytest.mark.parametrize("retries", [None, 3])
def test_stop_leaves_it_down_as_failed_whatever_the_policy(retries):
    restart = Restart("always", retries=retries)
    desk, _ = condemned(web(restart=restart, critical=False), action="stop", exit="never")
    desk.ends("web", 0)
    assert (desk.name("web"), desk["web"].state.success) == ("Exited", False)
    assert desk.phase == "Up"


def test_stop_of_a_critical_program_is_the_end_with_a_failure():
    desk, _ = condemned(web(), program("other"), action="stop")
    desk.ends("web", 0)
    assert desk.phase == "Halting"
    assert (desk.state.phase.shutdown.code, desk.state.phase.shutdown.cause) == (
        1,
        f"web is {WHY}",
    )


@pytest.mark.parametrize("rule", ["never", "all-done", "main:other"])
def test_exit_ends_everything_whatever_else_is_the_rule(rule):
    desk, _ = condemned(web(critical=False), program("other"), action="exit", exit=rule)
    assert desk.phase == "Up"
    desk.ends("web", 15)  # as it was told to
    assert (desk.phase, desk.state.phase.shutdown.code) == ("Halting", 1)


def test_what_was_up_and_is_condemned_is_no_failed_start_by_supervisords_rule():
    desk, _ = condemned(web(restart=Restart("always", retries=0)))
    desk.ends("web", 0)
    assert desk.name("web") == "Backoff"


def test_a_stop_by_hand_takes_the_verdict_back():
    desk, _ = condemned(web(critical=False), action="exit", exit="never")
    desk.feed(ev.StopRequested(("web:0",)))
    desk.ends("web", 0)
    assert (desk.name("web"), desk.phase) == ("Stopped", "Up")


def test_a_restart_by_hand_of_a_condemned_run_is_a_restart():
    desk, _ = condemned(web(), action="stop")
    desk.feed(ev.RestartRequested(("web:0",)))
    desk.ends("web", 0)
    assert (desk.name("web"), desk["web"].failures) == ("Starting", ())


def test_a_run_that_is_starting_can_be_condemned_too():
    desk = Desk(web(start_s=5.0))
    desk.spawn()
    desk.feed(ev.Condemned("web:0", 1, "above its 1 MB of memory"))
    assert desk.name("web") == "Stopping"


@pytest.mark.parametrize("run", [0, 2])
def test_another_run_is_not_concerned(run):
    desk = Desk(web())
    desk.up()
    before = desk.state
    assert desk.feed(ev.Condemned("web:0", run, WHY)) == ()
    assert desk.feed(ev.Condemned("ghost:0", 1, WHY)) == ()
    assert desk.state == before


def test_on_the_way_down_nobody_is_condemned():
    desk = Desk(web(), drain_delay=5.0)
    desk.up()
    desk.feed(ev.ShutdownRequested("asked"))
    assert desk.phase == "Draining"
    assert desk.feed(ev.Condemned("web:0", 1, WHY)) == ()
    assert desk.name("web") == "Running"
