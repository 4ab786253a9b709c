"""One picture of a result, as SVG: lumbung beside what this machine and others can do. Written by hand, no library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from lumbung_tools.bench.suite.document import Result
from lumbung_tools.bench.suite.others import OTHERS
from lumbung_tools.bench.suite.ratios import LIMITS

__all__ = ["draw"]

_WIDTH, _MARGIN, _LABEL, _VALUE = 860, 24, 290, 90
_BAR, _GAP, _HEAD = 18, 7, 44
_OURS, _LIMIT, _OTHER = "#1f6f54", "#9aa5b1", "#c98b3b"
_INK, _PALE, _PAPER = "#1c2733", "#5b6875", "#ffffff"


@dataclass(frozen=True, slots=True)
class _Bar:
    label: str
    value: float
    colour: str
    least: float | None = None
    greatest: float | None = None


@dataclass(frozen=True, slots=True)
class _Panel:
    """Bars on one scale from zero."""

    title: str
    unit: str
    bars: Sequence[_Bar]

    @property
    def height(self) -> int:
        return _HEAD + len(self.bars) * (_BAR + _GAP)


def draw(result: Result) -> str:
    """The SVG document."""
    panels = [_bulk(result), _small(result), _waits(result)]
    height = _MARGIN + sum(panel.height + _MARGIN for panel in panels) + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
        ' font-family="system-ui, sans-serif" font-size="13" role="img">',
        "<title>lumbung beside the limits of one machine and beside others</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="{_PAPER}"/>',
    ]
    top = _MARGIN
    for panel in panels:
        parts += _drawn(panel, top)
        top += panel.height + _MARGIN
    parts += [_text(_MARGIN, top + 4, _foot(result), _PALE, size=11), "</svg>"]
    return "\n".join(parts) + "\n"


def _foot(result: Result) -> str:
    machine = result.machine
    return (
        f"{machine['cores']} cores, {machine['memory']}, {machine['file_system']},"
        f" {machine['day']}, medians of {result.rounds} rounds with least and greatest."
        " Others: without TLS, measured once."
    )


def _bulk(result: Result) -> _Panel:
    bars = [
        _Bar("this disk in sequence, a third of it", _limit(result, "sequential_write_mb_s") / 3, _LIMIT),
        _Bar("raw RocksDB, a third of it", _limit(result, "engine_300k_mb_s") / 3, _LIMIT),
        _ours(result, "lumbung: fsynced and proven, mTLS", "a300k/3/stream", "mb_s"),
        *_rsync(result, "rsync/a300k", "mb_s"),
        *(_Bar(f"{each.name} ({each.copies})", each.a300k_mb_s, _OTHER) for each in OTHERS),
    ]
    return _Panel("Records of 300 KiB to three copies", "MB/s", bars)


def _small(result: Result) -> _Panel:
    bars = [
        _Bar("this disk: append 4 KiB + fdatasync, a third", _limit(result, "append_4k_per_s") / 3, _LIMIT),
        _ours(result, "lumbung: fsynced and proven, mTLS", "a4k/3/stream", "per_s"),
        *_rsync(result, "rsync/a4k", "per_s"),
    ]
    bars += [_Bar(f"{o.name} ({o.copies})", o.a4k_per_s, _OTHER) for o in OTHERS if o.a4k_per_s is not None]
    return _Panel("Blobs of 4 KiB to three copies", "/s", bars)


def _waits(result: Result) -> _Panel:
    case = "a300k/3/8"
    bars = [
        _ours(result, "lumbung, p50 until three copies are proven", case, "safe_p50_ms"),
        _ours(result, "lumbung, p99", case, "safe_p99_ms"),
        _ours(result, "lumbung, p50 until durable at the office", case, "ack_p50_ms"),
    ]
    for other in OTHERS:
        if other.ack_p50_ms is not None and other.ack_p99_ms is not None:
            bars.append(_Bar(f"{other.name}, p50", other.ack_p50_ms, _OTHER))
            bars.append(_Bar(f"{other.name}, p99", other.ack_p99_ms, _OTHER))
    return _Panel("What one of 8 clients waits for a record of 300 KiB (less is better)", "ms", bars)


def _limit(result: Result, figure: str) -> float:
    return result.cases[LIMITS][figure].median


def _ours(result: Result, label: str, case: str, figure: str) -> _Bar:
    found = result.cases[case][figure]
    return _Bar(label, found.median, _OURS, found.min, found.max)


def _rsync(result: Result, case: str, figure: str) -> list[_Bar]:
    found = result.cases.get(case, {}).get(figure)
    if found is None:
        return []
    return [_Bar("rsync --fsync, this run", found.median, _LIMIT, found.min, found.max)]


def _drawn(panel: _Panel, top: int) -> list[str]:
    ends = [value for bar in panel.bars for value in (bar.value, bar.least, bar.greatest) if value]
    room = _WIDTH - 2 * _MARGIN - _LABEL - _VALUE

    def at(value: float) -> float:
        return _MARGIN + _LABEL + room * value / max(ends)

    parts = [_text(_MARGIN, top + 16, f"{panel.title}, {panel.unit}", _INK, size=15, bold=True)]
    y = top + _HEAD - 12
    for bar in panel.bars:
        parts.append(_text(_MARGIN, y + 13, bar.label, _INK, size=12))
        parts.append(_rect(_MARGIN + _LABEL, y, max(1.0, at(bar.value) - _MARGIN - _LABEL), bar.colour))
        right = at(bar.value)
        if bar.least and bar.greatest:
            right = max(right, at(bar.greatest))
            middle = y + _BAR / 2
            parts.append(
                f'<path d="M{at(bar.least):.1f} {middle}H{at(bar.greatest):.1f}" stroke="{_INK}" stroke-width="1.5"/>'
            )
        parts.append(_text(right + 8, y + 13, _shown(bar.value), _INK, size=12))
        y += _BAR + _GAP
    return parts


def _rect(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_BAR}" rx="2" fill="{colour}"/>'


def _text(x: float, y: float, words: str, colour: str, *, size: int, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}"{weight}>{escape(words)}</text>'


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
