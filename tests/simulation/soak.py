"""A long soak: world after world until so many events have gone by, each world from its seed.

    python tests/simulation/soak.py --events 1000000 [--seed N] [--moves 40]

Ends with 1 at the first broken property, having printed it with its seed and its last steps.
"""

import argparse
import sys
import time

import operations
from properties import Violation
from world import World

SAY_EVERY_S = 10.0


def soak(events, seed=0, moves=40, say=print):
    """Play worlds until `events` have been fed; return (events, worlds, next seed)."""
    fed, first = 0, seed
    started = said = time.monotonic()
    while fed < events:
        fed += operations.play(World(seed), moves).steps
        seed += 1
        now = time.monotonic()
        if now - said >= SAY_EVERY_S:
            said = now
            say(f"{fed} events in {seed - first} worlds, {fed / (now - started):.0f} a second")
    return fed, seed - first, seed


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--moves", type=int, default=40)
    args = parser.parse_args(words)
    try:
        fed, worlds, _ = soak(args.events, args.seed, args.moves)
    except Violation as violation:
        print(f"broken: {violation}", file=sys.stderr)
        return 1
    print(f"{fed} events in {worlds} worlds: every property held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
