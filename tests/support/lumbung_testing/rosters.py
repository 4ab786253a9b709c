"""Rosters for tests: a few offices in different provinces and a DRC node, with real Ed25519 keys from seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from blake3 import blake3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lumbung_cluster.ids import ClusterId, NodeNumber, all_units
from lumbung_cluster.roster import Custodian, HolderAssignment, Quorum, Roster, Share
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_codec import SignedRoster, encode_roster
from lumbung_cluster.roster_node import (
    AgeRecipient,
    KeyRecord,
    KeyUse,
    Label,
    LinkClass,
    NodeRecord,
    NodeState,
    Reach,
    Role,
)

__all__ = [
    "CLUSTER",
    "SeededSigner",
    "TestVerifier",
    "drc",
    "founding",
    "node_record",
    "office",
    "quorum",
    "signed",
    "successor",
]

CLUSTER = ClusterId(bytes(range(16)))


class SeededSigner:
    """An Ed25519 signer whose key comes from a name: equal in every run."""

    def __init__(self, name: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(blake3(name.encode()).digest())

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


class TestVerifier:
    """Real Ed25519, so that no test passes by a double that believes everything."""

    __test__ = False

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def quorum(names: Sequence[str], threshold: int) -> Quorum:
    """Members whose keys are those of `SeededSigner(name)`."""
    members = [Custodian(name, SeededSigner(name).public_key) for name in names]
    return Quorum(threshold, tuple(sorted(members, key=lambda member: member.public_key)))


def node_record(number: int, name: str, role: Role, province: str, zone: str, *, first_epoch: int = 1) -> NodeRecord:
    """An active, public node whose TLS pin and keys come from its number."""
    keys = [KeyRecord(KeyUse.TLS, blake3(f"tls {number}".encode()).digest(), first_epoch)]
    for use in (KeyUse.ENTRY, KeyUse.RECEIPT, KeyUse.ACCESS):
        signer = SeededSigner(f"{use.name.lower()} {number}")
        keys.append(KeyRecord(use, signer.public_key, first_epoch))
    return NodeRecord(
        number=NodeNumber(number),
        role=role,
        office=NodeNumber(number),
        labels=(Label(name, first_epoch),),
        province=province,
        hazard_zone=zone,
        addresses=(f"127.0.0.1:{7000 + number}",),
        reach=Reach("public"),
        link=LinkClass.LAN,
        link_bytes_per_s=1_000_000,
        capacity_bytes=10**12,
        load_bytes=10**11,
        state=NodeState.ACTIVE,
        keys=tuple(keys),
        recipients=(AgeRecipient(f"age1office{number}", first_epoch),),
    )


def office(number: int, name: str, zone: str = "") -> NodeRecord:
    """An office; its province is the first half of its name, its zone the province unless given."""
    return node_record(number, name, Role.OFFICE, name[:2], zone or f"zone {name[:2]}")


def drc(number: int, name: str = "drc-batam", province: str = "21", zone: str = "zone batam") -> NodeRecord:
    """A DRC node that records nothing of its own."""
    return replace(node_record(number, name, Role.DRC, province, zone), load_bytes=0)


def founding(nodes: Sequence[NodeRecord] = (), *, assignments: Sequence[HolderAssignment] | None = None) -> Roster:
    """Epoch 1 with custodians a, b, c (2 of 3) and recovery r, s (1 of 2).

    Without nodes: offices 36.02 (1), 34.04 (2), 51.71 (3) and drc-batam (4). Without assignments: each office's peer
    is the next office, and every DRC node of the list keeps all.
    """
    nodes = nodes or (office(1, "36.02"), office(2, "34.04"), office(3, "51.71"), drc(4))
    if assignments is None:
        offices = [node.number for node in nodes if node.role is Role.OFFICE]
        centres = [node.number for node in nodes if node.role is Role.DRC]
        assignments = [
            HolderAssignment(origin, tuple(Share(holder, all_units()) for holder in _ring(offices, origin) + centres))
            for origin in offices
        ]
    roster = Roster(
        cluster=CLUSTER,
        epoch=1,
        predecessor_hash=bytes(32),
        created_ms=1_795_500_000_000,
        format_level=0,
        custodians=quorum(("a", "b", "c"), 2),
        recovery=quorum(("r", "s"), 1),
        escrow=(AgeRecipient("age1escrow", 1),),
        trust_roots=(),
        nodes=tuple(nodes),
        assignments=tuple(assignments),
    )
    return tidy(roster)


def signed(roster: Roster, *names: str) -> SignedRoster:
    """Encoded and signed by these custodians."""
    result = SignedRoster(encode_roster(roster), ())
    for name in names:
        result = result.signed_by(SeededSigner(name))
    return result


def successor(held: SignedRoster, **changes: object) -> Roster:
    """The roster of the next epoch, with these fields changed."""
    before = held.parse()
    following = {"epoch": before.epoch + 1, "predecessor_hash": held.hash, **changes}
    return tidy(replace(before, **following))  # type: ignore[arg-type]


def _ring(offices: list[NodeNumber], origin: NodeNumber) -> list[NodeNumber]:
    following = offices[(offices.index(origin) + 1) % len(offices)]
    return [] if following == origin else [following]
