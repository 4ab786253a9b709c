"""The curves of a result at scale, as SVG: one small plot for each figure over the number of blobs or rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from lumbung_tools.bench.scale.document import Result

__all__ = ["draw"]

_WIDTH, _MARGIN, _PLOT_HEIGHT, _HEAD, _FOOT = 860, 24, 120, 30, 26
_COLUMNS, _SPACE, _AXIS = 2, 36, 58
_INK, _PALE, _GRID, _OURS, _PAPER = "#1c2733", "#5b6875", "#dde3e8", "#1f6f54", "#ffffff"


@dataclass(frozen=True, slots=True)
class _Plot:
    """From zero upwards; x is a count."""

    title: str
    points: Sequence[tuple[float, float]]


def draw(result: Result) -> str:
    """The SVG document."""
    plots = _plots(result)
    lines = (len(plots) + _COLUMNS - 1) // _COLUMNS
    block = _HEAD + _PLOT_HEIGHT + _FOOT + _MARGIN
    height = _MARGIN + lines * block
    width = (_WIDTH - 2 * _MARGIN - (_COLUMNS - 1) * _SPACE) / _COLUMNS
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
        ' font-family="system-ui, sans-serif" font-size="11" role="img">',
        "<title>one node with a million blobs, and its index with ten million rows</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="{_PAPER}"/>',
    ]
    for at, plot in enumerate(plots):
        row, column = divmod(at, _COLUMNS)
        parts += _drawn(plot, _MARGIN + column * (width + _SPACE), _MARGIN + row * block, width)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _plots(result: Result) -> list[_Plot]:
    done, rates, costs = 0, [], []
    for part in result.node.parts:
        done += part.blobs
        rates.append((float(done), part.per_s))
        costs.append((float(done), part.cpu_us))
    index = result.index
    return [
        _Plot("blobs in the node: puts a second", rates),
        _Plot("blobs in the node: microseconds of its CPU a put", costs),
        _Plot("rows in the index: written a second", [(step.rows, step.per_s) for step in index]),
        _Plot("rows in the index: microseconds of CPU to find an id", [(s.rows, s.seen.hit_cpu_us) for s in index]),
        _Plot("rows in the index: seconds to open the store", [(step.rows, step.seen.open_s) for step in index]),
        _Plot("rows in the index: peak memory, MiB", [(step.rows, step.seen.peak_mib) for step in index]),
    ]


def _drawn(plot: _Plot, left: float, top: float, width: float) -> list[str]:
    x_max, y_max = max(x for x, _ in plot.points), max(y for _, y in plot.points) * 1.1 or 1.0
    origin, floor = left + _AXIS, top + _HEAD + _PLOT_HEIGHT
    room = width - _AXIS

    def at(x: float, y: float) -> tuple[float, float]:
        return origin + room * x / x_max, floor - _PLOT_HEIGHT * y / y_max

    parts = [_text(left, top + 14, plot.title, _INK, "start", size=13)]
    for share in (0.0, 0.5, 1.0):
        _, y = at(0, y_max * share)
        parts.append(f'<path d="M{origin:.1f} {y:.1f}h{room:.1f}" stroke="{_GRID}"/>')
        parts.append(_text(origin - 6, y + 4, _shown(y_max * share), _PALE, "end"))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in plot.points))
    parts.append(f'<polyline points="{line}" fill="none" stroke="{_OURS}" stroke-width="2"/>')
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{_OURS}"/>' for x, y in (at(*p) for p in plot.points)]
    parts.append(_text(origin + room, floor + 16, f"{x_max:,.0f}", _PALE, "end"))
    return parts


def _text(x: float, y: float, words: str, colour: str, anchor: str, *, size: int = 11) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}" font-size="{size}">{escape(words)}</text>'


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or not value else f"{value:.2f}"
