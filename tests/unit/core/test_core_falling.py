"""A stop or a restart by hand takes along those that depend on a process: first down, last up."""

import pytest
from core_desk import Desk, never, program

from pyinit.core import events as ev
from pyinit.core.plan import Dependency, Plan, Ready, Restart, Schedule
from pyinit.core.record import replace
from pyinit.core.states import Backoff, Stopped, Stopping

EVERY = Schedule(every=60.0)


def chain(**settings):
    """Return a desk on which `api` depends on `web`, and `web` on `db`; all are up."""
    db, web = program("db", **settings), program("web", needs={"db": "started"})
    desk = Desk(db, web, program("api", needs={"web": "started"}), exit="never")
    desk.up()
    return desk


def stop(desk, *keys):
    return desk.feed(ev.StopRequested(tuple([f"{key}:0" for key in keys])))


def restart(desk, *keys):
    return desk.feed(ev.RestartRequested(tuple([f"{key}:0" for key in keys])))


def order(desk, effects=None):
    """Return the programs in the order in which they were told to stop."""
    return [key.removesuffix(":0") for key, signum in desk.kills(effects) if signum == 15]


def test_who_depends_on_what_is_stopped_goes_first():
    desk = chain()
    stop(desk, "db")
    assert desk.names() == {"db:0": "Running", "web:0": "Running", "api:0": "Stopping"}
    desk.obey()
    assert order(desk) == ["api", "web", "db"]
    assert all(row.state == Stopped(held=True) for row in desk.state.table)
    assert desk.state.falling == {}


def test_what_a_stopped_program_needs_is_left_alone():
    desk = chain()
    stop(desk, "web")
    desk.obey()
    assert desk.names() == {"db:0": "Running", "web:0": "Stopped", "api:0": "Stopped"}


def test_a_restart_brings_back_whoever_it_took_along_when_what_they_need_is_there_anew():
    desk = chain()
    restart(desk, "db")
    assert desk.names() == {"db:0": "Running", "web:0": "Running", "api:0": "Stopping"}
    desk.ends("api:0", 15)
    assert desk.names() == {"db:0": "Running", "web:0": "Stopping", "api:0": "Waiting"}
    desk.ends("web:0", 15)
    assert desk.names() == {"db:0": "Stopping", "web:0": "Waiting", "api:0": "Waiting"}
    desk.ends("db:0", 15)
    assert desk.names() == {"db:0": "Starting", "web:0": "Waiting", "api:0": "Waiting"}
    desk.up()
    assert [desk[key].runs for key in ("db", "web", "api")] == [2, 2, 2]
    assert set(desk.names().values()) == {"Running"}


def test_what_is_only_wanted_takes_nobody_along():
    needs = {"db": Dependency("db", "started", hard=False)}
    desk = Desk(program("db"), program("web", needs=needs))
    desk.up()
    restart(desk, "db")
    desk.obey()
    desk.up()
    assert (desk["db"].runs, desk["web"].runs) == (2, 1)


def test_a_crash_takes_nobody_along():
    desk = chain(restart=Restart(delay=0.0))
    desk.ends("db:0", 256)
    desk.up()
    assert [desk[key].runs for key in ("db", "web", "api")] == [2, 1, 1]


def test_a_stop_of_what_is_at_rest_does_nothing():
    migrate = program("migrate", kind="oneshot")
    desk = Desk(migrate, program("web", needs={"migrate": "completed"}))
    desk.spawn("migrate:0")
    desk.ends("migrate:0")
    desk.up()
    assert stop(desk, "migrate") == ()
    assert desk.names() == {"migrate:0": "Exited", "web:0": "Running"}


