"""Pools of listeners: who is told, in which order, and what becomes of an event nobody took."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.core import events as ev
from pyinit.core.plan import Launch, Pool, ProcessPlan
from pyinit.core.slot import Process
from pyinit.core.states import NEVER, NO_PID, Run, Running, Starting, Stopped
from pyinit.runtime import pools
from pyinit.runtime.happenings import covers
from pyinit.runtime.log import Log
from pyinit.runtime.pools import BUFFER_CHARS, EVENT_CHARS, PAUSE_S, RESTART_S, Pools
from pyinit.runtime.speech import Speech
from pyinit.runtime.stdin import CLOSED, DONE, FULL, PENDING_BYTES

NAME = "REMOTE_COMMUNICATION"


class World:
    """Listeners that answer when they are told to, in pools of their groups."""

    def __init__(self, *groups, size=10, members=1):
        self.said = []
        self.log = []
        self.fed = []
        self.sent = {}  # key -> what was written to it
        self.answer = DONE
        self.states = {}
        self.plans = [
            ProcessPlan(
                *(f"{group}:{number}", f"{group}:m{number}", group, group),
                Launch(("listener",), stdin="pipe"),
                instance=number,
                pool=Pool(("EVENT",), size),
            )
            for group in groups or ("pool",)
            for number in range(members)
        ]
        speech = Speech(Log(self.log.append, "debug"))
        self.pools = Pools(self.row, self.write, self.fed.append, lambda: speech, lambda: "box")
        self.refresh()
        for plan in self.plans:
            self.up(plan.key)

    def refresh(self):
        self.pools.refresh([Process(plan) for plan in self.plans])

    def row(self, key):
        (plan,) = [plan for plan in self.plans if plan.key == key] or [None]
        return Process(plan, self.states[key], runs=1) if plan is not None else None

    def write(self, key, data):
        if self.answer == DONE:
            self.sent.setdefault(key, []).append(data.decode())
        return self.answer

    def up(self, key, run_id=1):
        self.states[key] = Running(Run(run_id, 70 + run_id, 0.0))
        self.pools.born(key, run_id)
        self.pools.up(key)

    def says(self, key, data, run_id=1):
        self.pools.heard(key, run_id, data)

    def publish(self, *payloads):
        for payload in payloads:
            self.pools.accept(NAME, payload, lambda types: covers(types, NAME))

    def payloads(self, key="pool:0"):
        return [each.partition("\n")[2] for each in self.sent.get(key, [])]

    def text(self):
        return b"".join(self.log).decode()


def test_an_event_waits_until_somebody_is_ready():
    world = World()
    world.publish("one")
    assert world.sent == {}
    world.says("pool:0", b"READY\n")
    (words,) = world.sent["pool:0"]
    head = "ver:3.0 server:box serial:0 pool:pool poolserial:0"
    assert words == f"{head} eventname:REMOTE_COMMUNICATION len:3\none"


@pytest.mark.parametrize("state", [Starting(Run(1, 71, 0.0)), Stopped()])
def test_who_is_ready_but_not_running_is_told_nothing(state):
    world = World()
    world.states["pool:0"] = state
    world.says("pool:0", b"READY\n")
    world.publish("one")
    assert world.sent == {}
    world.up("pool:0")
    assert world.payloads() == ["one"]


def test_the_next_event_comes_after_the_answer_and_another_ready():
    world = World()
    world.says("pool:0", b"READY\n")
    world.publish("one", "two")
    assert world.payloads() == ["one"]
    world.says("pool:0", b"RESULT 2\nOK")
    assert world.payloads() == ["one"]
    world.says("pool:0", b"READY\n")
    assert world.payloads() == ["one", "two"]


def test_a_refused_event_comes_first_again_and_the_second_refusal_is_followed_by_a_pause():
    world = World()
    world.says("pool:0", b"READY\n")
    world.publish("one", "two")
    world.says("pool:0", b"RESULT 4\nFAILREADY\n")
    assert world.payloads() == ["one", "one"]
    world.says("pool:0", b"RESULT 4\nFAILREADY\n")
    assert world.payloads() == ["one", "one"]
    at = world.pools.next_deadline()
    assert 0 < at < NEVER
    world.pools.tick(at - PAUSE_S)
    assert len(world.payloads()) == 2
    world.pools.tick(at)
    assert world.payloads() == ["one", "one", "one"]
    world.says("pool:0", b"RESULT 2\nOKREADY\n")
    assert world.payloads()[3:] == ["two"]
    assert world.pools.next_deadline() == NEVER


def test_the_event_of_one_that_died_goes_to_another():
    world = World(members=2)
    for key in ("pool:0", "pool:1"):
        world.says(key, b"READY\n")
    world.publish("one")
    assert world.payloads("pool:0") == ["one"]
    world.states["pool:0"] = Stopped()
    world.pools.ended("pool:0")
    assert world.payloads("pool:1") == ["one"]


def test_what_an_old_run_says_late_means_nothing_to_the_new_one():
    world = World()
    world.says("pool:0", b"READY\n")
    world.publish("one")
    world.pools.ended("pool:0")
    world.up("pool:0", run_id=2)
    world.says("pool:0", b"RESULT 2\nOK", run_id=1)
    world.says("pool:0", b"READY\n", run_id=2)
    assert world.payloads() == ["one", "one"]
    assert world.fed == []


def test_serials_count_events_and_pool_serials_those_of_a_pool():
    world = World("a", "b")
    world.plans[1] = replaced(world.plans[1], pool=Pool(("TICK",)))
    world.refresh()
    world.up("b:0", 2)
    world.publish("for a only")
    world.pools.accept("TICK_5", "when:5", lambda types: covers(types, "TICK_5"))
    world.says("a:0", b"READY\n")
    world.says("a:0", b"RESULT 2\nOKREADY\n")
    world.says("b:0", b"READY\n", 2)
    serials = {
        key: [re.findall(r"serial:(\d+)", each) for each in sent]
        for key, sent in world.sent.items()
    }
    assert serials == {"a:0": [["0", "0"], ["1", "1"]], "b:0": [["1", "0"]]}


def replaced(plan, **changes):
    from pyinit.core.record import replace

    return replace(plan, **changes)


def test_nobody_interested_means_no_serial():
    world = World()
    world.pools.accept("TICK_5", "", lambda _types: False)
    world.says("pool:0", b"READY\n")
    world.publish("one")
    assert " serial:0 " in world.sent["pool:0"][0]


def test_the_first_break_of_the_protocol_is_followed_by_a_restart_at_once():
    world = World()
    world.says("pool:0", b"READY\n")
    world.publish("one")
    world.says("pool:0", b"nonsense\n")
    assert world.fed == [ev.RestartRequested(("pool:0",))]
    world.pools.ended("pool:0")
    world.up("pool:0", run_id=2)
    world.says("pool:0", b"READY\n", run_id=2)
    assert world.payloads() == ["one", "one"]


def test_later_breaks_are_followed_by_a_restart_ever_later_until_an_event_is_dealt_with():
    world = World()
    delays = []
    for run_id in range(1, 12):
        world.up("pool:0", run_id)
        world.says("pool:0", b"nonsense\n", run_id)
        at = world.pools.next_deadline()
        delays.append(re.findall(r"restarting it(.*)", world.text())[-1].strip())
        if at < NEVER:
            count = len(world.fed)
            world.pools.tick(at)
            assert len(world.fed) == count + 1
    assert delays[:4] == ["", "in 1 s", "in 2 s", "in 4 s"]
    assert delays[-1] == "in 60 s"
    world.up("pool:0", 20)
    world.says("pool:0", b"READY\n", 20)
    world.publish("one")
    world.says("pool:0", b"RESULT 2\nOK", 20)
    world.pools.members["pool:0"].broke_at -= RESTART_S
    world.says("pool:0", b"nonsense\n", 20)
    assert re.findall(r"restarting it(.*)", world.text())[-1] == ""
    assert world.pools.next_deadline() == NEVER


def test_who_deals_with_an_event_before_each_break_is_not_restarted_in_a_storm():
    world = World()
    for run_id in (1, 2):
        world.up("pool:0", run_id)
        world.says("pool:0", b"READY\n", run_id)
        world.publish("one")  # that it is up again, say
        world.says("pool:0", b"RESULT 2\nOKnonsense\n", run_id)
    assert re.findall(r"restarting it(.*)", world.text()) == ["", " in 1 s"]
    assert len(world.fed) == 1
    world.pools.tick(world.pools.next_deadline())
    assert len(world.fed) == 2


def test_who_was_stopped_meanwhile_is_not_restarted():
    world = World()
    world.says("pool:0", b"x")
    world.up("pool:0", 2)
    world.says("pool:0", b"x", 2)
    world.states["pool:0"] = Stopped()
    world.pools.tick(world.pools.next_deadline())
    assert len(world.fed) == 1


def test_a_full_pipe_is_tried_again_and_a_closed_one_is_a_break():
    world = World()
    world.answer = FULL
    world.says("pool:0", b"READY\n")
    world.publish("one")
    assert world.fed == []
    world.answer = DONE
    world.pools.tick(world.pools.next_deadline())
    assert world.payloads() == ["one"]
    world.answer = CLOSED
    world.says("pool:0", b"RESULT 2\nOKREADY\n")
    world.publish("two")
    assert world.fed == [ev.RestartRequested(("pool:0",))]
    assert "it has closed its stdin; restarting it" in world.text()


def test_an_event_that_no_pipe_would_keep_is_discarded_and_the_next_is_sent():
    world = World()
    world.says("pool:0", b"READY\n")
    world.publish("x" * PENDING_BYTES, "next")
    assert world.payloads() == ["next"]
    assert "cannot send event 0 to pool pool" in world.text()


def test_what_waits_is_bounded_in_characters_whatever_its_number():
    world = World(size=1_000_000)
    size = BUFFER_CHARS // 4 - EVENT_CHARS - 10
    world.publish(*["x" * size] * 9)
    pool = world.pools.pools["pool"]
    assert pool.size == sum(each.size for each in pool.buffer) <= BUFFER_CHARS
    assert [each.serial for each in pool.buffer] == [5, 6, 7, 8]


def test_small_events_take_their_room_too(monkeypatch):
    monkeypatch.setattr(pools, "BUFFER_CHARS", 10 * EVENT_CHARS + 9)
    world = World(size=1_000_000)
    world.publish(*[""] * 99)
    assert len(world.pools.pools["pool"].buffer) == 10


def test_a_pool_whose_plan_changes_keeps_what_waits():
    world = World(size=5)
    world.publish("one", "two", "three")
    world.plans = [replaced(world.plans[0], pool=Pool(("EVENT",), 2))]
    world.refresh()
    world.publish("four")
    assert [each.payload for each in world.pools.pools["pool"].buffer] == ["three", "four"]


def test_a_pool_that_leaves_takes_its_events_with_it():
    world = World("a", "b")
    world.publish("one")
    world.plans = world.plans[1:]
    world.refresh()
    assert list(world.pools.pools) == ["b"]
    assert list(world.pools.members) == ["b:0"]
    world.pools.ended("a:0")
    world.says("a:0", b"READY\n")
    assert world.sent == {}


def test_a_run_that_has_no_pid_yet_is_not_running():
    world = World()
    world.states["pool:0"] = Starting(Run(1, NO_PID, 0.0))
    world.says("pool:0", b"READY\n")
    world.publish("one")
    assert world.sent == {}


ACTIONS = st.lists(
    st.sampled_from(["publish", "ready", "ok", "fail", "die", "nonsense", "tick"]), max_size=60
)


@given(ACTIONS, st.integers(1, 4))
def test_every_event_is_taken_once_or_waits_or_was_said_to_be_discarded(actions, size):
    world = World(size=size)
    run_id, serial, taken = 1, 0, []
    for action in actions:
        member = world.pools.members["pool:0"]
        if action == "publish":
            world.publish(str(serial))
            serial += 1
        elif action == "die":
            world.pools.ended("pool:0")
            run_id += 1
            world.up("pool:0", run_id)
        elif action == "tick":
            world.pools.tick(world.pools.next_deadline())
        else:
            said = {"ready": b"READY\n", "ok": b"RESULT 2\nOK", "fail": b"RESULT 2\nNO"}
            if action == "ok" and member.event is not None:
                taken.append(member.event.payload)
            world.says("pool:0", said.get(action, b"nonsense"), run_id)
    pool, member = world.pools.pools["pool"], world.pools.members["pool:0"]
    waiting = [each.payload for each in pool.buffer]
    held = [member.event.payload] if member.event is not None else []
    lines = world.text().splitlines()
    discarded = [line.rpartition(" ")[2] for line in lines if "discarding event" in line]
    found = [*taken, *waiting, *held, *discarded]
    assert sorted(found, key=int) == [str(number) for number in range(serial)]
    assert len(waiting) <= size
    assert waiting == sorted(waiting, key=int)
