"""A result at scale as tables of words."""

from __future__ import annotations

from lumbung_tools.bench.scale.document import Result
from lumbung_tools.bench.scale.million import ONCE
from lumbung_tools.bench.tabletext import TableText

__all__ = ["tables_of"]

_DECAY_MARK, _START_MARK_S, _MEMORY_MARK_MIB = 0.8, 2.0, 300
_MEGA = 1_000_000


def tables_of(result: Result) -> list[TableText]:
    return [_parts(result), _calls(result), _starts(result), _marks(result), _index(result)]


def _parts(result: Result) -> TableText:
    rows, done = [], 0
    for part in result.node.parts:
        done += part.blobs
        figures = [f"{part.per_s:,.0f}", f"{part.append_per_s:,.0f}", f"{part.per_s / part.append_per_s:.1f}"]
        rows.append([f"{done:,}", *figures, f"{part.cpu_us:.0f}", f"{part.resident_mib:.0f}"])
    heads = ["blobs in the node", "puts/s of this tenth", "appends/s of the disk", "ratio", "us of CPU a put", "MiB"]
    return TableText("One office takes small blobs over one stream", heads, rows)


def _calls(result: Result) -> TableText:
    rows = [
        [
            f"{each.blobs:,}{', all proven at two holders' if each.proven else ''}",
            f"{each.status_ms:.1f}",
            f"{each.status_cpu_ms:.1f}",
            f"{each.stat_ms:.1f}",
            f"{each.page_ms:.1f}",
        ]
        for each in result.node.calls
    ]
    heads = ["blobs", "status ms", "of CPU", "stat ms", "page of 1,000 ms"]
    return TableText("Calls, medians", heads, rows)


def _starts(result: Result) -> TableText:
    rows = [
        [
            f"{each.blobs:,}, {each.how}",
            f"{each.ready_s:.2f}",
            f"{each.served_s:.2f}",
            f"{each.cpu_s:.2f}",
            f"{each.resident_mib:.0f}",
        ]
        for each in result.node.starts
    ]
    heads = ["start with", "s until ready", "until the first status", "s of CPU", "MiB resident"]
    return TableText("From the start of the process", heads, rows)


def _marks(result: Result) -> TableText:
    node = result.node
    first, last = node.parts[0], node.parts[-1]
    slowest = max((each for each in node.starts if each.how != ONCE), key=lambda each: each.served_s)
    peak_mib = max(node.peak_mib, node.peak_started_mib)
    few, many = node.calls[0], node.calls[-1]
    turns = node.turns
    rows = [
        [
            f"puts/s, last tenth of the first, side by side in turns of {turns.blobs:,}",
            f">= {_DECAY_MARK}",
            f"{turns.old_of_young:.2f}",
        ],
        [
            "us of CPU a put in these turns, first and last tenth",
            "",
            f"{turns.young_cpu_us:.0f}, {turns.old_cpu_us:.0f}",
        ],
        ["puts/s, last tenth of its own first, minutes apart", "", f"{last.per_s / first.per_s:.2f}"],
        [
            "the same, beside the disk's appends",
            "",
            f"{last.per_s / last.append_per_s * first.append_per_s / first.per_s:.2f}",
        ],
        ["us of CPU a put, own first tenth and last, minutes apart", "", f"{first.cpu_us:.0f}, {last.cpu_us:.0f}"],
        [f"open to serving, s ({slowest.how})", f"<= {_START_MARK_S:.0f}", f"{slowest.served_s:.2f}"],
        ["VmHWM, MiB", f"<= {_MEMORY_MARK_MIB}", f"{peak_mib:.0f}"],
        [f"status with {many.blobs:,} of that with {few.blobs:,}", "1", f"{many.status_ms / few.status_ms:.2f}"],
        ["disk, MB", "", f"{node.data_bytes / _MEGA:,.0f}"],
    ]
    return TableText("Marks", ["figure", "bound", "seen"], rows)


def _index(result: Result) -> TableText:
    rows = [
        [
            f"{step.rows:,}",
            f"{step.per_s:,.0f}",
            f"{step.seen.open_s:.2f}",
            f"{step.seen.open_cpu_s:.2f}",
            f"{step.seen.hits_per_s:,.0f}",
            f"{step.seen.hit_cpu_us:.0f}",
            f"{step.seen.misses_per_s:,.0f}",
            f"{step.seen.fold_us:.2f}",
            f"{step.seen.inventory_s:.3f}",
            f"{step.seen.peak_mib:.0f}",
            f"{step.data_bytes / _MEGA:,.0f}",
        ]
        for step in result.index
    ]
    heads = ["rows", "written/s", "open s", "of CPU", "found/s", "us of CPU", "not found/s", "fold us", "inventory s"]
    return TableText("The index alone", [*heads, "VmHWM MiB", "disk MB"], rows)
