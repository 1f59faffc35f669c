"""The machine of one process: the product of states and inputs, cell by cell."""

import functools
import itertools

import pytest
from core_desk import program

from pyinit.core import diagram, inputs, states
from pyinit.core.plan import Ready, Restart, Schedule, Stop
from pyinit.core.process import advance
from pyinit.core.record import replace
from pyinit.core.slot import Process, enter
from pyinit.core.states import NEVER, Run
from pyinit.core.status import ExitCode, NotExecuted, Signaled

NOW = 100.0
CELLS = [
    (state, name)
    for name, row in diagram.TABLE.items()
    for state, _ in zip(diagram.COLUMNS, row, strict=True)
]
STATUSES = (ExitCode(0), ExitCode(1), Signaled(9), NotExecuted("exec", 2), NotExecuted("fork", 11))


def plans():
    """Every policy that a transition may hang on."""
    policies = [
        Restart("on-failure"), Restart("always", delay=0.0), Restart("never"),
        Restart("on-failure", max=1), Restart("always", delay=0.0, max=0),
    ]  # fmt: skip
    stop = Stop(signals=(2, 15), dump_signal=3)
    for restart, kill in itertools.product(policies, ("tree", "process")):
        yield program("web", restart=restart, start_s=1.0, stop=replace(stop, kill=kill))
    yield program("web", start_s=0.0, stop=stop)
    yield program("web", kind="forking", start_s=1.0, stop=stop)
    yield program("web", kind="forking", stop=stop)
    yield program("web", kind="oneshot", restart=Restart("always"), stop=stop)
    yield program("web", kind="oneshot", schedule=Schedule(every=60.0), stop=stop)
    yield program("web", start_s=1.0, ready=Ready("notify", timeout=5.0), stop=stop)


@functools.cache
def walk(state, name, *, closing=False):
    """Return (before, after, effects) for everything that may meet in a cell of the table."""
    found = []
    for sample, saying in itertools.product(samples(state), sayings(name)):
        if name == "SpawnBad" and getattr(getattr(sample, "run", None), "pid", 0):
            continue  # what has a pid was forked
        for row in rows(sample):
            before = replace(row, closing=closing)
            found.append((before, *advance(before, saying, NOW, 7)))
    return found


def samples(name):
    """Yield states of the class `name`, with every fact that a transition may hang on."""
    kind = getattr(states, name)
    runs = (Run(3, 0, 90.0), Run(3, 71, 90.0))
    schedule = ((NOW - 1, 15), (NOW + 5, 9))
    match name:
        case "Stopped":
            yield from (kind(), kind(held=True))
        case "Waiting":
            yield from (kind(), kind(NOW - 5, until=NOW))
        case "Starting":
            for run in runs:
                yield kind(run)
                yield kind(run, executed=True, up_at=NOW)
                yield kind(run, executed=True, ready_by=NOW)
                yield kind(run, failure=NotExecuted("exec", 2))
        case "Running":
            yield kind(runs[1])
        case "Stopping":
            for run, again, failed in itertools.product(runs, (False, True), ("", "not ready")):
                yield kind(run, 95.0, schedule, again=again, failed=failed)
            yield kind(runs[1], 95.0, ((NOW - 1, 9),))
            yield kind(runs[1], 95.0, schedule, failure=NotExecuted("exec", 2))
            yield kind(runs[1], 95.0, schedule, failed="not live", action="stop", was_up=True)
        case "Ending":
            for status, asked, again in itertools.product(STATUSES, (False, True), (False, True)):
                for kills, left in ((0, -1), (0, 2), (5, 2)):
                    yield kind(
                        runs[1], status, asked=asked, was_up=True, again=again, left=left,
                        schedule=schedule if left > 0 else (), kills=kills,
                    )  # fmt: skip
        case "Backoff":
            yield kind(NOW, "exit status 1")
        case "Exited":
            yield from (kind(ExitCode(0), success=True), kind(ExitCode(1), success=False))
        case "Fatal":
            yield kind("it failed")


