"""What the loop, the pump and a fork make of faults of our own: one costs nobody else anything."""

import os
import signal
import time

import pytest
from loop_around import Hands, Quiet, Rows

from pyinit.core.events import Reaped, SignalReceived, Tick
from pyinit.core.plan import Sink
from pyinit.core.states import Pid
from pyinit.runtime import loop as loops
from pyinit.runtime import stream as streams
from pyinit.runtime.failure import LoopBroken, all_of
from pyinit.runtime.loop import FAULTS, STOP_TRIES, Loop
from pyinit.runtime.poller import Poller
from pyinit.runtime.stream import Kept, Source, Stream, pass_on
from pyinit.system import signals

NEVER = float("inf")
TERM, HUP = SignalReceived(signal.SIGTERM), SignalReceived(signal.SIGHUP)
DEATH = Reaped(Pid(71), 9)


class Part:
    """A part of the runtime that is always due, and may fail."""

    def __init__(self, error=None):
        self.error, self.ticks = error, 0

    def next_deadline(self):
        return 0.0

    def tick(self, _now):
        self.ticks += 1
        if self.error is not None:
            raise self.error


class Core:
    """A core that can step everything but what is `failing`."""

    def __init__(self):
        self.stepped, self.failing, self.deadline = [], [], NEVER

    def step(self, supervisor, event, _now):
        if event in self.failing:
            raise ValueError("planted")
        self.stepped.append(event)
        return supervisor, ()


@pytest.fixture
def core(monkeypatch):
    found = Core()
    monkeypatch.setattr(loops, "step", found.step)
    monkeypatch.setattr(loops, "next_deadline", lambda _supervisor: found.deadline)
    monkeypatch.setattr(loops, "NEWS_AGAIN_S", (0.0,) * len(loops.NEWS_AGAIN_S))
    return found


@pytest.fixture
def loop(core):
    poller, quiet = Poller(), Quiet()
    yield Loop(Rows(), Hands(), poller, quiet, quiet)
    poller.close()


def turns(loop, count):
    """Turn, and return how many of the turns have failed."""
    failed = 0
    for _ in range(count):
        try:
            loop.turn(0.0)
        except ValueError:
            failed += 1
    return failed


def test_a_part_that_always_fails_is_left_alone_and_the_others_have_their_turn(loop):
    bad, good = Part(ValueError("planted")), Part()
    loop.timed = (bad, good)
    assert turns(loop, 200) == bad.ticks < FAULTS
    assert good.ticks == 200


def test_the_part_that_nobody_can_live_without_is_never_left_alone(loop):
    loop.vital = bad = Part(ValueError("planted"))
    loop.timed = (bad,)
    with pytest.raises(LoopBroken, match="planted"):
        loop.run()
    assert bad.ticks == FAULTS


def test_who_cannot_say_when_to_wake_up_keeps_no_descriptor_from_being_looked_at(loop):
    reader, writer = os.pipe()
    heard = []

    def wrong():
        raise ValueError("planted")

    bad = Part()
    bad.next_deadline = wrong
    loop.timed = (bad,)
    loop._poller.register(reader, True, False, heard.append)
    os.write(writer, b"x")
    with pytest.raises(ValueError, match="planted"):
        loop.turn()
    assert len(heard) == 1
    loop._poller.unregister(reader)
    os.close(reader)
    os.close(writer)


def test_what_comes_after_a_turn_is_done_whatever_becomes_of_another(loop):
    done = []

    def wrong():
        raise ValueError("planted")

    loop.after_turn += [wrong, lambda: done.append(1)]
    assert turns(loop, 3) == 3
    assert done == [1, 1, 1]


def test_a_deadline_that_cannot_be_stepped_breaks_the_loop_and_does_not_turn_for_ever(loop, core):
    core.failing.append(Tick())
    core.deadline = 0.0
    with pytest.raises(LoopBroken, match="planted"):
        loop.run()


def test_a_stop_that_cannot_be_stepped_breaks_the_loop_and_is_kept(loop, core):
    core.failing.append(TERM)
    loop.feed(TERM)
    with pytest.raises(LoopBroken, match="planted"):
        loop.run()
    assert loop.stops_told() == [signal.SIGTERM]
    assert STOP_TRIES < FAULTS


def test_another_signal_that_cannot_be_stepped_is_dropped(loop, core):
    core.failing.append(HUP)
    loop.feed(HUP)
    assert turns(loop, 20) == 0
    core.failing.clear()
    assert turns(loop, 1) == 0
    assert core.stepped == []
    assert loop.queued() == ()


def test_news_is_kept_where_not_even_the_step_could_be_tried(loop, core, monkeypatch):
    genuine, calls = loop._step, []

    def failing_once(event, tried=0):
        calls.append(event)
        if len(calls) == 1:
            raise ValueError("planted")
        genuine(event, tried)

    monkeypatch.setattr(loop, "_step", failing_once)
    loop.feed(DEATH)
    assert turns(loop, 1) == 1
    assert loop.queued() == (DEATH,)
    while not core.stepped:
        loop.turn(time.monotonic() + 0.05)
    assert core.stepped == [DEATH]


def test_of_all_that_fails_a_broken_loop_is_what_is_raised():
    def wrong():
        raise ValueError("planted")

    def broken():
        raise LoopBroken("planted")

    with pytest.raises(LoopBroken):
        all_of([wrong, broken, wrong])
    with pytest.raises(ValueError, match="planted"):
        all_of([wrong, lambda: None])


class Taker:
    def __init__(self):
        self.got = []

    def write(self, data):
        self.got.append(data)


def test_output_reaches_everybody_but_who_fails(monkeypatch):
    def wrong(*_):
        raise ValueError("planted")

    stream = Stream(Source("web:0", "web", "web", 1), 0, (Sink("prefix"),), Kept())
    raw, dressed, followed = Taker(), Taker(), []
    stream.raw = [raw]
    stream.kept.followers = [wrong, lambda _kind, data: followed.append(data)]
    stream.dressed = [("json", dressed.write), ("prefix", dressed.write)]
    stream.lines = streams.Lines()
    monkeypatch.setattr(streams.forms, "json", wrong)
    assert isinstance(pass_on(stream, b"hello\n"), ValueError)
    assert raw.got == [b"hello\n"]
    assert followed == [b"hello\n"]
    assert dressed.got == [b"web | hello\n"]
    assert stream.kept.ring.read() == b"hello\n"


def test_a_ring_that_cannot_keep_takes_no_output_from_anybody(monkeypatch):
    def wrong(*_):
        raise ValueError("planted")

    monkeypatch.setattr(streams.Ring, "add", wrong)
    stream = Stream(Source("web:0", "web", "web", 1), 0, (Sink("copy"),), Kept())
    raw = Taker()
    stream.raw = [raw]
    assert isinstance(pass_on(stream, b"hello\n"), ValueError)
    assert raw.got == [b"hello\n"]


def test_a_fork_that_is_refused_leaves_no_signal_blocked(monkeypatch):
    def refused():
        raise BlockingIOError("planted")

    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    monkeypatch.setattr(signals.posix, "fork", refused)
    with pytest.raises(BlockingIOError, match="planted"):
        signals.fork()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
