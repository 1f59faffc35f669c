"""supervisord's events: which transitions make which, who is told, and what nobody pays for."""

import time

import pytest

from pyinit.core import events as ev
from pyinit.core import supervisor as core
from pyinit.core.draft import Supervisor
from pyinit.core.effects import Announce
from pyinit.core.plan import InitPlan, Launch, Plan, Pool, ProcessPlan
from pyinit.core.states import NEVER
from pyinit.core.status import ExitCode, NotExecuted, Signaled
from pyinit.runtime.happenings import NAMES, Happenings, covers, state_events
from pyinit.runtime.log import Log
from pyinit.runtime.speech import Speech
from pyinit.runtime.stream import Source


def change(was, now, status=None, *, tries=0, expected=None):
    return Announce("a:0", "g:a", "g", "a", was, now, 1, 7, "", status, expected, tries)


OK, BAD = ExitCode(0), ExitCode(3)


@pytest.mark.parametrize(
    ("transition", "events"),
    [
        (("Stopped", "Waiting"), ["STARTING from_state:STOPPED tries:0"]),
        (("Stopped", "Starting"), ["STARTING from_state:STOPPED tries:0"]),
        (("Waiting", "Starting"), []),
        (("Fatal", "Starting"), ["STARTING from_state:FATAL tries:0"]),
        (("Starting", "Running"), ["RUNNING from_state:STARTING pid:7"]),
        (("Running", "Stopping"), ["STOPPING from_state:RUNNING pid:7"]),
        (("Starting", "Stopping"), ["STOPPING from_state:STARTING pid:7"]),
        (("Stopping", "Stopped", OK), ["STOPPED from_state:STOPPING pid:7"]),
        (
            ("Stopping", "Waiting", OK),
            ["STOPPED from_state:STOPPING pid:7", "STARTING from_state:STOPPED tries:0"],
        ),
        (("Running", "Exited", OK), ["EXITED from_state:RUNNING expected:1 pid:7 exit_code:0"]),
        (("Running", "Exited", BAD), ["EXITED from_state:RUNNING expected:0 pid:7 exit_code:3"]),
        (
            ("Running", "Exited", Signaled(9)),
            ["EXITED from_state:RUNNING expected:0 pid:7 exit_signal:SIGKILL"],
        ),
        (
            ("Running", "Starting", BAD),
            [
                "EXITED from_state:RUNNING expected:0 pid:7 exit_code:3",
                "STARTING from_state:EXITED tries:0",
            ],
        ),
        (("Running", "Backoff", BAD), ["EXITED from_state:RUNNING expected:0 pid:7 exit_code:3"]),
        (("Backoff", "Starting"), ["STARTING from_state:EXITED tries:0"]),
        (("Backoff", "Stopped"), ["STOPPED from_state:BACKOFF pid:7"]),
        (
            ("Starting", "Exited", NotExecuted("exec", 2)),
            ["EXITED from_state:STARTING expected:0 pid:7 exit_code:127"],
        ),
    ],
)
def test_a_transition_makes_the_events_that_supervisord_makes(transition, events):
    expected = len(transition) > 2 and transition[2] == OK
    found = state_events(change(*transition, expected=expected))
    assert [" ".join(each) for each in found] == events


def test_failed_starts_go_through_backoff_and_at_last_to_fatal():
    first = state_events(change("Starting", "Backoff", BAD, tries=1))
    assert first == [("BACKOFF", "from_state:STARTING tries:1")]
    again = state_events(change("Backoff", "Starting", tries=1))
    assert again == [("STARTING", "from_state:BACKOFF tries:1")]
    last = state_events(change("Starting", "Fatal", BAD, tries=2))
    assert last == [("BACKOFF", "from_state:STARTING tries:2"), ("FATAL", "from_state:BACKOFF")]


@pytest.mark.parametrize(
    ("types", "names"),
    [
        (("EVENT",), NAMES),
        (("TICK",), ("TICK_5", "TICK_60", "TICK_3600")),
        (("PROCESS_LOG", "TICK_5"), ("PROCESS_LOG_STDOUT", "PROCESS_LOG_STDERR", "TICK_5")),
        (("PROCESS",), tuple(name for name in NAMES if name.startswith("PROCESS_"))),
        (("PROCESS_STATE_RUN",), ()),
        (("TICK_6",), ()),
        ((), ()),
    ],
)
def test_who_subscribes_to_a_kind_is_told_all_of_it(types, names):
    assert {name for name in NAMES if covers(types, name)} == set(names)


