"""Output to a file: how many megabytes a second go through."""

from __future__ import annotations

import time
from pathlib import Path

from bench import contenders as who
from bench.arena import Arena, Failed
from bench.judge import Result
from bench.rounds import Plan, interleave

LINE = 100
STEP_S = 0.001
STILL_S = 0.25  # a file that has not grown for so long is complete
LIMIT_S = 60.0


def raw(plan: Plan) -> Result:
    """Lines into a file as they are."""
    row = Result("raw", "output to a file, raw", "MB/s", more_is_better=True)
    size = plan.size(512, 128) * 1_000_000
    setup = _shout(size, "raw")
    calls = {
        each.name: lambda each=each: _rate(each.start(setup), size, "out")
        for each in (who.PYINIT, who.SUPERVISORD, who.CIRCUS)
    }
    calls["cat"] = lambda: _rate(who.by_shell("cat", "cat > /scratch/out", setup), size, "out")
    calls["s6-log"] = lambda: _rate(_s6_log("", setup), size, "log/current")
    interleave(row, calls, plan.times(7))
    row.ratio("pyinit / supervisord", who.PYINIT.name, who.SUPERVISORD.name, 0.9, at_most=False)
    row.ratio("pyinit / cat", who.PYINIT.name, "cat", 0.8, at_most=False)
    return row


def prefixed(plan: Plan) -> Result:
    """Lines into a file, each with something before it."""
    row = Result("prefixed", "output to a file, every line marked", "MB/s", more_is_better=True)
    size = plan.size(128, 32) * 1_000_000
    calls = {
        f"pyinit, {form}": lambda form=form: _rate(
            who.PYINIT.start(_shout(size, form)), size, "out"
        )
        for form in ("prefix", "tai64n")
    }
    for name, option in (("s6-log t", "t"), ("s6-log T", "T")):
        calls[name] = lambda option=option: _rate(
            _s6_log(option, _shout(size, "raw")), size, "log/current"
        )
    calls["svlogd -tt"] = lambda: _rate(
        who.by_shell("svlogd", "svlogd -tt /scratch/log", _shout(size, "raw")), size, "log/current"
    )
    interleave(row, calls, plan.times(7))
    for form in ("prefix", "tai64n"):
        text = f"pyinit {form} / s6-log t"
        row.ratio(text, f"pyinit, {form}", "s6-log t", 1.0, at_most=False)
    return row


def _shout(size: int, form: str) -> who.Setup:
    words = (who.PROBE, "shout", who.NOTES, str(size), str(LINE))
    return who.Setup(words, output=form)


def _s6_log(option: str, setup: who.Setup) -> Arena:
    return who.by_shell("s6-log", f"s6-log {option} n0 s268435455 /scratch/log", setup)


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
