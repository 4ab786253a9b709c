"""A node's status as a report: the same facts, without names and sentences, and with ages in place of times."""

from __future__ import annotations

from collections.abc import Iterable

from lumbung_cluster import limits
from lumbung_cluster.health import Severity
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.report import (
    DiskReport,
    ForeignReport,
    LinkReport,
    LinkWord,
    NodeReport,
    OwnReport,
    ScrubReport,
    TroubleReport,
)
from lumbung_node.services.core import Core
from lumbung_proto.v1 import operations_pb2

__all__ = ["make_report"]

_WORDS = {
    operations_pb2.LINK_CONDITION_UP: LinkWord.UP,
    operations_pb2.LINK_CONDITION_BEHIND: LinkWord.BEHIND,
    operations_pb2.LINK_CONDITION_DOWN: LinkWord.DOWN,
    operations_pb2.LINK_CONDITION_REFUSED: LinkWord.REFUSED,
}
_SOFTWARE_SIZE_MAX = 64


def make_report(core: Core, status: operations_pb2.StatusResponse, sequence: int) -> NodeReport:
    """What `status`, asked just now, says of this node."""
    roster = core.rosters.roster
    own_access = core.rosters.access_lists.get(roster.office_of(core.number) or core.number)
    links = [_link(status, link) for link in status.links]
    others = [kept for kept in status.origins if kept.origin != core.number]
    return NodeReport(
        cluster=core.cluster,
        node=core.number,
        generation=Generation(status.generation),
        sequence=sequence,
        roster_epoch=roster.epoch,
        roster_hash=core.rosters.signed.hash,
        access_version=own_access.content.version if own_access is not None else 0,
        software=status.software[:_SOFTWARE_SIZE_MAX],
        wire_low=core.wire.low,
        wire_high=core.wire.high,
        disk_format=core.store.state.format_version,
        uptime_s=int(status.uptime_s),
        clock_ms=max(0, status.clock_ms),
        certificate_ends_ms=max(0, status.certificate_expires_ms),
        takes_puts=status.takes_puts,
        own=_own(status),
        foreign=ForeignReport(
            origins=len(others),
            blobs=sum(kept.blobs for kept in others),
            size_bytes=sum(kept.size_bytes for kept in others),
            damaged=sum(kept.damaged for kept in others),
        ),
        disk=DiskReport(
            status.disk.free_bytes, status.disk.total_bytes, status.disk.refuses_foreign, status.disk.refuses_own
        ),
        scrub=ScrubReport(
            int(status.scrub.period_s),
            int(status.scrub.period_wanted_s),
            _age_or_none(status, status.scrub.verified_since_ms),
        ),
        link_counts=_counted(links),
        links=tuple(sorted(links, key=_badness)[: limits.REPORT_LINKS_MAX]),
        troubles=tuple(_grouped(status))[: limits.REPORT_TROUBLES_MAX],
    )


def _own(status: operations_pb2.StatusResponse) -> OwnReport:
    own = status.own
    one, two, three = own.by_copies
    return OwnReport(
        blobs=own.blobs,
        size_bytes=own.size_bytes,
        by_copies=(one, two, three),
        only_here=own.only_here,
        oldest_short_s=_age_s(status, own.oldest_unsafe_ms),
        oldest_only_here_s=_age_s(status, own.oldest_only_here_ms),
        damaged=own.damaged,
    )


def _link(status: operations_pb2.StatusResponse, link: operations_pb2.LinkState) -> LinkReport:
    return LinkReport(
        node=NodeNumber(link.node),
        word=_WORDS[link.condition],
        since_s=int(link.since_s),
        heard_s=int(link.heard_s) if link.HasField("heard_s") else None,
        lag_blobs=link.lag_blobs,
        lag_s=_age_s(status, link.lag_oldest_ms),
        proven_blobs=link.proven_blobs,
        verified_age_s=_age_or_none(status, link.verified_since_ms),
        round_trip_us=round(link.round_trip_s * 1e6) if link.HasField("round_trip_s") else None,
    )


def _counted(links: list[LinkReport]) -> tuple[int, int, int, int]:
    up, behind, down, refused = (sum(link.word is word for link in links) for word in LinkWord)
    return up, behind, down, refused


def _badness(link: LinkReport) -> tuple[int, int, int, int]:
    """The worst first."""
    return -link.word, -link.lag_s, -link.lag_blobs, link.node


def _grouped(status: operations_pb2.StatusResponse) -> Iterable[TroubleReport]:
    """Troubles of one kind as one, in the order in which the worst come first."""
    groups: dict[tuple[str, int, str, int], list[operations_pb2.HealthItem]] = {}
    for item in status.health:
        reason = item.values.get("reason") or item.values.get("state") or item.values.get("refuses") or ""
        left_s = max(1, (item.muted_until_ms - status.clock_ms) // 1000) if item.muted_until_ms else 0
        groups.setdefault((item.code, item.severity, reason, left_s), []).append(item)
    for (code, severity, reason, muted_s), items in groups.items():
        yield TroubleReport(code, Severity(severity), NodeNumber(items[0].node), len(items), reason, muted_s)


def _age_s(status: operations_pb2.StatusResponse, time_ms: int) -> int:
    """By the node's own clock against its own times; 0 for no time."""
    return max(0, (status.clock_ms - time_ms) // 1000) if time_ms else 0


def _age_or_none(status: operations_pb2.StatusResponse, time_ms: int) -> int | None:
    return _age_s(status, time_ms) if time_ms else None
