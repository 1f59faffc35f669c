"""What a program needs and what it only wants: how long it waits for either, and in vain."""

import pytest
from core_desk import Desk, never, program

from pyinit.core import events as ev
from pyinit.core import supervisor
from pyinit.core.plan import Dependency, Plan, Ready, Restart
from pyinit.core.states import NEVER, Fatal


def hard(condition="ready", timeout=0.0):
    return Dependency("db", condition, timeout)


def soft(condition="ready", timeout=0.0):
    return Dependency("db", condition, timeout, hard=False)


def pair(need, **db):
    """Return a desk with `web` that has this need of `db`, which says when it is ready."""
    fields = {"ready": Ready("notify", timeout=1000.0), "critical": False, **db}
    return Desk(program("db", **fields), program("web", needs={"db": need}), exit="never")


def test_what_is_needed_may_take_as_long_as_it_takes():
    desk = pair(hard())
    desk.spawn("db:0")
    assert desk["web"].due == NEVER
    desk.feed(ev.ReadyReported("db:0", 1), 999.0)
    assert desk.name("web") == "Starting"


def test_who_waits_longer_than_its_timeout_has_failed_with_the_reason():
    desk = pair(hard(timeout=30.0))
    desk.spawn("db:0")
    assert supervisor.next_deadline(desk.state) == 30.0
    desk.feed(ev.Tick(), 29.9)
    assert desk.name("web") == "Waiting"
    desk.feed(ev.Tick(), 30.0)
    assert desk["web"].state == Fatal("it needs 'db', which was not ready within 30 s")


def test_the_timeout_counts_anew_when_it_is_started_anew():
    desk = pair(hard(timeout=30.0))
    desk.spawn("db:0")
    desk.feed(ev.Tick(), 30.0)
    desk.feed(ev.StartRequested(("web:0",)), 40.0)
    desk.feed(ev.Tick(), 69.9)
    assert desk.name("web") == "Waiting"
    desk.feed(ev.ReadyReported("db:0", 1), 69.9)
    assert desk.name("web") == "Starting"


def test_what_is_there_in_time_needs_no_tick():
    desk = pair(hard(timeout=30.0))
    desk.spawn("db:0")
    desk.feed(ev.ReadyReported("db:0", 1), 5.0)
    desk.spawn("web:0")
    assert supervisor.next_deadline(desk.state) == NEVER


def test_each_dependency_has_its_own_timeout():
    one, two = Ready("notify", timeout=1000.0), Ready("notify", timeout=1000.0)
    needs = {"a": Dependency("a", "ready", 5.0, hard=False), "b": Dependency("b", "ready", 9.0)}
    desk = Desk(program("a", ready=one), program("b", ready=two), program("web", needs=needs))
    desk.spawn("a:0", "b:0")
    assert desk.feed(ev.Tick(), 5.0) == ()
    assert desk["web"].due == 9.0
    desk.feed(ev.Tick(), 9.0)
    assert desk["web"].state == Fatal("it needs 'b', which was not ready within 9 s")


def test_a_reload_that_shortens_a_timeout_is_obeyed_at_once():
    desk = pair(hard(timeout=30.0))
    desk.spawn("db:0")
    plans = (desk["db"].plan, program("web", needs={"db": hard(timeout=10.0)}))
    desk.feed(ev.PlanLoaded(Plan(desk.state.init, plans)), 5.0)
    assert desk["web"].due == 10.0
    desk.feed(
        ev.PlanLoaded(Plan(desk.state.init, (plans[0], pair(hard()).state.table["web:0"].plan)))
    )
    assert desk["web"].due == NEVER


def test_what_is_wanted_is_started_along_and_waited_for():
    desk = pair(soft(), autostart=False)
    assert desk.names() == {"db:0": "Starting", "web:0": "Waiting"}
    desk.spawn("db:0")
    desk.feed(ev.ReadyReported("db:0", 1), 500.0)
    assert desk.name("web") == "Starting"


@pytest.mark.parametrize("policy", [Restart(max=0), never(), Restart(max=1)])
def test_the_first_failed_run_of_what_is_wanted_lets_go(policy):
    desk = pair(soft(), restart=policy)
    desk.spawn("db:0")
    desk.ends("db:0", 256)
    assert desk.name("web") == "Starting"


def test_what_is_wanted_and_stopped_by_hand_holds_up_nobody():
    desk = pair(soft())
    desk.spawn("db:0")
    desk.feed(ev.StopRequested(("db:0",)))
    assert desk.name("web") == "Waiting"
    desk.obey()
    assert desk.names() == {"db:0": "Stopped", "web:0": "Starting"}


def test_after_its_timeout_it_starts_without_what_it_wants():
    desk = pair(soft(timeout=3.0))
    desk.spawn("db:0")
    desk.feed(ev.Tick(), 2.9)
    assert desk.name("web") == "Waiting"
    desk.feed(ev.Tick(), 3.0)
    assert desk.name("web") == "Starting"


def test_what_is_wanted_and_ended_well_is_not_waited_for_again():
    desk = pair(soft("completed"), kind="oneshot", ready=None)
    desk.spawn("db:0")
    assert desk.name("web") == "Waiting"
    desk.ends("db:0")
    assert desk.name("web") == "Starting"


def test_what_wants_is_stopped_before_what_it_wants():
    desk = pair(soft())
    desk.spawn("db:0")
    desk.feed(ev.ReadyReported("db:0", 1))
    desk.spawn("web:0")
    desk.feed(ev.ShutdownRequested("the end"))
    assert desk.names() == {"db:0": "Running", "web:0": "Stopping"}
