"""The bytes of a node report (docs/protocol.md, "Node reports"), and whether one is believed.

Texts are printable ASCII of fixed alphabets: what a node says of itself is shown on other people's terminals.
"""

from __future__ import annotations

import re

from lumbung_cluster import limits
from lumbung_cluster.canonical import Malformed, Reader, Writer
from lumbung_cluster.health import Severity
from lumbung_cluster.ids import CLUSTER_ID_SIZE_BYTES, ClusterId, Generation, NodeNumber
from lumbung_cluster.life import GENERATION_MAX
from lumbung_cluster.report import (
    TAIL_SIZE_BYTES,
    DiskReport,
    ForeignReport,
    LinkReport,
    LinkWord,
    NodeReport,
    OwnReport,
    ScrubReport,
    SignedReport,
    TroubleReport,
)
from lumbung_cluster.roster import Roster
from lumbung_cluster.signed import (
    PUBLIC_KEY_SIZE_BYTES,
    Domain,
    Signature,
    Signer,
    Verifier,
    is_signed_by,
    sign,
)

__all__ = ["decode_report", "encode_report", "report_objection", "report_of_bytes", "report_of_parts", "sign_report"]

_HASH_SIZE_BYTES = 32
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,31}")
_REASON = re.compile(r"[a-z0-9_]{0,24}")
_SOFTWARE = re.compile(r"[ -~]{1,64}")
_TEXT_SIZE_MAX = 64


def encode_report(report: NodeReport) -> bytes:
    """The canonical body. Raises Malformed for what `decode_report` would refuse."""
    _check(report)
    writer = Writer().fixed("cluster id", report.cluster.raw, CLUSTER_ID_SIZE_BYTES).u32("node", report.node)
    writer.u32("generation", report.generation).u64("sequence", report.sequence)
    writer.u32("roster epoch", report.roster_epoch).fixed("roster hash", report.roster_hash, _HASH_SIZE_BYTES)
    writer.u64("access list version", report.access_version).text("software", report.software, _TEXT_SIZE_MAX)
    writer.u32("lowest wire", report.wire_low).u32("highest wire", report.wire_high)
    writer.u32("disk format", report.disk_format).u64("uptime", report.uptime_s).u64("clock", report.clock_ms)
    writer.u64("certificate end", report.certificate_ends_ms).flag("takes puts", report.takes_puts)
    _write_own(writer, report.own)
    foreign, disk, scrub = report.foreign, report.disk, report.scrub
    writer.u32("foreign origins", foreign.origins).u64("foreign blobs", foreign.blobs)
    writer.u64("foreign bytes", foreign.size_bytes).u64("foreign damaged", foreign.damaged)
    writer.u64("free bytes", disk.free_bytes).u64("total bytes", disk.total_bytes)
    writer.flag("refuses foreign", disk.refuses_foreign).flag("refuses own", disk.refuses_own)
    writer.u64("scrub period", scrub.period_s).u64("scrub period wanted", scrub.period_wanted_s)
    writer.optional("verified age", scrub.verified_age_s, _write_u64)
    for count in report.link_counts:
        writer.u32("link count", count)
    writer.sequence("links", report.links, _write_link, limits.REPORT_LINKS_MAX)
    return writer.sequence("troubles", report.troubles, _write_trouble, limits.REPORT_TROUBLES_MAX).finish()


def decode_report(body: bytes) -> NodeReport:
    """Strict: only what `encode_report` writes comes through. Raises Malformed."""
    if len(body) > limits.REPORT_SIZE_BYTES_MAX:
        raise Malformed("report", f"at most {limits.REPORT_SIZE_BYTES_MAX} bytes", f"{len(body)}")
    reader = Reader(body)
    report = NodeReport(
        cluster=ClusterId(reader.fixed("cluster id", CLUSTER_ID_SIZE_BYTES)),
        node=NodeNumber(reader.u32("node")),
        generation=Generation(reader.u32("generation")),
        sequence=reader.u64("sequence"),
        roster_epoch=reader.u32("roster epoch"),
        roster_hash=reader.fixed("roster hash", _HASH_SIZE_BYTES),
        access_version=reader.u64("access list version"),
        software=reader.text("software", _TEXT_SIZE_MAX),
        wire_low=reader.u32("lowest wire"),
        wire_high=reader.u32("highest wire"),
        disk_format=reader.u32("disk format"),
        uptime_s=reader.u64("uptime"),
        clock_ms=reader.u64("clock"),
        certificate_ends_ms=reader.u64("certificate end"),
        takes_puts=reader.flag("takes puts"),
        own=_read_own(reader),
        foreign=ForeignReport(*(reader.u32("foreign origins"), *(reader.u64("foreign") for _ in range(3)))),
        disk=DiskReport(reader.u64("free"), reader.u64("total"), reader.flag("foreign"), reader.flag("own")),
        scrub=ScrubReport(
            reader.u64("scrub period"), reader.u64("scrub period wanted"), reader.optional("verified age", _read_u64)
        ),
        link_counts=(reader.u32("up"), reader.u32("behind"), reader.u32("down"), reader.u32("refused")),
        links=reader.sequence("links", _read_link, limits.REPORT_LINKS_MAX),
        troubles=reader.sequence("troubles", _read_trouble, limits.REPORT_TROUBLES_MAX),
    )
    reader.finish()
    _check(report)
    return report


