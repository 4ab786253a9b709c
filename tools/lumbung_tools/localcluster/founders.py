"""Fresh keys for everybody in a new cluster, and the draft of its first roster from them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lumbung_cluster.ids import CLUSTER_ID_SIZE_BYTES, ClusterId, NodeNumber
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.roster import Custodian, Quorum, Roster, TrustRoot
from lumbung_cluster.roster_checks import tidy
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
from lumbung_node.adapters.keys.age_identity import AgeIdentity
from lumbung_node.adapters.keys.certificates import (
    Authority,
    make_authority,
    make_tls_key,
    pin_of_public_key,
    public_key_of,
)
from lumbung_node.adapters.keys.cluster_secret import make_cluster_secret
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_tools.localcluster.sites import Site

__all__ = [
    "CUSTODIANS_NEEDED",
    "Founders",
    "SiteKeys",
    "draft_roster",
    "make_founders",
    "make_site_keys",
    "office_of",
]

CUSTODIANS_NEEDED = 2
_CUSTODIANS = 3
_RECOVERY, _RECOVERY_NEEDED = 3, 2
_FIRST_EPOCH = 1
_NO_PREDECESSOR = bytes(32)
_FORMAT_LEVEL = 0
_ESCROW_KEYS = 2  # one may be lost
_SECRET_SIZE_BYTES = 32


@dataclass(frozen=True, slots=True)
class SiteKeys:
    """Fresh keys of one site, the node's and its office's. An age identity only where recordings are opened."""

    tls_key: bytes
    entry: Ed25519Signer
    receipt: Ed25519Signer
    access: Ed25519Signer
    age: AgeIdentity | None
    client_tls_key: bytes
    tag_secret: bytes


@dataclass(frozen=True, slots=True)
class Founders:
    """Who the whole cluster trusts."""

    cluster: ClusterId
    cluster_secret: InventoryKey
    authority: Authority
    custodians: tuple[Ed25519Signer, ...]
    recovery: tuple[Ed25519Signer, ...]
    escrow: tuple[AgeIdentity, ...]


def make_founders(now_ms: int) -> Founders:
    cluster = ClusterId(secrets.token_bytes(CLUSTER_ID_SIZE_BYTES))
    return Founders(
        cluster=cluster,
        cluster_secret=make_cluster_secret(),
        authority=make_authority(cluster, "authority", now_ms=now_ms),
        custodians=tuple(Ed25519Signer.generate() for _ in range(_CUSTODIANS)),
        recovery=tuple(Ed25519Signer.generate() for _ in range(_RECOVERY)),
        escrow=tuple(AgeIdentity.generate() for _ in range(_ESCROW_KEYS)),
    )


def make_site_keys(site: Site) -> SiteKeys:
    return SiteKeys(
        tls_key=make_tls_key(),
        entry=Ed25519Signer.generate(),
        receipt=Ed25519Signer.generate(),
        access=Ed25519Signer.generate(),
        age=AgeIdentity.generate() if site.role is Role.OFFICE else None,
        client_tls_key=make_tls_key(),
        tag_secret=secrets.token_bytes(_SECRET_SIZE_BYTES),
    )


def draft_roster(founders: Founders, sites: Sequence[Site], keys: Mapping[NodeNumber, SiteKeys], now_ms: int) -> Roster:
    """Epoch 1 without assignments yet."""
    return tidy(
        Roster(
            cluster=founders.cluster,
            epoch=_FIRST_EPOCH,
            predecessor_hash=_NO_PREDECESSOR,
            created_ms=now_ms,
            format_level=_FORMAT_LEVEL,
            custodians=_quorum("custodian", founders.custodians, CUSTODIANS_NEEDED),
            recovery=_quorum("recovery", founders.recovery, _RECOVERY_NEEDED),
            escrow=tuple(AgeRecipient(identity.recipient, _FIRST_EPOCH) for identity in founders.escrow),
            trust_roots=(TrustRoot("authority", founders.authority.certificate_pem.decode("ascii"), _FIRST_EPOCH),),
            nodes=tuple(_node_record(site, keys[site.number], office_of(site, sites)) for site in sites),
            assignments=(),
        )
    )


def office_of(site: Site, sites: Sequence[Site]) -> NodeNumber:
    """The node that a site belongs to: a van's office by the beginning of its name, else itself."""
    if site.role is not Role.VAN:
        return site.number
    return next(other.number for other in sites if site.name.startswith(f"{other.name}-"))


def _quorum(name: str, signers: Sequence[Ed25519Signer], threshold: int) -> Quorum:
    members = [Custodian(f"{name}-{at}", signer.public_key) for at, signer in enumerate(signers, start=1)]
    return Quorum(threshold, tuple(members))


def _node_record(site: Site, keys: SiteKeys, office: NodeNumber) -> NodeRecord:
    pin = pin_of_public_key(public_key_of(keys.tls_key))
    uses = (
        (KeyUse.TLS, pin),
        (KeyUse.ENTRY, keys.entry.public_key),
        (KeyUse.RECEIPT, keys.receipt.public_key),
        (KeyUse.ACCESS, keys.access.public_key),
    )
    return NodeRecord(
        number=site.number,
        role=site.role,
        office=office,
        labels=(Label(site.name, _FIRST_EPOCH),),
        province=site.region.province_code,
        hazard_zone=site.region.zone,
        addresses=(site.address,),
        reach=Reach(Reach.PUBLIC),
        link=LinkClass(site.link.value),
        link_bytes_per_s=0,
        capacity_bytes=site.capacity_bytes,
        load_bytes=site.load_bytes,
        state=NodeState.ACTIVE,
        keys=tuple(KeyRecord(use, key, _FIRST_EPOCH) for use, key in uses),
        recipients=(AgeRecipient(keys.age.recipient, _FIRST_EPOCH),) if keys.age else (),
    )
