"""Processes that connections start and idleness stops."""

import pytest
from core_desk import Desk, program

from pyinit.core import events as ev
from pyinit.core.plan import Plan, Stop


def on_demand(name="web", **fields):
    settings = {"on_demand": True, "idle_exit": 5.0, "autostart": False, "sockets": ("http",)}
    return program(name, **{**settings, **fields})


def up(desk, key="web:0"):
    """Have a process called, and let it be up."""
    desk.feed(ev.Called((key,)))
    desk.spawn(key)
    return desk[key].state.run.id


def reap(desk, key="web:0", status=0):
    desk.feed(ev.Reaped(desk[key].state.run.pid, status))


def test_it_is_not_started_at_boot_and_nothing_ends_for_it():
    desk = Desk(on_demand())
    assert desk.name("web:0") == "Stopped"
    assert type(desk.state.phase).__name__ == "Up"
    assert not [effect for effect in desk.said if type(effect).__name__ == "Note"]


def test_a_connection_starts_it_with_what_it_needs():
    desk = Desk(on_demand(needs={"db": "started"}), program("db", autostart=False))
    desk.feed(ev.Called(("web:0",)))
    assert desk.name("db:0") == "Starting"
    assert desk.name("web:0") == "Waiting"
    desk.spawn("db:0")
    assert desk.name("web:0") == "Starting"


def test_a_connection_means_nothing_to_others_and_to_who_is_not_there():
    desk = Desk(on_demand(), program("other", autostart=False), program("third"))
    before = desk.state
    desk.feed(ev.Called(("other:0", "third:0", "nobody:0")))
    assert desk.state == before


def test_a_connection_does_not_start_what_was_stopped_by_hand():
    desk = Desk(on_demand())
    desk.feed(ev.StopRequested(("web:0",)))
    desk.feed(ev.Called(("web:0",)))
    assert desk.name("web:0") == "Stopped"
    desk.feed(ev.StartRequested(("web:0",)))
    assert desk.name("web:0") == "Starting"


def test_nor_what_needs_something_that_was_stopped_by_hand():
    desk = Desk(on_demand(needs={"db": "started"}), program("db", autostart=False))
    desk.feed(ev.StopRequested(("db:0",)))
    desk.feed(ev.Called(("web:0",)))
    assert (desk.name("db:0"), desk.name("web:0")) == ("Stopped", "Stopped")


def test_an_idle_run_is_stopped_and_may_be_called_again():
    desk = Desk(on_demand())
    first = up(desk)
    effects = desk.feed(ev.Idle("web:0", first))
    assert [effect.signum for effect in effects if type(effect).__name__ == "Kill"] == [15]
    reap(desk)
    assert desk["web:0"].state.held is False
    assert type(desk.state.phase).__name__ == "Up"
    assert up(desk) == first + 1


def test_a_stop_by_hand_of_what_stops_for_idleness_holds_it():
    desk = Desk(on_demand())
    desk.feed(ev.Idle("web:0", up(desk)))
    desk.feed(ev.StopRequested(("web:0",)))
    reap(desk)
    assert desk["web:0"].state.held is True


def test_a_stop_by_hand_while_its_members_end_holds_it_too():
    desk = Desk(on_demand(stop=Stop(kill="tree")))
    desk.feed(ev.Idle("web:0", up(desk)))
    reap(desk)
    assert desk.name("web:0") == "Ending"
    desk.feed(ev.StopRequested(("web:0",)))
    desk.feed(ev.Surveyed("web:0", desk["web:0"].state.run.id, 0))
    assert desk["web:0"].state.held is True


def test_idleness_does_not_take_back_a_stop_by_hand():
    desk = Desk(on_demand())
    run = up(desk)
    desk.feed(ev.StopRequested(("web:0",)))
    desk.feed(ev.Idle("web:0", run))
    reap(desk)
    assert desk["web:0"].state.held is True


def test_who_is_wanted_again_while_it_stops_for_idleness_has_a_new_run():
    desk = Desk(on_demand())
    desk.feed(ev.Idle("web:0", up(desk)))
    desk.feed(ev.StartRequested(("web:0",)))
    reap(desk)
    assert desk.name("web:0") == "Starting"


@pytest.mark.parametrize("run", [0, 7])
def test_idleness_of_another_run_is_old_news(run):
    desk = Desk(on_demand())
    up(desk)
    before = desk.state
    desk.feed(ev.Idle("web:0", run))
    desk.feed(ev.Idle("nobody:0", run))
    assert desk.state == before


def test_what_others_need_is_not_idle():
    desk = Desk(on_demand(), program("user", needs={"web": "started"}))
    desk.spawn("web:0")
    desk.spawn("user:0")
    desk.feed(ev.Idle("web:0", desk["web:0"].state.run.id))
    assert desk.name("web:0") == "Running"


def test_what_has_no_idle_exit_is_not_idle():
    desk = Desk(on_demand(idle_exit=0.0))
    desk.feed(ev.Idle("web:0", up(desk)))
    assert desk.name("web:0") == "Running"


def test_one_that_was_given_up_may_be_called_again():
    desk = Desk(on_demand(critical=False))
    up(desk)
    desk.feed(ev.PlanLoaded(Plan(processes=(on_demand(critical=False),))))
    for _ in range(20):
        if desk.name("web:0") == "Running":
            reap(desk, status=256)
        elif desk.name("web:0") == "Starting":
            desk.spawn("web:0")
        elif desk.name("web:0") == "Backoff":
            desk.feed(ev.Tick(), at=desk["web:0"].due)
    assert desk.name("web:0") == "Fatal"
    desk.feed(ev.Called(("web:0",)))
    assert desk.name("web:0") == "Starting"


def test_nobody_is_called_during_a_shutdown():
    desk = Desk(on_demand(), program("other"))
    desk.spawn("other:0")
    desk.feed(ev.ShutdownRequested("asked"))
    desk.feed(ev.Called(("web:0",)))
    assert desk.name("web:0") == "Stopped"