def test_a_oneshot_is_done_again_once_nobody_runs_who_depends_on_it():
    desk = Desk(program("migrate", kind="oneshot"), program("web", needs={"migrate": "completed"}))
    desk.spawn("migrate:0")
    desk.ends("migrate:0")
    desk.up()
    restart(desk, "migrate")
    assert desk.names() == {"migrate:0": "Exited", "web:0": "Stopping"}
    desk.ends("web:0", 15)
    assert desk.names() == {"migrate:0": "Starting", "web:0": "Waiting"}
    desk.spawn("migrate:0")
    desk.ends("migrate:0")
    assert desk.names() == {"migrate:0": "Exited", "web:0": "Starting"}


def test_a_need_reaches_through_what_is_at_rest():
    migrate = program("migrate", kind="oneshot", needs={"db": "started"})
    desk = Desk(program("db"), migrate, program("web", needs={"migrate": "completed"}))
    desk.spawn("db:0")
    desk.spawn("migrate:0")
    desk.ends("migrate:0")
    desk.up()
    stop(desk, "db")
    assert desk.names() == {"db:0": "Running", "migrate:0": "Exited", "web:0": "Stopping"}
    desk.obey()
    assert desk.names() == {"db:0": "Stopped", "migrate:0": "Exited", "web:0": "Stopped"}


def migrated(condition="started"):
    """Return a desk on which `web` is up, by a finished migration of `db`."""
    migrate = program("migrate", kind="oneshot", needs={"db": condition})
    ready = Ready("notify", timeout=5.0) if condition == "ready" else None
    db = program("db", ready=ready, critical=False, restart=Restart(max=0))
    desk = Desk(db, migrate, program("web", needs={"migrate": "completed"}), exit="never")
    desk.spawn("db:0")
    desk.feed(ev.ReadyReported("db:0", desk["db"].runs))
    desk.spawn("migrate:0")
    desk.ends("migrate:0")
    desk.up()
    return desk


def test_who_needs_what_is_done_is_restarted_when_that_has_what_it_needed():
    desk = migrated("ready")
    restart(desk, "db")
    desk.ends("web:0", 15)
    desk.ends("db:0", 15)
    desk.spawn("db:0")
    assert desk.names() == {"db:0": "Starting", "migrate:0": "Exited", "web:0": "Waiting"}
    desk.feed(ev.ReadyReported("db:0", desk["db"].runs))
    assert desk.names() == {"db:0": "Running", "migrate:0": "Exited", "web:0": "Starting"}
    assert desk["migrate"].runs == 1, "what is done is not done again"


def test_a_start_goes_through_what_is_done_to_what_that_needed():
    desk = migrated()
    stop(desk, "db")
    desk.obey()
    desk.feed(ev.StartRequested(("web:0",)))
    assert desk.names() == {"db:0": "Starting", "migrate:0": "Exited", "web:0": "Waiting"}
    desk.up()
    assert desk.names() == {"db:0": "Running", "migrate:0": "Exited", "web:0": "Running"}


def test_a_start_brings_back_what_has_failed_though_another_is_content_with_that():
    load = program("load", kind="oneshot", restart=never(), critical=False)
    api = program("api", needs={"load": "completed"}, critical=False)
    web = program("web", needs={"load": "done", "api": "started"}, critical=False)
    desk = Desk(load, api, web, exit="never")
    desk.up()
    desk.ends("load", 256)
    assert desk.names() == {"load:0": "Exited", "api:0": "Fatal", "web:0": "Fatal"}
    desk.feed(ev.StartRequested(("web:0",)))
    assert desk.names() == {"load:0": "Starting", "api:0": "Waiting", "web:0": "Waiting"}
    desk.up()
    desk.ends("load")
    desk.up()
    assert (desk.name("api"), desk.name("web")) == ("Running", "Running")


def test_who_needs_what_is_done_waits_for_all_that_is_needed_behind_it():
    seed = program("seed", kind="oneshot")
    load = program("load", kind="oneshot", needs={"seed": "completed"})
    check = program("check", kind="oneshot", needs={"load": "done", "seed": "started"})
    web = program("web", needs={"check": "done"}, autostart=False)
    desk = Desk(seed, load, check, web, exit="never")
    for key in ("seed", "load", "check"):
        desk.up()
        desk.ends(key)
    desk.feed(ev.RestartRequested(("seed:0",)))
    desk.up()
    desk.feed(ev.StartRequested(("web:0",)))
    assert (desk.name("seed"), desk.name("web")) == ("Running", "Waiting")
    desk.ends("seed")
    assert desk.name("web") == "Starting"


