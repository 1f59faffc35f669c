"""Who needs whom: conditions, the order of starting, weights."""

import pytest
from core_desk import Desk, never, program

from pyinit.core import events as ev
from pyinit.core import graph
from pyinit.core.plan import InitPlan, Plan, Ready
from pyinit.core.record import replace
from pyinit.core.states import NEVER

CONDITIONS = ("started", "ready", "completed", "done")


def standing_after(what, condition, kind="service", ready=None):
    """Return the state of a process that needs `db` at `condition`, once that did `what`."""
    db = program("db", kind=kind, ready=ready, critical=False, restart=never())
    desk = Desk(db, program("web", needs={"db": condition}), exit="never")
    if what != "nothing":
        desk.spawn("db:0")
    if what == "ready":
        desk.feed(ev.ReadyReported("db:0", 1))
    if what in {"ends well", "fails"}:
        desk.ends("db", 0 if what == "ends well" else 256)
    return desk.name("web")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("nothing", ("Waiting", "Waiting", "Waiting", "Waiting")),
        ("runs", ("Starting", "Starting", "Waiting", "Waiting")),
        ("ends well", ("Starting", "Starting", "Starting", "Starting")),
        ("fails", ("Starting", "Starting", "Fatal", "Starting")),
    ],
)
def test_a_service_meets_conditions(what, expected):
    """What was started and ended later was up in between: who needed that has gone."""
    assert tuple([standing_after(what, each) for each in CONDITIONS]) == expected


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("runs", ("Starting", "Waiting", "Waiting", "Waiting")),
        ("ends well", ("Starting", "Starting", "Starting", "Starting")),
        ("fails", ("Starting", "Fatal", "Fatal", "Starting")),
    ],
)
def test_a_oneshot_is_ready_when_it_is_done(what, expected):
    assert tuple([standing_after(what, each, "oneshot") for each in CONDITIONS]) == expected


def test_what_is_to_say_ready_is_waited_for():
    notify = Ready("notify")
    assert standing_after("runs", "started", ready=notify) == "Waiting"
    assert standing_after("ready", "started", ready=notify) == "Starting"
    assert standing_after("ready", "ready", "oneshot", ready=notify) == "Starting"


def test_who_needs_a_service_that_is_over_when_it_asks_is_told_so():
    desk = Desk(
        program("db", restart=never()),
        program("web", needs={"db": "ready"}, autostart=False),
        exit="never",
    )
    desk.up()
    desk.ends("db")
    verdict = graph.judge(desk["db"], "ready")
    assert verdict == graph.LOST
    desk.feed(ev.StartRequested(("web:0",)))
    assert desk.names() == {"db:0": "Starting", "web:0": "Waiting"}  # it is started anew
    desk.spawn()
    assert desk.name("web") == "Starting"


def test_the_reason_says_which_program_was_lost_and_how():
    desk = Desk(
        program("db", restart=never(), critical=False, start_s=1.0),
        program("web", needs={"db": "started"}),
        program("job", kind="oneshot", restart=never()),
        program("log", needs={"db": "done", "job": "completed"}),
        exit="never",
    )
    desk.spawn("db:0", "job:0")
    desk.ends("db", 256)
    assert desk["web"].state.reason == "it needs 'db', which has failed"
    desk.ends("job")
    assert desk.name("log") == "Starting"


def test_a_service_that_ended_well_is_lost_to_who_needs_it_ready():
    desk = Desk(
        program("db", restart=never(), start_s=1.0),
        program("web", needs={"db": "ready"}),
        exit="never",
    )
    desk.up()
    desk.ends("db")
    assert desk["web"].state.reason == "it needs 'db', which has ended"


def test_a_lost_need_is_lost_whatever_else_is_waited_for():
    desk = Desk(
        program("cache", autostart=False),
        program("db", restart=never(), critical=False, start_s=1.0),
        program("web", needs={"cache": "started", "db": "started"}),
        exit="never",
    )
    desk.spawn("db:0")
    desk.ends("db", 256)
    assert desk.name("web") == "Fatal"


def test_every_process_of_a_needed_program_counts():
    desk = Desk(
        program("db", count=2),
        program("db", instance=1, count=2),
        program("web", needs={"db": "started"}),
    )
    desk.spawn("db:0")
    assert desk.name("web") == "Waiting"
    desk.spawn("db:1")
    assert desk.name("web") == "Starting"


