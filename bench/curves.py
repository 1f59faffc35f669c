"""Curves over time as an SVG written by hand: one small plot for each quantity."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from bench.flat import WARM, Curve
from bench.judge import shown
from bench.plot import STYLE

WIDTH, COLUMNS = 900, 2
PLOT_W, PLOT_H = 330, 96
LEFT, TOP, CELL_W, CELL_H = 64, 40, 446, 178
LONG_S = 3 * 3600.0  # from here on time is told in hours
Groups = Sequence[tuple[str, Sequence[Curve]]]


def draw(groups: Groups, title: str) -> str:
    """Return the picture: for each group of curves a plot, its y axis from zero.

    Dotted is the line that is judged; what lies left of it is the warm-up.
    """
    shown_groups = [(name, curves) for name, curves in groups if any(c.points for c in curves)]
    rows = -(-len(shown_groups) // COLUMNS)
    height = TOP + rows * CELL_H
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"',
        f' viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        STYLE,
        f'<rect class="back" width="{WIDTH}" height="{height}"/>',
        f'<text class="ink" x="14" y="24" font-size="15" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (name, curves) in enumerate(shown_groups):
        left = LEFT + number % COLUMNS * CELL_W
        top = TOP + number // COLUMNS * CELL_H + 34
        parts += _plot(name, curves, left, top)
    return "\n".join([*parts, "</svg>", ""])


def _plot(name: str, curves: Sequence[Curve], left: float, top: float) -> list[str]:
    points = [point for curve in curves for point in curve.points]
    last = max(x for x, _ in points) or 1.0
    high = max(max(y for _, y in points) * 1.15, 1.0)
    scale = (left, top, PLOT_W / last, PLOT_H / high)
    unit = curves[0].unit
    head = escape(f"{name} [{unit}]" if unit else name)
    bottom = top + PLOT_H
    divisor, word = (3600.0, "h") if last > LONG_S else (60.0, "min")
    parts = [
        f'<text class="ink" x="{left}" y="{top - 20}" font-weight="bold">{head}</text>',
        f'<rect class="warm" x="{left}" y="{top}" width="{PLOT_W * WARM:.1f}" height="{PLOT_H}"/>',
        f'<path class="axis" d="M{left} {top}V{bottom}H{left + PLOT_W}"/>',
    ]
    for share in (0.0, 0.5, 1.0):
        y = bottom - share * PLOT_H
        value = shown(share * high)
        parts.append(
            f'<text class="faint" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{value}</text>'
        )
        x = left + share * PLOT_W
        time = share * last / divisor
        label = f"{time:.0f} {word}" if time >= 5 else f"{time:.2g} {word}"
        parts.append(
            f'<text class="faint" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{label}</text>'
        )
    at = left
    for number, curve in enumerate(curves):
        if not curve.points:
            continue
        who = curve.name.partition(":")[0]
        parts.append(
            f'<text class="series{number}" x="{at}" y="{top - 5}">\u25cf {escape(who)}</text>'
        )
        at += 14 + 7 * len(who)
        parts.append(_path(curve.points, scale, f"line{number}"))
        line = curve.line()
        if line is not None:
            parts.append(_path(line, scale, "judged"))
    return parts


def _path(
    points: Sequence[tuple[float, float]], scale: tuple[float, float, float, float], kind: str
) -> str:
    left, top, by_x, by_y = scale
    bottom = top + PLOT_H
    places = [f"{left + x * by_x:.1f} {bottom - y * by_y:.1f}" for x, y in points]
    return f'<path class="{kind}" d="M{"L".join(places)}"/>'
