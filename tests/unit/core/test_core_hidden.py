"""Hidden processes are pyinit's own: they keep nothing up, and are the last to stop."""

import pytest
from core_desk import Desk, program

from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core.plan import InitPlan, Plan, Restart, Stop

TERM, KILL = 15, 9


def own(**fields):
    return program("own", hidden=True, autostart=False, **fields)


def desk_of(*processes, **settings):
    """Return a desk on which everything is up, the hidden one, too."""
    desk = Desk(*processes, own(), **settings)
    desk.feed(ev.StartRequested(("own:0",)))
    desk.up()
    assert desk.name("own") == "Running"
    return desk


@pytest.mark.parametrize("policy", ["fail-fast", "all-done"])
def test_when_nothing_else_is_left_to_run_pyinit_ends(policy):
    desk = desk_of(program("job", kind="oneshot"), exit=policy)
    desk.ends("job", 0)
    assert desk.kills() == [("own:0", TERM)]
    desk.obey()
    assert desk.code == 0


def test_with_nothing_but_hidden_processes_there_is_nothing_to_run():
    desk = Desk(own())
    desk.feed(ev.Swept(0))
    assert desk.code == 0


def test_where_pyinit_never_ends_it_waits_for_what_a_reload_brings():
    desk = Desk(own(), exit="never")
    assert desk.phase == "Up"
    assert desk.notes() == []


@pytest.mark.parametrize("critical", [True, False])
def test_that_one_gives_up_is_no_failure_of_pyinit(critical):
    restart = Restart(retries=0)
    hidden = own(critical=critical, restart=restart, start_s=1.0)
    desk = Desk(program("web"), hidden)
    desk.feed(ev.StartRequested(("own:0",)))
    desk.up()
    desk.ends("own", 256)
    assert desk.name("own") == "Fatal"
    assert desk.phase == "Up"
    desk.ends("web", 0)
    desk.obey()
    assert desk.code == 0


def test_one_that_was_stopped_by_hand_keeps_nothing_up():
    desk = desk_of(program("job", kind="oneshot"))
    desk.feed(ev.StopRequested(("own:0",)))
    desk.ends("own", TERM)
    desk.ends("job", 0)
    desk.feed(ev.Swept(0))
    assert desk.code == 0


def test_they_are_told_to_stop_when_all_others_are_at_rest():
    desk = desk_of(program("db"), program("web", needs={"db": "started"}))
    desk.feed(ev.ShutdownRequested("asked"))
    for key in ("web", "db", "own"):
        assert desk.kills()[-1] == (f"{key}:0", TERM)
        desk.ends(key, TERM)
    assert desk.phase == "Sweeping"


def test_one_that_does_not_stop_holds_up_nobody_for_longer_than_its_time():
    desk = desk_of(program("web"), stop_budget=9.0)
    desk.feed(ev.ShutdownRequested("asked"))
    desk.ends("web", TERM)
    desk.feed(ev.Tick(), 8.5)
    assert desk.kills()[-1] == ("own:0", KILL)
    desk.ends("own", KILL)
    desk.feed(ev.Swept(0))
    assert desk.code == 0


def test_one_whose_turn_never_came_is_killed_at_the_end_of_the_budget():
    desk = desk_of(program("web", stop=Stop(kill="process", timeout=60.0)), stop_budget=9.0)
    desk.feed(ev.ShutdownRequested("asked"))
    while desk.code is None:
        desk.tick()
    assert ("own:0", KILL) in desk.kills()
    assert desk.now == 9.0
    assert desk.code == 1


def test_nothing_is_drained_for_them():
    desk = desk_of(program("job", kind="oneshot"), exit="never", drain_delay=5.0)
    desk.ends("job", 0)
    desk.feed(ev.ShutdownRequested("asked"))
    assert desk.phase == "Halting"


def test_who_has_lost_patience_hurries_them_too():
    desk = desk_of(program("web"))
    desk.feed(ev.ShutdownRequested("asked"))
    desk.feed(ev.ShutdownRequested("asked again"))
    assert ("own:0", TERM) in desk.kills()


def test_what_happens_to_one_is_told_as_hidden():
    desk = desk_of(program("web"))
    told = {each.key: each.hidden for each in desk.said if isinstance(each, fx.Announce)}
    assert told == {"web:0": False, "own:0": True}


def test_a_reload_can_bring_one_and_take_it_away():
    web = program("web")
    desk = Desk(web)
    desk.up()
    hidden = program("own", hidden=True)
    desk.feed(ev.PlanLoaded(Plan(InitPlan(), (web, hidden))))
    desk.up()
    assert desk.name("own") == "Running"
    desk.feed(ev.PlanLoaded(Plan(InitPlan(), (web,))))
    desk.ends("own", TERM)
    assert list(desk.names()) == ["web:0"]
    assert desk.name("web") == "Running"
