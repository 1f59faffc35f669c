"""The pictures of a run, as SVG written by hand: one for each row, and one of all bounds.

Bars are medians, the thin line through a bar's end goes from the smallest to the largest value.
Where the largest is many times the smallest, the scale is logarithmic and the picture says so.
"""

from __future__ import annotations

from collections.abc import Callable
from math import floor, log10
from xml.sax.saxutils import escape

from bench.judge import Check, Result, Samples, shown

WIDTH, LEFT, RIGHT = 820, 250, 150
BAR, GAP, HEAD = 16, 5, 34
SPREAD = 30.0  # from here on a linear scale would hide the small ones
CURVE_W, CURVE_H = 520, 220
Place = Callable[[float], float]
OURS = ("pyinit", "default", "core", "median", "99 of 100", "the latest")
# A picture on a page follows the reader's choice by itself, where the page shows it as an image.
STYLE = """<style>
.back{fill:#ffffff} .ink{fill:#1f2421} .faint{fill:#5f6863} .bar0{fill:#2f7d57} .bar1{fill:#b3b9b5}
.bad{fill:#b3402e}
.axis{stroke:#8b948f;fill:none} .warm{fill:#f0f1ef} .span{stroke:#1f2421;fill:none}
.series0{fill:#2f7d57} .series1{fill:#a8571b} .series2{fill:#3d6fb0}
.line0,.line1,.line2{fill:none;stroke-width:1.6} .line0{stroke:#2f7d57} .line1{stroke:#a8571b}
.line2{stroke:#3d6fb0} .judged{fill:none;stroke:#1f2421;stroke-width:1;stroke-dasharray:2 3}
@media (prefers-color-scheme: dark){
.back{fill:#0d1117} .ink{fill:#e6eae8} .faint{fill:#98a29d} .bar0{fill:#4fb584} .bar1{fill:#59625e}
.bad{fill:#e0705c}
.axis{stroke:#6c7671} .warm{fill:#1a2129} .span{stroke:#e6eae8}
.series0{fill:#4fb584} .series1{fill:#e0964f} .series2{fill:#7fb0ea}
.line0{stroke:#4fb584} .line1{stroke:#e0964f} .line2{stroke:#7fb0ea} .judged{stroke:#e6eae8}
}
</style>"""


def draw(row: Result) -> str:
    """Return the picture of a row."""
    return _curves(row) if row.kind == "curve" else _bars(row)


def bounds(results: list[Result]) -> str:
    """Return how much of its bound each check uses; what is beyond the line does not hold."""
    checks = [(row, check) for row in results for check in row.checks]
    left, width = 430, WIDTH - 430 - 130
    parts = [_text(10, 22, "how much of each bound is used", "ink", bold=True)]
    top, before = HEAD, ""
    for row, check in checks:
        if row.name != before:
            parts.append(_text(10, top + BAR - 4, row.name, "ink", bold=True))
        before = row.name
        used = used_of(check)
        kind = "bar0" if check.holds else "bad"
        middle = top + BAR - 4
        length = max(1.0, min(used, 1.25) * width / 1.25)
        parts += [
            _text(left - 8, middle, check.text, "ink", anchor="end"),
            f'<rect class="{kind}" x="{left}" y="{top}" width="{length:.1f}" height="{BAR}"/>',
            _text(left + max(length, width / 1.25) + 8, middle, f"{used:.0%}", "faint"),
        ]
        top += BAR + GAP
    line = left + width / 1.25
    parts.append(f'<path class="span" d="M{line:.1f} {HEAD - 4}V{top}"/>')
    return _sheet(parts, top + 8)


def used_of(check: Check) -> float:
    """Return which share of its bound a check uses: more than one is a failure."""
    value, bound = (check.value, check.bound) if check.at_most else (check.bound, check.value)
    if bound > 0:
        return max(0.0, value / bound)
    return 0.0 if check.holds else 2.0


def _bars(row: Result) -> str:
    samples = [each for each in row.samples if each.values]
    way = "more is better" if row.more_is_better else "less is better"
    largest = max([max(each.values) for each in samples], default=1.0) or 1.0
    positive = [each.median for each in samples if each.median > 0]
    logarithmic = bool(positive) and largest / min(positive) > SPREAD
    smallest = min(positive, default=1.0) / 3
    title = f"{row.title} [{row.unit}, {way}{', logarithmic scale' if logarithmic else ''}]"
    parts = [_text(10, 22, title, "ink", bold=True)]

    def place(value: float) -> float:
        room = WIDTH - LEFT - RIGHT
        if not logarithmic:
            return max(0.0, value) / largest * room
        return max(0.0, log10(max(value, smallest) / smallest) / log10(largest / smallest)) * room

    top = HEAD
    for each in samples:
        parts += _bar(each, place, top, row)
        top += BAR + GAP
    return _sheet(parts, top + 8)


