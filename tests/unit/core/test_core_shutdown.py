"""The way down: order, budget, drain, hurry, sweep, and what is left behind."""

import pytest
from core_desk import Desk, never, program

from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core.plan import Restart, Stop

TIMES = {"kill": "process", "timeout": 10.0}


def chain(**settings):
    """web needs api, api needs db."""
    stop = Stop(**{**TIMES, "kill": settings.pop("kill", "process")})
    desk = Desk(
        program("db", stop=stop),
        program("api", needs={"db": "started"}, stop=stop),
        program("web", needs={"api": "started"}, stop=stop),
        **settings,
    )
    desk.up()
    return desk


def ask(desk):
    return desk.feed(ev.ShutdownRequested("asked"))


def test_who_needs_others_stops_first():
    desk = chain()
    assert desk.kills(ask(desk)) == [("web:0", 15)]
    assert desk.kills(desk.ends("web")) == [("api:0", 15)]
    assert desk.kills(desk.ends("api")) == [("db:0", 15)]
    desk.ends("db")
    assert desk.phase == "Sweeping"
    desk.feed(ev.Swept(0))
    assert desk.code == 0


def test_needs_reach_through_a_dead_middle():
    desk = Desk(
        program("db"),
        program("migrate", needs={"db": "started"}, kind="oneshot", restart=never()),
        program("web", needs={"migrate": "completed"}),
    )
    desk.spawn("db:0")
    desk.spawn("migrate:0")
    desk.ends("migrate")
    desk.spawn("web:0")
    assert desk.kills(ask(desk)) == [("web:0", 15)]
    assert desk.kills(desk.ends("web")) == [("db:0", 15)]


def test_needs_reach_through_several_dead_middles_at_once():
    done = {"kind": "oneshot", "needs": {"db": "started"}}
    desk = Desk(
        program("db"),
        program("m1", **done),
        program("m2", **done),
        program("web", needs={"m1": "completed", "m2": "completed"}),
    )
    desk.spawn("db:0")
    for name in ("m1", "m2"):
        desk.spawn(f"{name}:0")
        desk.ends(name)
    desk.spawn("web:0")
    assert desk.kills(ask(desk)) == [("web:0", 15)]
    assert desk.kills(desk.ends("web")) == [("db:0", 15)]


def test_a_needed_program_without_users_left_is_not_needed():
    desk = Desk(
        program("db"),
        program("m1", needs={"db": "started"}, autostart=False),
        program("m2", needs={"db": "started"}, autostart=False),
        program("top", needs={"m1": "started", "m2": "started"}, autostart=False),
    )
    desk.up()
    assert desk.kills(ask(desk)) == [("db:0", 15)]


def test_only_those_instances_are_stopped_that_run():
    two = [program("web", instance=n, count=2) for n in range(2)]
    desk = Desk(*two)
    desk.up()
    desk.feed(ev.StopRequested(("web:0",)))
    desk.obey()
    assert desk.kills(ask(desk)) == [("web:1", 15)]


def test_programs_that_need_nobody_stop_together():
    desk = Desk(program("a"), program("b"), program("c"))
    desk.up()
    assert sorted(key for key, _ in desk.kills(ask(desk))) == ["a:0", "b:0", "c:0"]


def test_the_budget_is_cut_along_the_levels():
    """The worked example: 9 s, half a second kept, three levels of 10 s that obey nobody."""
    desk = chain(stop_budget=9.0)
    ask(desk)
    seen = []
    for name in ("web", "api", "db"):
        kills = desk.kills(desk.tick())
        seen.append((round(desk.now, 2), *kills[0]))
        desk.ends(name, 9)
    assert seen == [(2.83, "web:0", 9), (5.67, "api:0", 9), (8.5, "db:0", 9)]
    desk.feed(ev.Swept(0))
    assert desk.code == 0


def test_what_one_level_does_not_use_is_there_for_the_next():
    desk = chain(stop_budget=9.0)
    ask(desk)
    desk.ends("web")
    desk.ends("api")
    desk.tick()
    assert (desk.now, desk.kills()[-1]) == (8.5, ("db:0", 9))


def test_nobody_gets_more_than_its_own_timeout():
    desk = chain(stop_budget=300.0)
    ask(desk)
    desk.tick()
    assert (desk.now, desk.kills()[-1]) == (10.0, ("web:0", 9))


def test_a_stop_under_way_is_shortened_to_the_budget():
    desk = Desk(program("web", stop=Stop(kill="process", timeout=60.0)), stop_budget=9.0)
    desk.up()
    desk.feed(ev.StopRequested(("web:0",)))
    ask(desk)
    desk.tick()
    assert (desk.now, desk.kills()[-1]) == (8.5, ("web:0", 9))