class Bus:
    """A bus over a real state, and one listener that is never ready."""

    def __init__(self, *types, processes=()):
        self.lines = []
        listeners = [
            ProcessPlan("l:0", "l", "l", "l", Launch(("l",)), pool=Pool(types), group_priority=-1)
        ]
        self.plan = Plan(InitPlan(), (*processes, *(listeners if types else ())))
        self.state: Supervisor = core.new(self.plan, seed=1)
        speech = Speech(Log(self.lines.append))
        self.bus = Happenings(
            lambda: self.state, lambda *_: "", lambda _: None, lambda: speech, lambda: "box"
        )

    def step(self, event):
        self.state, effects = core.step(self.state, event, 1.0)
        for effect in effects:
            if isinstance(effect, Announce):
                self.bus.changed(effect)
        self.bus.after_turn()

    def waiting(self):
        return [(e.name, e.payload) for e in self.bus.pools.pools["l"].buffer]


def process(name, group="g", **more):
    return ProcessPlan(f"{name}:0", name, name, group, Launch((name,)), **more)


def test_what_nobody_wants_is_not_put_into_words():
    bus = Bus("REMOTE_COMMUNICATION").bus

    def dear():
        raise AssertionError("nobody has asked for it")

    bus.publish("TICK_5", dear)
    bus.printed(Source("x:0", "x", "x", 1), 0, b"data")


def test_time_is_only_looked_at_for_those_who_want_ticks():
    assert Bus("PROCESS_STATE").bus.next_deadline() == NEVER
    left_s = Bus("TICK_60").bus.next_deadline() - time.monotonic()
    assert 0 <= left_s <= 60
    bus = Bus("PROCESS_STATE").bus
    seen = []
    told = lambda name, payload: seen.append((name, payload))  # noqa: E731
    bus.subscribe(told)
    assert bus.next_deadline() - time.monotonic() <= 5
    bus.unsubscribe(told)
    assert bus.next_deadline() == NEVER


def test_a_tick_is_told_when_its_period_is_over_and_once():
    box = Bus("TICK_5", "TICK_3600")
    this = int(time.time()) // 5 * 5
    box.bus.go_on({5: this - 5})
    box.bus.tick(NEVER)
    box.bus.tick(NEVER)
    assert box.waiting()[0] == ("TICK_5", f"when:{int(time.time()) // 5 * 5}")
    assert len(box.waiting()) <= 2


def test_the_beginning_and_the_end_are_told():
    box = Bus("SUPERVISOR_STATE_CHANGE", "PROCESS_GROUP", processes=[process("a"), process("b")])
    box.bus.booted()
    box.step(ev.Boot())
    box.step(ev.ShutdownRequested("enough"))
    box.bus.after_turn()
    assert box.waiting() == [
        ("PROCESS_GROUP_ADDED", "groupname:l\n"),
        ("PROCESS_GROUP_ADDED", "groupname:g\n"),
        ("SUPERVISOR_STATE_CHANGE_RUNNING", ""),
        ("SUPERVISOR_STATE_CHANGE_STOPPING", ""),
    ]


def test_the_end_is_told_before_the_processes_are_stopped():
    box = Bus("SUPERVISOR_STATE_CHANGE", "PROCESS_STATE", processes=[process("a")])
    box.step(ev.Boot())
    box.step(ev.Spawned("a:0", 1, 71, executed=True))
    box.step(ev.ShutdownRequested("enough"))
    names = [name for name, _ in box.waiting()]
    assert names.index("SUPERVISOR_STATE_CHANGE_STOPPING") < names.index("PROCESS_STATE_STOPPING")


def test_groups_that_a_plan_brings_and_takes_are_told():
    box = Bus("PROCESS_GROUP", processes=[process("a", "old")])
    box.step(ev.Boot())
    new = process("n", "new", autostart=False)
    kept = [each for each in box.plan.processes if each.pool is not None]
    box.step(ev.PlanLoaded(Plan(processes=(new, *kept))))
    box.bus.stale()
    box.bus.after_turn()
    assert ("PROCESS_GROUP_ADDED", "groupname:new\n") in box.waiting()


def test_a_hidden_process_is_nobodys_business():
    box = Bus("EVENT", processes=[process("web", "web", hidden=True)])
    box.bus.booted()
    box.step(ev.Boot())
    box.step(ev.StartRequested(("web:0",)))
    assert not [payload for _, payload in box.waiting() if "web" in payload]


def test_output_carries_the_pid_of_the_run_it_is_from():
    box = Bus("PROCESS_LOG", "PROCESS_COMMUNICATION", processes=[process("g:a")])
    box.step(ev.Boot())
    box.step(ev.Spawned("g:a:0", 1, 71, executed=True))
    box.bus.printed(Source("g:a:0", "g:a", "g:a", 1), 1, b"data\n")
    box.bus.captured(Source("g:a:0", "g:a", "g:a", 9), 0, b"\xff")
    assert box.waiting() == [
        ("PROCESS_LOG_STDERR", "processname:a groupname:g pid:71 channel:stderr\ndata\n"),
        (
            "PROCESS_COMMUNICATION_STDOUT",
            "processname:a groupname:g pid:0\nUndecodable: b'\\xff'",
        ),
    ]