def _bar(each: Samples, place: Place, top: float, row: Result) -> list[str]:
    length = max(1.0, place(each.median))
    middle, centre = top + BAR - 4, top + BAR / 2
    low, high = LEFT + place(min(each.values)), LEFT + place(max(each.values))
    kind = "bar0" if each.name.startswith(OURS) else "bar1"
    found = [
        _text(LEFT - 8, middle, each.name, "ink", anchor="end"),
        f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR}"/>',
        _text(max(high, LEFT + length) + 8, middle, f"{shown(each.median)} {row.unit}", "ink"),
    ]
    if len(each.values) > 1:
        ends = f"M{low:.1f} {centre - 4}v8M{high:.1f} {centre - 4}v8"
        found.append(f'<path class="span" d="M{low:.1f} {centre}H{high:.1f}{ends}"/>')
    return found


def _curves(row: Result) -> str:
    """Draw the medians over the number of programs, both scales logarithmic."""
    lines: dict[str, list[tuple[float, Samples]]] = {}
    for each in row.samples:
        name, _, size = each.name.rpartition(", ")
        if each.values and max(each.values) > 0:
            number = float(size.split()[0].replace(",", ""))
            lines.setdefault(name, []).append((number, each))
    title = f"{row.title} [{row.unit}, both scales logarithmic]"
    parts = [_text(10, 22, title, "ink", bold=True)]
    points = [(x, value) for line in lines.values() for x, each in line for value in each.values]
    if not points:
        return _sheet(parts, HEAD)
    right = max(log10(x) for x, _ in points) or 1.0
    low = floor(min(log10(y) for _, y in points if y > 0) * 2) / 2
    high = max(*(log10(y) for _, y in points if y > 0), low + 0.5)
    left, bottom = 90.0, HEAD + 16.0 + CURVE_H

    def at(x: float, y: float) -> tuple[float, float]:
        across = log10(x) / right * CURVE_W
        up = (log10(max(y, 10**low)) - low) / (high - low) * CURVE_H
        return left + across, bottom - up

    parts.append(f'<path class="axis" d="M{left} {HEAD + 16}V{bottom}H{left + CURVE_W}"/>')
    for x in sorted({x for x, _ in points}):
        across, _ = at(x, 10**low)
        parts.append(_text(across, bottom + 18, f"{x:,.0f}", "faint", anchor="middle"))
    parts.append(_text(left + CURVE_W / 2, bottom + 36, "processes", "faint", anchor="middle"))
    for power in range(floor(low), floor(high) + 1):
        if low <= power <= high:
            _, y = at(1.0, 10.0**power)
            parts.append(_text(left - 8, y + 4, shown(10.0**power), "faint", anchor="end"))
            parts.append(f'<path class="axis" opacity="0.3" d="M{left} {y:.1f}h{CURVE_W}"/>')
    for number, (name, line) in enumerate(lines.items()):
        places = [(at(x, each.median), each, x) for x, each in sorted(line, key=lambda one: one[0])]
        path = "L".join(f"{x:.1f} {y:.1f}" for (x, y), _, _ in places)
        parts.append(f'<path class="line{number}" d="M{path}"/>')
        for (x, y), each, size in places:
            parts.append(f'<circle class="series{number}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
            (_, top), (_, foot) = at(size, max(each.values)), at(size, min(each.values))
            parts.append(f'<path class="line{number}" d="M{x:.1f} {top:.1f}V{foot:.1f}"/>')
        (x, y), last, _ = places[-1]
        kind = f"series{number}"
        label = f"{name}: {shown(last.median)} {row.unit}"
        parts.append(_text(left + CURVE_W + 16, HEAD + 30 + 20 * number, f"\u25cf {label}", kind))
    return _sheet(parts, bottom + 46)


def _text(x: float, y: float, text: str, kind: str, *, anchor: str = "", bold: bool = False) -> str:
    more = f' text-anchor="{anchor}"' if anchor else ""
    more += ' font-weight="bold"' if bold else ""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{more}>{escape(text)}</text>'


def _sheet(parts: list[str], height: float) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}" font-family="sans-serif" font-size="12">'
    )
    back = f'<rect class="back" width="{WIDTH}" height="{height:.0f}"/>'
    return "\n".join([head, STYLE, back, *parts, "</svg>", ""])
