"""A new plan in the place of the old one: only what differs is touched."""

import pytest
from core_desk import Desk, program

from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core.change import Change, compare
from pyinit.core.plan import InitPlan, Launch, Limit, Plan, Ready, Restart, Schedule, Stop
from pyinit.core.record import replace
from pyinit.core.reload import difference

DB, WEB, LOG = program("db"), program("web", needs={"db": "started"}), program("log")


def changed(plan, **launch):
    return replace(plan, launch=replace(plan.launch, **launch))


def loaded(desk, *plans, **init):
    return desk.feed(ev.PlanLoaded(Plan(InitPlan(**init), plans)))


def up(*plans, **settings):
    desk = Desk(*plans, **settings)
    desk.up()
    return desk


def touched(effects):
    return sorted({each.key for each in effects if not isinstance(each, fx.Note)})


def test_order_sources_and_warnings_are_no_difference():
    desk = up(DB, WEB, LOG)
    again = Plan(InitPlan(), (LOG, WEB, DB), sources=("/other.toml",), warnings=("look",))
    assert difference(desk.state.table, again) == Change()
    assert desk.feed(ev.PlanLoaded(again)) == ()
    assert set(desk.names().values()) == {"Running"}


@pytest.mark.parametrize(
    "launch",
    [
        {"env": (("A", "1"),)},
        {"argv": ("/bin/db", "-v")},
        {"limits": (Limit("nofile", 9),)},
        {"uid": 5},
        {"secrets": (("KEY", "/run/secrets/key"),)},
    ],
)
def test_a_change_of_the_launch_restarts_only_that_program(launch):
    desk = up(DB, WEB, LOG)
    effects = loaded(desk, changed(DB, **launch), WEB, LOG)
    assert touched(effects) == ["db:0"]
    desk.ends("db", 15)
    desk.up()
    assert set(desk.names().values()) == {"Running"}
    assert (desk["db"].runs, desk["web"].runs, desk["db"].restarts) == (2, 1, 0)


@pytest.mark.parametrize(
    "policy",
    [
        {"restart": Restart(max=9)},
        {"stop": Stop(timeout=1.0)},
        {"critical": False},
        {"priority": 5},
        {"depends": ()},
        {"success_codes": (0, 1)},
        {"start_s": 9.0},
    ],
)
def test_a_change_of_the_policy_touches_no_run(policy):
    desk = up(DB, WEB, LOG)
    new = replace(WEB, **policy)
    assert difference(desk.state.table, Plan(processes=(DB, new, LOG))).adjusted == ("web:0",)
    assert loaded(desk, DB, new, LOG) == ()
    assert desk["web"].plan == new
    assert desk["web"].runs == 1


@pytest.mark.parametrize("field", [{"kind": "oneshot"}, {"ready": Ready("notify")}])
def test_a_change_of_what_a_run_is_restarts_it(field):
    desk = up(DB, LOG)
    assert difference(desk.state.table, Plan(processes=(replace(DB, **field), LOG))).restarted == (
        "db:0",
    )


def test_what_is_new_starts_with_what_it_needs_and_what_is_gone_stops():
    desk = up(DB, LOG)
    loaded(desk, DB, WEB, program("spare", autostart=False))
    assert desk.names() == {
        "db:0": "Running", "web:0": "Starting", "spare:0": "Stopped", "log:0": "Stopping",
    }  # fmt: skip
    assert fx.Removed("log:0", "log") in desk.ends("log", 15)
    assert "log:0" not in desk.state.table


def test_scaling_touches_nobody_else():
    one = program("web")
    three = [replace(program("web", instance=n, count=3)) for n in range(3)]
    desk = up(one, LOG)
    effects = loaded(desk, *three, LOG)
    assert touched(effects) == ["web:1", "web:2"]
    assert desk["web:0"].plan.name == "web:0"
    desk.up()
    effects = loaded(desk, one, LOG)
    assert touched(effects) == ["web:1", "web:2"]
    assert [desk["web:0"].runs, desk.name("web:0"), desk["web:0"].plan.name] == [
        1,
        "Running",
        "web",
    ]


def test_what_waits_for_an_instance_that_leaves_waits_no_more():
    two = [program("db", instance=n, count=2, start_s=1.0) for n in range(2)]
    desk = Desk(*two, WEB)
    desk.spawn("db:0", "db:1")
    loaded(desk, replace(two[0], start_s=0.0), WEB)
    assert desk.name("web") == "Waiting"
    desk.tick()
    assert desk.names() == {"db:0": "Running", "web:0": "Starting", "db:1": "Stopping"}


def test_a_start_does_not_call_back_an_instance_that_leaves():
    two = [program("db", instance=n, count=2) for n in range(2)]
    desk = up(*two, replace(WEB, autostart=False))
    loaded(desk, two[0], replace(WEB, autostart=False))
    desk.feed(ev.StartRequested(("web:0",)))
    assert desk.names() == {"db:0": "Running", "web:0": "Starting", "db:1": "Stopping"}
    assert not desk["db:1"].state.again