def test_when_the_budget_is_over_pyinit_goes_and_says_who_was_left():
    desk = Desk(program("web", stop=Stop(kill="process")), stop_budget=5.0)
    desk.up()
    ask(desk)
    while desk.code is None:
        desk.tick()
    assert (desk.now, desk.code) == (5.0, 1)
    assert "the stop budget of 5 s is used up; left behind: web" in desk.notes()
    assert fx.Sweep(9) in desk.said


@pytest.mark.parametrize("kill", ["process", "tree"])
def test_who_took_long_and_who_was_killed_is_named(kill):
    desk = chain(stop_budget=30.0, kill=kill)
    ask(desk)
    desk.now = 2.0
    for name, status in (("web", 0), ("api", 9), ("db", 0)):
        desk.ends(name, status)
        desk.feed(ev.Surveyed(f"{name}:0", 1, 0))
    desk.feed(ev.Swept(0))
    notes = [each for each in desk.notes() if "to stop" in each]
    assert notes == ["web took 2.0 s to stop", "api took 0.0 s to stop and had to be killed"]


def test_a_drain_comes_first_and_nothing_is_stopped_meanwhile():
    desk = chain(drain_delay=3.0)
    assert desk.kills(ask(desk)) == []
    assert desk.phase == "Draining"
    assert desk.kills(desk.tick()) == [("web:0", 15)]
    assert desk.now == 3.0


def test_a_drain_by_request_before_is_not_waited_for_again():
    desk = chain(drain_delay=3.0)
    desk.feed(ev.DrainRequested(on=True))
    desk.feed(ev.DrainRequested(on=True), at=2.0)
    ask(desk)
    desk.tick()
    assert (desk.now, desk.phase) == (3.0, "Halting")


def test_a_drain_taken_back_is_waited_for():
    desk = chain(drain_delay=3.0)
    desk.feed(ev.DrainRequested(on=True))
    desk.feed(ev.DrainRequested(on=False), at=5.0)
    ask(desk)
    desk.tick()
    assert desk.now == 8.0


def test_a_drain_leaves_a_quarter_of_the_budget_to_the_stop():
    desk = chain(drain_delay=20.0, stop_budget=8.0)
    ask(desk)
    assert "cannot drain for 20 s within a stop budget of 8 s" in desk.notes()
    desk.tick()
    assert desk.now == 6.0


def test_nobody_drains_when_everything_ends_by_itself():
    desk = Desk(program("web", restart=never()), drain_delay=3.0)
    desk.up()
    desk.ends("web", 256)
    assert desk.phase == "Sweeping"


def test_a_drain_ends_when_nobody_is_left_to_drain():
    desk = Desk(program("web"), drain_delay=3.0)
    desk.up()
    ask(desk)
    desk.ends("web", 256)
    assert (desk.phase, desk.name("web")) == ("Sweeping", "Exited")


def test_nothing_is_restarted_while_everything_drains():
    desk = chain(drain_delay=3.0)
    ask(desk)
    assert desk.spawned(desk.ends("db", 256)) == []
    assert desk.spawned(desk.feed(ev.StartRequested(("db:0",)))) == []
    assert desk.spawned(desk.feed(ev.RestartRequested(("db:0",)))) == []


def test_a_second_request_cuts_the_drain_and_the_grace():
    desk = chain(drain_delay=3.0)
    ask(desk)
    assert desk.kills(ask(desk)) == [("web:0", 15)]
    desk.tick()
    assert (desk.now, desk.kills()[-1]) == (1.0, ("web:0", 9))


def test_a_second_request_kills_what_overstays_and_hurries_all_others():
    desk = chain()
    ask(desk)
    effects = ask(desk)
    assert sorted(desk.kills(effects)) == [("api:0", 15), ("db:0", 15)]
    assert desk.kills(desk.tick()) == [("web:0", 9)]
    assert desk.now == 0.0
    desk.tick()
    assert desk.now == 1.0


def test_a_third_request_leaves_no_second():
    desk = chain()
    ask(desk)
    ask(desk)
    ask(desk)
    assert sorted(desk.kills(desk.tick())) == [("api:0", 9), ("db:0", 9), ("web:0", 9)]
    assert desk.now == 0.0


def test_the_first_request_in_a_shutdown_nobody_asked_for_does_not_hurry():
    desk = Desk(program("web"), program("job", restart=never()))
    desk.up()
    desk.ends("job", 256)
    assert desk.kills(ask(desk)) == []
    assert desk.kills(ask(desk)) == []
    assert desk.kills(desk.tick()) == [("web:0", 9)]


def test_what_waits_or_backs_off_is_stopped_at_once():
    desk = Desk(
        program("db", restart=Restart(jitter=0.0)),
        program("web", needs={"db": "completed"}),
    )
    desk.spawn("db:0")
    desk.ends("db", 256)
    assert desk.names() == {"db:0": "Backoff", "web:0": "Waiting"}
    ask(desk)
    assert desk.phase == "Sweeping"


