"""A restart of everything: a stop after which pyinit begins anew, unless somebody wants an end."""

import pytest
from core_desk import Desk, never, program

from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core.phases import public_name

HUP, TERM, KILL = 1, 15, 9


def restarting(**settings):
    """Return a desk on which a restart has begun."""
    desk = Desk(program("web"), **settings)
    desk.up()
    desk.feed(ev.ShutdownRequested("asked to restart", again=True))
    return desk


def exits(desk):
    return [(each.code, each.again) for each in desk.said if isinstance(each, fx.Exit)]


def test_everything_stops_and_then_pyinit_begins_anew():
    desk = restarting()
    assert desk.kills() == [("web:0", TERM)]
    assert public_name(desk.state.phase) == "restarting"
    desk.obey()
    assert exits(desk) == [(0, True)]
    assert public_name(desk.state.phase) == "restarting"
    assert desk.notes() == ["restarting: asked to restart", "stopped in 0.0 s; beginning anew"]


def test_a_stop_is_no_restart():
    desk = Desk(program("web"))
    desk.up()
    desk.feed(ev.ShutdownRequested("asked"))
    assert public_name(desk.state.phase) == "stopping"
    desk.obey()
    assert exits(desk) == [(0, False)]


def test_before_there_is_anything_pyinit_begins_anew_at_once():
    desk = Desk(program("web"), boot=False)
    desk.feed(ev.ShutdownRequested("asked", again=True))
    assert exits(desk) == [(0, True)]


@pytest.mark.parametrize("event", [ev.ShutdownRequested("asked"), ev.SignalReceived(TERM)])
def test_who_asks_for_a_stop_meanwhile_gets_one_and_it_is_no_hurry(event):
    desk = restarting()
    assert desk.kills(desk.feed(event)) == []
    assert public_name(desk.state.phase) == "stopping"
    desk.obey()
    assert exits(desk) == [(0, False)]


def test_the_stop_after_that_hurries():
    desk = restarting()
    desk.feed(ev.SignalReceived(TERM))
    desk.feed(ev.SignalReceived(TERM))
    assert desk.kills(desk.tick()) == [("web:0", KILL)]


def test_a_stop_that_comes_when_all_is_over_is_the_last_word():
    desk = restarting()
    desk.obey()
    desk.feed(ev.SignalReceived(TERM))
    assert exits(desk) == [(0, True), (0, False)]
    desk.feed(ev.SignalReceived(TERM))
    assert exits(desk) == [(0, True), (0, False)]


def test_a_restart_asked_for_twice_is_one():
    desk = restarting()
    before = desk.state
    desk.feed(ev.ShutdownRequested("asked to restart", again=True))
    assert desk.state == before


def test_in_the_middle_of_a_stop_nobody_can_ask_for_a_restart():
    desk = Desk(program("web"))
    desk.up()
    desk.feed(ev.ShutdownRequested("asked"))
    before = desk.state
    assert desk.feed(ev.ShutdownRequested("asked", again=True)) == ()
    assert desk.state == before


def test_it_drains_first_and_a_stop_does_not_cut_that_short():
    desk = restarting(drain_delay=3.0)
    assert public_name(desk.state.phase) == "restarting"
    assert desk.phase == "Draining"
    desk.feed(ev.SignalReceived(TERM))
    assert desk.phase == "Draining"
    desk.tick()
    assert desk.now == 3.0
    desk.obey()
    assert exits(desk) == [(0, False)]


@pytest.mark.parametrize("main", [None, "web:0"])
def test_a_signal_can_ask_for_it(main):
    plan = program("web", restart=never()) if main else program("web")
    desk = Desk(plan, main=main, signals=((HUP, "restart"),))
    desk.up()
    desk.feed(ev.SignalReceived(HUP))
    assert public_name(desk.state.phase) == "restarting"
    before = desk.state
    desk.feed(ev.SignalReceived(HUP))
    assert desk.state == before


def test_nothing_starts_while_everything_stops():
    desk = restarting()
    desk.feed(ev.StartRequested(("web:0",)))
    desk.obey()
    assert desk.spawned() == ["web:0"]


def test_what_does_not_stop_in_time_is_left_behind_and_pyinit_begins_anew():
    desk = restarting(stop_budget=2.0)
    while not exits(desk):
        desk.tick()
    assert exits(desk) == [(1, True)]
