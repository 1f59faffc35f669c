"""`python -m bench.ageing`: grow old under load, and see whether anything grows with it.

Two pyinits run beside each other as PID 1, under the same load (bench.wear): one is left alone,
the other re-executes itself every two minutes.  What they use is sampled all the while; after the
warm-up every curve must be flat (bench.flat).  Before it, the core alone lives through a simulated
day (bench.day).  Results go to bench/results/ageing.json and .svg; docs/performance.md shows them
from the next `python -m bench --report` on.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from bench import aged, day, ground, report
from bench.arena import Arena
from bench.arena import field as number_of
from bench.flat import Curve
from bench.judge import Check
from bench.wear import Worn

RESULTS = ground.HERE / "results"
REEXEC_S = 120.0
SAY_S = 60.0
LOOKS, LOOK_S = 4, 0.15  # a child that is just forked shares our pages: the most of a few counts
TENTH = 0.1  # of the answers, the fastest: what else runs on the machine moves the median
KEPT: dict[str, tuple[str, float | None, bool]] = {
    # name -> (unit, what it may have grown by, as a share of its median?)
    # Five followers who are not given the processor for a moment may have 256 kB waiting each, and
    # what was handed out for that is not all given back; a leak in restarts has a row of its own.
    "memory": ("kB", 1024.0, False),
    "descriptors": ("", 1.0, False),
    "zombies": ("", 0.5, False),
    "control latency, fastest tenth": ("ms", 0.5, True),
    "control latency, median": ("ms", None, False),
    "wake-ups": ("a second", 0.2, True),
    "processor": ("% of one", 0.3, True),
    "gateway's memory": ("kB", 1024.0, False),
    "gateway's descriptors": ("", 1.0, False),
}
LOST_MOST = 0  # faults of clients: requests that failed, pages with an error


@dataclass
class Life:
    """The samples of one pyinit."""

    worn: Worn
    rows: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _sleeps: int = 0
    _ticks: int = 0
    _at: float = 0.0

    def sample(self, at: float) -> None:
        """Take one sample of everything, `at` seconds after the beginning."""
        arena = self.worn.arena
        pid, web = arena.pid, self.worn.gateway()
        sizes: dict[int, list[int]] = {pid: [], web: []}
        zombies: set[int] | None = None
        for _ in range(LOOKS):
            for each, found in sizes.items():
                found.append(number_of(each, "smaps_rollup", "Pss") if each else 0)
            seen = _zombies(arena)
            zombies = seen if zombies is None else zombies & seen
            time.sleep(LOOK_S)
        self._keep(at, "memory", max(sizes[pid]))
        self._keep(at, "descriptors", _descriptors(pid))
        self._keep(at, "zombies", len(zombies or ()))
        if web:
            self._keep(at, "gateway's memory", max(sizes[web]))
            self._keep(at, "gateway's descriptors", _descriptors(web))
        asked = sorted(self.worn.asked_s())
        if asked:
            tenth = asked[int(len(asked) * TENTH)]
            self._keep(at, "control latency, fastest tenth", tenth * 1000)
            self._keep(at, "control latency, median", median(asked) * 1000)
        self._rates(at, pid)

    def _rates(self, at: float, pid: int) -> None:
        sleeps = number_of(pid, "status", "voluntary_ctxt_switches")
        ticks = _ticks(pid)
        if self._at:
            gone_s = at - self._at
            self._keep(at, "wake-ups", (sleeps - self._sleeps) / gone_s)
            share = (ticks - self._ticks) / os.sysconf("SC_CLK_TCK") / gone_s
            self._keep(at, "processor", share * 100)
        self._at, self._sleeps, self._ticks = at, sleeps, ticks

    def _keep(self, at: float, name: str, value: float) -> None:
        self.rows.setdefault(name, []).append((round(at, 1), round(value, 3)))

    def curves(self) -> list[Curve]:
        """Return every quantity as a curve that is to be flat."""
        made = []
        for name, (unit, rise, relative) in KEPT.items():
            points = tuple(self.rows.get(name, ()))
            label = f"{self.worn.name}: {name}"
            made.append(Curve(label, unit, points, rise, relative))
        return made


def _descriptors(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def _ticks(pid: int) -> int:
    """Return the processor time of a process, in clock ticks; its children's not."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(words[11]) + int(words[12])