def test_starting_one_starts_all_it_needs_at_any_distance():
    desk = Desk(
        program("a", autostart=False),
        program("b", autostart=False, needs={"a": "started"}),
        program("c", autostart=False, needs={"b": "started", "a": "started"}),
    )
    desk.feed(ev.StartRequested(("c:0",)))
    assert desk.names() == {"a:0": "Starting", "b:0": "Waiting", "c:0": "Waiting"}
    desk.up()
    assert set(desk.names().values()) == {"Running"}


def test_a_restart_of_what_is_at_rest_starts_what_it_needs_as_well():
    desk = Desk(program("db"), program("web", needs={"db": "started"}))
    desk.up()
    desk.feed(ev.StopRequested(("web:0", "db:0")))
    desk.obey()
    desk.feed(ev.RestartRequested(("web:0",)))
    desk.up()
    assert set(desk.names().values()) == {"Running"}


def test_what_a_condition_is_satisfied_with_is_not_started_again():
    desk = Desk(
        program("seed", kind="oneshot", restart=never(), critical=False),
        program("web", needs={"seed": "done"}, autostart=False),
        exit="never",
    )
    desk.up()
    desk.ends("seed", 256)
    desk.feed(ev.StartRequested(("web:0",)))
    assert desk.names() == {"seed:0": "Exited", "web:0": "Starting"}


def test_what_is_being_stopped_comes_back_for_who_needs_it():
    desk = Desk(program("db"), program("web", needs={"db": "started"}, autostart=False))
    desk.up()
    desk.feed(ev.StopRequested(("db:0",)))
    desk.feed(ev.StartRequested(("web:0",)))
    assert desk["db"].state.again


def test_the_order_is_needs_first_then_priority_then_name():
    plan = Plan(
        processes=(
            program("zoo", priority=1),
            program("web", needs={"db": "started"}, priority=1),
            program("db", count=2, instance=1),
            program("db", count=2),
            program("ant"),
            program("top", needs={"web": "started"}),
        )
    )
    expected = ("zoo:0", "ant:0", "db:0", "db:1", "web:0", "top:0")
    assert graph.order(plan) == expected


def test_groups_that_are_stopped_in_order_are_started_in_order():
    def of(name, group, level, **more):
        return replace(program(name, **more), group=group, group_priority=level)

    processes = (
        of("a", "late", 999),
        of("z", "late", 999, priority=1),
        of("b", "early", 999, priority=1000),
        of("listener", "listener", -1),
    )
    assert graph.order(Plan(processes=processes)) == ("z:0", "a:0", "listener:0", "b:0")
    grouped = Plan(InitPlan(stop_order="groups"), processes)
    assert graph.order(grouped) == ("listener:0", "b:0", "z:0", "a:0")


def test_a_chain_of_thousands_needs_no_deep_stack():
    chain = [program("p0")]
    chain += [program(f"p{n}", needs={f"p{n - 1}": "started"}) for n in range(1, 3000)]
    plan = Plan(processes=tuple(reversed(chain)))
    assert graph.order(plan)[0] == "p0:0"
    weights = graph.weights(graph.build(chain), {f"p{n}": 1.0 for n in range(3000)})
    assert weights["p2999"] == 3000.0


def test_a_cycle_that_slipped_through_does_not_loop_for_ever():
    plan = Plan(
        processes=(program("a", needs={"b": "started"}), program("b", needs={"a": "started"}))
    )
    assert sorted(graph.order(plan)) == ["a:0", "b:0"]


def test_the_weight_of_a_program_is_its_heaviest_path():
    plans = [
        program("db"),
        program("cache"),
        program("idle", needs={"db": "started"}),
        program("web", needs={"idle": "started", "cache": "started"}),
    ]
    found = graph.weights(graph.build(plans), {"db": 10.0, "cache": 2.0, "web": 3.0})
    assert found == {"db": 10.0, "cache": 2.0, "idle": 10.0, "web": 13.0}


def test_a_program_needs_what_any_of_its_processes_needs():
    old = program("web", needs={"db": "started"}, count=2)
    new = program("web", needs={"cache": "started"}, count=2, instance=1)
    found = graph.build([program("db"), program("cache"), old, new])
    assert found.needs["web"] == ("db", "cache")
    assert found.needed_by["db"] == found.needed_by["cache"] == ("web",)


def test_a_dependency_on_what_is_not_there_holds():
    desk = Desk(program("web", needs={"ghost": "started"}))
    assert desk.name("web") == "Starting"
    assert desk["web"].due == NEVER
