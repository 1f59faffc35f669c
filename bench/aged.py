"""What growing old has shown, kept as JSON, drawn, and told on the page."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench import curves
from bench.flat import Curve
from bench.judge import Check, shown


@dataclass
class Aged:
    """One run of `python -m bench.ageing`."""

    when: str
    minutes: float
    hours: float
    counts: dict[str, dict[str, int]]
    curves: list[Curve]
    checks: list[Check]
    faults: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """Return ok or FAIL."""
        return "ok" if self.checks and all(check.holds for check in self.checks) else "FAIL"


def write(place: Path, aged: Aged) -> None:
    """Write ageing.json and ageing.svg into `place`."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "ageing.json").write_text(json.dumps(asdict(aged), indent=1) + "\n")
    (place / "ageing.svg").write_text(picture(aged))


def read(place: Path) -> Aged | None:
    """Return what `write` has left in `place`, None if there is none.  Raises ValueError."""
    try:
        found = json.loads((place / "ageing.json").read_text())
    except FileNotFoundError:
        return None
    told = [_curve(each) for each in found.pop("curves")]
    checks = [Check(**each) for each in found.pop("checks")]
    return Aged(**found, curves=told, checks=checks)


def _curve(found: dict[str, object]) -> Curve:
    points = found.pop("points")
    assert isinstance(points, list)
    return Curve(points=tuple((x, y) for x, y in points), **found)  # type: ignore[arg-type]


def picture(aged: Aged) -> str:
    """Return the curves, those of one quantity in one plot."""
    groups: dict[str, list[Curve]] = {}
    for curve in aged.curves:
        who, _, what = curve.name.partition(": ")
        name = f"a simulated time: {what}" if who == "simulated" else what
        groups.setdefault(name, []).append(curve)
    real = [(name, each) for name, each in groups.items() if not name.startswith("a simulated")]
    rest = [(name, each) for name, each in groups.items() if name.startswith("a simulated")]
    title = f"{aged.minutes:g} minutes under load, {aged.hours:g} simulated hours"
    return curves.draw([*real, *rest], title)


def markdown(aged: Aged, picture_place: str) -> list[str]:
    """Return the section of the page."""
    lines = [
        "",
        "## Growing old",
        "",
        f"Measured {aged.when}, by `python -m bench.ageing` (a part of `make soak`).",
        "",
        f"Two pyinits run as PID 1 for {aged.minutes:g} minutes, with 62 processes each, a web",
        "gateway, and all the time: crashes and restarts, lines into files that are rotated (and",
        "compressed), probes, a schedule, reloads that add and remove programs, clients that ask,",
        "clients that follow events and logs, pages and metrics by HTTP.  One is left alone, the",
        f"other re-executes itself every two minutes.  Before it the core lives {aged.hours:g}",
        "simulated hours.",
        "",
        "The first fifth of the time is left out: rings fill, files are rotated for the first",
        "time, caches are made.  Through the rest goes the line that errs least (dotted); a curve",
        "is flat if from its beginning to its end that line rises by no more than the bound.  The",
        "level is the median over the same time.  Memory, descriptors and zombies of what really",
        "runs have a bound in their own unit.  What wavers with the load (latency, and the rates:",
        "wake-ups, processor) and what is simulated has a share of its level for a bound, which",
        "is named beside it.",
        "",
        f"![what they use over time]({picture_place})",
        "",
        "| what | level | grown | bound | verdict |",
        "|---|---|---|---|---|",
    ]
    lines += [_row(check, aged.curves) for check in aged.checks]
    lines += ["", "| what was done | " + " | ".join(aged.counts) + " |"]
    lines.append("|---|" + "---|" * len(aged.counts))
    names = sorted({name for counts in aged.counts.values() for name in counts})
    for name in names:
        done = " | ".join(f"{counts.get(name, 0):,}" for counts in aged.counts.values())
        lines.append(f"| {name} | {done} |")
    if aged.faults:
        lines += ["", "Faults of clients:", ""]
        lines += [f"- {fault.splitlines()[0]}" for fault in aged.faults]
    return lines


def _row(check: Check, told: list[Curve]) -> str:
    """Return a line of the table; what is counted and not drawn has no level."""
    verdict = "ok" if check.holds else "FAIL"
    level, bound = "", shown(check.bound)
    for each in told:
        if each.points and check.text.startswith(f"{each.name}, grown in "):
            level = shown(each.level())
            bound += f" ({100 * each.rise:g} %)" if each.relative and each.rise else ""
    return f"| {check.text} | {level} | {shown(check.value)} | {bound} | {verdict} |"