def test_a_fork_that_is_reported_late_is_stopped_then():
    desk = Desk(program("web"))
    ask(desk)
    effects = desk.feed(ev.Spawned("web:0", 1, 77, executed=True))
    assert desk.kills(effects) == [("web:0", 15)]


def test_what_the_programs_left_is_told_and_then_killed():
    desk = Desk(program("web"))
    desk.up()
    ask(desk)
    desk.ends("web")
    assert desk.feed(ev.Swept(2)) == (fx.Sweep(15),)
    assert fx.Sweep(0) in desk.feed(ev.Reaped(501, 0))
    desk.feed(ev.Swept(1))
    assert desk.tick() == (fx.Sweep(9),)
    assert desk.now == 2.0
    desk.feed(ev.Swept(0))
    assert desk.code == 0


def test_a_sweep_is_hurried_too():
    desk = Desk(program("web"))
    desk.up()
    ask(desk)
    desk.ends("web")
    desk.feed(ev.Swept(2))
    ask(desk)
    assert desk.tick() == (fx.Sweep(9),)
    assert desk.now == 0.0


def test_a_sweep_in_a_hurry_gives_no_grace():
    desk = Desk(program("web"))
    desk.up()
    ask(desk)
    ask(desk)
    desk.ends("web", 9)
    desk.feed(ev.Swept(2))
    assert desk.tick() == (fx.Sweep(9),)
    assert desk.now == 0.0


def test_a_sweep_that_nobody_asked_for_is_not_hurried_by_the_first_request():
    desk = Desk(program("job", restart=never()))
    desk.up()
    desk.ends("job", 256)
    desk.feed(ev.Swept(1))
    ask(desk)
    desk.tick()
    assert desk.now == 2.0


def test_a_sweep_that_never_ends_is_cut_by_the_budget():
    desk = Desk(program("web"), stop_budget=5.0)
    desk.up()
    ask(desk)
    desk.ends("web")
    desk.feed(ev.Swept(1))
    while desk.code is None:
        desk.tick()
    assert (desk.now, desk.code) == (5.0, 1)


def test_what_is_over_stays_over():
    desk = Desk(program("web"))
    desk.up()
    ask(desk)
    desk.obey()
    before = desk.state
    for event in (
        ev.ShutdownRequested("again"),
        ev.Swept(1),
        ev.Tick(),
        ev.StartRequested(("web:0",)),
    ):
        assert desk.feed(event) == ()
        assert desk.state == before


def test_leftovers_of_a_crash_are_killed_within_the_budget():
    desk = Desk(program("web", stop=Stop(kill="tree")), stop_budget=2.0)
    desk.up()
    desk.ends("web", 256)
    ask(desk)
    desk.feed(ev.Surveyed("web:0", 1, 1))
    desk.tick()
    assert (desk.now, desk.kills()[-1]) == (1.8, ("web:0", 9))


def test_a_hurry_reaches_members_that_are_counted_later():
    desk = Desk(program("web", stop=Stop(kill="tree")))
    desk.up()
    desk.ends("web", 256)
    ask(desk)
    ask(desk)
    desk.feed(ev.Surveyed("web:0", 1, 1))
    desk.tick()
    assert (desk.now, desk.kills()[-1]) == (0.0, ("web:0", 9))


def test_members_that_survive_every_kill_do_not_hold_up_the_end():
    desk = Desk(program("web", stop=Stop(kill="tree")), stop_budget=60.0)
    desk.up()
    desk.ends("web", 256)
    ask(desk)
    for _ in range(6):
        desk.feed(ev.Surveyed("web:0", 1, 1))
        desk.tick()
    assert "web: 1 of its processes survive SIGKILL; going on" in desk.notes()
    assert desk.kills().count(("web:0", 9)) == 5
    assert desk.phase == "Sweeping"


def test_a_thousand_programs_that_need_one_stop_in_a_moment():
    many = [program(f"p{n}", needs={"db": "started"}) for n in range(1000)]
    desk = Desk(program("db"), *many)
    desk.up()
    assert len(desk.kills(ask(desk))) == 1000
    for n in range(1000):
        assert desk.name("db") == "Running"
        desk.ends(f"p{n}")
    assert desk.name("db") == "Stopping"


@pytest.mark.parametrize("before_boot", [ev.ShutdownRequested("early"), ev.SignalReceived(15)])
def test_a_stop_before_the_boot_is_not_lost(before_boot):
    desk = Desk(program("web"), boot=False)
    desk.feed(before_boot)
    assert desk.code == 0
    assert desk.feed(ev.Boot()) == ()
