"""Fifty `pyinitctl events -f` while programs are restarted: who misses one, and how late is it?

Each change of state tells what was before it, so that a chain without a gap for every process
shows that nothing is missing; and all fifty must have been told the same.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from functools import partial
from statistics import median

from bench import contenders as who
from bench import ground
from bench.arena import Arena, Failed
from bench.judge import Check, Result
from bench.lines import cpu_s
from bench.rounds import Plan, interleave
from pyinit.client import Client

SUBSCRIBERS, PROGRAMS = 50, 20
GAP_S = 0.05  # between two restarts
QUIET_S, LIMIT_S = 1.0, 60.0
LATEST_MS = 250.0  # for the slower half of one in a hundred; 50 Pythons share the processors
CONTROL = """control = { path = "/scratch/control.sock" }
[defaults]
start_seconds = 0
"""
Told = dict[str, object]


def told(plan: Plan) -> Result:
    """Return how late the subscribers learn of a change, and how many changes they miss."""
    row = Result("events", f"`pyinitctl events -f`, {SUBSCRIBERS} of them: change to line", "ms")
    seen = _Seen()
    rounds = plan.size(5, 1)
    interleave(row, {"": partial(_round, plan.size(200, 40), row, seen)}, rounds)
    row.samples = [each for each in row.samples if each.name]
    if seen.events:
        row.notes.append(f"{min(seen.events):,} to {max(seen.events):,} changes a round")
        row.notes.append(
            f"Processor time of PID 1 for one change that 50 are told of, and for making it: "
            f"{median(seen.each_ms):.2f} ms; {median(seen.busy):.0%} of a processor"
        )
        row.checks.append(Check("changes missed by any", max(seen.missed), 0.0))
        row.bound("99 of 100, in ms", "99 of 100", LATEST_MS)
    return row


class _Seen:
    def __init__(self) -> None:
        self.events: list[int] = []
        self.missed: list[int] = []
        self.each_ms: list[float] = []
        self.busy: list[float] = []


def _round(restarts: int, row: Result, seen: _Seen) -> list[float]:
    setup = who.Setup(number=PROGRAMS, init=CONTROL)
    with who.PYINIT.start(setup) as arena:
        arena.wait_notes(PROGRAMS)
        crowd = Crowd(arena)
        try:
            with Client(str(arena.scratch / "control.sock")) as client:
                crowd.begin(client)
                used, began = cpu_s(arena.pid), time.monotonic()
                for number in range(restarts):
                    client.call("restart", {"names": [f"p{number % PROGRAMS}"], "wait": False})
                    crowd.read(GAP_S)
                crowd.read_all()
                used, took_s = cpu_s(arena.pid) - used, time.monotonic() - began
        finally:
            crowd.end()
    late = sorted(crowd.late_ms)
    if not late:
        raise Failed("pyinit: no subscriber was told of anything")
    row.of("median").values.append(median(late))
    row.of("99 of 100").values.append(late[int(len(late) * 0.99)])
    row.of("the latest").values.append(late[-1])
    count = max(len(each) for each in crowd.told)
    seen.events.append(count)
    seen.missed.append(missed(crowd.told))
    seen.each_ms.append(used / count * 1000)
    seen.busy.append(used / took_s)
    return []


class Crowd:
    """Fifty pyinitctl, and what they have printed so far."""

    def __init__(self, arena: Arena) -> None:
        self.told: list[list[Told]] = [[] for _ in range(SUBSCRIBERS)]
        self.late_ms: list[float] = []
        self._rest = [b""] * SUBSCRIBERS
        self._selector = selectors.DefaultSelector()
        self._ready = 0
        place = str(arena.scratch / "control.sock")
        words = [sys.executable, "-m", "pyinit.cli.ctl", "events", "-f", "--json", "-s", place]
        self._processes = [
            subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ground.REPOSITORY)
            for _ in range(SUBSCRIBERS)
        ]
        for number, process in enumerate(self._processes):
            assert process.stdout is not None
            os.set_blocking(process.stdout.fileno(), False)
            self._selector.register(process.stdout, selectors.EVENT_READ, number)

    def begin(self, client: Client) -> None:
        """Restart a program until all have been told of one; forget what came before that."""
        until = time.monotonic() + LIMIT_S
        while not all(self.told):
            if time.monotonic() > until:
                raise Failed("pyinit: its subscribers never all listened")
            client.call("restart", {"names": ["p0"]})
            self.read(QUIET_S / 2)
        self.read_all()
        self.told = [[] for _ in range(SUBSCRIBERS)]
        self.late_ms = []

    def read_all(self) -> None:
        """Read until nothing has come for a while."""
        while self.read(QUIET_S):
            pass

    def read(self, for_s: float) -> int:
        """Take what comes within a time; return how many lines did."""
        came, until = 0, time.monotonic() + for_s
        while (left_s := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(left_s):
                data = os.read(key.fd, 1 << 16)
                if not data:
                    self._selector.unregister(key.fileobj)
                came += self._take(key.data, data)
        return came

    def _take(self, number: int, data: bytes) -> int:
        now = time.time()
        *lines, self._rest[number] = (self._rest[number] + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            self.told[number].append(event)
            if "at" in event:
                self.late_ms.append((now - event["at"]) * 1000)
        return len(lines)

    def end(self) -> None:
        """End them all."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        self._selector.close()


def missed(told: list[list[Told]]) -> int:
    """Return how many events are missing: gaps in the chains, and what others were told of."""
    most = max(len(each) for each in told)
    return sum(most - len(each) + _gaps(each) for each in told)


def _gaps(events: list[Told]) -> int:
    """Return how many changes do not follow from the one before, and how many were dropped."""
    state: dict[object, object] = {}
    gaps = 0
    for event in events:
        if event.get("event") == "dropped":
            count = event["count"]
            assert isinstance(count, int)
            gaps += count
        elif event.get("event") == "state":
            name = event["name"]
            gaps += state.get(name, event["was"]) != event["was"]
            state[name] = event["state"]
    return gaps
