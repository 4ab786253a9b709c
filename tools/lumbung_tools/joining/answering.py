"""The centre's side: a request enters the draft of the next roster, and the signed roster goes back in a pack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyrage

from lumbung_cluster.access import SignedAccess
from lumbung_cluster.enrolment_pack import EnrolmentPack, Welcome, judge_pack
from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.identity_uri import AccessIdentity, NodeIdentity
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.joining import JoinRefused, keys_of_node
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_node import KeyUse, NodeRecord
from lumbung_cluster.signed_join import SignedJoin
from lumbung_cluster.with_vans import with_vans
from lumbung_node.adapters.keys.certificates import Authority
from lumbung_node.adapters.keys.cluster_secret import render_cluster_secret
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.adapters.keys.tls_proofs import public_key_pem

__all__ = ["Centre", "make_pack", "next_draft", "node_of_request"]


@dataclass(frozen=True, slots=True)
class Centre:
    """What the centre answers with: who issues certificates, and the secret that all nodes share."""

    authority: Authority
    cluster_secret: InventoryKey


def next_draft(held: SignedRoster, now_ms: int) -> Roster:
    """The held roster as the draft of the next epoch."""
    before = held.parse()
    return replace(before, epoch=before.epoch + 1, predecessor_hash=held.hash, created_ms=now_ms, abandons=())


def node_of_request(roster: Roster, asked: SignedJoin) -> NodeRecord:
    """The node that the roster names with the keys of this request. Raises JoinRefused.

    Where offices have copied a van's keys there are several: the one of the name that was asked for.
    """
    found = [
        node
        for node in roster.nodes
        if node.is_present and all(node.has_open_key(use, key) for use, key in keys_of_node(node, asked.request))
    ]
    if found:
        return next((node for node in found if node.name == asked.request.name), found[0])
    raise JoinRefused(
        f"join request of {asked.request.name}: expected its keys in the roster of epoch {roster.epoch}, got none; "
        f"add it first: lumbung roster add, or for a van: lumbung access add-van"
    )


def make_pack(
    asked: SignedJoin, rosters: Sequence[SignedRoster], centre: Centre, access_lists: Sequence[bytes], *, now_ms: int
) -> EnrolmentPack:
    """The answer to a request that the newest of `rosters` (oldest first) admits.

    Raises JoinRefused for a roster that does not name it or is not signed by enough custodians, KeyRefused.
    """
    request = asked.request
    lists = [SignedAccess.decode(raw) for raw in access_lists]
    newest = with_vans(rosters[-1].parse(), {signed.content.office: signed for signed in lists})
    node = node_of_request(newest, asked)
    office = node.number if node.open_keys(KeyUse.ACCESS) else node.office
    identity = NodeIdentity(request.cluster, node.number)
    pack = EnrolmentPack(
        cluster=newest.cluster,
        node=node.number,
        request_hash=asked.hash,
        created_ms=now_ms,
        rosters=tuple(signed.encode() for signed in rosters),
        node_chain=_issue(centre, identity, request.tls_key, now_ms),
        operator_chain=_operator_chain(centre, asked, office, now_ms),
        secret_sealed=_sealed(render_cluster_secret(centre.cluster_secret), request.pack_recipient),
        access_lists=tuple(access_lists),
    )
    # The same judgement that the office will make: no pack leaves that would be refused there.
    verdict = judge_pack(pack, asked, Ed25519Verifier())
    if not isinstance(verdict, Welcome):
        raise JoinRefused(verdict.reason)
    return pack


def _operator_chain(centre: Centre, asked: SignedJoin, office: NodeNumber, now_ms: int) -> str | None:
    operator = asked.request.operator
    if operator is None:
        return None
    return _issue(centre, AccessIdentity(asked.request.cluster, office, operator.name), operator.tls_key, now_ms)


def _issue(centre: Centre, identity: NodeIdentity | AccessIdentity, key_der: bytes, now_ms: int) -> str:
    return centre.authority.issue(identity, public_key_pem(key_der), now_ms=now_ms).decode("ascii")


def _sealed(content: bytes, recipient: str) -> bytes:
    try:
        return pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(recipient)])
    except (pyrage.RecipientError, pyrage.EncryptError) as exc:
        raise KeyRefused(f"pack recipient: expected age1..., got {recipient[:24]!r}") from exc
