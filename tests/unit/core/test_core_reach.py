"""How far signals reach: the KILL further than the others, where the plan says so."""

import pytest
from core_desk import Desk, program

from pyinit.core import effects as fx
from pyinit.core import escalation
from pyinit.core import events as ev
from pyinit.core.plan import Stop

TERM, KILL = 15, 9


def desk_of(kill, last):
    desk = Desk(program("web", stop=Stop(kill=kill, last=last, timeout=2.0)), exit="never")
    desk.up()
    return desk


def scopes(desk):
    return [(each.signum, each.scope) for each in desk.said if isinstance(each, fx.Kill)]


def surveys(effects):
    return [each.scope for each in effects if isinstance(each, fx.Survey)]


@pytest.mark.parametrize(
    ("kill", "last", "reach"),
    [
        ("process", "", "process"),
        ("process", "group", "group"),
        ("group", "tree", "tree"),
        ("tree", "group", "tree"),
        ("group", "process", "group"),
    ],
)
def test_the_kill_reaches_as_far_as_the_further_of_both(kill, last, reach):
    desk = desk_of(kill, last)
    desk.feed(ev.StopRequested(("web:0",)))
    desk.tick()
    assert scopes(desk) == [(TERM, kill), (KILL, reach)]


def test_who_obeys_leaves_behind_what_only_the_kill_would_have_reached():
    desk = desk_of("process", "group")
    desk.feed(ev.StopRequested(("web:0",)))
    assert surveys(desk.ends("web", TERM)) == []
    assert desk.name("web") == "Stopped"


def test_who_crashes_does_so_too():
    desk = desk_of("process", "group")
    assert surveys(desk.ends("web", 256)) == []
    assert desk.name("web") == "Backoff"


def test_after_a_kill_what_it_reached_is_looked_after_until_it_is_gone():
    desk = desk_of("process", "group")
    desk.feed(ev.StopRequested(("web:0",)))
    desk.tick()
    run = desk["web"].state.run
    assert surveys(desk.ends("web", KILL)) == ["group"]
    desk.feed(ev.Surveyed("web:0", run.id, 2))
    assert desk.name("web") == "Ending"
    effects = desk.tick()
    assert desk.kills(effects) == [("web:0", KILL)]
    assert surveys(effects) == ["group"]
    desk.feed(ev.Surveyed("web:0", run.id, 0))
    assert desk.name("web") == "Stopped"


def test_an_orphan_that_ends_is_looked_into_as_far_as_the_kill_reached():
    desk = desk_of("process", "group")
    desk.feed(ev.StopRequested(("web:0",)))
    desk.tick()
    desk.ends("web", KILL)
    assert surveys(desk.feed(ev.Reaped(999, 0))) == ["group"]


def test_what_a_crashed_run_left_is_counted_further_once_it_had_its_kill():
    desk = desk_of("group", "tree")
    run = desk["web"].state.run
    assert surveys(desk.ends("web", 256)) == ["group"]
    desk.feed(ev.Surveyed("web:0", run.id, 1))
    assert surveys(desk.tick()) == ["tree"]


def test_a_kill_that_could_not_be_sent_yet_reaches_nobody():
    desk = Desk(program("web", stop=Stop(kill="process", last="group", timeout=2.0)), exit="never")
    desk.feed(ev.StopRequested(("web:0",)))
    desk.tick()
    desk.spawn()
    assert surveys(desk.ends("web", TERM)) == []


def test_each_scope_is_wider_than_the_one_before():
    assert escalation.SCOPES == ("process", "group", "tree")