def _zombies(arena: Arena) -> set[int]:
    """Return the children of PID 1 that nobody has reaped at this moment."""
    found = set()
    for pid in Path(f"/proc/{arena.pid}/task/{arena.pid}/children").read_text().split():
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state == "Z":
            found.add(int(pid))
    return found


def live(minutes: float, every_s: float, lives: list[Life]) -> Curve:
    """Sample until the time is over, say something once a minute; return the machine's load."""
    loads: list[tuple[float, float]] = []
    began = time.monotonic()
    said = began
    number = 0
    while time.monotonic() - began < minutes * 60:
        number += 1
        loads.append((round(time.monotonic() - began, 1), os.getloadavg()[0]))
        for life in lives:
            life.sample(time.monotonic() - began)
        if time.monotonic() - said >= SAY_S:
            said = time.monotonic()
            _say(said - began, lives)
        time.sleep(max(0.0, began + number * every_s - time.monotonic()))
    return Curve("the machine: load average", "", tuple(loads))


def _say(gone_s: float, lives: list[Life]) -> None:
    words = [f"{gone_s / 60:.0f} min"]
    for life in lives:
        last = {name: rows[-1][1] for name, rows in life.rows.items()}
        faults = life.worn.counts.get("faults", 0)
        words.append(
            f"{life.worn.name}: {last['memory']:.0f} kB, {last['descriptors']:.0f} descriptors, "
            f"{last.get('control latency, median', 0.0):.1f} ms, {faults} faults"
        )
    print(" | ".join(words), flush=True)


def main() -> int:
    """Grow old; 1 if something has grown, 2 if nothing can run here."""
    parser = argparse.ArgumentParser(prog="python -m bench.ageing", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--every", type=float, default=15.0, metavar="SECONDS", help="samples")
    parser.add_argument("--hours", type=float, default=24.0, help="simulated, before that")
    parser.add_argument("--out", metavar="DIR", type=Path, default=RESULTS)
    parser.add_argument(
        "--judge", action="store_true", help="only judge again what was measured before"
    )
    arguments = parser.parse_args()
    if arguments.judge:
        return _judge(arguments.out)
    print(f"a simulated time of {arguments.hours:g} hours", flush=True)
    simulated = day.live(arguments.hours)
    print(f"{simulated.events:,} events, {simulated.restarts:,} restarts", flush=True)
    try:
        ground.prepare()
    except ground.NoGround as error:
        sys.stderr.write(f"bench: cannot grow old here: {error}\n")
        return 2
    began = report.now()
    with ExitStack() as stack:
        worn = [Worn("left alone", seed=1), Worn("re-executed", reexec_s=REEXEC_S, seed=2)]
        lives = [Life(stack.enter_context(each)) for each in worn]
        load = live(arguments.minutes, arguments.every, lives)
        counts = {each.name: {**each.counts, "restarts": each.restarts()} for each in worn}
    curves = [*simulated.curves(), *[curve for life in lives for curve in life.curves()], load]
    checks = [check for curve in curves if (check := curve.check()) is not None]
    checks += [
        Check(f"{each.name}: faults", each.counts.get("faults", 0), LOST_MOST) for each in worn
    ]
    faults = [f"{each.name}: {text}" for each in worn for text in each.faults]
    notes = aged.Aged(began, arguments.minutes, arguments.hours, counts, curves, checks, faults)
    return _tell(arguments.out, notes)


def _judge(place: Path) -> int:
    """Hold the bounds of today against the curves of before."""
    told = aged.read(place)
    if told is None:
        sys.stderr.write(f"bench: nothing has grown old yet: no {place}/ageing.json\n")
        return 2
    told.curves = [_bounded(curve) for curve in told.curves]
    faults = [check for check in told.checks if check.text.endswith(": faults")]
    told.checks = [check for curve in told.curves if (check := curve.check()) is not None]
    told.checks += faults
    return _tell(place, told)


def _bounded(curve: Curve) -> Curve:
    what = curve.name.partition(": ")[2]
    if curve.name.startswith("simulated") or what not in KEPT:
        return curve
    _, rise, relative = KEPT[what]
    return replace(curve, rise=rise, relative=relative)


def _tell(place: Path, told: aged.Aged) -> int:
    aged.write(place, told)
    for check in told.checks:
        print(check.line())
    for fault in told.faults:
        print(f"fault: {fault}")
    print(f"results: {place}/ageing.json and ageing.svg")
    return 0 if told.verdict == "ok" else 1


if __name__ == "__main__":
    sys.exit(main())