def sign_report(report: NodeReport, signer: Signer) -> SignedReport:
    """Signed with the node's receipt key. Raises Malformed."""
    body = encode_report(report)
    return SignedReport(report, body, sign(Domain.REPORT, body, signer))


def report_of_parts(body: bytes, key_public: bytes, signature: bytes) -> SignedReport:
    """Raises Malformed. The signature is not checked yet."""
    return SignedReport(decode_report(body), body, Signature(key_public, signature))


def report_of_bytes(raw: bytes) -> SignedReport:
    """What `SignedReport.to_bytes` gave. Raises Malformed."""
    if len(raw) < TAIL_SIZE_BYTES:
        raise Malformed("signed report", f"at least {TAIL_SIZE_BYTES} bytes", f"{len(raw)}")
    tail = raw[-TAIL_SIZE_BYTES:]
    return report_of_parts(raw[:-TAIL_SIZE_BYTES], tail[:PUBLIC_KEY_SIZE_BYTES], tail[PUBLIC_KEY_SIZE_BYTES:])


def report_objection(signed: SignedReport, node: NodeNumber, roster: Roster, verifier: Verifier) -> str | None:
    """Why this is not `node`'s own word in this cluster (None: it is); a sentence with expected and got.

    Whoever holds one already also compares `order`: only a higher one replaces it.
    """
    content, key = signed.content, signed.signature.key_public
    if content.cluster != roster.cluster or content.node != node:
        return f"report: expected one of node {node} of cluster {roster.cluster}, got one of node {content.node}"
    keys = roster.receipt_keys(node)
    if not any(each.key == key and each.holds_in(roster.epoch) for each in keys):
        return f"report: expected a receipt key of node {node} in force in epoch {roster.epoch}, got {key.hex()[:16]}"
    if not is_signed_by(Domain.REPORT, signed.body, signed.signature, verifier):
        return f"report of node {node}: expected a valid signature, got a broken one"
    return None


def _check(report: NodeReport) -> None:
    if not report.node or not 1 <= report.generation <= GENERATION_MAX:
        raise Malformed("report", "a node and its generation", f"{report.node}, {report.generation}")
    if not _SOFTWARE.fullmatch(report.software):
        raise Malformed("software", "1 to 64 printable ASCII characters", repr(report.software))
    partners = [link.node for link in report.links]
    if len(set(partners)) != len(partners) or report.node in partners or 0 in partners:
        raise Malformed("links", "each partner once", ", ".join(map(str, partners)))
    for trouble in report.troubles:
        if not _CODE.fullmatch(trouble.code) or not _REASON.fullmatch(trouble.reason) or not trouble.count:
            raise Malformed("trouble", "a code, a reason and a count", f"{trouble.code!r}, {trouble.reason!r}")


def _write_own(writer: Writer, own: OwnReport) -> None:
    writer.u64("own blobs", own.blobs).u64("own bytes", own.size_bytes)
    for count in own.by_copies:
        writer.u64("by copies", count)
    writer.u64("only here", own.only_here).u64("oldest short", own.oldest_short_s)
    writer.u64("oldest only here", own.oldest_only_here_s).u64("own damaged", own.damaged)


def _read_own(reader: Reader) -> OwnReport:
    return OwnReport(
        reader.u64("own blobs"),
        reader.u64("own bytes"),
        (reader.u64("one copy"), reader.u64("two copies"), reader.u64("three copies")),
        reader.u64("only here"),
        reader.u64("oldest short"),
        reader.u64("oldest only here"),
        reader.u64("own damaged"),
    )


def _write_u64(writer: Writer, value: int) -> object:
    return writer.u64("age", value)


def _read_u64(reader: Reader) -> int:
    return reader.u64("age")


def _write_link(writer: Writer, link: LinkReport) -> None:
    writer.u32("partner", link.node).u8("condition", link.word).u64("since", link.since_s)
    writer.optional("heard", link.heard_s, _write_u64).u64("lag", link.lag_blobs).u64("lag age", link.lag_s)
    writer.u64("proven", link.proven_blobs).optional("verified age", link.verified_age_s, _write_u64)
    writer.optional("round trip", link.round_trip_us, _write_u64)


def _read_link(reader: Reader) -> LinkReport:
    node, word = NodeNumber(reader.u32("partner")), reader.u8("condition")
    if word not in {each.value for each in LinkWord}:
        raise Malformed("condition", "1 to 4", str(word))
    return LinkReport(
        node,
        LinkWord(word),
        reader.u64("since"),
        reader.optional("heard", _read_u64),
        reader.u64("lag"),
        reader.u64("lag age"),
        reader.u64("proven"),
        reader.optional("verified age", _read_u64),
        reader.optional("round trip", _read_u64),
    )


def _write_trouble(writer: Writer, trouble: TroubleReport) -> None:
    writer.text("code", trouble.code, _TEXT_SIZE_MAX).u8("severity", trouble.severity.value)
    writer.u32("about", trouble.node).u32("count", trouble.count)
    writer.text("reason", trouble.reason, _TEXT_SIZE_MAX).u64("muted", trouble.muted_s)


def _read_trouble(reader: Reader) -> TroubleReport:
    code, severity = reader.text("code", _TEXT_SIZE_MAX), reader.u8("severity")
    if severity not in {each.value for each in Severity}:
        raise Malformed("severity", "1 to 3", str(severity))
    node, count = NodeNumber(reader.u32("about")), reader.u32("count")
    return TroubleReport(
        code, Severity(severity), node, count, reader.text("reason", _TEXT_SIZE_MAX), reader.u64("muted")
    )
