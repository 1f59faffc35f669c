"""Restarts, signals, the end and orphans: how soon the supervisor does what must be done."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

from bench import contenders as who
from bench.arena import Failed, field
from bench.flat import slope
from bench.judge import Check, Result
from bench.rounds import Measure, Plan, interleave

CRASH_MS = 1200  # longer than the second after which a start counts as one
SIGNALS = 40
GAP_S = 0.02


def restart(plan: Plan) -> Result:
    """From a crash to the first instruction of the next run."""
    row = Result("restart", "crash to new run, no delay configured", "ms")
    crashes = plan.size(4, 2)
    calls = who.each(partial(_restart, crashes), *who.SUPERVISORS)
    interleave(row, calls, plan.size(2, 1))
    row.bound("pyinit, in ms", who.PYINIT.name, 5.0)
    return row


def _restart(crashes: int, contender: who.Contender) -> list[float]:
    words = (who.PROBE, "crash", who.NOTES, str(CRASH_MS))
    with contender.start(who.Setup(words, restart=True)) as arena:
        limit_s = 30.0 + crashes * 5
        arena.wait(lambda: len(arena.notes("start")) > crashes, limit_s, "to restart")
        starts, ends = arena.notes("start"), arena.notes("crash")
        return [(new - old) / 1e6 for old, new in zip(ends, starts[1:], strict=False)]


def signals(plan: Plan) -> Result:
    """From kill(2) on PID 1 to the program's handler."""
    row = Result("signal", "a signal to PID 1 reaching the program", "ms")
    forward = who.Setup((who.PROBE, "signal", who.NOTES), init='signals = { USR1 = "forward:p0" }')
    plain = who.Setup((who.PROBE, "signal", who.NOTES))
    calls: dict[str, Measure] = {"pyinit, forward:p0": partial(_signals, who.PYINIT, forward)}
    for each in (who.PYINIT_COMMAND, *who.INITS):
        calls[each.name] = partial(_signals, each, plain)
    interleave(row, calls, plan.times(5))
    row.bound("pyinit COMMAND, in ms", who.PYINIT_COMMAND.name, 1.0)
    row.bound("pyinit forward, in ms", "pyinit, forward:p0", 1.0)
    return row


def _signals(contender: who.Contender, setup: who.Setup) -> list[float]:
    with contender.start(setup) as arena:
        arena.wait_notes(1)
        found = []
        time.sleep(GAP_S * 5)
        for number in range(SIGNALS):
            at = arena.signal(signal.SIGUSR1)
            arena.wait_notes(number + 2)
            found.append((arena.notes("signal")[-1] - at) / 1e6)
            time.sleep(GAP_S)
        return found


def term(plan: Plan) -> Result:
    """From TERM to the end of PID 1, with one program that obeys."""
    row = Result("term", "TERM to exit with one program", "ms")
    fast = (who.PYINIT_COMMAND, who.PYINIT, *who.INITS, who.S6, who.RUNIT)
    interleave(row, who.each(_term, *fast), plan.times(15))
    interleave(row, who.each(_term, who.SUPERVISORD, who.CIRCUS), plan.times(5))
    if row.has(who.TINI.name):
        bound = 1.5 * row.of(who.TINI.name).median + 10
        for name in (who.PYINIT_COMMAND.name, who.PYINIT.name):
            row.bound(f"{name}, in ms; 1.5 x tini + 10 ms", name, bound)
    return row


def _term(contender: who.Contender) -> float:
    with contender.start(who.Setup()) as arena:
        arena.wait_notes(1)
        time.sleep(GAP_S * 5)
        return arena.stop(contender.stop) * 1000


def orphans(plan: Plan) -> Result:
    """Orphans that come and go as fast as they can be made, and a crowd that dies at once."""
    row = Result("orphans", "orphans reaped", "a second", more_is_better=True)
    makers, each = os.cpu_count() or 1, plan.size(3000, 1000)
    inits = (who.PYINIT_COMMAND, *who.INITS)
    interleave(row, who.each(partial(_stream, makers, each), *inits), plan.times(15))
    number = plan.size(4000, 2000)
    crowds = who.each(partial(_crowd, number), *inits)
    interleave(row, {f"{name}, a crowd": call for name, call in crowds.items()}, plan.times(15))
    row.notes.append(
        f"{makers} processes make {each:,} orphans each, one after another, as fast as they can: "
        "all of them a second, until the last one is reaped"
    )
    row.notes.append(
        f"A crowd: {number:,} die at the same moment; the time until none is a zombie. It has no "
        "bound: most of that time is their dying, which differs by a half from round to round"
    )
    row.ratio("pyinit / tini", who.PYINIT_COMMAND.name, who.TINI.name, 1.0, at_most=False)
    return row


def _stream(makers: int, number: int, contender: who.Contender) -> float:
    words = (who.PROBE, "stream", who.NOTES, str(makers), str(number))
    return makers * number / _reaped_s(words, contender)


def _crowd(number: int, contender: who.Contender) -> float:
    return number / _reaped_s((who.PROBE, "orphans", who.NOTES, str(number)), contender)


def _reaped_s(words: tuple[str, ...], contender: who.Contender) -> float:
    with contender.start(who.Setup(words)) as arena:
        arena.wait_notes(1, 60.0)
        return arena.notes("reaped")[0] / 1e9


def growth(plan: Plan) -> Result:
    """Memory and descriptors over many restarts."""
    row = Result("growth", "memory after many restarts", "kB")
    total = plan.size(100_000, 5_000)
    row.notes.append(
        f"{total:,} restarts; growth by linear regression over the last three quarters"
    )
    setup = who.Setup((who.PROBE, "once", who.NOTES, "1"), restart=True)
    with who.PYINIT.start(setup) as arena:
        rows: list[tuple[int, int]] = []
        until = time.monotonic() + 600
        first = 0
        while arena.count() < total and time.monotonic() < until:
            done = arena.count()
            if not first and done > 200:
                first = _descriptors(arena.pid)
            rows.append((done, field(arena.pid, "smaps_rollup", "Rss")))
            time.sleep(total / 20_000)
        done = arena.count()
        if done < total:
            raise Failed(f"pyinit: {done:,} of {total:,} restarts in 600 s\n{arena.said()}")
        row.of("pyinit, at first").values.append(rows[len(rows) // 4][1])
        row.of("pyinit, at last").values.append(rows[-1][1])
        grown = slope(rows[len(rows) // 4 :]) * total
        row.of("pyinit, growth by regression").values.append(grown)
        more = _descriptors(arena.pid) - first
    row.checks.append(Check(f"kB grown over {total:,} restarts", grown, 128.0))
    row.checks.append(Check("descriptors more than at first", more, 2.0))
    return row


def _descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
