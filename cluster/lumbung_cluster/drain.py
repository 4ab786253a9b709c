"""Drain reports: a leaving node's signed word that whatever lies there is proven elsewhere, with the origins' words.

File, integers big endian, `canonical` encoding:

    magic       16 B    `LUMBUNG-DRAINED\n`
    body        u32 size, then the body
    key, sig    32 B, 64 B: of the node's receipt key, domain `lumbung/drained/0`

Body: version u32 (0), cluster 16, node u32, generation u32, roster epoch u32, roster hash 32, made u64 (UTC ms), own
blobs u64, of them without another proven copy u64, with only one u64, then the origins of which something lies there
(at most 1,024, rising), each: origin u32, claims (at most 64, rising: unit u8, blobs u32, digest 32) of the node's own
set, and the origin's newest release for the node (opt bytes).

`departure.drain_proof` of a roster is the BLAKE3-256 of the whole file: custodians check the file before they sign, and
anybody can check it later. It is bound to one roster by its hash: the next one may let the node go.
"""

from __future__ import annotations

from dataclasses import dataclass

from blake3 import blake3

from lumbung_cluster.canonical import Malformed, Reader, Writer
from lumbung_cluster.ids import UNITS, ClusterId, Generation, NodeNumber
from lumbung_cluster.limits import DRAIN_ORIGINS_MAX, DRAIN_REPORT_SIZE_BYTES_MAX
from lumbung_cluster.receipt import UnitClaim
from lumbung_cluster.release import SignedRelease, UnitVerdict, judge_leaving
from lumbung_cluster.roster import Roster
from lumbung_cluster.signed import (
    PUBLIC_KEY_SIZE_BYTES,
    SIGNATURE_SIZE_BYTES,
    Domain,
    Signature,
    Signer,
    Verifier,
    is_signed_by,
    sign,
)

__all__ = ["AtStake", "DrainReport", "LeftThere", "SignedDrainReport", "blobs_at_stake", "judge_drain", "sign_drain"]

_MAGIC = b"LUMBUNG-DRAINED\n"
_VERSION = 0
_HASH_SIZE_BYTES = 32
_RELEASE_SIZE_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class LeftThere:
    """What lies at the node of one origin: a claim for each unit that has something, and the origin's word."""

    origin: NodeNumber
    claims: tuple[UnitClaim, ...]
    release: SignedRelease | None


@dataclass(frozen=True, slots=True)
class DrainReport:
    """Everything that lies at `node`, made under the roster of that epoch and hash."""

    cluster: ClusterId
    node: NodeNumber
    generation: Generation
    roster_epoch: int
    roster_hash: bytes
    made_ms: int
    own_blobs: int
    own_without_copy: int
    own_with_one_copy: int
    origins: tuple[LeftThere, ...]

    def pack(self) -> bytes:
        """Raises Malformed."""
        writer = Writer().u32("version", _VERSION).fixed("cluster", self.cluster.raw, len(self.cluster.raw))
        writer.u32("node", self.node).u32("generation", self.generation).u32("roster epoch", self.roster_epoch)
        writer.fixed("roster hash", self.roster_hash, _HASH_SIZE_BYTES).u64("made", self.made_ms)
        writer.u64("own blobs", self.own_blobs)
        writer.u64("own without copy", self.own_without_copy).u64("own with one copy", self.own_with_one_copy)
        writer.sequence("origins", self.origins, _write_origin, DRAIN_ORIGINS_MAX)
        return writer.finish()

    @classmethod
    def parse(cls, body: bytes) -> DrainReport:
        """Strict. Raises Malformed."""
        reader = Reader(body)
        version = reader.u32("version")
        if version != _VERSION:
            raise Malformed("drain report version", f"{_VERSION} (install a newer lumbung)", str(version))
        found = cls(
            ClusterId(reader.fixed("cluster", 16)),
            NodeNumber(reader.u32("node")),
            Generation(reader.u32("generation")),
            reader.u32("roster epoch"),
            reader.fixed("roster hash", _HASH_SIZE_BYTES),
            reader.u64("made"),
            reader.u64("own blobs"),
            reader.u64("own without copy"),
            reader.u64("own with one copy"),
            reader.sequence("origins", _read_origin, DRAIN_ORIGINS_MAX),
        )
        reader.finish()
        numbers = [each.origin for each in found.origins]
        if numbers != sorted(set(numbers)) or found.node in numbers:
            raise Malformed("drain report origins", "rising, without the node itself", str(numbers[:8]))
        return found


