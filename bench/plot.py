"""The picture of a run: a bar for every contender of every row, as an SVG written by hand."""

from __future__ import annotations

from xml.sax.saxutils import escape

from bench.judge import Result, shown

WIDTH, LEFT, RIGHT = 900, 260, 150
BAR, GAP, HEAD = 16, 4, 34
OURS, THEIRS, INK = "#2f6f4f", "#b8b2a7", "#222222"


def draw(results: list[Result]) -> str:
    """Return the picture; within a row the longest bar is the largest value."""
    parts: list[str] = []
    top = 10
    for row in results:
        shown_rows = [each for each in row.samples if each.values]
        if not shown_rows:
            continue
        way = "more is better" if row.more_is_better else "less is better"
        title = escape(f"{row.title} [{row.unit}, {way}]")
        parts.append(f'<text x="10" y="{top + 18}" font-weight="bold">{title}</text>')
        top += HEAD - 6
        largest = max([abs(each.median) for each in shown_rows]) or 1.0
        for each in shown_rows:
            length = max(1.0, abs(each.median) / largest * (WIDTH - LEFT - RIGHT))
            colour = OURS if each.name.startswith(("pyinit", "default", "core")) else THEIRS
            middle = top + BAR - 4
            parts.append(
                f'<text x="{LEFT - 8}" y="{middle}" text-anchor="end">{escape(each.name)}</text>'
                f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR}" fill="{colour}"/>'
                f'<text x="{LEFT + length + 6:.1f}" y="{middle}">{shown(each.median)}</text>'
            )
            top += BAR + GAP
        top += 12
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" '
        f'viewBox="0 0 {WIDTH} {top}" font-family="sans-serif" font-size="12" fill="{INK}">'
    )
    back = f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>'
    return "\n".join([head, back, *parts, "</svg>", ""])
