"""The loop's order: what could not be stepped comes before newer news of the same process."""

import pytest
from loop_around import Hands, Quiet, Rows

from pyinit.core.events import Executed, ReadyReported, Reaped, Spawned, Tick
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
        return supervisor, ()

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
