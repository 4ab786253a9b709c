"""The whole cluster from its nodes' reports: a colour for each node, sums, and what is wrong by code.

silent  no report, or one older than `limits.REPORT_LATE_S`: nobody knows how it stands
red     a critical trouble that is not muted
yellow  a warning that is not muted
green   neither
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from lumbung_cluster import limits
from lumbung_cluster.health import HealthCode, Severity
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.report import NodeReport, TroubleReport

__all__ = ["CodeView", "NodeColour", "NodeView", "Sums", "by_badness", "sums_of", "troubles_by_code", "view_of"]


class NodeColour(Enum):
    """The worst first."""

    RED = "red"
    SILENT = "silent"
    YELLOW = "yellow"
    GREEN = "green"


_ORDER = {colour: place for place, colour in enumerate(NodeColour)}
_LATE = HealthCode.REPORT_LATE.name


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node that should report. `age_s` is the reader's elapsed time since the report came; None without one.

    `troubles` are those that it tells, and REPORT_LATE, which is told of it.
    """

    node: NodeNumber
    report: NodeReport | None
    age_s: float | None
    colour: NodeColour
    troubles: tuple[TroubleReport, ...]


@dataclass(frozen=True, slots=True)
class Sums:
    """Of the nodes that report, the silent ones with what they said last. Ages go on since their reports were made."""

    nodes: int
    by_colour: dict[NodeColour, int]
    blobs: int
    size_bytes: int
    by_copies: tuple[int, int, int]
    only_here: int
    oldest_short_s: float
    oldest_only_here_s: float
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class CodeView:
    """One code at one severity in the whole cluster: by which nodes, how often, how many of them muted it."""

    code: str
    severity: Severity
    nodes: tuple[NodeNumber, ...]
    muted: tuple[NodeNumber, ...]
    count: int


def view_of(
    node: NodeNumber,
    report: NodeReport | None,
    age_s: float | None,
    *,
    known_s: float,
    muted_s: Mapping[str, int],
) -> NodeView:
    """How a node stands. `known_s`: how long the DRC node has been waiting for a report of it.

    `muted_s`: codes that the DRC node mutes for this node, and for how many seconds.
    """
    troubles = tuple(_muted(trouble, muted_s) for trouble in report.troubles) if report is not None else ()
    quiet_s = known_s if age_s is None else age_s
    late = age_s is None or age_s >= limits.REPORT_LATE_S
    if late:
        severity = _late_severity(quiet_s)
        reason = "never" if age_s is None else "late"
        troubles = (TroubleReport(_LATE, severity, node, 1, reason, muted_s.get(_LATE, 0)), *troubles)
    return NodeView(node, report, age_s, _colour(troubles, late), troubles)


def by_badness(views: Iterable[NodeView]) -> list[NodeView]:
    """Red first, then silent, yellow, green; among equals who has the older short recordings, then by number."""
    return sorted(views, key=lambda view: (_ORDER[view.colour], -_short_s(view), view.node))


def sums_of(views: Sequence[NodeView]) -> Sums:
    told = [(view.report, view.age_s or 0.0) for view in views if view.report is not None]
    reports = [report for report, _ in told]
    own = [report.own for report in reports]
    return Sums(
        nodes=len(views),
        by_colour={colour: sum(view.colour is colour for view in views) for colour in NodeColour},
        blobs=sum(each.blobs for each in own),
        size_bytes=sum(each.size_bytes for each in own),
        by_copies=(
            sum(each.by_copies[0] for each in own),
            sum(each.by_copies[1] for each in own),
            sum(each.by_copies[2] for each in own),
        ),
        only_here=sum(each.only_here for each in own),
        oldest_short_s=max(
            (report.own.oldest_short_s + age_s for report, age_s in told if report.own.short), default=0.0
        ),
        oldest_only_here_s=max(
            (report.own.oldest_only_here_s + age_s for report, age_s in told if report.own.only_here), default=0.0
        ),
        free_bytes=sum(report.disk.free_bytes for report in reports),
        total_bytes=sum(report.disk.total_bytes for report in reports),
    )


def troubles_by_code(views: Sequence[NodeView]) -> list[CodeView]:
    """The worst first, then those of most nodes; nodes by number. A muted trouble counts, and is told apart."""
    found: dict[tuple[str, Severity], list[tuple[NodeNumber, TroubleReport]]] = {}
    for view in views:
        for trouble in view.troubles:
            found.setdefault((trouble.code, trouble.severity), []).append((view.node, trouble))
    codes = [_code_view(code, severity, told) for (code, severity), told in found.items()]
    return sorted(codes, key=lambda each: (-each.severity.value, -len(each.nodes), each.code))


def _late_severity(quiet_s: float) -> Severity:
    """A DRC node that has just begun to listen knows of nobody, and calls nobody for that."""
    if quiet_s >= limits.REPORT_SILENT_S:
        return Severity.CRITICAL
    return Severity.WARNING if quiet_s >= limits.REPORT_LATE_S else Severity.NOTE


def _code_view(code: str, severity: Severity, told: list[tuple[NodeNumber, TroubleReport]]) -> CodeView:
    loud = {node for node, trouble in told if not trouble.is_muted}
    muted = {node for node, trouble in told if trouble.is_muted} - loud
    count = sum(trouble.count for _, trouble in told)
    return CodeView(code, severity, tuple(sorted(loud)), tuple(sorted(muted)), count)


def _muted(trouble: TroubleReport, muted_s: Mapping[str, int]) -> TroubleReport:
    left_s = max(trouble.muted_s, muted_s.get(trouble.code, 0))
    return TroubleReport(trouble.code, trouble.severity, trouble.node, trouble.count, trouble.reason, left_s)


def _colour(troubles: Sequence[TroubleReport], late: bool) -> NodeColour:
    if late:  # also when that is muted: a mute calls nobody, and makes nobody known to be well
        return NodeColour.SILENT
    severities = {trouble.severity for trouble in troubles if not trouble.is_muted}
    if Severity.CRITICAL in severities:
        return NodeColour.RED
    return NodeColour.YELLOW if Severity.WARNING in severities else NodeColour.GREEN


def _short_s(view: NodeView) -> int:
    return view.report.own.oldest_short_s if view.report is not None else 0
