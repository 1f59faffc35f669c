"""Which promise is the first to notice which planted bug, and which promises never are.

    python tests/simulation/noticing.py [--worlds 100]

A promise that is never the first may still be the only one that notices something rarer; but
nothing shows so far that it could.
"""

import argparse
import ast
import itertools
import sys
import tempfile
import traceback
from pathlib import Path

import operations
import planting
from planted import BUGS
from properties import Violation
from world import World

HERE = Path(__file__).parent
MAKERS = ("condemning", "dependents", "operations", "promises", "properties", "rolling", "world")


def promises():
    """Return where something is promised, as {(module, line): what is said when it is broken}."""
    found = {}
    for name in MAKERS:
        for node in ast.walk(ast.parse(Path(HERE, f"{name}.py").read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("fail"):
                found[name, node.lineno] = ast.unparse(node.args[1])
    return found


def place_of(error):
    """Return where the promise was made that `error` says is broken."""
    frames = traceback.extract_tb(error.__traceback__)
    callers = [frame for frame, inner in itertools.pairwise(frames) if inner.name == "fail"]
    return (Path(callers[-1].filename).stem, callers[-1].lineno) if callers else None


def first(core, worlds):
    """Return the seed of the first world that goes wrong, and by which promise; None if none does."""
    for seed in range(worlds):
        try:
            operations.play(World(seed, core))
        except Violation as error:
            return seed, place_of(error), str(error).partition("\n")[0]
        except (RecursionError, LookupError) as error:
            return seed, None, repr(error)
    return None


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--worlds", type=int, default=100)
    args = parser.parse_args(words)
    made = promises()
    told = {place: [] for place in made}
    with tempfile.TemporaryDirectory() as place:
        for bug in BUGS:
            with planting.planted(bug, Path(place)) as core:
                found = first(core, args.worlds)
            if found is None:
                print(f"{bug[0]}: not noticed in {args.worlds} worlds", flush=True)
                continue
            seed, where, said = found
            print(f"{bug[0]}: world {seed}, {said}", flush=True)
            told.setdefault(where, []).append(bug[0])
    for where, bugs in told.items():
        if not bugs:
            module, line = where
            print(f"never the first: {module}.py:{line}: {made[where]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
