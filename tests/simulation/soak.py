"""A long soak: world after world until so many events have gone by, each world from its seed.

    python tests/simulation/soak.py --events 1000000 [--seed N] [--moves 40] [--jobs 2] [--awake]
    python tests/simulation/soak.py --seed N --only 3,17,29     those moves of a world, step by step

A broken property is printed when it is found, with the moves that it takes, the last steps, and the
command that plays them again.  The soak goes on, so that one night tells of all of them, and ends
with 1.  With --awake bugs that are planted in copies of the core must be noticed first: who sleeps
finds nothing either.  Each job has seeds of its own; `--events 1 --seed N` plays one world again.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import operations
import planting
from shrinking import Moves, attempt, first_line, shape
from world import World

from pyinit.core.record import Record

SAY_EVERY_S = 10.0
SEEDS_OF_A_JOB = 10_000_000
MOST_SHRUNK = 20  # broken worlds of a job that are made small, each of another kind
MOST_BROKEN = 200  # of a job: then a night of it would tell no more
WORLDS_TO_NOTICE = 100
TO_BE_NOTICED = (  # of each part of the core one that is seen soon, as long as anybody looks
    "what was stopped comes back",
    "a run id is used again",
    "KILL comes before the grace period is over",
    "it never gives up",
    "stale news is taken for new",
    "an orphan is left behind",
    "the old run is left before the new one is up",
)


class Soak:
    """One job: what it has played, and what it has found broken."""

    def __init__(self, seed=0, moves=40, make=World):
        self.seed, self.moves, self.make = seed, moves, make
        self.fed = self.worlds = 0
        self.broken = {}  # seed -> the first line of what is broken
        self.shapes = set()

    def run(self, events):
        """Play worlds until `events` have been fed, whatever they show."""
        started = said = time.monotonic()
        while self.fed < events and len(self.broken) < MOST_BROKEN:
            self._play(self.seed)
            self.seed += 1
            now = time.monotonic()
            if now - said >= SAY_EVERY_S:
                said = now
                rate = self.fed / (now - started)
                _say(f"{self.fed} events in {self.worlds} worlds, {rate:.0f} a second")

    def _play(self, seed):
        made = []

        def play():
            made.append(self.make(seed))
            operations.play(made[0], self.moves)

        error = attempt(play)
        self.worlds += 1
        self.fed += made[0].steps if made else 1
        if error is not None:
            self.broken[seed] = first_line(error)
            _say(self._told(seed, error))

    def _told(self, seed, error):
        kind = shape(error)
        if kind in self.shapes or len(self.shapes) >= MOST_SHRUNK:
            again = command(seed, self.moves, ("all",))
            return f"broken: {first_line(error)}\nto see it: {again}"
        self.shapes.add(kind)
        return smallest(seed, self.moves, self.make)


def command(seed, moves, only):
    """Return what plays moves of the world of `seed` again, step by step."""
    numbers = ",".join([str(each) for each in only]) or "none"
    return f"python tests/simulation/soak.py --seed {seed} --moves {moves} --only {numbers}"


def smallest(seed, moves, make=World):
    """Return what it takes to break a property in the world of `seed`, and how."""
    found = Moves(seed, moves, make)
    if found.broken is None:
        return f"broken: seed {seed}, and not when it is played again"
    kept = found.shrunk()
    made = "".join([f"  {n}: {kind} {a} {b}\n" for n, kind, a, b, _ in found.moves if n in {*kept}])
    text = f"broken: {first_line(found.broken)}\nseed {seed} takes these moves:\n{made}"
    text += f"and then: {found.replay({*kept})}\n"
    return f"{text}to see it, step by step: {command(seed, moves, kept)}"


class Told(World):
    """A world that tells each of its steps."""

    def note(self, event, effects):
        super().note(event, effects)
        print(self.core.trace.write(self.now, event, effects), end="")
        if isinstance(event, (self.core.events.Boot, self.core.events.PlanLoaded)):
            plan = getattr(event, "plan", self.plan)
            told = [brief(each) for each in (plan.init, *plan.processes)]
            print("plan:", *told, sep="\n    ")


def brief(value):
    """Return a value in words; of a record, and those in it, what is not as it is by default."""
    if isinstance(value, Record):
        usual = type(value).__defaults__
        fields = [(each, getattr(value, each)) for each in type(value).__match_args__]
        told = [f"{each}={brief(one)}" for each, one in fields if one != usual.get(each)]
        return f"{type(value).__name__}({', '.join(told)})"
    if isinstance(value, tuple):
        return f"({', '.join([brief(each) for each in value])})"
    return repr(value)


def replay(seed, moves, only):
    """Play chosen moves of the world of `seed`, "all" or "none", and tell every step."""
    found = Moves(seed, moves)
    numbers = {each[0] for each in found.moves}
    if only != "all":
        numbers = {int(each) for each in only.split(",") if only != "none"}
    found.make = Told
    error = found.replay(numbers)
    print(f"broken: {first_line(error)}" if error is not None else "every property held")
    return int(error is not None)


def overlooked():
    """Return the name of a planted bug that no world notices, None if each of them is noticed."""
    with tempfile.TemporaryDirectory() as place:
        for name in TO_BE_NOTICED:
            with planting.planted(planting.bug(name), Path(place)) as core:
                if planting.first_world(core, range(WORLDS_TO_NOTICE)) is None:
                    return name
    return None


def share(args):
    """Play in several processes, each with its share of the events; return the worst status."""
    words = [sys.executable, __file__, "--events", str(-(-args.events // args.jobs))]
    words += ["--moves", str(args.moves)]
    seeds = [str(args.seed + number * SEEDS_OF_A_JOB) for number in range(args.jobs)]
    jobs = [subprocess.Popen([*words, "--seed", seed]) for seed in seeds]
    return max([abs(job.wait()) for job in jobs])


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--moves", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--awake", action="store_true", help="notice planted bugs first")
    parser.add_argument("--only", help="numbers of moves, or all: play them, and tell every step")
    args = parser.parse_args(words)
    if args.only:
        return replay(args.seed, args.moves, args.only)
    asleep = overlooked() if args.awake else None
    if asleep is not None:
        print(f"nobody notices a planted bug: {asleep}", file=sys.stderr)
        return 1
    if args.jobs > 1:
        return share(args)
    started = time.monotonic()
    soak = Soak(args.seed, args.moves)
    soak.run(args.events)
    took_s = time.monotonic() - started
    text = f"{soak.fed} events in {soak.worlds} worlds, in {took_s:.0f} s"
    if soak.broken:
        seeds = "".join([f"\n  {seed}: {line}" for seed, line in soak.broken.items()])
        print(f"{text}: {len(soak.broken)} worlds are broken:{seeds}", file=sys.stderr)
        return 1
    _say(f"{text}: every property held")
    return 0


def _say(text):
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