def sayings(name):
    """Yield inputs of the class `name`."""
    kind = getattr(inputs, name)
    match name:
        case "Stop":
            yield from (kind(3.0), kind(3.0, held=False))
        case "Restart" | "Hurry":
            yield kind(1.0)
        case "Extend":
            yield from (kind(NOW + 1), kind(NOW + 50))
        case "Condemn":
            yield from [kind("not live", action) for action in ("restart", "stop", "exit")]
        case "Lead":
            yield kind(73)
        case "Blocked":
            yield kind("it needs 'db', which has failed")
        case "SpawnOk":
            yield from (kind(72, executed=False), kind(72, executed=True))
        case "SpawnBad" | "ExecBad":
            yield from (kind(NotExecuted("fork", 11)), kind(NotExecuted("exec", 2)))
        case "Gone":
            yield from [kind(status) for status in STATUSES[:3]]
        case "Counted":
            yield from (kind(0), kind(2))
        case _:
            yield kind()


def rows(state):
    for plan, failures in itertools.product(plans(), ((), (NOW - 1, NOW - 2))):
        yield enter(Process(plan, runs=3, failures=failures), state)


def outcome(before, after):
    if after is before or after == before:
        return diagram.IGNORED
    same = type(after.state) is type(before.state) and after.runs == before.runs
    return diagram.STAYS if same else type(after.state).__name__


@pytest.mark.parametrize(("state", "name"), CELLS)
def test_a_state_answers_an_input_as_the_table_says(state, name):
    found = {outcome(before, after) for before, after, _ in walk(state, name)}
    cell = diagram.TABLE[name][diagram.COLUMNS.index(state)]
    assert found - {diagram.IGNORED} == set(cell.split())


def test_the_table_has_every_state_and_every_input():
    assert len(CELLS) == len(states.STATES) * len(inputs.INPUTS)


def test_every_transition_keeps_the_deadline_of_its_state():
    for cell in CELLS:
        for _, after, _ in walk(*cell):
            assert after.due == states.deadline(after.state)


@pytest.mark.parametrize("state", ["Starting", "Running", "Stopping", "Ending"])
def test_a_closing_process_never_gets_a_new_run(state):
    for name in diagram.TABLE:
        for _, after, effects in walk(state, name, closing=True):
            assert type(after.state).__name__ not in {"Waiting", "Backoff"}
            assert "Spawn" not in [type(each).__name__ for each in effects]


def test_nothing_is_ever_sent_to_a_pid_that_is_not_known():
    for cell in CELLS:
        for _, _, effects in walk(*cell):
            pids = [each.pid for each in effects if type(each).__name__ in {"Kill", "Survey"}]
            assert all(pid > 1 for pid in pids)


def test_what_is_no_state_and_no_input_is_refused():
    row = Process(program("web"))
    with pytest.raises(AssertionError, match="unhandled"):
        advance(replace(row, state="asleep"), inputs.Start(), NOW, 7)
    for name in diagram.COLUMNS:
        sample = next(iter(samples(name)))
        with pytest.raises(AssertionError, match="unhandled"):
            advance(enter(row, sample), "wake up", NOW, 7)
    for function in (states.run_of, states.deadline):
        with pytest.raises(AssertionError, match="unhandled"):
            function("asleep")


def test_every_state_has_a_public_name_and_number():
    assert set(states.PUBLIC) == set(diagram.COLUMNS)
    assert {states.public_name(next(iter(samples(name)))) for name in diagram.COLUMNS} <= set(
        states.NUMBERS
    )
    assert states.NUMBERS["RUNNING"] == 20


def test_a_run_under_way_is_found_in_the_states_that_have_one():
    with_run = {kind.__name__ for kind in states.WITH_RUN}
    for name in diagram.COLUMNS:
        run = states.run_of(next(iter(samples(name))))
        assert (run is not None) == (name in with_run)


def test_only_what_waits_for_time_has_a_deadline():
    assert states.deadline(states.Waiting()) == NEVER
    assert states.deadline(states.Backoff(7.0, "")) == 7.0
    assert states.deadline(states.Starting(Run(1, 2, 0.0), up_at=3.0, ready_by=9.0)) == 3.0
    assert states.deadline(states.Ending(Run(1, 2, 0.0), ExitCode(0), False, False)) == NEVER