@dataclass(frozen=True, slots=True)
class SignedDrainReport:
    """A report with the bytes it came as; `proof` is what a roster's departure names."""

    content: DrainReport
    body: bytes
    signature: Signature

    @property
    def proof(self) -> bytes:
        return blake3(self.encode()).digest()

    def encode(self) -> bytes:
        writer = Writer().fixed("magic", _MAGIC, len(_MAGIC))
        writer.var_bytes("body", self.body, DRAIN_REPORT_SIZE_BYTES_MAX)
        return writer.finish() + self.signature.to_bytes()

    @classmethod
    def decode(cls, raw: bytes) -> SignedDrainReport:
        """Raises Malformed. The signature is not checked here."""
        reader = Reader(raw)
        if reader.fixed("magic", len(_MAGIC)) != _MAGIC:
            raise Malformed("drain report", "a lumbung drain report", raw[:16].hex())
        body = reader.var_bytes("body", DRAIN_REPORT_SIZE_BYTES_MAX)
        key, signature = reader.fixed("key", PUBLIC_KEY_SIZE_BYTES), reader.fixed("signature", SIGNATURE_SIZE_BYTES)
        reader.finish()
        return cls(DrainReport.parse(body), body, Signature(key, signature))


@dataclass(frozen=True, slots=True)
class AtStake:
    """Blobs of one origin that nobody else is known to have; `reason` is a `UnitVerdict`, or OWN for the node's own."""

    origin: NodeNumber
    blobs: int
    reason: str

    OWN = "own"


def sign_drain(content: DrainReport, signer: Signer) -> SignedDrainReport:
    body = content.pack()
    return SignedDrainReport(content, body, sign(Domain.DRAINED, body, signer))


def judge_drain(roster: Roster, report: SignedDrainReport, verifier: Verifier) -> str | None:
    """Why this report says nothing of its node in `roster` (the one it was made under, or the next); None if it does.

    A sentence of what was expected and what came. What the report says is another question: `blobs_at_stake`.
    """
    content, record = report.content, roster.node(report.content.node)
    if content.cluster != roster.cluster or record is None:
        return f"drain report: expected a node of cluster {roster.cluster}, got {content.node} of {content.cluster}"
    keys = [key.key for key in roster.receipt_keys(content.node) if key.holds_in(content.roster_epoch)]
    is_good = is_signed_by(Domain.DRAINED, report.body, report.signature, verifier)
    if report.signature.key_public not in keys or not is_good:
        return f"drain report of {record.name}: it is not signed with a receipt key of that node"
    return None


def blobs_at_stake(roster: Roster, report: DrainReport, verifier: Verifier) -> list[AtStake]:
    """What would be without a proven copy elsewhere (of the node's own: without two), if the node were gone.

    Origins in order, the node's own last. Empty: it is drained.
    """
    found = []
    for left in report.origins:
        verdicts = judge_leaving(roster, report.node, left.origin, left.claims, left.release, verifier, report.made_ms)
        kept = {claim.unit: verdicts[claim.unit] for claim in left.claims if verdicts[claim.unit] != UnitVerdict.MAY_GO}
        if kept:
            blobs = sum(claim.blobs for claim in left.claims if claim.unit in kept)
            found.append(AtStake(left.origin, blobs, next(iter(kept.values()))))
    own = report.own_without_copy + report.own_with_one_copy
    return [*found, AtStake(report.node, own, AtStake.OWN)] if own else found


def _write_origin(writer: Writer, left: LeftThere) -> None:
    writer.u32("origin", left.origin).sequence("claims", left.claims, _write_claim, UNITS)
    raw = left.release.to_bytes() if left.release is not None else None
    writer.optional("release", raw, lambda inner, value: inner.var_bytes("release", value, _RELEASE_SIZE_BYTES_MAX))


def _read_origin(reader: Reader) -> LeftThere:
    origin = NodeNumber(reader.u32("origin"))
    claims = reader.sequence("claims", _read_claim, UNITS)
    raw = reader.optional("release", lambda inner: inner.var_bytes("release", _RELEASE_SIZE_BYTES_MAX))
    units = [claim.unit for claim in claims]
    if units != sorted(set(units)) or (units and units[-1] >= UNITS):
        raise Malformed("drain report units", "rising units below 64", str(units[:8]))
    return LeftThere(origin, claims, SignedRelease.from_bytes(raw) if raw is not None else None)


def _write_claim(writer: Writer, claim: UnitClaim) -> None:
    writer.u8("unit", claim.unit).u32("blobs", claim.blobs).fixed("digest", claim.digest, _HASH_SIZE_BYTES)


def _read_claim(reader: Reader) -> UnitClaim:
    return UnitClaim(reader.u8("unit"), reader.u32("blobs"), reader.fixed("digest", _HASH_SIZE_BYTES))
