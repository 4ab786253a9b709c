"""Reports: believed only as their node's own word, and never put back by an older one.

a report is its node's own    a DRC node holds a report that no machine of that node has sent or signed
no older report               a DRC node holds an older report than it held before, and did not restart
"""

from __future__ import annotations

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.report import SignedReport
from lumbung_cluster.report_codec import decode_report
from lumbung_cluster.signed import Domain, is_signed_by
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.rosters import TestVerifier
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.invariants.ends import SessionEnds
from lumbung_testing.simulation.node import SimNode, receipt_keys_ever

__all__ = ["SAYS", "SWEEPS"]

_VERIFIER = TestVerifier()


def _says_report(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    try:
        content = decode_report(frame.report.body)
    except Malformed as exc:
        claims.broken("a report is its node's own", f"{node.host} sends what it would not read: {exc}")
        return
    if content.node == node.number:  # a liar, too, may speak for itself
        claims.reports_said.add(frame.report.body)
    core = node.core
    if claims.misbehaviour.has_done(node.number, "misreporting"):
        return
    if core is not None and content.own.blobs > core.store.state.count(node.number).blobs:
        claims.broken("durable before said", f"{node.host} reports {content.own.blobs} blobs, more than are durable")


def _check_held(claims: Claims) -> None:
    for node in claims.nodes.values():
        if node.core is None:
            continue
        for reporter, held in node.core.reports.held.items():
            place = (node.host, reporter)
            order = held.signed.content.order
            book, before = claims.reports_held.get(place, (None, None))
            if book is not node.core.reports:  # the store was opened again: what was saved last is there
                before = None
            if before == order:
                continue
            claims.reports_held[place] = (node.core.reports, order)
            if before is not None and order < before:
                claims.broken("no older report", f"{node.host} holds {order} of node {reporter}, before {before}")
            if reporter != held.signed.content.node or not _is_own(claims, node, held.signed):
                claims.broken("a report is its node's own", f"{node.host} believes {order} of node {reporter}")


def _is_own(claims: Claims, node: SimNode, signed: SignedReport) -> bool:
    reporter, signature = signed.content.node, signed.signature
    if signature.key_public not in receipt_keys_ever(reporter):
        return False
    if not is_signed_by(Domain.REPORT, signed.body, signature, _VERIFIER):
        return False
    return reporter == node.number or signed.body in claims.reports_said


SAYS = {"report": _says_report}
SWEEPS = (_check_held,)
