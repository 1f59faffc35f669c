"""`python -m bench`: prepare the ground, measure every row, write the table, say the verdicts."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from bench import crowds as many
from bench import (
    events,
    ground,
    images,
    lines,
    living,
    printing,
    quiet,
    report,
    rolling,
    scale,
    starting,
)
from bench.arena import Failed
from bench.judge import Result
from bench.rounds import Plan

RESULTS = ground.HERE / "results"
PAGE = ground.REPOSITORY / "docs" / "performance.md"


def rows(plan: Plan) -> dict[str, Callable[[], Result]]:
    """Return the rows by name, in the order of the contract's table."""
    shared = many.Crowds(plan)
    printed = lines.Lines(plan)
    grown = scale.Scale(plan, shared)
    return {
        "start": lambda: starting.start(plan),
        "memory": lambda: many.memory(plan, shared),
        "thousand": lambda: many.thousand(plan, shared),
        "restart": lambda: living.restart(plan),
        "idle": lambda: many.idle(plan, shared),
        "signal": lambda: living.signals(plan),
        "term": lambda: living.term(plan),
        "orphans": lambda: living.orphans(plan),
        "raw": lambda: printing.raw(plan),
        "prefixed": lambda: printing.prefixed(plan),
        "stop": lambda: many.stop(plan, shared),
        "stop-used": lambda: many.stop_used(plan, shared),
        "growth": lambda: living.growth(plan),
        "image": lambda: images.size(plan),
        "rolling": lambda: rolling.failed(plan),
        "lines": printed.lost,
        "lines-rate": printed.rate,
        "events": lambda: events.told(plan),
        **{name: partial(scale.row, name, grown) for name in scale.TITLES},
    }


def main() -> int:
    """Run the benchmarks that were asked for; 1 if a bound does not hold, 2 if nothing can run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds and small loads")
    parser.add_argument("--only", metavar="ROW", action="append", help="only this row; repeats")
    parser.add_argument(
        "--again",
        metavar="ROW",
        action="append",
        help="this row anew, the others kept; repeats",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="where results go")
    parser.add_argument("--list", action="store_true", help="name the rows and stop")
    parser.add_argument(
        "--source", metavar="DIR", type=Path, default=ground.REPOSITORY, help="measure that tree"
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="measure nothing: write the page and the pictures anew from what was measured",
    )
    arguments = parser.parse_args()
    plan = Plan(quick=arguments.quick)
    known = rows(plan)
    if arguments.list:
        print("\n".join(known))
        return 0
    if arguments.report:
        place = arguments.out or RESULTS
        _write(place, report.read_setting(place), report.read(place), page=arguments.out is None)
        return 0
    chosen = arguments.only or arguments.again or list(known)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}\n    there are: {', '.join(known)}")
    try:
        ground.prepare(arguments.source)
    except ground.NoGround as error:
        sys.stderr.write(f"bench: cannot measure anything: {error}\n")
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):  # who is measured ends with us
        signal.signal(number, signal.default_int_handler)
    with quiet.group() as how:
        where = report.setting(quick=plan.quick, how=how)
        results = [
            _measure(name, known[name], f"{number}/{len(chosen)}")
            for number, name in enumerate(chosen, 1)
        ]
    if arguments.again:
        results = _merged(known, results)
    place = arguments.out or RESULTS
    _write(place, where, results, page=not arguments.only and arguments.out is None)
    print(f"\nresults: {place}/latest.md")
    return 1 if any(row.verdict == "FAIL" for row in results) else 0


def _write(place: Path, where: report.Setting, results: list[Result], *, page: bool) -> None:
    report.write(place, where, results)
    if page:
        PAGE.write_text(report.page(place, where, results, "../bench/results/"))


def _merged(known: Iterable[str], results: list[Result]) -> list[Result]:
    """Return the rows of the last run with `results` in their places."""
    rows = {row.name: row for row in (*report.read(RESULTS), *results)}
    return [rows[name] for name in known if name in rows]


def _measure(name: str, call: Callable[[], Result], turn: str = "") -> Result:
    ground.say(f"row {turn or '1'}: {name}")
    began = time.monotonic()
    when = report.now()
    try:
        row = call()
    except (Failed, OSError) as error:
        row = Result(name, name, "", why_not=str(error).splitlines()[0])
        ground.say(f"{name}: {error}")
    row.when = when
    print(f"{name:14} {row.verdict:12} {time.monotonic() - began:6.1f} s  {row.why_not}")
    for each in row.samples:
        print(f"    {each.name:38} {each.text()} {row.unit if each.values else ''}")
    for check in row.checks:
        print(f"    {check.line()}")
    sys.stdout.flush()
    return row


if __name__ == "__main__":
    sys.exit(main())
