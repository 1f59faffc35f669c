#!/usr/bin/env python3
"""The night run: every part of it, whatever the others find.

    scripts/soak.py [PART...] [--list]

Each part is a command of its own; what it prints goes to var/soak/PART.log, its last line, its time
and its verdict are shown when it ends, and all of them once more at the end.  Exit status 1 if a
part has found anything.  `make soak` runs all of them, one after the other; it takes a night.

Only the standard library is used; the parts have the project's own Python.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import TypeAlias

    Handler: TypeAlias = Callable[[int, FrameType | None], object] | int | None

TOP = Path(__file__).resolve().parents[1]
LOGS = TOP / "var/soak"
PYTHON = str(TOP / ".venv/bin/python")
CORES = str(os.cpu_count() or 1)
FUZZ = (
    "PYINIT_FUZZ_TIMES=10 exec .venv/bin/python -m pytest -q -n $0 -o timeout=0 -m 'not slow'"
    " tests/unit/*/test_*_anything.py tests/unit/web/test_schema_attack.py"
    " tests/linux/test_*fuzz*.py"
)
GUIDED = "scripts/setup.sh fuzz && exec .venv/bin/python tests/guided.py --seconds 60"
IMAGE = (  # an engine that was there before stays
    "started=; scripts/engine.sh status 2>/dev/null || { scripts/engine.sh start; started=yes; };"
    " trap '[ -z \"$started\" ] || scripts/engine.sh stop 2>/dev/null' EXIT;"
    " scripts/bases.sh && .venv/bin/python tests/docker/image_twice.py"
)
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PARTS = {  # name: what it is, and its command
    "simulation": (
        "1,000,000 events in some 11,000 worlds, planted bugs noticed first",
        (PYTHON, "tests/simulation/soak.py", "--awake", "--jobs", CORES),
    ),
    "reached": (
        "what 3,000 worlds reach: every way, cell, event, effect, verb and line of the core",
        (PYTHON, "tests/simulation/reached.py", "--worlds", "3000", "--lines"),
    ),
    "ageing": (
        "a simulated day, and an hour of two pyinits under load: flat",
        (PYTHON, "-m", "bench.ageing"),
    ),
    "fuzz": ("every input, ten times as much as in the tests", ("sh", "-c", FUZZ, CORES)),
    "guided": ("the same inputs, guided by coverage", ("sh", "-c", GUIDED)),
    "kernel": (
        "forks, memory, disks and clocks that fail, and signals at every moment",
        (PYTHON, "tests/linux/kernel_sweeping.py", "--runs", "300"),
    ),
    "faults": (
        "every function of PID 1 fails: once, twice, for ever, at its boot and at its end",
        (PYTHON, "tests/linux/fault_sweeping.py", "--runs", "40"),
    ),
    "enduring": (
        "10,000 crashes, 100,000 orphans, 500 re-execs, 40 gateways killed",
        (PYTHON, "tests/linux/kernel_enduring.py"),
    ),
    "image": ("two builds of each image, of one digest", ("sh", "-e", "-c", IMAGE)),
}


def main(words: list[str] | None = None) -> int:
    """Run parts; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help="all if none is named")
    parser.add_argument("--list", action="store_true", help="name the parts, and run none")
    args = parser.parse_args(words)
    unknown = [each for each in args.parts if each not in PARTS]
    if unknown:
        parser.error(f"no part is called {unknown[0]!r}; there are {', '.join(PARTS)}")
    if args.list:
        print("\n".join([f"{name:<12} {what}" for name, (what, _) in PARTS.items()]))
        return 0
    handle(dict.fromkeys(STOPS, signal.default_int_handler))
    LOGS.mkdir(parents=True, exist_ok=True)
    told = []
    for name in args.parts or PARTS:
        print(f"soak: {name}: {PARTS[name][0]}", flush=True)
        begun = time.monotonic()
        try:
            status = run(name)
        except KeyboardInterrupt:
            print(f"soak: {name} was interrupted", file=sys.stderr)
            return 130
        verdict = "ok" if status == 0 else f"FAILED ({status})"
        text = f"{name:<12} {verdict:<12} {(time.monotonic() - begun) / 60:6.1f} min  {last(name)}"
        told.append((status, text))
        print(f"soak: {text}", flush=True)
    print("\n".join(["", "== soak", *[text for _, text in told]]))
    if any(status for status, _ in told):
        print(f"what was found is in {LOGS.relative_to(TOP)}/", file=sys.stderr)
        return 1
    return 0


def run(name: str) -> int:
    """Run a part and return its exit status; all that it has started ends with us."""
    _, command = PARTS[name]
    with (LOGS / f"{name}.log").open("wb") as log:
        came: list[int] = []  # signals while we do not know yet what we have started
        kept = handle(dict.fromkeys(STOPS, lambda *it: came.append(it[0])))
        try:
            part = subprocess.Popen(
                command, cwd=TOP, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        except OSError as error:
            log.write(f"cannot execute {command[0]}: {error.strerror}\n".encode())
            handle(kept)
            return 127
        try:
            handle(kept)
            for number in came[:1]:
                signal.default_int_handler(number, None)
            return part.wait()
        except KeyboardInterrupt:
            end(part.pid, signal.SIGTERM)
            part.wait()
            raise
        finally:
            end(part.pid, signal.SIGKILL)


def handle(handlers: dict[signal.Signals, Handler]) -> dict[signal.Signals, Handler]:
    """Handle signals so; return how they were handled."""
    return {number: signal.signal(number, handler) for number, handler in handlers.items()}


def end(group: int, number: int) -> None:
    """Signal what is left of a part."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def last(name: str) -> str:
    """Return the last line that a part has printed."""
    lines = (LOGS / f"{name}.log").read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


if __name__ == "__main__":
    sys.exit(main())
