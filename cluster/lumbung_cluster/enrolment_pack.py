"""The enrolment pack: the centre's answer to a join request (format `lumbung/pack/0`, docs/roster.md).

It carries what a new node cannot make by itself: the roster that names it, certificates for its keys, the cluster
secret sealed to it, and access lists of the offices whose blobs it will hold. Rosters prove themselves by signatures
once a person has vouched for the first one: by comparing the pack's fingerprint by phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_cluster import limits
from lumbung_cluster.access import SignedAccess, access_objection
from lumbung_cluster.canonical import Malformed, Reader, Writer
from lumbung_cluster.ids import CLUSTER_ID_SIZE_BYTES, ClusterId, NodeNumber
from lumbung_cluster.joining import keys_of_node
from lumbung_cluster.phone_groups import phone_groups
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_node import KeyUse, NodeRecord
from lumbung_cluster.roster_rules import Accept, Refuse, judge_first
from lumbung_cluster.signed import Domain, Verifier, signed_hash
from lumbung_cluster.signed_file import with_head, without_head
from lumbung_cluster.signed_join import SignedJoin
from lumbung_cluster.with_vans import with_vans

__all__ = ["PACK_ACCESS_LISTS_MAX", "PACK_ROSTERS_MAX", "EnrolmentPack", "Welcome", "judge_pack"]

PACK_ROSTERS_MAX = 8  # the newest is enough unless custodians changed with it: then those that lead to it
PACK_ACCESS_LISTS_MAX = 256  # of origins that one node holds; more come with the sessions
_HASH_SIZE_BYTES = 32
_TEXT_SIZE_MAX = 64
_CHAIN_SIZE_MAX = 32 * 1024
_SEALED_SIZE_MAX = 16 * 1024


@dataclass(frozen=True, slots=True)
class EnrolmentPack:
    """`rosters` are signed ones, oldest first; `access_lists` signed ones in the order of offices.

    `request_hash` names the request that this answers, `secret_sealed` is an age file that only the asker opens.
    """

    cluster: ClusterId
    node: NodeNumber
    request_hash: bytes
    created_ms: int
    rosters: tuple[bytes, ...]
    node_chain: str
    operator_chain: str | None
    secret_sealed: bytes
    access_lists: tuple[bytes, ...]

    @property
    def fingerprint(self) -> str:
        """What the centre reads out by phone."""
        return phone_groups(signed_hash(Domain.PACK, self._body()))

    def encode(self) -> bytes:
        """The bytes of the file. Raises Malformed."""
        return with_head(Domain.PACK, self._body())

    @classmethod
    def decode(cls, raw: bytes) -> EnrolmentPack:
        """Raises Malformed. Nothing is verified yet."""
        reader = Reader(without_head(Domain.PACK, "an enrolment pack", raw))
        found = cls(
            cluster=ClusterId(reader.fixed("cluster id", CLUSTER_ID_SIZE_BYTES)),
            node=NodeNumber(reader.u32("node number")),
            request_hash=reader.fixed("request hash", _HASH_SIZE_BYTES),
            created_ms=reader.u64("created"),
            rosters=reader.sequence("rosters", _read_document, PACK_ROSTERS_MAX),
            node_chain=reader.text("node's certificate", _CHAIN_SIZE_MAX, is_pem=True),
            operator_chain=reader.optional("operator's certificate", _read_chain),
            secret_sealed=reader.var_bytes("sealed cluster secret", _SEALED_SIZE_MAX),
            access_lists=reader.sequence("access lists", _read_document, PACK_ACCESS_LISTS_MAX),
        )
        reader.finish()
        if not found.rosters:
            raise Malformed("rosters", "at least one", "none")
        return found

    def _body(self) -> bytes:
        writer = Writer().fixed("cluster id", self.cluster.raw, CLUSTER_ID_SIZE_BYTES)
        writer.u32("node number", self.node).fixed("request hash", self.request_hash, _HASH_SIZE_BYTES)
        writer.u64("created", self.created_ms)
        writer.sequence("rosters", self.rosters, _write_document, PACK_ROSTERS_MAX)
        writer.text("node's certificate", self.node_chain, _CHAIN_SIZE_MAX, is_pem=True)
        writer.optional("operator's certificate", self.operator_chain, _write_chain)
        writer.var_bytes("sealed cluster secret", self.secret_sealed, _SEALED_SIZE_MAX)
        writer.sequence("access lists", self.access_lists, _write_document, PACK_ACCESS_LISTS_MAX)
        return writer.finish()


@dataclass(frozen=True, slots=True)
class Welcome:
    """A pack that is rightfully ours: the newest roster with the vans of the lists, our record in it, and the lists."""

    roster: Roster
    node: NodeRecord
    access_lists: tuple[SignedAccess, ...]

    @property
    def list_office(self) -> NodeNumber:
        """Whose access list names the callers of this node: its own, or that of the office which named the van."""
        return self.node.number if self.node.open_keys(KeyUse.ACCESS) else self.node.office


def judge_pack(pack: EnrolmentPack, asked: SignedJoin, verifier: Verifier) -> Welcome | Refuse:
    """Whether this pack answers `asked`. Certificates and the sealed secret are the caller's to check."""
    request = asked.request
    if pack.cluster != request.cluster:
        return Refuse(f"pack of another cluster: expected {request.cluster}, got {pack.cluster}")
    if pack.request_hash != asked.hash:
        ours, theirs = asked.hash.hex()[:16], pack.request_hash.hex()[:16]
        return Refuse(f"pack for another machine: expected the answer to request {ours}, got that to {theirs}")
    try:
        rosters = [SignedRoster.decode(raw) for raw in pack.rosters]
        lists = tuple(SignedAccess.decode(raw) for raw in pack.access_lists)
    except Malformed as exc:
        return Refuse(f"pack not understood: {exc}")
    verdict = judge_first(rosters[-1], pack.cluster, verifier, rosters[:-1])
    if not isinstance(verdict, Accept):
        return verdict if isinstance(verdict, Refuse) else Refuse("pack: expected a roster to begin with")
    return _welcome(pack, asked, verdict.roster, lists, verifier)


def _welcome(
    pack: EnrolmentPack, asked: SignedJoin, roster: Roster, lists: Sequence[SignedAccess], verifier: Verifier
) -> Welcome | Refuse:
    roster = with_vans(roster, {signed.content.office: signed for signed in lists})
    node = roster.node(pack.node)
    if node is None or not node.is_present or node.name != asked.request.name:
        got = node.name if node is not None else "none"
        return Refuse(f"pack: expected node {pack.node} of the roster to be {asked.request.name}, got {got}")
    for use, key in keys_of_node(node, asked.request):
        if not node.has_open_key(use, key):
            name = use.name.lower()
            return Refuse(f"pack: expected our {name} key in epoch {roster.epoch} of the roster, got another")
    for signed in lists:
        objection = access_objection(roster, None, signed, verifier)
        if objection is not None:
            return Refuse(f"pack: {objection}")
    return Welcome(roster, node, tuple(lists))


def _write_document(writer: Writer, document: bytes) -> None:
    writer.var_bytes("document", document, limits.MESSAGE_SIZE_BYTES_MAX)


def _read_document(reader: Reader) -> bytes:
    return reader.var_bytes("document", limits.MESSAGE_SIZE_BYTES_MAX)


def _write_chain(writer: Writer, chain: str) -> None:
    writer.text("operator's certificate", chain, _CHAIN_SIZE_MAX, is_pem=True)


def _read_chain(reader: Reader) -> str:
    return reader.text("operator's certificate", _CHAIN_SIZE_MAX, is_pem=True)
