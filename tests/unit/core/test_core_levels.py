"""One group after another: supervisord's order of stopping."""

import pytest
from core_desk import Desk, program

from pyinit.core import events as ev
from pyinit.core import levels
from pyinit.core.plan import Stop
from pyinit.core.record import replace

TERM, KILL = 15, 9


def of(name, group, priority=999, *, timeout=10.0, **fields):
    """Return the plan of a process of `group`, whose priority is given."""
    stop = Stop(kill="process", timeout=timeout)
    plan = program(name, stop=stop, group_priority=priority, **fields)
    return replace(plan, group=group)


def stopping(*processes, **settings):
    """Return a desk on which everything was up, and is being stopped."""
    desk = Desk(*processes, **{"stop_order": "groups", "stop_budget": 100.0, **settings})
    desk.up()
    desk.feed(ev.ShutdownRequested("asked"))
    return desk


def told(desk):
    """Return who was told to stop so far, in that order."""
    return [key.removesuffix(":0") for key, signum in desk.kills() if signum == TERM]


def test_the_group_of_the_highest_priority_is_first_and_waits_for_nobody():
    desk = stopping(of("a", "low", 1), of("b", "high", 5), of("c", "middle", 3))
    for name in ("b", "c", "a"):
        assert told(desk)[-1] == name
        desk.ends(name, TERM)
    assert told(desk) == ["b", "c", "a"]
    assert desk.phase == "Sweeping"


def test_of_two_groups_of_the_same_priority_the_last_in_the_alphabet_is_first():
    desk = stopping(of("x", "a"), of("y", "b"))
    assert told(desk) == ["y"]


def test_all_processes_of_a_group_are_told_at_once_whatever_their_own_priority():
    desk = stopping(of("a", "g", priority=9), of("b", "g", priority=9), of("c", "f", 1))
    assert sorted(told(desk)) == ["a", "b"]
    desk.ends("a", TERM)
    assert sorted(told(desk)) == ["a", "b"]
    desk.ends("b", TERM)
    assert told(desk)[-1] == "c"


def test_who_needs_whom_does_not_count():
    desk = stopping(of("db", "z"), of("web", "a", needs={"db": "started"}))
    assert told(desk) == ["db"]


def test_a_group_at_rest_is_passed_over():
    desk = Desk(of("a", "low", 1), of("b", "high", 5, autostart=False), stop_order="groups")
    desk.up()
    desk.feed(ev.ShutdownRequested("asked"))
    assert told(desk) == ["a"]


def test_what_ends_by_itself_makes_room_for_nobody_whose_turn_it_is_not():
    desk = stopping(of("a", "one", 1), of("b", "two", 2), of("c", "three", 3))
    desk.ends("b", 0)
    assert told(desk) == ["c"]
    desk.ends("c", TERM)
    assert told(desk) == ["c", "a"]


def test_the_budget_is_cut_along_the_groups():
    desk = stopping(of("a", "one", 1), of("b", "two", 2), of("c", "two", 2), stop_budget=10.5)
    assert levels.weights(desk.state.table) == {"a": 10.0, "b": 20.0, "c": 20.0}
    assert desk["b"].state.schedule == ((pytest.approx(5.0), KILL),)


def test_with_budget_enough_everybody_has_all_of_their_time():
    desk = stopping(of("a", "one", 1, timeout=3.0), of("b", "two", 2, timeout=7.0))
    assert desk["b"].state.schedule == ((7.0, KILL),)
    desk.feed(ev.Tick(), 7.0)
    desk.ends("b", KILL)
    assert desk["a"].state.schedule == ((10.0, KILL),)


def test_who_has_lost_patience_stops_all_groups():
    desk = stopping(of("a", "one", 1), of("b", "two", 2))
    desk.feed(ev.ShutdownRequested("asked again"))
    assert sorted(set(told(desk))) == ["a", "b"]


def test_a_stop_by_hand_that_takes_longer_than_the_budget_is_cut_when_its_turn_has_come():
    slow = of("a", "one", timeout=600.0)
    desk = Desk(slow, stop_order="groups", stop_budget=10.5)
    desk.up()
    desk.feed(ev.StopRequested(("a:0",)))
    desk.feed(ev.ShutdownRequested("asked"))
    assert desk["a"].state.schedule == ((10.0, KILL),)


def test_hidden_processes_come_after_the_last_group():
    own = replace(program("own", hidden=True), group="zzz", group_priority=5000)
    desk = stopping(of("a", "one"), own)
    assert told(desk) == ["a"]
    desk.ends("a", TERM)
    assert told(desk) == ["a", "own"]
