"""New runs without a gap: beside the old ones where both can listen, one after another elsewhere."""

import pytest
from core_desk import Desk, program

from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core.plan import InitPlan, Launch, Limit, Plan, Ready, Restart, Stop
from pyinit.core.record import replace
from pyinit.core.roll import can_overlap

NOTIFY = Ready("notify", timeout=5.0)


def web(*, instance=0, count=1, **fields):
    given = {"sockets": ("http",), "ready": NOTIFY, **fields}
    return program("web", instance=instance, count=count, **given)


def webs(count, **fields):
    return [web(instance=n, count=count, **fields) for n in range(count)]


def is_ready(desk, key):
    return desk.feed(ev.ReadyReported(key, desk[key].state.run.id))


def up(*plans, **settings):
    desk = Desk(*plans, **settings)
    desk.up()
    for row in desk.state.table:
        if desk.name(row.plan.key) == "Starting":
            is_ready(desk, row.plan.key)
            desk.up()
    assert set(desk.names().values()) == {"Running"}
    return desk


def roll(desk, *keys):
    effects = desk.feed(ev.RollRequested(keys or tuple(desk.state.table.index)))
    desk.up()
    return effects


def pid(desk, key):
    return desk[key].state.run.pid


def exchanged(effects):
    return [(each.key, each.other) for each in effects if isinstance(each, fx.Exchanged)]


def test_the_old_run_is_told_to_stop_only_when_the_new_one_is_ready():
    desk = up(web())
    old = pid(desk, "web:0")
    effects = roll(desk)
    assert desk.spawned(effects) == ["web:0+"]
    assert desk.names() == {"web:0": "Running", "web:0+": "Starting"}
    assert desk.kills() == []
    new = pid(desk, "web:0+")
    effects = is_ready(desk, "web:0+")
    assert exchanged(effects) == [("web:0", "web:0+")]
    assert desk.kills(effects) == [("web:0+", 15)]
    assert (pid(desk, "web:0"), pid(desk, "web:0+")) == (new, old)
    desk.ends("web:0+", 0)
    assert desk.names() == {"web:0": "Running"}
    assert desk.state.rolls.going == ()
    assert (desk["web"].runs, desk["web"].restarts) == (2, 0)


def test_a_process_that_was_rolled_can_be_rolled_and_restarted_and_stopped_again():
    desk = up(web())
    for _ in range(3):
        roll(desk)
        is_ready(desk, "web:0+")
        desk.ends("web:0+", 0)
    assert desk["web"].state.run.id == 4
    desk.ends("web:0", 256)
    assert desk.name("web") == "Backoff"
    desk.tick()
    desk.up()
    assert desk["web"].state.run.id == 5
    assert desk["web"].restarts == 1
    desk.feed(ev.StopRequested(("web:0",)))
    desk.obey()
    assert desk.names() == {"web:0": "Stopped"}


@pytest.mark.parametrize("end", ["it ends", "it is not ready in time", "it cannot be executed"])
def test_a_new_run_that_fails_leaves_the_old_one_as_it_was(end):
    desk = up(web())
    before = desk["web"]
    roll(desk)
    if end == "it ends":
        desk.ends("web:0+", 3 << 8)
    elif end == "it cannot be executed":
        failure = ev.ExecFailed("web:0+", desk["web:0+"].state.run.id, None)
        desk.feed(failure)
        desk.ends("web:0+", 127 << 8)
    else:
        desk.tick()
        assert desk.kills() == [("web:0+", 15)]
        desk.ends("web:0+", 15)
    assert desk["web"].state == before.state
    assert list(desk.names()) == ["web:0"]
    assert [key for key, _ in desk.state.rolls.failed] == ["web:0"]
    assert desk.state.rolls.going == ()
    assert any("not rolled" in note for note in desk.notes())
    assert desk.phase == "Up"


def test_instances_have_their_turn_one_after_another():
    desk = up(*webs(3))
    roll(desk)
    assert "web:1+" not in desk.names()
    is_ready(desk, "web:0+")
    assert "web:1+" not in desk.names()  # the old run is still there
    desk.ends("web:0+", 0)
    desk.up()
    assert desk.name("web:1+") == "Starting"
    is_ready(desk, "web:1+")
    desk.ends("web:1+", 0)
    desk.up()
    is_ready(desk, "web:2+")
    desk.ends("web:2+", 0)
    assert desk.names() == dict.fromkeys(("web:0", "web:1", "web:2"), "Running")
    assert [desk[f"web:{n}"].runs for n in range(3)] == [2, 2, 2]


