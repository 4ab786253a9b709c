"""Rosters as canonical bytes (format `lumbung/roster/0`, docs/roster.md lists every field) and as signed bytes.

A signed roster travels and is kept verbatim: the body as it was signed, and the custodians' signatures beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lumbung_cluster import limits
from lumbung_cluster.canonical import Malformed, Reader, Writer
from lumbung_cluster.ids import CLUSTER_ID_SIZE_BYTES, ClusterId, NodeNumber
from lumbung_cluster.roster import Custodian, HolderAssignment, Quorum, Roster, Share, TrustRoot
from lumbung_cluster.roster_checks import HASH_SIZE_BYTES, check
from lumbung_cluster.roster_node_codec import (
    read_extensions,
    read_last,
    read_node,
    read_recipients,
    write_extensions,
    write_last,
    write_node,
    write_recipients,
)
from lumbung_cluster.signed import (
    PUBLIC_KEY_SIZE_BYTES,
    Domain,
    Signature,
    Signer,
    read_signature,
    sign,
    signed_hash,
    write_signature,
)

__all__ = ["SignedRoster", "decode_roster", "encode_roster"]

_NAME_SIZE_MAX = 64
_PEM_SIZE_MAX = 4096  # an ECDSA certificate is about 700 B; room for one with long names
_TRUST_ROOTS_MAX = 1024  # one issuing CA per office and its successor
_SHARES_MAX = limits.ANSWER_NODES_MAX * 4  # an origin spread over 8 peers, while the same number leaves
_ABANDONS_MAX = 64
_SIGNATURES_MAX = 4 * limits.ROSTER_CUSTODIANS_MAX  # old and new custodians and both recovery sets


@dataclass(frozen=True, slots=True)
class SignedRoster:
    """A body and its signatures; nothing is said yet about whether they are valid or enough (`roster_rules`)."""

    body: bytes
    signatures: tuple[Signature, ...]

    @property
    def hash(self) -> bytes:
        """BLAKE3-256 of the signing input: names the roster, whoever signed it."""
        return signed_hash(Domain.ROSTER, self.body)

    @property
    def epoch(self) -> int:
        """The epoch that the body claims, without reading the rest. Raises Malformed."""
        reader = Reader(self.body)
        reader.fixed("cluster id", CLUSTER_ID_SIZE_BYTES)
        return reader.u32("epoch")

    def parse(self) -> Roster:
        """The whole roster, checked: 10 to 20 ms for each hundred nodes, so the last few are kept. Raises Malformed."""
        return _parsed(self.body)

    def signed_by(self, signer: Signer) -> SignedRoster:
        """With one more signature, in the order of keys; signing twice with one key changes nothing."""
        others = [entry for entry in self.signatures if entry.key_public != signer.public_key]
        together = [*others, sign(Domain.ROSTER, self.body, signer)]
        return SignedRoster(self.body, tuple(sorted(together, key=lambda entry: entry.key_public)))

    def encode(self) -> bytes:
        """The bytes that travel and are kept."""
        writer = Writer().var_bytes("roster body", self.body, limits.ROSTER_SIZE_BYTES_MAX)
        return writer.sequence("signatures", self.signatures, write_signature, _SIGNATURES_MAX).finish()

    @classmethod
    def decode(cls, raw: bytes) -> SignedRoster:
        """Raises Malformed; the body is not parsed yet."""
        reader = Reader(raw)
        body = reader.var_bytes("roster body", limits.ROSTER_SIZE_BYTES_MAX)
        signatures = reader.sequence("signatures", read_signature, _SIGNATURES_MAX)
        reader.finish()
        return cls(body, signatures)


def encode_roster(roster: Roster) -> bytes:
    """The canonical body. Raises Malformed when the roster breaks a rule of `roster_checks` or a bound."""
    check(roster)
    writer = Writer()
    writer.fixed("cluster id", roster.cluster.raw, CLUSTER_ID_SIZE_BYTES)
    writer.u32("epoch", roster.epoch)
    writer.fixed("predecessor hash", roster.predecessor_hash, HASH_SIZE_BYTES)
    writer.u64("created", roster.created_ms)
    writer.u32("format level", roster.format_level)
    _write_quorum(writer, roster.custodians)
    _write_quorum(writer, roster.recovery)
    write_recipients(writer, "escrow", roster.escrow)
    writer.sequence("trust roots", roster.trust_roots, _write_trust_root, _TRUST_ROOTS_MAX)
    writer.sequence("nodes", roster.nodes, write_node, limits.ROSTER_NODES_MAX)
    writer.sequence("assignments", roster.assignments, _write_assignment, limits.ROSTER_NODES_MAX)
    writer.sequence("abandoned hashes", roster.abandons, _write_hash, _ABANDONS_MAX)
    write_extensions(writer, roster.extensions)
    body = writer.finish()
    if len(body) > limits.ROSTER_SIZE_BYTES_MAX:
        raise Malformed("roster", f"at most {limits.ROSTER_SIZE_BYTES_MAX} bytes", f"{len(body)}")
    return body


def decode_roster(body: bytes) -> Roster:
    """The roster in a canonical body, checked. Raises Malformed; exactly what `encode_roster` gives is accepted."""
    reader = Reader(body)
    roster = Roster(
        cluster=ClusterId(reader.fixed("cluster id", CLUSTER_ID_SIZE_BYTES)),
        epoch=reader.u32("epoch"),
        predecessor_hash=reader.fixed("predecessor hash", HASH_SIZE_BYTES),
        created_ms=reader.u64("created"),
        format_level=reader.u32("format level"),
        custodians=_read_quorum(reader),
        recovery=_read_quorum(reader),
        escrow=read_recipients(reader, "escrow"),
        trust_roots=reader.sequence("trust roots", _read_trust_root, _TRUST_ROOTS_MAX),
        nodes=reader.sequence("nodes", read_node, limits.ROSTER_NODES_MAX),
        assignments=reader.sequence("assignments", _read_assignment, limits.ROSTER_NODES_MAX),
        abandons=reader.sequence("abandoned hashes", _read_hash, _ABANDONS_MAX),
        extensions=read_extensions(reader),
    )
    reader.finish()
    check(roster)
    return roster


def _write_quorum(writer: Writer, quorum: Quorum) -> None:
    writer.u32("threshold", quorum.threshold)
    writer.sequence("members", quorum.members, _write_custodian, limits.ROSTER_CUSTODIANS_MAX)


def _read_quorum(reader: Reader) -> Quorum:
    return Quorum(reader.u32("threshold"), reader.sequence("members", _read_custodian, limits.ROSTER_CUSTODIANS_MAX))


def _write_custodian(writer: Writer, custodian: Custodian) -> None:
    writer.text("custodian name", custodian.name, _NAME_SIZE_MAX)
    writer.fixed("custodian key", custodian.public_key, PUBLIC_KEY_SIZE_BYTES)


def _read_custodian(reader: Reader) -> Custodian:
    name = reader.text("custodian name", _NAME_SIZE_MAX)
    return Custodian(name, reader.fixed("custodian key", PUBLIC_KEY_SIZE_BYTES))


def _write_trust_root(writer: Writer, root: TrustRoot) -> None:
    writer.text("trust root name", root.name, _NAME_SIZE_MAX)
    writer.text("trust root", root.pem, _PEM_SIZE_MAX, is_pem=True)
    writer.u32("first epoch", root.first_epoch)
    write_last(writer, root.last_epoch)


def _read_trust_root(reader: Reader) -> TrustRoot:
    name = reader.text("trust root name", _NAME_SIZE_MAX)
    pem = reader.text("trust root", _PEM_SIZE_MAX, is_pem=True)
    return TrustRoot(name, pem, reader.u32("first epoch"), read_last(reader))


def _write_assignment(writer: Writer, assignment: HolderAssignment) -> None:
    writer.u32("origin", assignment.origin)
    writer.sequence("holders", assignment.holders, _write_share, _SHARES_MAX)
    writer.sequence("leaving", assignment.leaving, _write_share, _SHARES_MAX)


def _read_assignment(reader: Reader) -> HolderAssignment:
    return HolderAssignment(
        origin=NodeNumber(reader.u32("origin")),
        holders=reader.sequence("holders", _read_share, _SHARES_MAX),
        leaving=reader.sequence("leaving", _read_share, _SHARES_MAX),
    )


def _write_share(writer: Writer, share: Share) -> None:
    writer.u32("holder", share.node)
    writer.u64("units", share.units)


def _read_share(reader: Reader) -> Share:
    return Share(NodeNumber(reader.u32("holder")), reader.u64("units"))


def _write_hash(writer: Writer, value: bytes) -> None:
    writer.fixed("abandoned hash", value, HASH_SIZE_BYTES)


def _read_hash(reader: Reader) -> bytes:
    return reader.fixed("abandoned hash", HASH_SIZE_BYTES)


@lru_cache(maxsize=4)
def _parsed(body: bytes) -> Roster:
    """The one in force is asked for again with each that is offered."""
    return decode_roster(body)
