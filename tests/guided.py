"""Fuzzing that is guided by coverage: each target for so many seconds, with what it found before.

    python tests/guided.py [--seconds 60] [TARGET...]        # all of them, one after the other
    python tests/guided.py --again TARGET FILE...             # what a finding does

Inputs that reach new code are kept in var/guided/TARGET, and are where the next run begins.  A
finding is written beside them, and ends the run of its target; the exit status is 1.  It takes
atheris (scripts/setup.sh fuzz); without it the seeds are mutated blindly, and that is said.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "var" / "guided"
CODE = ("pyinit", "cronsim", "tomli")
HANGS_S = 30  # an input that takes longer is a finding
MEMORY_MB = 2048
LONGEST = 4096  # bytes of an input
SLACK_S = 120  # to start, and to end


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--within", help=argparse.SUPPRESS)  # we are the process of one target
    parser.add_argument("words", nargs="*", metavar="TARGET")
    args, more = parser.parse_known_args()
    if args.within:
        return within(args.within, args.words + more)
    import guided_targets

    if args.again:
        for path in args.words[1:]:
            guided_targets.TARGETS[args.words[0]](Path(path).read_bytes())
        return 0
    targets = args.words or list(guided_targets.TARGETS)
    bad = [name for name in targets if not run(name, args.seconds)]
    if bad:
        print(f"guided: findings in {', '.join(bad)}: see {PLACE}")
    return 1 if bad else 0


def run(name, seconds):
    """Run one target in a process of its own; return whether it has found nothing."""
    place = PLACE / name
    (place / "inputs").mkdir(parents=True, exist_ok=True)
    memory = tempfile.mkdtemp(prefix="pyinit-guided-", dir="/dev/shm" if _is_roomy() else None)
    words = [sys.executable, __file__, "--within", name, "--", str(seconds), str(place)]
    started = time.monotonic()
    log = place / "log"
    try:
        with log.open("wb") as out:
            done = subprocess.run(
                words,
                cwd=place,
                env={**os.environ, "TMPDIR": memory, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=seconds + SLACK_S,
                check=False,
            )
        code = done.returncode
    except subprocess.TimeoutExpired:
        code = -1
    finally:
        shutil.rmtree(memory, ignore_errors=True)
    said = log.read_text(errors="replace").splitlines()
    last = [line for line in said if "DONE" in line or line.startswith("tried")]
    took = time.monotonic() - started
    print(
        f"guided: {name}: {'ok' if code == 0 else 'FOUND'} in {took:.0f} s: {last[-1:]}", flush=True
    )
    if code != 0:
        print("\n".join(said[-40:]), flush=True)
    return code == 0


def _is_roomy():
    return os.access("/dev/shm", os.W_OK)


def within(name, words):
    """Be the process of a target."""
    seconds, place = words
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        import atheris
    except ImportError:
        return blindly(name, float(seconds), Path(place))
    with atheris.instrument_imports(include=list(CODE)):
        import guided_targets

        for seed in guided_targets.SEEDS[name]:  # what is imported when it is needed counts, too
            guided_targets.TARGETS[name](seed)
    inputs = Path(place) / "inputs"
    for number, seed in enumerate(guided_targets.SEEDS[name]):
        (inputs / f"seed-{number}").write_bytes(seed)
    listed = Path(place) / "words"
    listed.write_text("".join([f'"{_escaped(word)}"\n' for word in guided_targets.WORDS[name]]))
    options = [f"-max_total_time={seconds}", f"-timeout={HANGS_S}", f"-rss_limit_mb={MEMORY_MB}"]
    options += [
        f"-max_len={LONGEST}",
        "-len_control=20",
        f"-dict={listed}",
        f"-artifact_prefix={place}/found-",
    ]
    atheris.Setup([sys.argv[0], *options, str(inputs)], guided_targets.TARGETS[name])
    atheris.Fuzz()
    return 0


def _escaped(word):
    return "".join([f"\\x{byte:02x}" for byte in word.encode("utf-8", "surrogatepass")])


def blindly(name, seconds, place):
    """Mutate the seeds without knowing what they reach: better than nothing."""
    import guided_targets

    print("not guided: atheris is not here (scripts/setup.sh fuzz)")
    chance = random.Random(time.time_ns())
    until = time.monotonic() + seconds
    tried = 0
    while time.monotonic() < until:
        data = mutated(name, chance)
        tried += 1
        try:
            guided_targets.TARGETS[name](data)
        except BaseException:
            (place / "found-blindly").write_bytes(data)
            raise
    print(f"tried {tried} inputs, not guided")
    return 0


def mutated(name, chance):
    """Return a seed of a target with a few things changed, as `chance` has it."""
    import guided_targets

    seeds = guided_targets.SEEDS[name]
    words = [word.encode("utf-8", "surrogatepass") for word in guided_targets.WORDS[name]]
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 6)):
        at, end = sorted([chance.randint(0, len(data)) for _ in range(2)])
        other = chance.choice(seeds)
        data[at : chance.choice([at, at, end, at + 1])] = chance.choice(
            [
                chance.choice(words),
                chance.randbytes(chance.randint(0, 3)),
                other[: chance.randint(0, len(other))],
                bytes(data[at:end]) * chance.choice([1, 1, 50]),
            ]
        )
    return bytes(data[:LONGEST])


if __name__ == "__main__":
    sys.exit(main())