def test_after_one_that_fails_the_others_are_not_begun():
    desk = up(*webs(3))
    roll(desk)
    desk.ends("web:0+", 256)
    assert list(desk.names()) == ["web:0", "web:1", "web:2"]
    assert [desk[f"web:{n}"].state.run.id for n in range(3)] == [1, 1, 1]
    assert dict(desk.state.rolls.failed)["web:2"].startswith("not begun")


def test_without_sockets_each_is_up_before_the_next_is_stopped():
    plans = [program("job", instance=n, count=2, ready=NOTIFY) for n in range(2)]
    desk = up(*plans)
    roll(desk)
    assert desk.kills() == [("job:0", 15)]
    desk.ends("job:0", 15)
    desk.up()
    assert desk.kills() == [("job:0", 15)]
    is_ready(desk, "job:0")
    assert desk.kills() == [("job:0", 15), ("job:1", 15)]
    desk.ends("job:1", 15)
    desk.up()
    is_ready(desk, "job:1")
    assert desk.state.rolls.going == ()
    assert desk.names() == {"job:0": "Running", "job:1": "Running"}


def test_without_sockets_one_that_fails_is_the_end_of_it():
    plans = [program("job", instance=n, count=2, ready=NOTIFY) for n in range(2)]
    desk = up(*plans)
    roll(desk)
    desk.ends("job:0", 15)
    desk.spawn()
    desk.ends("job:0", 256)
    assert [key for key, _ in desk.state.rolls.failed] == ["job:0", "job:1"]
    assert desk["job:1"].runs == 1


def test_one_that_was_stopped_before_its_turn_stays_so():
    desk = up(*webs(2))
    roll(desk)
    desk.feed(ev.StopRequested(("web:1",)))
    desk.ends("web:1", 15)
    is_ready(desk, "web:0+")
    desk.ends("web:0+", 0)
    assert desk.names() == {"web:0": "Running", "web:1": "Stopped"}
    assert desk.state.rolls.going == ()


def test_one_that_waits_to_be_stopped_when_its_turn_comes_stays_so():
    desk = up(program("a"), program("b"), program("user", needs={"b": "started"}))
    roll(desk, "a:0", "b:0")
    desk.feed(ev.StopRequested(("b:0",)))
    desk.ends("a", 15)
    desk.up()
    assert (desk.state.rolls.going, desk.state.falling) == ((), {"b:0": False})
    desk.ends("user", 15)
    desk.ends("b", 15)
    assert desk.names() == {"a:0": "Running", "b:0": "Stopped", "user:0": "Stopped"}


@pytest.mark.parametrize("event", [ev.StopRequested, ev.RestartRequested])
def test_a_stop_or_a_restart_in_the_middle_ends_the_new_run_too(event):
    desk = up(web())
    roll(desk)
    effects = desk.feed(event(("web:0",)))
    assert desk.kills(effects) == [("web:0", 15), ("web:0+", 15)]
    desk.obey()
    desk.up()
    assert list(desk.names()) == ["web:0"]
    assert desk.state.rolls.going == ()


def test_a_removal_in_the_middle_takes_both_away():
    desk = up(web(), program("other"))
    roll(desk, "web:0")
    desk.feed(ev.PlanLoaded(Plan(InitPlan(), (program("other"),))))
    desk.obey()
    assert desk.names() == {"other:0": "Running"}


@pytest.mark.parametrize("ready", [False, True])
def test_a_shutdown_in_the_middle_stops_both(ready):
    desk = up(web(), program("db"))
    roll(desk, "web:0")
    if ready:
        is_ready(desk, "web:0+")
    desk.feed(ev.ShutdownRequested("asked"))
    assert {desk.name("web:0"), desk.name("web:0+")} == {"Stopping"}
    desk.obey()
    assert desk.code == 0


def test_what_the_program_needs_is_stopped_after_both_runs():
    desk = up(program("db"), web(needs={"db": "started"}))
    roll(desk, "web:0")
    desk.feed(ev.ShutdownRequested("asked"))
    assert desk.name("db") == "Running"
    desk.ends("web:0", 15)
    assert desk.name("db") == "Running"
    desk.ends("web:0+", 15)
    assert desk.name("db") == "Stopping"


