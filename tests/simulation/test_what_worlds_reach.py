"""The worlds reach every corner of the core, or it is written down why they cannot."""

from reached import SOON, UNREACHED, VERBS, Reached, main, play

from pyinit.core.inputs import Start
from pyinit.core.plan import Launch, ProcessPlan
from pyinit.core.slot import Process, enter
from pyinit.core.states import Run, Running, Waiting
from pyinit.protocol import messages

FIRST, MOST = 5_000, 400  # of the worlds; most of it is reached in the first hundred
ELSEWHERE = {  # verbs that take more than a look, and of which the core is told nothing
    *(
        "reread",
        "clear-log",
        "write-stdin",
        "remote-event",
        "env",
        "trace",
        "doors",
        "check-door",
    ),
}
LIKE = {"remove-group": "add-group"}  # both put a plan in force that nothing is on trial for


def test_a_few_hundred_worlds_reach_everything_that_can_be_reached():
    reached = Reached()
    for seed in range(FIRST, FIRST + MOST):
        play(reached, seed)
        if not reached.missing(SOON):
            break
    assert reached.missing(SOON) == []
    assert reached.strange() == []


def test_what_is_not_reached_is_named():
    missing = Reached().missing()
    for each in (
        "transition: Start: Stopped -> Waiting",
        "effect: Spawn",
        "verb: stop",
    ):
        assert each in missing
    assert {"event: Boot", "key: Restart.retries", "move: crash"} <= {*missing}


def test_a_way_that_the_table_does_not_show_is_named():
    reached = Reached()
    plan = ProcessPlan("web:0", "web", "web", "web", Launch(("/bin/web",)))
    before = Process(plan)
    reached.advanced(before, Start(), enter(before, Waiting()))
    assert reached.strange() == []
    reached.advanced(before, Start(), enter(before, Running(Run(1, 71, 0.0))))
    assert reached.strange() == ["Start: Stopped -> Running"]


def test_there_is_a_reason_for_nothing_that_is_not_wanted():
    names = Reached().wanted
    for subject, reasons in UNREACHED.items():
        assert {*reasons} <= {*names[subject]}, subject
        assert all(reasons.values())


def test_every_verb_of_control_that_changes_something_is_one_that_worlds_reach():
    changing = {name for name, verb in messages.VERBS.items() if verb.level != messages.READ}
    known = {LIKE.get(name, name) for name in changing - ELSEWHERE}
    assert known <= {*VERBS}
    assert changing >= ELSEWHERE


def test_the_command_prints_what_was_reached_and_what_was_not(capsys):
    assert main(["--worlds", "1"]) == 1
    said = capsys.readouterr()
    assert "Start: Stopped -> Waiting" in said.out
    assert "no world reaches" in said.err