def test_a_name_that_comes_back_is_a_new_process_with_new_run_ids():
    desk = up(DB, LOG)
    loaded(desk, DB)
    desk.ends("log", 15)
    effects = loaded(desk, DB, LOG)
    assert [each.run_id for each in effects if isinstance(each, fx.Spawn)] == [2]


def test_what_comes_back_while_it_still_stops_gets_a_new_run():
    desk = up(DB, LOG)
    loaded(desk, DB)
    loaded(desk, DB, LOG)
    assert not desk["log"].retired
    desk.ends("log", 15)
    assert desk.name("log") == "Starting"


def test_what_was_stopped_by_hand_stays_stopped():
    desk = up(DB, LOG)
    desk.feed(ev.StopRequested(("log:0",)))
    loaded(desk, DB, changed(LOG, umask=7))
    desk.ends("log", 15)
    assert desk.name("log") == "Stopped"
    loaded(desk, DB, changed(LOG, umask=2))
    assert desk.name("log") == "Stopped"
    assert desk["log"].plan.launch.umask == 2


def test_who_waits_to_be_stopped_is_not_brought_back():
    desk = up(DB, WEB)
    desk.feed(ev.StopRequested(("db:0",)))
    new = changed(DB, env=(("A", "1"),))
    assert touched(loaded(desk, new, WEB)) == []
    desk.obey()
    assert desk.names() == {"db:0": "Stopped", "web:0": "Stopped"}
    assert desk["db"].plan == new


def test_a_restart_that_waits_for_its_turn_is_one_to_the_new_plan():
    desk = up(DB, WEB)
    desk.feed(ev.RestartRequested(("db:0",)))
    new = changed(DB, env=(("A", "1"),))
    assert touched(loaded(desk, new, WEB)) == []
    desk.obey()
    desk.up()
    assert desk.names() == {"db:0": "Running", "web:0": "Running"}
    assert (desk["db"].plan, desk["db"].runs) == (new, 2)


@pytest.mark.parametrize("how", ["given up", "ended"])
def test_what_is_over_and_differs_is_tried_again(how):
    desk = up(
        replace(
            LOG,
            restart=Restart("never" if how == "ended" else "on-failure", max=1, jitter=0.0),
            critical=False,
        ),
        DB,
    )
    while desk.name("log") not in {"Fatal", "Exited"}:
        desk.ends("log", 256)
        if desk.name("log") == "Backoff":
            desk.tick()
            desk.spawn()
    loaded(desk, changed(LOG, umask=7), DB)
    assert desk.name("log") == "Starting"


def test_what_never_started_by_itself_is_not_started_by_a_change():
    desk = up(DB, replace(LOG, autostart=False))
    loaded(desk, DB, changed(replace(LOG, autostart=False), umask=7))
    assert desk.name("log") == "Stopped"


def test_what_would_start_by_itself_and_did_not_is_started_by_a_change():
    desk = up(DB, replace(LOG, autostart=False))
    loaded(desk, DB, changed(LOG, umask=7))
    assert desk.name("log") == "Starting"


@pytest.mark.parametrize("before", [{"on_demand": True}, {"autostart": False}])
def test_what_is_to_start_by_itself_from_now_on_is_started(before):
    desk = Desk(replace(DB, **{"autostart": False, **before}), LOG)
    loaded(desk, DB, LOG)
    desk.up()
    assert desk.name("db") == "Running"


def test_what_went_idle_is_started_when_it_waits_for_no_connection_any_more():
    lazy = replace(DB, on_demand=True, autostart=False)
    desk = Desk(lazy, LOG)
    desk.feed(ev.Called(("db:0",)))
    desk.up()
    desk.ends("db")
    loaded(desk, DB, LOG)
    desk.up()
    assert (desk.name("db"), desk["db"].runs) == ("Running", 2)


def test_what_somebody_has_stopped_is_not_started_because_it_waits_for_nothing_any_more():
    desk = Desk(replace(DB, on_demand=True, autostart=False), LOG)
    desk.feed(ev.StopRequested(("db:0",)))
    loaded(desk, DB, LOG)
    assert desk.name("db") == "Stopped"


def test_a_service_that_becomes_a_job_is_stopped_and_has_its_times():
    desk = up(DB, LOG)
    job = replace(DB, kind="oneshot", schedule=Schedule(every=60.0), autostart=False)
    loaded(desk, job, LOG)
    desk.ends("db", 15)
    assert (desk.name("db"), desk["db"].plan) == ("Stopped", job)
    desk.feed(ev.ScheduleDue("db:0"))
    desk.up()
    assert (desk.name("db"), desk["db"].runs) == ("Running", 2)


def test_a_service_that_became_a_job_and_is_one_again_has_a_new_run():
    desk = up(DB, LOG)
    loaded(desk, replace(DB, kind="oneshot", schedule=Schedule(every=60.0)), LOG)
    loaded(desk, DB, LOG)
    desk.ends("db", 15)
    desk.up()
    assert (desk.name("db"), desk["db"].runs) == ("Running", 2)


