"""Many programs at once: time to start them, memory, wake-ups, time to stop them.

One run of a contender with N programs answers all of it; the rows share the runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench import contenders as who
from bench import ground, quiet
from bench.arena import Failed
from bench.judge import Check, Result
from bench.rounds import Plan

SETTLE_S = 2.5  # until every start counts as one, and memory stands still
IDLE_S = 10.0
START_S, STOP_S = 150.0, 90.0
MB = 1000.0  # smaps tells kB


@dataclass
class Crowd:
    """What one run of N programs has shown."""

    started_s: float
    pss_mb: float
    wakeups: float | None
    stopped_s: float
    stop_used_s: float | None = None  # processor time of all who took part in the stop


@dataclass
class Crowds:
    """The runs made so far, by contender and number of programs."""

    plan: Plan
    runs: dict[tuple[str, int], list[Crowd]] = field(default_factory=dict)
    failed: dict[tuple[str, int], str] = field(default_factory=dict)

    def make(self, contenders: tuple[who.Contender, ...], number: int, rounds: int) -> None:
        """See to it that there are `rounds` runs of each."""
        for turn in range(rounds):
            for each in contenders:
                key = (each.name, number)
                if key in self.failed or len(self.runs.get(key, ())) > turn:
                    continue
                try:
                    run = _run(each, number, idle=each is who.PYINIT or turn == 0)
                    self.runs.setdefault(key, []).append(run)
                except (Failed, OSError) as error:
                    self.failed[key] = str(error).splitlines()[0]
                    ground.say(f"{each.name} with {number}: {error}")

    def fill(self, row: Result, number: int, value: Callable[[Crowd], float | None]) -> None:
        """Put one number of every run into a row, named `CONTENDER, N programs`."""
        for (name, count), runs in self.runs.items():
            found = [value(run) for run in runs]
            if count == number and found:
                samples = row.of(label(name, number))
                samples.values.extend([each for each in found if each is not None])
        for (name, count), why in self.failed.items():
            if count == number and not row.has(label(name, number)):
                row.of(label(name, number)).why_not = why


def label(name: str, number: int) -> str:
    """Return how a contender with N programs is called in a row."""
    return f"{name}, {number:,} program{'s' if number != 1 else ''}"


def memory(plan: Plan, crowds: Crowds) -> Result:
    """PSS of everything that supervises, with 1, 100 and 1,000 programs."""
    row = Result("memory", "memory of the supervisor (PSS, all of its processes)", "MB")
    for number, bound in ((1, 9.0), (100, 10.0), (1000, 14.0)):
        _gather(crowds, plan, number)
        crowds.fill(row, number, lambda run: run.pss_mb)
        ours = label(who.PYINIT.name, number)
        row.bound(f"{ours}, in MB", ours, bound)
    return row


def thousand(plan: Plan, crowds: Crowds) -> Result:
    """Time until the last of 1,000 programs runs."""
    row = Result("thousand", "1,000 programs started, until the last one runs", "s")
    _gather(crowds, plan, 1000)
    crowds.fill(row, 1000, lambda run: run.started_s)
    ours, s6, other = [label(each.name, 1000) for each in (who.PYINIT, who.S6, who.SUPERVISORD)]
    row.ratio("pyinit / s6-svscan", ours, s6, 1.0)
    row.ratio("pyinit / supervisord", ours, other, 0.1)
    return row


def idle(plan: Plan, crowds: Crowds) -> Result:
    """How often an idle supervisor of 1,000 programs wakes up."""
    row = Result("idle", "wake-ups in 10 s, idle, 1,000 programs", "times")
    row.notes.append("A count and no time: the others are counted once, the largest of ours counts")
    _gather(crowds, plan, 1000)
    crowds.fill(row, 1000, lambda run: run.wakeups)
    ours = label(who.PYINIT.name, 1000)
    if row.has(ours):
        row.checks.append(Check("wake-ups of pyinit", max(row.of(ours).values), 0.0))
    return row


def stop(plan: Plan, crowds: Crowds) -> Result:
    """Time from TERM until PID 1 is gone, with 100 programs that obey."""
    row = Result("stop", "stop of 100 programs that obey, until PID 1 is gone", "ms")
    _gather(crowds, plan, 100)
    crowds.fill(row, 100, lambda run: run.stopped_s * 1000)
    ours, s6 = label(who.PYINIT.name, 100), label(who.S6.name, 100)
    row.ratio("pyinit / s6-svscan", ours, s6, 1.0)
    return row


def stop_used(plan: Plan, crowds: Crowds) -> Result:
    """Processor time of that stop, which does not depend on what else the machine does."""
    title = "stop of 100 programs that obey: processor time of all who take part"
    row = Result("stop-used", title, "ms")
    _gather(crowds, plan, 100)
    crowds.fill(row, 100, lambda run: run.stop_used_s and run.stop_used_s * 1000)
    ours, s6 = label(who.PYINIT.name, 100), label(who.S6.name, 100)
    row.ratio("pyinit / s6-svscan", ours, s6, 1.0)
    return row


def _gather(crowds: Crowds, plan: Plan, number: int) -> None:
    fast, slow = (who.PYINIT, who.S6, who.RUNIT), (who.SUPERVISORD, who.CIRCUS)
    if number == 1000:
        crowds.make(fast, number, plan.size(5, 1))
        crowds.make((who.SUPERVISORD,), number, plan.size(5, 1))
        if not plan.quick:
            crowds.make((who.CIRCUS,), number, 5)
        return
    rounds = 9 if number == 100 else 5  # stop, which is over in milliseconds, is about 100
    crowds.make(fast, number, plan.size(rounds, 3))
    crowds.make(slow, number, plan.size(5, 1))


def _run(contender: who.Contender, number: int, *, idle: bool) -> Crowd:
    with contender.start(who.Setup(number=number)) as arena:
        arena.wait_notes(number, START_S)
        started_s = (max(arena.notes("start")) - arena.start_ns) / 1e9
        time.sleep(SETTLE_S)
        pss_mb = arena.pss_kb() / MB
        wakeups = None
        if idle and number == 1000:
            before = arena.wakeups()
            time.sleep(IDLE_S)
            wakeups = float(arena.wakeups() - before)
        used_s = quiet.used_s()
        stopped_s = arena.stop(contender.stop, STOP_S)
        after_s = quiet.used_s()
        stop_used_s = None if used_s is None or after_s is None else after_s - used_s
        return Crowd(started_s, pss_mb, wakeups, stopped_s, stop_used_s)