def test_when_the_old_run_crashes_the_new_one_takes_over_as_soon_as_it_is_ready():
    desk = up(web())
    roll(desk)
    desk.ends("web:0", 256)
    assert desk.name("web:0") == "Backoff"
    effects = is_ready(desk, "web:0+")
    assert exchanged(effects) == [("web:0", "web:0+")]
    assert desk.names() == {"web:0": "Running"}
    assert desk["web"].state.run.id == 2
    said = [(each.was, each.now) for each in effects if isinstance(each, fx.Announce)]
    assert ("Backoff", "Running") in said


def test_the_run_that_followed_a_crash_is_stopped_when_the_new_one_is_ready():
    desk = up(web())
    roll(desk)
    desk.ends("web:0", 256)
    desk.tick()
    desk.spawn("web:0")
    assert desk["web"].state.run.id == 3
    is_ready(desk, "web:0+")
    assert (desk["web:0"].state.run.id, desk["web:0+"].state.run.id) == (2, 3)
    desk.ends("web:0+", 15)
    assert desk.names() == {"web:0": "Running"}
    assert desk["web"].runs == 3


def test_the_fork_of_another_run_is_awaited_before_it_is_left():
    desk = up(web())
    roll(desk)
    desk.ends("web:0", 256)
    desk.tick()
    assert exchanged(is_ready(desk, "web:0+")) == []
    desk.spawn("web:0")
    assert desk.name("web:0+") == "Stopping"
    assert desk["web:0"].state.run.id == 2


def test_dependents_notice_nothing():
    desk = up(web(), program("app", needs={"web": "ready"}))
    roll(desk, "web:0")
    is_ready(desk, "web:0+")
    desk.ends("web:0+", 0)
    assert desk["app"].runs == 1
    assert desk.name("app") == "Running"


def test_a_dependent_that_comes_up_in_the_middle_need_not_wait():
    desk = up(web())
    roll(desk)
    app = program("app", needs={"web": "ready"})
    desk.feed(ev.PlanLoaded(Plan(InitPlan(), (web(), app))))
    assert desk.name("app") == "Starting"


def test_two_requests_make_one_new_run():
    desk = up(web())
    roll(desk)
    assert desk.spawned(roll(desk, "web:0")) == []
    assert list(desk.names()) == ["web:0", "web:0+"]


def test_another_roll_waits_until_the_run_before_the_last_is_gone():
    desk = up(web())
    roll(desk)
    is_ready(desk, "web:0+")
    desk.feed(ev.StopRequested(("web:0",)))
    desk.ends("web:0", 15)
    desk.feed(ev.StartRequested(("web:0",)))
    desk.up()
    is_ready(desk, "web:0")
    assert desk.spawned(roll(desk, "web:0")) == []
    desk.ends("web:0+", 15)
    desk.up()
    assert desk.name("web:0+") == "Starting"


def test_who_is_not_running_is_simply_started():
    desk = up(web())
    desk.feed(ev.StopRequested(("web:0",)))
    desk.obey()
    assert desk.spawned(roll(desk)) == ["web:0"]


def test_limits_set_by_hand_hold_for_the_new_run():
    desk = up(web())
    limit = Limit("nofile", 99)
    desk.feed(ev.LimitsSet(("web:0",), (limit,)))
    born = [each for each in roll(desk) if isinstance(each, fx.Spawn)]
    assert born[0].limits == (limit,)


def test_a_new_run_that_ends_is_not_the_end_of_everything():
    desk = up(web(critical=True), exit="fail-fast")
    roll(desk)
    desk.ends("web:0+", 256)
    assert desk.phase == "Up"


def test_a_reload_lets_the_new_run_begin_beside_the_old_one():
    desk = up(web())
    new = replace(web(), launch=Launch(("/bin/web", "-v")))
    effects = desk.feed(ev.PlanLoaded(Plan(InitPlan(), (new,))))
    assert desk.spawned(effects) == ["web:0+"]
    desk.up()
    effects = is_ready(desk, "web:0+")
    assert desk.kills(effects) == [("web:0+", 15)]
    assert desk["web"].plan == new
    assert desk["web"].pending is None
    desk.ends("web:0+", 0)
    assert desk.names() == {"web:0": "Running"}


