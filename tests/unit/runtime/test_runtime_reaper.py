"""Turns in which orphans were reaped: one at once, a stream of them gathered, a burst by waitpid."""

from types import SimpleNamespace

import pytest

from pyinit.core.table import Pids
from pyinit.runtime import reaper as module
from pyinit.runtime.reaper import GAP_S, LULL_S, STREAM, Reaper

RUN, HELPER, ORPHAN = 7, 8, 1000


class Desk:
    """A reaper whose children, clock and sleep are ours."""

    def __init__(self, monkeypatch):
        self.now, self.gone, self.more = 100.0, [], False
        self.slept, self.told, self.asked = [], [], []
        monkeypatch.setattr(module.reap, "reap_all", self.reap_all)
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        self.poller = SimpleNamespace(ready=1, register=lambda *_: None, pause=self.slept.append)
        pids = Pids().having(RUN, "web:0")
        driver = SimpleNamespace(
            helpers={HELPER: None},
            execing=dict,
            members=SimpleNamespace(forget=lambda _: None),
            reaped=lambda pid, status: self.told.append((pid, status)),
        )
        self.said = []
        announcer = SimpleNamespace(
            used=lambda *_: None, speech=SimpleNamespace(orphans=self.said.append)
        )
        loop = SimpleNamespace(supervisor=SimpleNamespace(pids=pids), queued=tuple)
        pump = SimpleNamespace(drain=lambda _: None)
        self.reaper = Reaper(self.poller, 3, loop, driver, pump, announcer)

    def reap_all(self, found, burst_of=None):
        self.asked.append(burst_of)
        found.extend(self.gone)
        return self.more

    def turn(self, *pids, after_s=GAP_S / 5, more=False):
        self.now += after_s
        self.gone, self.more = [(pid, 0) for pid in pids], more
        self.reaper.tick(self.now)


@pytest.fixture
def desk(monkeypatch):
    return Desk(monkeypatch)


def test_orphans_that_come_now_and_then_are_reaped_at_once(desk):
    for _ in range(3 * STREAM):
        desk.turn(ORPHAN, after_s=GAP_S * 2)
    assert desk.slept == []
    assert len(desk.told) == 3 * STREAM


def test_a_stream_of_them_is_let_gather(desk):
    for _ in range(STREAM):
        desk.turn(ORPHAN)
    assert desk.slept == []
    for _ in range(5):
        desk.turn(ORPHAN)
    assert desk.slept == [LULL_S] * 5
    desk.turn(ORPHAN, after_s=GAP_S * 2)
    assert len(desk.slept) == 5


def test_nobody_else_waits_for_that(desk):
    for _ in range(2 * STREAM):
        desk.turn(ORPHAN)
    slept = len(desk.slept)
    desk.turn(RUN, ORPHAN)
    desk.turn(HELPER)
    desk.turn()
    desk.turn(ORPHAN, more=True)
    desk.poller.ready = 2
    desk.turn(ORPHAN)
    assert len(desk.slept) == slept
    assert [pid for pid, _ in desk.told[-5:]] == [RUN, ORPHAN, HELPER, ORPHAN, ORPHAN]


def test_of_a_burst_each_run_is_asked_for_by_name(desk):
    desk.turn(ORPHAN, ORPHAN + 1, more=True)
    desk.turn(ORPHAN, RUN, more=True)
    desk.turn(ORPHAN, more=True)
    desk.turn(ORPHAN)
    desk.turn(ORPHAN)
    assert desk.asked == [None, [RUN], None, [RUN], None]
    assert desk.told[0] == (ORPHAN + 1, 0)  # of a burst the core is told once


def test_not_where_there_are_many(desk, monkeypatch):
    monkeypatch.setattr(module, "FEW", 0)
    desk.turn(ORPHAN, more=True)
    desk.turn(ORPHAN)
    assert desk.asked == [None, None]


def test_whoever_is_an_orphan_is_said_to_be(desk):
    desk.turn(RUN, ORPHAN, HELPER, ORPHAN + 1)
    assert desk.said == [[(ORPHAN, 0), (ORPHAN + 1, 0)]]
    assert desk.told == [(RUN, 0), (HELPER, 0), (ORPHAN + 1, 0)]
