"""A node's report as JSON, the same in every command that shows the cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lumbung_cluster.overview import NodeView
from lumbung_cluster.report import LinkReport, NodeReport, TroubleReport
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.client.reports import ClusterAnswer
from lumbung_tools.output.console import JsonValue

__all__ = ["asked_json", "link_json", "node_json", "trouble_json"]

Name = Callable[[int], str]


def node_json(view: NodeView, answer: ClusterAnswer, name: Name) -> dict[str, JsonValue]:
    """`report` is null for a node that has never reported; `age_s` is since it came to the DRC node."""
    heard = answer.heard.get(view.node)
    offset_s = heard.clock_offset_ms / 1000 if heard is not None else None
    return {
        "node": name(view.node),
        "number": view.node,
        "colour": view.colour.value,
        "age_s": round(view.age_s, 1) if view.age_s is not None else None,
        "troubles": [trouble_json(trouble, name) for trouble in view.troubles],
        "report": _report_json(view.report, offset_s, name) if view.report is not None else None,
    }


def trouble_json(trouble: TroubleReport, name: Name) -> dict[str, JsonValue]:
    return {
        "code": trouble.code,
        "severity": trouble.severity.name.lower(),
        "node": name(trouble.node) if trouble.node else None,
        "count": trouble.count,
        "reason": trouble.reason,
        "muted": trouble.is_muted,
        "muted_s": trouble.muted_s or None,
    }


def link_json(link: LinkReport, name: Name) -> dict[str, JsonValue]:
    return {
        "node": name(link.node),
        "number": link.node,
        "condition": link.word.name.lower(),
        "since_s": link.since_s,
        "heard_s": link.heard_s,
        "lag_blobs": link.lag_blobs,
        "lag_s": link.lag_s,
        "proven_blobs": link.proven_blobs,
        "verified_age_s": link.verified_age_s,
        "round_trip_s": link.round_trip_us / 1e6 if link.round_trip_us is not None else None,
    }


def asked_json(answer: ClusterAnswer, name: Name, sentence: Callable[[BaseException], str]) -> Mapping[str, JsonValue]:
    """Who answered, who did not and why, and of whom nothing can be told because of that."""
    return {
        "answered": [name(drc) for drc in sorted(answer.heads)],
        "unreached": [{"node": name(drc), "sentence": sentence(exc)} for drc, exc in sorted(answer.failures.items())],
        "unasked": [name(node) for node in answer.unasked()],
        "unverified": [name(node) for node in sorted(answer.unverified)],
        "own_office_only": answer.is_restricted,
    }


def _report_json(report: NodeReport, clock_offset_s: float | None, name: Name) -> dict[str, JsonValue]:
    own, foreign, disk, scrub = report.own, report.foreign, report.disk, report.scrub
    up, behind, down, refused = report.link_counts
    return {
        "generation": report.generation,
        "sequence": report.sequence,
        "roster": {"epoch": report.roster_epoch, "hash": report.roster_hash.hex()},
        "access_version": report.access_version,
        "software": report.software,
        "wire": {"low": report.wire_low, "high": report.wire_high},
        "disk_format": report.disk_format,
        "uptime_s": report.uptime_s,
        "time": rfc3339(report.clock_ms),
        "clock_offset_s": clock_offset_s,
        "certificate_expires": rfc3339(report.certificate_ends_ms),
        "takes_puts": report.takes_puts,
        "own": {
            "blobs": own.blobs,
            "size_bytes": own.size_bytes,
            "by_copies": list(own.by_copies),
            "only_here": own.only_here,
            "oldest_short_s": own.oldest_short_s,
            "oldest_only_here_s": own.oldest_only_here_s,
            "damaged": own.damaged,
        },
        "foreign": {
            "origins": foreign.origins,
            "blobs": foreign.blobs,
            "size_bytes": foreign.size_bytes,
            "damaged": foreign.damaged,
        },
        "disk": {
            "free_bytes": disk.free_bytes,
            "total_bytes": disk.total_bytes,
            "refuses_foreign": disk.refuses_foreign,
            "refuses_own": disk.refuses_own,
        },
        "scrub": {
            "period_s": scrub.period_s or None,
            "period_wanted_s": scrub.period_wanted_s or None,
            "verified_age_s": scrub.verified_age_s,
        },
        "link_counts": {"up": up, "behind": behind, "down": down, "refused": refused},
        "links": [link_json(link, name) for link in report.links],
    }
