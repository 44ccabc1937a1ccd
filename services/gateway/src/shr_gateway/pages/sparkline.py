"""The small chart beside a result: shaded normal range, line, last point inside (round) or outside (diamond)."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT = 112, 32


def sparkline(values: Sequence[float], *, low: float | None, high: float | None, label: str) -> Markup:
    """SVG of up to a dozen values, oldest first; ``label`` tells all values to who cannot see it."""
    known = [v for v in (*values, low, high) if v is not None]
    bottom, top = min(known), max(known)
    margin = (top - bottom) * 0.12 or 1
    bottom, top = bottom - margin, top + margin

    def y(value: float) -> float:
        return round(HEIGHT - (value - bottom) / (top - bottom) * HEIGHT, 1)

    def x(index: int) -> float:
        return round(4 + index * (WIDTH - 10) / max(1, len(values) - 1), 1)

    range_top = y(high) if high is not None else 0.0
    range_bottom = y(low) if low is not None else float(HEIGHT)
    edges = "".join(f'<path class="edge" d="M0 {y(edge)}H{WIDTH}"/>' for edge in (low, high) if edge is not None)
    last = values[-1]
    outside = (low is not None and last < low) or (high is not None and last > high)
    last_x, last_y = x(len(values) - 1), y(last)
    point = (
        f'<path class="out" d="M{last_x} {round(last_y - 4.5, 1)}l4.5 4.5-4.5 4.5-4.5-4.5z"/>'
        if outside
        else f'<circle class="in" cx="{last_x}" cy="{last_y}" r="3.4"/>'
    )
    past = "".join(f'<circle class="past" cx="{x(i)}" cy="{y(v)}" r="1.7"/>' for i, v in enumerate(values[:-1]))
    line = " ".join(f"{x(i)},{y(v)}" for i, v in enumerate(values))
    return Markup(  # noqa: S704 (numbers of our own; the label is escaped)
        f'<svg class="spark" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'preserveAspectRatio="xMinYMid meet" role="img" aria-label="{escape(label)}">'
        f'<rect class="range" x="0" y="{range_top}" width="{WIDTH}" height="{round(range_bottom - range_top, 1)}"/>'
        f'{edges}<polyline points="{line}"/>{past}{point}</svg>'
    )
