"""The warning before the pit: a process that has used up most of its descriptors."""

import subprocess

import pytest
from boxed import ORDINARY, needs_root, python

from pyinit.core import events as ev
from pyinit.core import supervisor as core
from pyinit.core.effects import Spawn
from pyinit.core.plan import Launch, Plan, ProcessPlan
from pyinit.core.states import Pid, Running
from pyinit.runtime.log import Log
from pyinit.runtime.watch import LONGEST_S, PERIOD_S, DescriptorWatch

# Holds as many descriptors as it is told to, a line at a time.
HOLDER = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
held = [0, 1, 2]
for line in sys.stdin:
    wanted = int(line)
    while len(held) < wanted:
        held.append(os.open("/dev/null", os.O_RDONLY))
    while len(held) > wanted:
        os.close(held.pop())
    print("held", flush=True)
"""


class Holding:
    """What the watch needs of a loop: the supervisor, in which `web` runs with `pid`."""

    def __init__(self, pid):
        plan = ProcessPlan("web:0", "web", "web", "web", Launch(("web",)), start_s=0.0)
        state, effects = core.step(core.new(Plan(processes=(plan,))), ev.Boot(), 0.0)
        [spawn] = [effect for effect in effects if isinstance(effect, Spawn)]
        spawned = ev.Spawned("web:0", spawn.run_id, Pid(pid), True)
        self.supervisor, _ = core.step(state, spawned, 0.0)
        self.supervisor, _ = core.step(self.supervisor, ev.Tick(), 1.0)
        assert isinstance(self.supervisor.table["web:0"].state, Running)


@pytest.fixture()
def watched(request):
    """Return (watch, what it said, a function that lets the program hold n descriptors of 100)."""
    uid = getattr(request, "param", None)
    child = subprocess.Popen(
        python(HOLDER),
        user=uid,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    said = []

    def hold(number):
        child.stdin.write(f"{number}\n")
        assert child.stdout.readline() == "held\n"

    with child:
        hold(3)
        yield DescriptorWatch(Holding(child.pid), Log(said.append), 0.0), said, hold
        child.stdin.close()


@pytest.mark.parametrize("watched", [None, pytest.param(ORDINARY, marks=needs_root)], indirect=True)
def test_a_program_is_warned_about_above_80_percent_and_again_only_after_it_was_below_70(watched):
    watch, said, hold = watched
    hold(75)
    watch.look(1.0)
    assert said == []
    hold(85)
    watch.look(2.0)
    watch.look(3.0)
    assert len(said) == 2
    assert b"web: uses 85 of its 100 descriptors (hard limit 200)" in said[0]
    assert b"pyinitctl limits web nofile=400" in said[1]
    hold(40)
    watch.look(4.0)
    hold(90)
    watch.look(5.0)
    assert len(said) == 4


def test_it_looks_once_a_minute_and_sooner_only_when_pyinit_is_awake_anyway(watched):
    watch, said, hold = watched
    hold(95)
    assert watch.next_deadline() == PERIOD_S
    watch.passing(1.0)
    assert said == []
    watch.passing(6.0)
    assert len(said) == 2
    assert watch.next_deadline() == 6.0 + PERIOD_S
    watch.tick(70.0)
    assert watch.next_deadline() == 70.0 + PERIOD_S


def test_while_all_are_far_from_their_limits_the_looks_become_rare(watched):
    watch, said, hold = watched
    hold(10)
    watch.tick(60.0)
    assert watch.next_deadline() == 60.0 + 2 * PERIOD_S
    for _ in range(9):
        watch.tick(watch.next_deadline())
    now = watch.next_deadline()
    watch.tick(now)
    assert watch.next_deadline() == now + LONGEST_S
    hold(60)
    watch.tick(now + 1.0)
    assert watch.next_deadline() == now + 1.0 + PERIOD_S
    assert said == []