def test_a_reload_back_to_what_runs_touches_nothing_but_the_roll():
    desk = up(web())
    before = desk["web"]
    new = replace(web(), launch=Launch(("/bin/web", "-v")))
    desk.feed(ev.PlanLoaded(Plan(InitPlan(), (new,))))
    desk.up()
    desk.feed(ev.PlanLoaded(Plan(InitPlan(), (web(),))))
    assert desk.kills() == [("web:0+", 15)]
    desk.obey()
    assert desk["web"].state == before.state
    assert desk["web"].plan == web()
    assert desk["web"].pending is None


def test_a_change_of_the_policy_in_the_middle_holds_for_the_new_run():
    desk = up(web())
    roll(desk)
    new = web(stop=Stop(signals=(2,), kill="process"))
    desk.feed(ev.PlanLoaded(Plan(InitPlan(), (new,))))
    is_ready(desk, "web:0+")
    assert desk["web"].plan == new


@pytest.mark.parametrize(
    ("field", "value"),
    [("sockets", ()), ("kind", "forking"), ("hidden", True)],
)
def test_only_services_that_share_a_socket_overlap(field, value):
    assert can_overlap(web(), web())
    assert not can_overlap(web(), web(**{field: value}))


def test_a_shared_stdin_is_a_shared_socket():
    one = program("fcgi")
    one = replace(one, launch=replace(one.launch, stdin="socket:fcgi"))
    assert can_overlap(one, one)


def test_without_sockets_dependents_go_first_when_nobody_else_serves_them():
    desk = up(program("db"), program("app", needs={"db": "started"}))
    roll(desk, "db:0")
    assert desk.kills() == [("app:0", 15)]
    desk.ends("app", 15)
    assert desk.kills() == [("app:0", 15), ("db:0", 15)]
    assert desk.state.rolls.going != ()
    desk.ends("db", 15)
    desk.up()
    assert desk.names() == {"db:0": "Running", "app:0": "Running"}
    assert desk.state.rolls.going == ()


def test_without_sockets_dependents_stay_while_another_instance_serves_them():
    dbs = [program("db", instance=n, count=2) for n in range(2)]
    desk = up(*dbs, program("app", needs={"db": "started"}))
    roll(desk, "db:0", "db:1")
    assert desk.kills() == [("db:0", 15)]
    desk.ends("db:0", 15)
    desk.up()
    desk.ends("db:1", 15)
    desk.up()
    assert desk["app"].runs == 1
    assert [desk[f"db:{n}"].runs for n in range(2)] == [2, 2]


def test_who_reads_a_pipe_of_pyinit_does_not_overlap():
    one = replace(web(), launch=Launch(("/bin/web",), stdin="pipe"))
    assert not can_overlap(one, one)


def test_nothing_is_rolled_in_a_shutdown():
    desk = up(web())
    desk.feed(ev.ShutdownRequested("asked"))
    assert desk.spawned(roll(desk)) == []


def test_one_that_left_the_plan_before_its_turn_has_none():
    desk = up(*webs(2))
    roll(desk)
    desk.feed(ev.PlanLoaded(Plan(InitPlan(), (web(instance=0, count=2),))))
    desk.ends("web:1", 15)
    is_ready(desk, "web:0+")
    desk.ends("web:0+", 0)
    assert desk.names() == {"web:0": "Running"}
    assert desk.state.rolls.going == ()


@pytest.mark.parametrize("how", ["stopped", "removed", "fails and is followed at once"])
def test_without_sockets_the_roll_ends_with_who_is(how):
    job = program("job", ready=NOTIFY, restart=Restart(delay=0.0))
    desk = up(job, program("other"))
    roll(desk, "job:0")
    if how == "stopped":
        desk.feed(ev.StopRequested(("job:0",)))
        desk.ends("job:0", 15)
    elif how == "removed":
        desk.feed(ev.PlanLoaded(Plan(InitPlan(), (program("other"),))))
    else:
        desk.ends("job:0", 15)
        desk.up()
        desk.ends("job:0", 256)
    assert desk.state.rolls.going == ()
    assert [key for key, _ in desk.state.rolls.failed] == ["job:0"]


def test_the_main_program_has_ended_though_its_old_run_is_not_gone_yet():
    desk = up(web(restart=Restart(policy="never")), program("log"), exit="main:web")
    roll(desk, "web:0")
    is_ready(desk, "web:0+")
    assert desk.name("web:0+") == "Stopping", "the old run, which takes its time"
    desk.ends("web:0", 3 << 8)
    assert desk.phase == "Halting"
    desk.obey()
    assert desk.code == 3
