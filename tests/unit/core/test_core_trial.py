"""A reload is on trial until all that it touched is up, and undone if something fails."""

import pytest
from core_desk import Desk, never, program

from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core.plan import InitPlan, Plan, Ready, Restart
from pyinit.core.record import replace
from pyinit.core.status import NotExecuted

NOTIFY = Ready("notify", timeout=5.0)


def newer(plan):
    return replace(plan, launch=replace(plan.launch, argv=(*plan.launch.argv, "-2")))


def plan_of(*plans, **init):
    return Plan(InitPlan(**init), plans)


def up(*plans, **init):
    desk = Desk(*plans, **init)
    desk.up()
    for row in desk.state.table:
        if desk.name(row.plan.key) == "Starting":
            is_ready(desk, row.plan.key)
    desk.before = plan_of(*plans, **init)
    return desk


def is_ready(desk, key):
    return desk.feed(ev.ReadyReported(desk[key].plan.key, desk[key].state.run.id))


def load(desk, *plans, **init):
    return desk.feed(ev.PlanLoaded(plan_of(*plans, **init), desk.before))


def put_back(effects):
    return [each for each in effects if isinstance(each, fx.PutBack)]


def argv(desk, key):
    return desk[key].plan.launch.argv[1:]


WEB, API, DB = program("web", ready=NOTIFY), program("api", ready=NOTIFY), program("db")


def test_it_is_in_force_at_once_when_nothing_is_touched():
    desk = up(WEB, DB)
    load(desk, WEB, DB)
    assert (desk.state.trial, desk.state.tried.count, desk.state.tried.reason) == (None, 1, "")


def test_it_is_in_force_when_all_that_was_touched_is_up():
    desk = up(WEB, DB)
    load(desk, newer(WEB), DB, API)
    desk.ends("web", 15)
    desk.up()
    assert desk.state.tried.count == 0
    is_ready(desk, "web")
    is_ready(desk, "api")
    assert (desk.state.trial, desk.state.tried.count, desk.state.tried.reason) == (None, 1, "")
    desk.ends("web", 256)
    assert desk.state.trial is None
    assert argv(desk, "web") == ("-2",)


@pytest.mark.parametrize("how", ["it ends", "late", "cannot be executed"])
def test_one_that_does_not_come_up_undoes_all_of_it(how):
    desk = up(WEB, DB)
    load(desk, newer(WEB), newer(DB), API)
    desk.ends("web", 15)
    desk.ends("db", 15)
    desk.up()
    is_ready(desk, "api")
    if how == "late":
        effects = desk.tick()
    elif how == "it ends":
        effects = desk.ends("web", 256)
    else:
        desk.feed(ev.ExecFailed("web:0", desk["web"].state.run.id, NotExecuted("exec", 2)))
        effects = desk.ends("web", 127 << 8)
    assert len(put_back(effects)) == 1
    assert set(put_back(effects)[0].plan.processes) == {WEB, DB}
    desk.obey()
    desk.up()
    is_ready(desk, "web")
    assert desk.names() == {"web:0": "Running", "db:0": "Running"}
    assert (argv(desk, "web"), argv(desk, "db")) == ((), ())
    assert desk.state.tried.count == 1
    assert desk.state.tried.reason.startswith("web: ")
    assert desk.state.trial is None
    assert any("put back" in note for note in desk.notes())


def test_what_has_to_be_there_is_put_back_before_a_run_is_born():
    desk = up(WEB, DB)
    load(desk, newer(WEB))
    desk.ends("db", 15)
    desk.ends("web", 15)
    desk.up()
    effects = desk.ends("web", 256)
    kinds = [type(each) for each in effects]
    assert kinds.index(fx.PutBack) < kinds.index(fx.Spawn)
    assert "db:0" in desk.names()


def test_a_failure_on_trial_is_not_the_end_of_everything():
    web = replace(WEB, restart=never())
    desk = up(web, DB)
    load(desk, newer(web), DB)
    desk.ends("web", 15)
    desk.up()
    desk.ends("web", 256)
    assert desk.phase == "Up"
    desk.up()
    is_ready(desk, "web")
    desk.ends("web", 256)
    assert desk.phase == "Halting"


def test_one_that_needs_what_has_failed_undoes_it():
    migrate = program("migrate", kind="oneshot", restart=never(), critical=False)
    app = program("app", needs={"migrate": "completed"}, ready=NOTIFY)
    desk = up(DB)
    load(desk, DB, migrate, app)
    desk.up()
    desk.ends("migrate", 256)
    assert desk.state.tried.reason.startswith("app: it needs 'migrate'")
    assert desk.names() == {"db:0": "Running"}


def test_a_oneshot_that_others_wait_for_is_waited_for():
    migrate = program("migrate", kind="oneshot")
    app = program("app", needs={"migrate": "completed"}, ready=NOTIFY)
    desk = up(DB)
    load(desk, DB, migrate, app)
    desk.up()
    assert desk.state.trial is not None
    desk.ends("migrate")
    desk.up()
    is_ready(desk, "app")
    assert desk.state.tried.reason == ""
    assert desk.state.tried.count == 1


def test_who_was_asleep_is_put_back_asleep():
    desk = up(WEB, DB, program("job", kind="oneshot"))
    desk.ends("job")
    load(desk, newer(WEB), DB)
    assert "job:0" not in desk.names()
    desk.ends("web", 15)
    desk.up()
    desk.ends("web", 256)
    assert desk.name("job") == "Stopped"


