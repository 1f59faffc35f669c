"""Twenty programs that each print 10,000 lines a second, one write(2) a line: is any line lost?"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from statistics import median

from bench import contenders as who
from bench.arena import Arena, Failed
from bench.judge import Check, Result
from bench.rounds import Plan, interleave

PROGRAMS, RATE, LENGTH = 20, 10_000, 80
KEEPS_UP = 0.95  # of the rate that is asked for: the programs were not held up
STILL_S, LIMIT_S = 1.0, 60.0
FILES, PREFIXED = "pyinit, a file each", "pyinit, stdout with prefix"
TOML_FILE = 'stdout = { file = "/scratch/out-p%d", max_size = 0 }'
TOML_PREFIX = 'stdout = "prefix"'
THEIRS = "supervisord, a file each"


class Lines:
    """The rounds of both rows: what is lost, and how many lines a second go through."""

    def __init__(self, plan: Plan) -> None:
        self._seconds = plan.size(4, 2)
        self._rounds = plan.size(5, 1)
        self._rates: dict[str, list[float]] = {}
        self._used_s: dict[str, list[float]] = {}
        self._lost: Result | None = None

    def lost(self) -> Result:
        """Return the lines that never came, of 20 x 10,000 a second."""
        if self._lost is not None:
            return self._lost
        total = PROGRAMS * RATE * self._seconds
        row = Result("lines", f"lines lost of {total:,} that 20 programs print", "lines")
        setup = self._setup()
        calls = {
            FILES: partial(self._round, FILES, who.PYINIT, _toml(setup, TOML_FILE)),
            PREFIXED: partial(self._round, PREFIXED, who.PYINIT, _toml(setup, TOML_PREFIX)),
            THEIRS: partial(self._round, THEIRS, who.SUPERVISORD, setup),
        }
        interleave(row, calls, self._rounds)
        row.notes.append(f"10,000 lines of {LENGTH} bytes a second each, a write(2) for every line")
        for name in (FILES, PREFIXED):
            if row.has(name):
                row.checks.append(Check(f"{name}: lost", max(row.of(name).values), 0.0))
        self._lost = row
        return row

    def rate(self) -> Result:
        """Return how many lines a second go through: who is held up prints fewer."""
        self.lost()
        title = f"lines a second from 20 programs that want to print {PROGRAMS * RATE:,}"
        row = Result("lines-rate", title, "lines/s", more_is_better=True)
        for name, values in self._rates.items():
            row.of(name).values.extend(values)
        for name, used in self._used_s.items():
            row.notes.append(f"Processor time of PID 1 for a second of it: {name} {_ms(used)} ms")
        for name in (FILES, PREFIXED):
            if row.has(name):
                value = row.of(name).median
                row.checks.append(Check(name, value, PROGRAMS * RATE * KEEPS_UP, at_most=False))
        return row

    def _setup(self) -> who.Setup:
        count = RATE * self._seconds
        words = (who.PROBE, "lines", who.NOTES, str(RATE), str(count), str(LENGTH))
        return who.Setup(words, number=PROGRAMS, output="each")

    def _round(self, name: str, contender: who.Contender, setup: who.Setup) -> float:
        count = RATE * self._seconds
        with contender.start(setup) as arena:
            arena.wait(lambda: len(arena.notes("done")) == PROGRAMS, LIMIT_S, "to print")
            used_s = cpu_s(arena.pid)
            took_s = (max(arena.notes("done")) - min(arena.notes("start"))) / 1e9
            self._rates.setdefault(name, []).append(PROGRAMS * count / took_s)
            self._used_s.setdefault(name, []).append(used_s / took_s)
            places = [arena.scratch / "said"]
            if name != PREFIXED:
                places = [arena.scratch / f"out-p{number}" for number in range(PROGRAMS)]
            _wait_still(arena, places)
            return float(missing(places, count, marked=name == PREFIXED))


def _toml(setup: who.Setup, stdout: str) -> who.Setup:
    return who.Setup(setup.words, number=setup.number, stdout=stdout)


def missing(places: list[Path], count: int, *, marked: bool) -> int:
    """Return how many lines did not come, or came out of order; a file holds `count` of a program.

    With `marked` there is one file of all, and what stands before " | " tells whose a line is.
    """
    if marked:
        expected: dict[bytes, int] = {}
        bad = 0
        with places[0].open("rb") as lines:
            for line in lines:
                name, _, text = line.partition(b" | ")
                if not text[:10].isdigit() or len(text) != LENGTH:
                    continue  # what pyinit says itself
                number, due = int(text[:10]), expected.get(name, 0)
                bad += number != due
                expected[name] = number + 1
        came = sum(expected.values())
        return bad + PROGRAMS * count - came
    return sum(_missing(place, count) for place in places)


def _missing(place: Path, count: int) -> int:
    """Return how many lines of 0, 1, 2... are not in their places."""
    data = place.read_bytes()
    came = len(data) // LENGTH
    right = sum(
        int(data[at * LENGTH : at * LENGTH + 10]) == at
        and data[at * LENGTH + LENGTH - 1 : at * LENGTH + LENGTH] == b"\n"
        for at in range(came)
    )
    return max(count, came) - right


def cpu_s(pid: int) -> float:
    """Return the processor time of a process, to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _wait_still(arena: Arena, places: list[Path]) -> None:
    """Wait until no file grows any more."""
    known, changed = -1, time.monotonic()
    until = changed + LIMIT_S
    while time.monotonic() - changed < STILL_S:
        found = sum(place.stat().st_size for place in places)
        if found != known:
            known, changed = found, time.monotonic()
        if time.monotonic() > until:
            raise Failed(f"{arena.argv[0]}: its files never stand still")
        time.sleep(0.02)


def _ms(values: list[float]) -> str:
    return f"{median(values) * 1000:.0f}"
