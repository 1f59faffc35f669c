"""The loop's order: what could not be stepped comes before newer news of the same process."""

import pytest
from loop_around import Hands, Quiet, Rows

from pyinit.core.effects import Kill
from pyinit.core.events import (
    Executed,
    MainPid,
    ReadyReported,
    Reaped,
    SignalReceived,
    Spawned,
    StartRequested,
    Surveyed,
    Tick,
)
from pyinit.core.states import Pid, RunId
from pyinit.runtime import loop as loops
from pyinit.runtime.loop import NEWS_AGAIN_S, Loop
from pyinit.runtime.poller import Poller

WEB, OTHER = RunId(1), RunId(2)
BORN = Spawned("web:0", WEB, Pid(71), executed=False)
NEWS = [Executed("web:0", WEB), Reaped(Pid(71), 9)]


@pytest.fixture
def broken(monkeypatch):
    """A loop whose core cannot step some events, and what it has stepped."""
    stepped, failing = [], []

    def step(supervisor, event, _now):
        if event in failing:
            raise MemoryError
        stepped.append(event)
        return supervisor, (event,) if isinstance(event, StartRequested) else ()

    monkeypatch.setattr(loops, "step", step)
    monkeypatch.setattr(loops, "next_deadline", lambda _supervisor: float("inf"))
    monkeypatch.setattr(loops, "NEWS_AGAIN_S", (0.0,) * len(NEWS_AGAIN_S))
    poller, quiet = Poller(), Quiet()
    yield Loop(Rows(), Hands(), poller, quiet, quiet), stepped, failing
    poller.close()


def turn(loop, times=1):
    for _ in range(times):
        loop.turn(0.0)


def test_newer_news_of_a_process_waits_for_the_older(broken):
    loop, stepped, failing = broken
    failing.append(BORN)
    for event in (BORN, *NEWS):
        loop.feed(event)
    turn(loop, 3)
    assert stepped == []
    failing.clear()
    turn(loop, 3)
    assert stepped == [BORN, *NEWS]


@pytest.mark.parametrize(
    "later",
    [
        [Executed("web:0", WEB), ReadyReported("web:0", WEB)],
        [Executed("web:0", WEB), MainPid("web:0", WEB, Pid(72)), Reaped(Pid(71), 0)],
        [Executed("web:0", WEB), Surveyed("web:0", WEB, 0), Executed("web:0", WEB)],
    ],
)
@pytest.mark.parametrize("also", [False, True])
def test_whoever_waits_behind_the_same_news_comes_after_it_in_order(broken, later, also):
    loop, stepped, failing = broken
    loop.supervisor.pids[71] = "web:0"
    failing += [BORN, *later[:also]]
    for event in (BORN, *later):
        loop.feed(event)
    turn(loop, 3)
    failing.remove(BORN)
    turn(loop, 3)
    assert stepped == [BORN, *([] if also else later)]
    failing.clear()
    turn(loop, 3)
    assert stepped == [BORN, *later]


def test_a_signal_comes_after_a_run_that_was_started_a_moment_ago_and_after_older_news(broken):
    loop, stepped, _failing = broken
    told, gone, asked = SignalReceived(1), Reaped(Pid(71), 0), Tick()
    start = StartRequested(("other:0",))
    newborn = Spawned("other:0", OTHER, Pid(71), executed=False)
    loop._driver.perform = lambda *_: loop._driver.events.append(newborn)
    for event in (start, told, gone, told, asked):
        loop.feed(event)
    turn(loop)
    assert stepped == [start, gone, asked, newborn, told, told]


def test_a_signal_is_not_tried_again_on_a_pid_that_may_be_anothers(broken):
    loop, _, _ = broken
    sent = []
    loop._driver.send = lambda kill, _pids: sent.append(kill.scope)
    loop._driver.knows = lambda pid: pid == 72
    for pid, scope in ((71, "process"), (71, "tree"), (72, "tree"), (73, "group")):
        loop._perform_again(Kill("web:0", Pid(pid), 15, scope), 1)
    assert sent == ["tree", "group"]
    loop.supervisor.pids.update({71: "web:0", 73: "other:0"})
    for pid, scope in ((71, "process"), (73, "group")):
        loop._perform_again(Kill("web:0", Pid(pid), 15, scope), 1)
    assert sent == ["tree", "group", "process"]


def test_what_is_fed_comes_after_what_the_driver_has_told(broken):
    loop, stepped, _failing = broken
    loop._driver.events += [BORN]
    loop.feed(ReadyReported("web:0", WEB))
    turn(loop)
    assert stepped == [BORN, ReadyReported("web:0", WEB)]


def test_others_do_not_wait(broken):
    loop, stepped, failing = broken
    failing.append(BORN)
    others = [Executed("other:0", OTHER), Reaped(Pid(72), 0), Tick()]
    for event in (BORN, *others):
        loop.feed(event)
    turn(loop)
    assert stepped == others


def test_news_is_never_given_up_and_requests_are(broken):
    loop, stepped, failing = broken
    failing += [BORN, Tick()]
    loop.feed(BORN)
    loop.feed(Tick())
    turn(loop, 3 * len(NEWS_AGAIN_S))
    failing.clear()
    turn(loop, 2)
    assert stepped == [BORN]


def test_what_waits_goes_over_a_reexec_in_its_order(broken):
    loop, _, failing = broken
    failing.append(BORN)
    for event in (BORN, *NEWS):
        loop.feed(event)
    turn(loop)
    assert [*loop.queued()] == [BORN, *NEWS]