def test_who_waited_to_be_stopped_is_put_back_asleep():
    desk = up(WEB, DB, program("app", needs={"db": "started"}))
    desk.feed(ev.StopRequested(("db:0",)))
    load(desk, newer(WEB))
    for key in ("app", "db", "web"):
        desk.ends(key, 15)
    desk.up()
    desk.ends("web", 256)
    assert desk.state.tried.reason
    assert (desk.name("app"), desk.name("db")) == ("Stopped", "Stopped")


def test_who_is_stopped_meanwhile_is_left_out_of_account():
    desk = up(WEB, DB)
    load(desk, newer(WEB), DB)
    desk.feed(ev.StopRequested(("web:0",)))
    desk.obey()
    assert (desk.state.tried.count, desk.state.tried.reason) == (1, "")
    assert argv(desk, "web") == ("-2",)


def test_a_fork_that_the_machine_refuses_is_no_verdict():
    desk = up(WEB)
    load(desk, newer(WEB))
    desk.ends("web", 15)
    desk.feed(ev.SpawnFailed("web:0", desk["web"].state.run.id, NotExecuted("fork", 11)))
    assert desk.state.trial is not None
    desk.tick()
    desk.up()
    is_ready(desk, "web")
    assert desk.state.tried.reason == ""


def test_a_failed_run_that_is_followed_at_once_is_noticed():
    web = replace(WEB, restart=Restart(delay=0.0))
    desk = up(web)
    load(desk, newer(web))
    desk.ends("web", 15)
    desk.up()
    desk.ends("web", 256)
    assert desk.state.tried.reason
    assert desk["web"].pending is None or desk["web"].pending == web


def test_with_a_shared_socket_nobody_notices_that_it_was_tried():
    web = replace(WEB, sockets=("http",))
    desk = up(web)
    before = desk["web"]
    load(desk, newer(web))
    desk.up()
    effects = desk.ends("web:0+", 256)
    assert len(put_back(effects)) == 1
    assert desk["web"] == replace(before, runs=2)
    assert list(desk.names()) == ["web:0"]


def test_one_that_was_rolled_already_is_rolled_back():
    web, api = replace(WEB, sockets=("http",)), replace(API, sockets=("http",))
    desk = up(web, api)
    load(desk, newer(web), newer(api))
    desk.up()
    is_ready(desk, "web:0+")
    assert argv(desk, "web") == ("-2",)
    desk.ends("api:0+", 256)
    desk.ends("web:0+", 0)
    desk.up()
    is_ready(desk, "web:0+")
    desk.ends("web:0+", 0)
    assert desk.names() == {"web:0": "Running", "api:0": "Running"}
    assert (argv(desk, "web"), argv(desk, "api")) == ((), ())
    assert desk["api"].runs == 2
    assert desk["api"].state.run.id == 1


def test_who_waits_to_be_rolled_and_fails_meanwhile_undoes_it_at_once():
    webs = [
        program(
            "web", instance=n, count=2, ready=NOTIFY, sockets=("http",), restart=Restart(delay=0.0)
        )
        for n in range(2)
    ]
    desk = up(*webs)
    load(desk, *map(newer, webs))
    desk.up()
    assert desk.state.rolls.going[0].waiting == ("web:1",)
    assert put_back(desk.ends("web:1", 256)) == [], "it was the old run"
    desk.up()
    assert argv(desk, "web:1") == ("-2",)
    assert len(put_back(desk.ends("web:1", 256))) == 1
    assert desk.state.trial is None


def test_the_end_of_an_old_run_that_waits_to_be_stopped_is_no_verdict():
    db = program("db", restart=Restart(delay=0.0))
    desk = up(db, program("web", needs={"db": "started"}))
    desk.feed(ev.RestartRequested(("db:0",)))
    load(desk, newer(db), program("web", needs={"db": "started"}))
    assert put_back(desk.ends("db", 256)) == [], "it was the old run"
    desk.spawn("db:0")
    assert (desk.state.tried.count, desk.state.tried.reason) == (1, "")
    assert argv(desk, "db") == ("-2",)


def test_a_shutdown_ends_the_trial():
    desk = up(WEB)
    load(desk, newer(WEB))
    desk.feed(ev.ShutdownRequested("asked"))
    assert desk.state.tried.reason == "pyinit is stopping"
    desk.obey()
    assert desk.code == 0


def test_a_reload_during_a_shutdown_is_no_trial():
    desk = up(WEB)
    desk.feed(ev.ShutdownRequested("asked"))
    load(desk, newer(WEB))
    assert desk.state.trial is None
    assert desk.state.tried.reason == "pyinit is stopping"


def test_another_plan_settles_the_trial():
    desk = up(WEB)
    load(desk, newer(WEB))
    desk.feed(ev.PlanLoaded(plan_of(WEB)))
    assert desk.state.trial is None
    assert desk.state.tried.count == 1
    assert desk.state.tried.reason


def test_without_a_plan_to_go_back_to_nothing_is_undone():
    desk = up(WEB)
    desk.feed(ev.PlanLoaded(plan_of(newer(WEB))))
    desk.ends("web", 15)
    desk.up()
    assert put_back(desk.ends("web", 256)) == []
    assert argv(desk, "web") == ("-2",)
