"""A long soak: world after world until so many events have gone by, each world from its seed.

    python tests/simulation/soak.py --events 1000000 [--seed N] [--moves 40] [--jobs 2]

Ends with 1 at the first broken property, having printed it with the moves that it takes and the
last steps; `--events 1 --seed N` plays that world again.  Each job has seeds of its own.
"""

import argparse
import subprocess
import sys
import time

import operations
from properties import Violation
from shrinking import Moves
from world import World

SAY_EVERY_S = 10.0
SEEDS_OF_A_JOB = 10_000_000


def soak(events, seed=0, moves=40, say=print):
    """Play worlds until `events` have been fed; return (events, worlds, next seed)."""
    fed, first = 0, seed
    started = said = time.monotonic()
    while fed < events:
        try:
            fed += operations.play(World(seed), moves).steps
        except Violation:
            say(smallest(seed, moves))
            raise
        seed += 1
        now = time.monotonic()
        if now - said >= SAY_EVERY_S:
            said = now
            say(f"{fed} events in {seed - first} worlds, {fed / (now - started):.0f} a second")
    return fed, seed - first, seed


def smallest(seed, moves):
    """Return what it takes to break a property in the world of `seed`, and how."""
    found = Moves(seed, moves)
    kept = found.shrunk()
    made = "".join([f"  {kind} {a} {b}\n" for n, kind, a, b, _ in found.moves if n in {*kept}])
    return f"seed {seed} takes these moves:\n{made}and then: {found.replay({*kept})}"


def share(args):
    """Play in several processes, each with its share of the events; return the worst status."""
    words = [sys.executable, __file__, "--events", str(-(-args.events // args.jobs))]
    words += ["--moves", str(args.moves)]
    seeds = [str(args.seed + number * SEEDS_OF_A_JOB) for number in range(args.jobs)]
    jobs = [subprocess.Popen([*words, "--seed", seed]) for seed in seeds]
    return max([job.wait() for job in jobs])


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--moves", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args(words)
    if args.jobs > 1:
        return share(args)
    try:
        fed, worlds, _ = soak(args.events, args.seed, args.moves)
    except Violation as violation:
        print(f"broken: {violation}", file=sys.stderr)
        return 1
    print(f"{fed} events in {worlds} worlds: every property held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