def test_a_run_that_becomes_one_of_a_schedule_is_not_broken_off():
    once = replace(DB, kind="oneshot")
    desk = up(once, LOG)
    loaded(desk, replace(changed(once, uid=5), schedule=Schedule(every=60.0)), LOG)
    assert (desk.name("db"), desk["db"].runs) == ("Running", 1)
    loaded(desk, changed(once, uid=5), LOG)  # no job any more: what was put off is due
    assert desk.name("db") == "Stopping"


BY_HAND = (Limit("nofile", 300), Limit("core", 7))


@pytest.mark.parametrize(
    ("plan", "init", "left"),
    [
        (DB, {}, BY_HAND),
        (replace(DB, priority=5), {}, BY_HAND),
        (changed(DB, limits=(Limit("nofile", 9),)), {}, BY_HAND[1:]),
        (DB, {"limits": (Limit("core", 5),)}, BY_HAND[:1]),
        (
            changed(DB, limits=(Limit("nofile", 9),)),
            {"limits": (Limit("nofile", 5),)},
            BY_HAND[1:],
        ),
    ],
)
def test_a_limit_set_by_hand_holds_until_the_configuration_says_another(plan, init, left):
    desk = up(DB, LOG)
    desk.feed(ev.LimitsSet(("db:0",), BY_HAND))
    loaded(desk, plan, LOG, **init)
    assert desk["db"].limits == left


def test_what_init_says_of_a_limit_is_nothing_to_who_has_his_own():
    desk = up(changed(DB, limits=(Limit("nofile", 9),)), LOG)
    desk.feed(ev.LimitsSet(("db:0",), BY_HAND))
    loaded(desk, changed(DB, limits=(Limit("nofile", 9),)), LOG, limits=(Limit("nofile", 5),))
    assert desk["db"].limits == BY_HAND


def test_a_run_keeps_its_plan_until_it_is_over():
    desk = up(DB)
    new = changed(replace(DB, stop=Stop(kill="tree")), umask=7)
    loaded(desk, new)
    assert desk["db"].plan == DB
    assert desk["db"].pending == new
    assert difference(desk.state.table, Plan(processes=(new,))) == Change()
    effects = desk.ends("db", 15)
    assert [each.plan for each in effects if isinstance(each, fx.Spawn)] == [new]


def test_two_reloads_make_one_new_run_of_the_last_plan():
    desk = up(DB)
    loaded(desk, changed(DB, umask=1))
    loaded(desk, changed(DB, umask=2))
    effects = desk.ends("db", 15)
    assert [each.plan.launch.umask for each in effects if isinstance(each, fx.Spawn)] == [2]


def test_a_plan_taken_back_in_time_still_makes_a_new_run():
    desk = up(DB)
    loaded(desk, changed(DB, umask=1))
    loaded(desk, DB)
    desk.ends("db", 15)
    assert (desk.name("db"), desk["db"].plan) == ("Starting", DB)


def test_a_stop_under_way_goes_on_as_it_began():
    tree = replace(DB, stop=Stop(kill="group", timeout=4.0))
    desk = up(tree)
    desk.feed(ev.StopRequested(("db:0",)))
    desk.ends("db", 15)
    desk.feed(ev.Surveyed("db:0", 1, 1))
    loaded(desk, replace(DB, stop=Stop(kill="process")))
    assert [each.scope for each in desk.tick() if isinstance(each, fx.Kill)] == ["group"]
    desk.feed(ev.Surveyed("db:0", 1, 0))
    assert desk["db"].plan.stop.kill == "process"


def test_the_main_program_of_a_command_is_never_removed_or_outvoted():
    main = program("main", restart=Restart("never"))
    desk = up(main, LOG, main="main:0", exit="main:main")
    loaded(desk, DB, exit="never")
    assert desk.names() == {"db:0": "Starting", "main:0": "Running", "log:0": "Stopping"}
    assert desk.state.init.exit == "main:main"
    desk.ends("main", 5 << 8)
    assert desk.phase == "Halting"


def test_what_init_says_is_in_force_at_once():
    desk = up(DB)
    loaded(desk, DB, exit="never", stop_budget=3.0)
    assert desk.state.init.stop_budget == 3.0


def test_a_reload_in_a_shutdown_is_refused():
    desk = up(DB)
    desk.feed(ev.ShutdownRequested("asked"))
    before = desk.state
    loaded(desk, DB, LOG)
    assert desk.state == before
    assert "not reloading: pyinit is stopping" in desk.notes()


def test_the_difference_is_in_the_order_of_the_new_plan():
    old = {each.key: each for each in (DB, WEB, LOG)}
    new = Plan(processes=(changed(WEB, umask=1), program("a"), changed(DB, umask=1)))
    assert compare(old, new) == Change(
        added=("a:0",), removed=("log:0",), restarted=("web:0", "db:0")
    )
    assert Launch(("/x",)) == Launch(("/x",))
