"""Who a new cluster trusts, all of it fresh, and the draft of its first roster, in which no node stands yet."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_cluster.ids import CLUSTER_ID_SIZE_BYTES, ClusterId
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.roster import Custodian, Quorum, Roster, TrustRoot
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_node import AgeRecipient
from lumbung_node.adapters.keys.age_identity import AgeIdentity
from lumbung_node.adapters.keys.certificates import Authority, make_authority
from lumbung_node.adapters.keys.cluster_secret import make_cluster_secret
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer

__all__ = ["CUSTODIANS_NEEDED", "Founders", "first_draft", "make_founders"]

CUSTODIANS_NEEDED = 2
_CUSTODIANS = 3
_RECOVERY, _RECOVERY_NEEDED = 3, 2
_FIRST_EPOCH = 1
_NO_PREDECESSOR = bytes(32)
_FORMAT_LEVEL = 0
_ESCROW_KEYS = 2  # one may be lost


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


def first_draft(founders: Founders, now_ms: int) -> Roster:
    """Epoch 1 without nodes: they come in by their requests, as later ones do."""
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
            nodes=(),
            assignments=(),
        )
    )


def _quorum(name: str, signers: Sequence[Ed25519Signer], threshold: int) -> Quorum:
    members = [Custodian(f"{name}-{at}", signer.public_key) for at, signer in enumerate(signers, start=1)]
    return Quorum(threshold, tuple(members))
