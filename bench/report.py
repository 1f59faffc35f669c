"""A run told to people (Markdown), to programs (JSON), and shown (SVG)."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import aged, ground, plot
from bench.judge import Check, Result, Samples, shown


@dataclass(frozen=True)
class Setting:
    """Where and when a run was made."""

    date: str
    machine: str
    load: str
    quick: bool
    how: str
    versions: dict[str, str]


def setting(*, quick: bool, how: str) -> Setting:
    """Return the setting of the run that begins now."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    machine = f"{os.cpu_count()} x {cpu}, {memory_gb:.0f} GB, Linux {platform.release()}"
    return Setting(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        machine=machine,
        load=f"{os.getloadavg()[0]:.1f}",
        quick=quick,
        how=how,
        versions=ground.versions(),
    )


def write(place: Path, where: Setting, results: list[Result]) -> None:
    """Write latest.json, latest.md and a picture of each row into `place`."""
    pictures = place / "plots"
    pictures.mkdir(parents=True, exist_ok=True)
    (place / "latest.json").write_text(json.dumps(as_data(where, results), indent=1) + "\n")
    for row in results:
        (pictures / f"{row.name}.svg").write_text(plot.draw(row))
    (pictures / "bounds.svg").write_text(plot.bounds(results))
    (place / "latest.md").write_text(page(place, where, results, ""))
    old = aged.read(place)
    if old is not None:
        (place / "ageing.svg").write_text(aged.picture(old))


def page(place: Path, where: Setting, results: list[Result], way: str) -> str:
    """Return the page: rows, and what growing old has shown, if `place` has that.

    `way` leads from the page to `place`: "" or "../bench/results/".
    """
    old = aged.read(place)
    text = markdown(where, results, way)
    if old is not None:
        text += "\n".join([*aged.markdown(old, f"{way}ageing.svg"), ""])
    return text


def as_data(where: Setting, results: list[Result]) -> dict[str, object]:
    """Return everything as plain data."""
    return {
        "setting": where.__dict__,
        "rows": [
            {
                "name": row.name,
                "title": row.title,
                "unit": row.unit,
                "verdict": row.verdict,
                "why_not": row.why_not,
                "checks": [{**each.__dict__, "holds": each.holds} for each in row.checks],
                "contenders": [_samples(each) for each in row.samples],
                "notes": row.notes,
                "more_is_better": row.more_is_better,
                "kind": row.kind,
                "when": row.when,
            }
            for row in results
        ],
    }


def read(place: Path) -> list[Result]:
    """Return the rows that `write` has left in `place`.  Raises OSError, ValueError, KeyError."""
    found = json.loads((place / "latest.json").read_text())
    return [_result(row, found["setting"]) for row in found["rows"]]


def read_setting(place: Path) -> Setting:
    """Return the setting of the run that `write` has left.  Raises as `read` does."""
    found = json.loads((place / "latest.json").read_text())
    return Setting(**found["setting"])


def _result(row: dict[str, Any], where: dict[str, str]) -> Result:
    return Result(
        name=row["name"],
        title=row["title"],
        unit=row["unit"],
        samples=[
            Samples(each["name"], each.get("samples", []), each.get("why_not", ""))
            for each in row["contenders"]
        ],
        checks=[
            Check(each["text"], each["value"], each["bound"], each["at_most"])
            for each in row["checks"]
        ],
        notes=row["notes"],
        more_is_better=row.get("more_is_better", False),
        why_not=row["why_not"],
        kind=row.get("kind", "bars"),
        when=row.get("when") or f"{where['date']}, load {where['load']}",
    )


def now() -> str:
    """Return the time and the load average, as a row has them."""
    return f"{datetime.now(UTC).strftime('%Y-%m-%d %H:%M UTC')}, load {os.getloadavg()[0]:.1f}"


def _samples(samples: Samples) -> dict[str, object]:
    if not samples.values:
        return {"name": samples.name, "why_not": samples.why_not}
    return {
        "name": samples.name,
        "median": samples.median,
        "min": min(samples.values),
        "max": max(samples.values),
        "samples": samples.values,
    }


def markdown(where: Setting, results: list[Result], way: str) -> str:
    """Return the page: the verdicts first, then every row in full; pictures are below `way`."""
    versions = ", ".join(f"{name} {version}" for name, version in where.versions.items())
    kind = "a quick run: few rounds, small loads" if where.quick else "a full run"
    lines = [
        "# Performance",
        "",
        "Generated by `make bench`; do not edit.  All numbers of a row are from one run on one",
        "machine, rounds interleaved; shown is the median, in brackets the smallest and largest",
        "value, which are also the thin lines of the pictures.  A row that was measured again says",
        "when.  How far apart the two are, and the load average, tell how quiet the machine was.",
        "",
        f"- {where.date}, {kind}; load average at the start {where.load},",
        f"  measured {where.how}",
        f"- {where.machine}",
        f"- {versions}",
        "- everybody is PID 1 of a PID namespace in the same Debian trixie root with the same",
        "  Python; pyinit runs from the tree that the image holds",
        "",
        "| row | what | bounds | verdict |",
        "|---|---|---|---|",
    ]
    for row in results:
        checks = "<br>".join(check.line() for check in row.checks) or row.why_not
        lines.append(f"| {row.name} | {row.title} | {checks} | {row.verdict} |")
    lines += ["", f"![how much of each bound is used]({way}plots/bounds.svg)"]
    for row in results:
        lines += _row(row, way)
    return "\n".join(lines) + "\n"


def _row(row: Result, place: str) -> list[str]:
    way = "more is better" if row.more_is_better else "less is better"
    lines = ["", f"## {row.title}", ""]
    lines += [f"Measured {row.when}.\n"] if row.when else []
    lines += [f"{note}.\n" for note in row.notes]
    if row.why_not:
        return [*lines, f"Not measured: {row.why_not}"]
    lines += [f"![{row.title}]({place}plots/{row.name}.svg)", ""]
    base = next((each for each in row.samples if each.values), None)
    versus = f"x {base.name}" if base else ""
    lines += [f"| | {row.unit}, {way} | rounds | {versus} |", "|---|---|---|---|"]
    for each in row.samples:
        if each.values and base is not None:
            middle = base.median
            ratio = shown(each.median / middle) if middle else ""
            lines.append(f"| {each.name} | {each.text()} | {len(each.values)} | {ratio} |")
        else:
            lines.append(f"| {each.name} | {each.text()} | | |")
    return lines
