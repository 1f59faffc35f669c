"""A simulated day: the pure core with fifty services that crash, are restarted, stopped, reloaded.

The clock moves from one thing to the next, so a day takes as long as its events do.  Sampled are
what the state holds (the length of its written form) and how many blocks of memory Python has
handed out in all: both must be flat.
"""

from __future__ import annotations

import gc
import random
import sys
from array import array
from dataclasses import dataclass, field
from heapq import heappop, heappush

from bench.flat import Curve
from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core import supervisor as core
from pyinit.core.plan import InitPlan, Launch, Plan, ProcessPlan, Restart, Stop
from pyinit.core.record import to_plain
from pyinit.core.states import Pid

SERVICES = 50
LIVES_S = 60.0  # the mean life of a run
OPERATOR_S = 30.0  # between two things that an operator does
RELOAD_S = 3600.0
SAMPLE_S = 600.0
PIDS = 30_000
RISE = 0.02  # of the median, from the end of the warm-up to the end of the day
STATUSES = (0, 1 << 8, 9, 11)


@dataclass
class Day:
    """What a simulated time has shown."""

    events: int = 0
    restarts: int = 0
    # Arrays, which are one block whatever they hold: what counts must not be counted.
    times: array[float] = field(default_factory=lambda: array("d"))
    sizes: array[float] = field(default_factory=lambda: array("d"))
    blocks: array[float] = field(default_factory=lambda: array("d"))

    def curves(self) -> list[Curve]:
        """Return both as curves that are to be flat."""
        return [
            self._curve("state", "bytes", self.sizes),
            self._curve("memory", "blocks", self.blocks),
        ]

    def _curve(self, name: str, unit: str, values: array[float]) -> Curve:
        points = tuple(zip(self.times, values, strict=True))
        return Curve(f"simulated: {name}", unit, points, RISE, relative=True)


class _World:
    """A kernel in which nothing fails but programs, and an operator without a plan."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.rng = random.Random(seed)
        self.told = Day()
        self.due: list[tuple[float, int, int]] = []  # (when, pid, status): ends of runs
        self.alive: set[int] = set()
        self._pid = 100
        self.state = core.new(_plan(0))
        self.feed(ev.Boot())

    def feed(self, event: ev.Event) -> None:
        """Step, and answer what is asked for, until nothing is."""
        waiting = [event]
        while waiting:
            self.told.events += 1
            self.state, effects = core.step(self.state, waiting.pop(0), self.now)
            for effect in effects:
                match effect:
                    case fx.Spawn(key, run_id):
                        pid = self._fork()
                        waiting.append(ev.Spawned(key, run_id, Pid(pid), executed=True))
                    case fx.Kill(_, pid, signum):
                        self._end(pid, 0.0 if signum == 9 else self.rng.random(), signum)
                    case fx.Survey(key, run_id):
                        waiting.append(ev.Surveyed(key, run_id, 0))
                    case _:
                        pass

    def _fork(self) -> int:
        self._pid = 100 + (self._pid - 99) % PIDS
        while self._pid in self.alive:
            self._pid += 1
        self.alive.add(self._pid)
        self._end(self._pid, self.rng.expovariate(1 / LIVES_S), self.rng.choice(STATUSES))
        return self._pid

    def _end(self, pid: int, after_s: float, status: int) -> None:
        heappush(self.due, (self.now + after_s, pid, status))

    def until(self, end: float) -> None:
        """Let everything happen that is due before `end`."""
        while True:
            tick = core.next_deadline(self.state)
            first = self.due[0][0] if self.due else end
            at = min(tick, first)
            if at > end:
                self.now = end
                return
            self.now = max(self.now, at)
            if tick <= first:
                self.feed(ev.Tick())
                continue
            _, pid, status = heappop(self.due)
            if pid in self.alive:
                self.alive.remove(pid)
                self.due = [each for each in self.due if each[1] != pid]
                self.due.sort()
                self.feed(ev.Reaped(Pid(pid), status))

    def operate(self) -> None:
        """Do what operators do to one process."""
        key = (f"web:{self.rng.randrange(SERVICES)}",)
        kind = self.rng.choice((ev.RestartRequested, ev.StopRequested, ev.StartRequested))
        self.feed(kind(key))

    def sample(self) -> None:
        """Keep what there is now."""
        self.told.times.append(self.now)
        self.told.sizes.append(float(len(repr(to_plain(self.state)))))
        gc.collect()
        self.told.blocks.append(float(sys.getallocatedblocks()))


def live(hours: float, seed: int = 1) -> Day:
    """Live through so many hours."""
    world = _World(seed)
    end = hours * 3600
    operator, reload, sample, loads = OPERATOR_S, RELOAD_S, 0.0, 0
    while world.now < end:
        world.until(min(operator, reload, sample, end))
        if world.now >= operator:
            operator += OPERATOR_S
            world.operate()
        if world.now >= reload:
            reload += RELOAD_S
            loads += 1
            world.feed(ev.PlanLoaded(_plan(loads % 2)))
        if world.now >= sample:
            sample += SAMPLE_S
            world.sample()
    world.told.restarts = sum(row.restarts for row in world.state.table)
    return world.told


def _plan(guests: int) -> Plan:
    names = [f"web:{number}" for number in range(SERVICES)]
    names += [f"guest:{number}" for number in range(guests)]
    return Plan(InitPlan(), tuple(_process(name) for name in names))


def _process(name: str) -> ProcessPlan:
    program = name.partition(":")[0]
    return ProcessPlan(
        name, name, program, program, Launch(("/bin/web",)),
        restart=Restart("always", delay=0.0, max=0), stop=Stop(kill="process"),
    )  # fmt: skip
