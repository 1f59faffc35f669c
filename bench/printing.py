"""Output to a file: how many megabytes a second go through."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from bench import contenders as who
from bench.arena import Arena, Failed
from bench.judge import Result
from bench.rounds import Measure, Plan, interleave

LINE = 100
STEP_S = 0.001
STILL_S = 0.25  # a file that has not grown for so long is complete
LIMIT_S = 60.0
S6_LOG = "s6-log {} n0 s268435455 /scratch/log"  # no rotation


def raw(plan: Plan) -> Result:
    """Lines into a file as they are."""
    row = Result("raw", "output to a file, raw", "MB/s", more_is_better=True)
    size = plan.size(256, 128) * 1_000_000
    setup = _shout(size, "raw")
    calls: dict[str, Measure] = {
        each.name: partial(_printed, each, setup, size)
        for each in (who.PYINIT, who.SUPERVISORD, who.CIRCUS)
    }
    calls["cat"] = partial(_piped, "cat > /scratch/out", setup, size, "out")
    calls["s6-log"] = partial(_piped, S6_LOG.format(""), setup, size, "log/current")
    interleave(row, calls, plan.size(5, 1))
    row.ratio("pyinit / supervisord", who.PYINIT.name, who.SUPERVISORD.name, 0.9, at_most=False)
    row.ratio("pyinit / cat", who.PYINIT.name, "cat", 0.8, at_most=False)
    return row


def prefixed(plan: Plan) -> Result:
    """Lines into a file, each with something before it."""
    row = Result("prefixed", "output to a file, every line marked", "MB/s", more_is_better=True)
    size = plan.size(64, 32) * 1_000_000
    plain = _shout(size, "raw")
    calls: dict[str, Measure] = {
        f"pyinit, {form}": partial(_printed, who.PYINIT, _shout(size, form), size)
        for form in ("prefix", "tai64n")
    }
    for option in ("t", "T"):
        tail = S6_LOG.format(option)
        calls[f"s6-log {option}"] = partial(_piped, tail, plain, size, "log/current")
    calls["svlogd -tt"] = partial(_piped, "svlogd -tt /scratch/log", plain, size, "log/current")
    interleave(row, calls, plan.size(5, 1))
    for form in ("prefix", "tai64n"):
        text = f"pyinit {form} / s6-log t"
        row.ratio(text, f"pyinit, {form}", "s6-log t", 1.0, at_most=False)
    return row


def _shout(size: int, form: str) -> who.Setup:
    words = (who.PROBE, "shout", who.NOTES, str(size), str(LINE))
    return who.Setup(words, output=form)


def _printed(contender: who.Contender, setup: who.Setup, size: int) -> float:
    return _rate(contender.start(setup), size, "out")


def _piped(tail: str, setup: who.Setup, size: int, name: str) -> float:
    return _rate(who.by_shell("sh", tail, setup), size, name)


def _rate(started: Arena, size: int, name: str) -> float:
    """Return MB/s from the program's first instruction to the last byte in the file."""
    with started as arena:
        arena.wait_notes(1)
        began = arena.notes("start")[0]
        place = arena.scratch / name
        known, changed = -1, time.monotonic_ns()
        until = time.monotonic() + LIMIT_S
        while True:
            now = time.monotonic_ns()
            found = _size(place)
            if found != known:
                known, changed = found, now
            elif known >= size and now - changed > STILL_S * 1e9:
                return size / 1e6 / ((changed - began) / 1e9)
            if time.monotonic() > until:
                raise Failed(f"{arena.argv[0]}: {known} of {size} bytes came\n{arena.said()}")
            time.sleep(STEP_S)


def _size(place: Path) -> int:
    try:
        return place.stat().st_size
    except FileNotFoundError:
        return 0