def test_what_was_needed_and_has_failed_holds_up_nobody():
    desk = migrated()
    restart(desk, "db")
    desk.ends("web:0", 15)
    desk.feed(ev.Reaped(desk["db"].state.run.pid, 15))
    desk.spawn("db:0", executed=False)
    assert desk.name("web") == "Waiting"
    stop(desk, "db")
    desk.obey()
    assert desk.names() == {"db:0": "Stopped", "migrate:0": "Exited", "web:0": "Stopped"}


def test_who_waited_for_what_is_not_to_come_any_more_is_told():
    seed = program("seed", kind="oneshot", critical=False)
    db = program("db", kind="oneshot", needs={"seed": "done"}, critical=False, restart=never())
    web = program("web", needs={"db": "completed"}, critical=False)
    desk = Desk(seed, db, web, exit="never")
    desk.spawn("seed:0")
    desk.ends("seed:0")
    desk.spawn("db:0")
    desk.ends("db:0")
    desk.up()
    restart(desk, "db")  # web goes first
    stop(desk, "db")
    desk.obey()
    assert desk.state.falling == {}
    assert desk.name("web") != "Waiting"


def test_names_asked_for_together_are_one_operation():
    desk = chain()
    restart(desk, "db", "web", "api")
    desk.obey()
    desk.up()
    assert order(desk) == ["api", "web", "db"]
    assert [desk[key].runs for key in ("db", "web", "api")] == [2, 2, 2]


def test_who_is_being_stopped_by_hand_does_not_come_again():
    desk = chain()
    stop(desk, "api")
    restart(desk, "db")
    desk.obey()
    desk.up()
    assert desk.names() == {"db:0": "Running", "web:0": "Running", "api:0": "Stopped"}


def test_a_stop_takes_back_a_restart_that_waits():
    desk = chain()
    restart(desk, "db")
    stop(desk, "db")
    desk.obey()
    assert set(desk.names().values()) == {"Stopped"}


def test_a_start_makes_a_restart_of_a_stop_that_waits():
    desk = chain()
    stop(desk, "db")
    desk.feed(ev.StartRequested(("web:0",)))
    desk.obey()
    desk.up()
    assert desk.names() == {"db:0": "Running", "web:0": "Running", "api:0": "Stopped"}
    assert (desk["db"].runs, desk["web"].runs) == (2, 2)


def test_who_waits_for_what_is_stopped_waits_no_more():
    desk = Desk(program("db", start_s=5.0), program("web", needs={"db": "ready"}))
    desk.spawn("db:0")
    stop(desk, "db")
    assert desk.names() == {"db:0": "Stopping", "web:0": "Stopped"}


def test_a_process_that_is_to_fall_begins_no_run_of_its_own_before():
    desk = chain(restart=Restart(delay=7.0))
    restart(desk, "db")
    desk.ends("db:0", 256)
    assert desk.name("db") == "Waiting"
    desk.obey()
    desk.up()
    assert set(desk.names().values()) == {"Running"}
    desk = chain(restart=Restart(delay=7.0))
    stop(desk, "db")
    desk.ends("db:0", 256)
    assert desk.name("db") == "Stopped"


def test_a_dependent_that_waits_to_be_tried_again_is_not_tried_before():
    web = program("web", needs={"db": "started"}, restart=Restart(delay=3.0))
    desk = Desk(program("db"), web)
    desk.up()
    desk.ends("web:0", 256)
    assert isinstance(desk["web"].state, Backoff)
    restart(desk, "db")
    assert desk.names() == {"db:0": "Stopping", "web:0": "Waiting"}


