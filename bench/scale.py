"""Growth: what everything costs with 1, 10, 100, 1,000 and 5,000 processes; at most linear.

What one process takes with N of them is (value with N - value with one) / (N - 1): the constant
part is taken out by the measurement with one.  At 5,000 a process may take no more than 1.3 times
what it takes at 1,000.  All medians; every round does everything once with every number.

The kernel, too, takes longer for each process the more there are.  So the times of start and stop
may grow by as much more as those of s6 do in the same run; what they cost in processor time, which
has no such excuse, is held to the plain bound.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench import contenders as who
from bench import ground, quiet
from bench.arena import Arena, Failed
from bench.crowds import MB, SETTLE_S, START_S, STOP_S, Crowd, Crowds, label
from bench.judge import Check, Result
from bench.lines import cpu_s
from bench.rounds import Plan
from pyinit.client import Client, NoSupervisor
from pyinit.protocol.messages import Refused

STEEPEST = 1.3
SIZES, QUICK_SIZES = (1, 10, 100, 1000, 5000), (1, 10, 100, 500)
ROUNDS = 5
PEERS = {who.S6: 5000, who.RUNIT: 1000}  # and the most each is given
ANSWER_S = 120.0
CONTROL = """control = { path = "/scratch/control.sock" }
[defaults]
start_seconds = 0
"""
TITLES = {  # quantity -> (unit, title)
    "scale-start": ("ms", "growth: start, until all processes run"),
    "scale-stop": ("ms", "growth: TERM until PID 1 is gone"),
    "scale-start-used": ("ms", "growth: processor time of PID 1 for the start"),
    "scale-stop-used": ("ms", "growth: processor time of all for the stop"),
    "scale-memory": ("MB", "growth: memory of the supervisor (PSS)"),
    "scale-status": ("ms", "growth: `status` of all processes"),
    "scale-reload": ("ms", "growth: `reload` when nothing has changed"),
    "scale-changed": ("ms", "growth: `reload` when one program has changed, until it is up"),
}
THEIRS: dict[str, Callable[[Crowd], float]] = {
    "scale-start": lambda run: run.started_s * 1000,
    "scale-stop": lambda run: run.stopped_s * 1000,
    "scale-memory": lambda run: run.pss_mb,
}
KERNEL = ("scale-start", "scale-stop")
TURNS = {"scale-status": 5, "scale-reload": 3}  # times a round: the median of them counts


@dataclass
class Scale:
    """The rounds made so far: quantity -> number of processes -> values."""

    plan: Plan
    crowds: Crowds  # of the other rows: what peers do there, they need not do again
    found: dict[str, dict[int, list[float]]] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)

    def make(self) -> None:
        """Make all rounds, unless they are made already."""
        if self.found:
            return
        sizes = QUICK_SIZES if self.plan.quick else SIZES
        rounds = self.plan.size(ROUNDS, 1)
        for number in range(rounds):
            ground.say(f"growth: round {number + 1} of {rounds}, up to {sizes[-1]:,} processes")
            for size in sizes:
                self._once(size)
                peers = tuple(each for each, most in PEERS.items() if size <= most)
                self.crowds.make(peers, size, number + 1)

    def _once(self, size: int) -> None:
        if size in self.failed:
            return
        try:
            values = _ours(size)
        except (Failed, OSError, NoSupervisor, Refused) as error:
            self.failed[size] = str(error).splitlines()[0]
            ground.say(f"growth: pyinit with {size}: {error}")
            return
        for quantity, value in values.items():
            self.found.setdefault(quantity, {}).setdefault(size, []).append(value)


def row(name: str, scale: Scale) -> Result:
    """Return one quantity as a row."""
    unit, title = TITLES[name]
    made = Result(name, title, unit, kind="curve")
    scale.make()
    made.notes.append(
        f"A process of {SIZES[-1]:,} may cost no more than {STEEPEST} times what one of "
        f"{SIZES[-2]:,} does; the constant part, which is what one alone takes, is taken away first"
    )
    ours = scale.found.get(name, {})
    for size, values in ours.items():
        made.of(label(who.PYINIT.name, size)).values.extend(values)
    for size, why in scale.failed.items():
        made.of(label(who.PYINIT.name, size)).why_not = why
    if name in THEIRS:
        for peer in PEERS:
            for size in sorted(ours):
                found = scale.crowds.runs.get((peer.name, size), ())
                made.of(label(peer.name, size)).values.extend([THEIRS[name](run) for run in found])
        made.samples = [each for each in made.samples if each.values or each.why_not]
    check = linear(_medians(made, who.PYINIT.name), 1.0)
    if name in KERNEL:
        theirs = linear(_medians(made, who.S6.name), 1.0)
        grown = 1.0 if theirs is None or theirs.bound == 0 else max(1.0, theirs.value)
        made.notes.append(
            f"The kernel's part grows, too: for s6 by {grown:.2f} in the same run, which is "
            f"allowed on top; processor time has a row of its own, and no allowance"
        )
        check = linear(_medians(made, who.PYINIT.name), grown)
    if check is not None:
        made.checks.append(check)
    return made


def _medians(row: Result, contender: str) -> dict[int, float]:
    names = {size: label(contender, size) for size in (*SIZES, *QUICK_SIZES)}
    return {size: row.of(name).median for size, name in names.items() if row.has(name)}


def linear(values: dict[int, float], grown: float = 1.0) -> Check | None:
    """Compare what a process costs at the two largest numbers; None without three of them.

    `values` are by number of processes; the smallest number stands for the constant part.  `grown`
    is what it may have grown by besides.
    """
    sizes = sorted(values)
    if len(sizes) < 3:
        return None
    least, before, most = sizes[0], sizes[-2], sizes[-1]
    constant = values[least]
    at = {size: (values[size] - constant) / (size - least) for size in (before, most)}
    if at[before] <= 0:  # too cheap to be told from nothing: then neither may the most
        return Check(f"grown from {least} to {most:,} processes", values[most] - constant, 0.0)
    text = f"a process at {most:,} / at {before:,}"
    return Check(text, at[most] / at[before], STEEPEST * grown)


def _ours(size: int) -> dict[str, float]:
    with who.PYINIT.start(who.Setup(number=size, init=CONTROL)) as arena:
        found = _settled(arena, size)
        found["scale-start-used"] = cpu_s(arena.pid) * 1000
        place = arena.scratch / "pyinit.toml"
        with Client(str(arena.scratch / "control.sock")) as client:
            for quantity, turns in TURNS.items():
                verb = quantity.removeprefix("scale-")
                found[quantity] = median([_asked_ms(client, verb) for _ in range(turns)])
            _change_one(place)
            found["scale-changed"] = _asked_ms(client, "reload")
        before_s = quiet.used_s()
        found["scale-stop"] = arena.stop(timeout_s=STOP_S) * 1000
        after_s = quiet.used_s()
        if before_s is not None and after_s is not None:
            found["scale-stop-used"] = (after_s - before_s) * 1000
        return found


def _settled(arena: Arena, size: int) -> dict[str, float]:
    """Wait until all run, and nothing happens any more; return what that took, and takes."""
    arena.wait_notes(size, START_S)
    started_ms = (max(arena.notes("start")) - arena.start_ns) / 1e6
    time.sleep(SETTLE_S)
    return {"scale-start": started_ms, "scale-memory": arena.pss_kb() / MB}


def _asked_ms(client: Client, verb: str) -> float:
    began = time.monotonic()
    client.call(verb, answer_s=ANSWER_S)
    return (time.monotonic() - began) * 1000


def _change_one(place: Path) -> None:
    text = place.read_text()
    place.write_text(text.replace("[program.p0]\n", "[program.p0]\nnice = 1\n", 1))
