"""Who a caller is to us: the roster and the access lists decide, the certificate only says who claims to be what.

Asked for every call and frame, and again for every open stream when a roster or an access list is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lumbung_cluster.access import Duty, SignedAccess
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.identity_uri import AccessIdentity, NodeIdentity, parse_identity
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import KeyUse, NodeRecord

__all__ = ["AccessRole", "CallerRole", "NodeRole", "Refused", "role_of"]


@dataclass(frozen=True, slots=True)
class NodeRole:
    """A present node of the roster."""

    number: NodeNumber
    record: NodeRecord


@dataclass(frozen=True, slots=True)
class AccessRole:
    """A station or an operator of an office."""

    office: NodeNumber
    name: str
    duty: Duty


@dataclass(frozen=True, slots=True)
class Refused:
    """PERMISSION_DENIED with this sentence."""

    sentence: str


CallerRole = NodeRole | AccessRole | Refused


def role_of(
    uri: str, key_pin: bytes, roster: Roster, access_lists: Mapping[NodeNumber, SignedAccess], *, now_ms: int
) -> CallerRole:
    """The role of a caller with this URI and key. `access_lists` are the accepted ones, by office."""
    try:
        identity = parse_identity(uri)
    except Malformed as exc:
        return Refused(str(exc))
    if identity.cluster != roster.cluster:
        return Refused(f"caller of another cluster: expected {roster.cluster}, got {identity.cluster}")
    match identity:
        case NodeIdentity():
            return _node_role(identity.number, key_pin, roster)
        case AccessIdentity():
            return _access_role(identity, key_pin, roster, access_lists.get(identity.office), now_ms)


def _node_role(number: NodeNumber, key_pin: bytes, roster: Roster) -> NodeRole | Refused:
    record = roster.node(number)
    if record is None:
        return Refused(f"node {number}: expected a node of the roster of epoch {roster.epoch}, got a stranger")
    if not record.is_present:
        return Refused(f"node {number} ({record.name}): expected a present node, got one that left the cluster")
    if not record.has_open_key(KeyUse.TLS, key_pin):
        pinned = f"expected a TLS key that epoch {roster.epoch} pins"
        return Refused(f"node {number} ({record.name}): {pinned}, got {key_pin.hex()[:16]}")
    return NodeRole(number, record)


def _access_role(
    identity: AccessIdentity, key_pin: bytes, roster: Roster, signed: SignedAccess | None, now_ms: int
) -> AccessRole | Refused:
    office = roster.node(identity.office)
    if office is None or not office.is_present:
        return Refused(f"{identity.name} of node {identity.office}: expected an office that is present, got none")
    who = f"{identity.name} of {office.name}"
    if signed is None:
        return Refused(f"{who}: expected an access list of {office.name}, got none here yet")
    # A list signed by a stolen key falls with the key, also when it was accepted before.
    if not office.has_open_key(KeyUse.ACCESS, signed.signature.key_public):
        return Refused(f"{who}: expected an access list signed by a key in force, got version {signed.content.version}")
    entry = signed.content.entry(identity.name)
    if entry is None:
        return Refused(f"{who}: expected a name on access list version {signed.content.version}, got a stranger")
    if key_pin not in entry.pins:
        return Refused(f"{who}: expected a key that the access list pins, got {key_pin.hex()[:16]}")
    if not entry.valid_from_ms <= now_ms < entry.valid_until_ms:
        return Refused(
            f"{who}: expected a time from {entry.valid_from_ms} to {entry.valid_until_ms} ms UTC, got {now_ms}"
        )
    return AccessRole(identity.office, identity.name, entry.duty)