def test_a_shutdown_has_an_order_of_its_own():
    desk = chain()
    restart(desk, "db")
    desk.feed(ev.ShutdownRequested("the end"))
    assert desk.state.falling == {}
    desk.obey()
    assert set(desk.names().values()) == {"Stopped"}
    assert desk.code == 0


def test_what_left_the_plan_falls_no_more():
    desk = chain()
    restart(desk, "db")
    plans = (replace(desk["api"].plan, depends=()),)
    desk.feed(ev.PlanLoaded(Plan(desk.state.init, plans)))
    assert desk.state.falling == {}
    assert isinstance(desk["db"].state, Stopping)


def test_a_failure_of_what_is_restarted_is_one_of_those_that_depend_on_it():
    db = program("db", restart=never(), critical=False)
    desk = Desk(db, program("web", needs={"db": "ready"}, critical=False), exit="never")
    desk.up()
    restart(desk, "db")
    desk.obey()
    run = desk["db"].state.run
    desk.feed(ev.Spawned("db:0", run.id, 999, executed=False))
    desk.ends("db:0", 256)
    assert desk.names() == {"db:0": "Exited", "web:0": "Fatal"}
    assert desk["web"].state.reason == "it needs 'db', which has failed"


@pytest.mark.parametrize("again", [True, False])
def test_one_process_of_several_takes_along_those_that_depend_on_all_of_them(again):
    desk = Desk(
        program("db", count=2),
        program("db", count=2, instance=1),
        program("web", needs={"db": "started"}),
    )
    desk.up()
    event = ev.RestartRequested if again else ev.StopRequested
    desk.feed(event(("db:1",)))
    desk.obey()
    desk.up()
    assert desk["db:0"].runs == 1
    assert desk.name("web") == ("Running" if again else "Stopped")


def lazy_chain(**settings):
    """Return a desk on which a job and one that a connection starts run, and depend on `db`."""
    once = {"autostart": False, "critical": False, "restart": never()}
    job = program("job", needs={"db": "started"}, kind="oneshot", schedule=EVERY, **once)
    door = program("door", needs={"db": "started"}, on_demand=True, **once)
    desk = Desk(program("db", **settings), job, door, exit="never")
    desk.feed(ev.ScheduleDue("job:0"))
    desk.feed(ev.Called(("door:0",)))
    desk.up()
    return desk


def test_the_clock_and_connections_may_start_who_was_only_stopped_with_what_it_needs():
    desk = lazy_chain()
    stop(desk, "db")
    desk.obey()
    assert desk.names() == {"db:0": "Stopped", "job:0": "Stopped", "door:0": "Stopped"}
    desk.feed(ev.ScheduleDue("job:0"))
    desk.feed(ev.Called(("door:0",)))
    assert desk.names() == {"db:0": "Stopped", "job:0": "Waiting", "door:0": "Stopped"}
    desk.feed(ev.StartRequested(("db:0",)))
    desk.feed(ev.Called(("door:0",)))  # whoever waits is seen again
    desk.up()
    assert set(desk.names().values()) == {"Running"}


@pytest.mark.parametrize("by", [("db", "job", "door"), ("job", "door")])
def test_who_was_named_himself_stays_down_whatever_the_clock_says(by):
    desk = lazy_chain()
    stop(desk, *by)
    stop(desk, "db")
    desk.obey()
    desk.feed(ev.StartRequested(("db:0",)))
    desk.feed(ev.ScheduleDue("job:0"))
    desk.feed(ev.Called(("door:0",)))
    desk.up()
    assert desk.names() == {"db:0": "Running", "job:0": "Stopped", "door:0": "Stopped"}


def test_who_is_named_while_he_waits_to_be_stopped_with_others_stays_down():
    desk = lazy_chain()
    desk.feed(ev.StopRequested(("db:0",)))
    stop(desk, "job")
    desk.obey()
    assert desk["job"].state == Stopped(held=True)
    assert desk["door"].state == Stopped(held=False)
