"""A holder's words by all ways together: in sessions, and on disks.

taken back behind its own words    a withdrawal names no lower nonce than any word that its holder has signed, in that
                                   life, for that blob: else the origin would take the earlier word for the later one
receipts say what is               what is written on a disk is checked as what goes over a line
the latest word counts             what came home on a disk is on record before its answer leaves, or a later word is; a
                                   true withdrawal is never refused
"""

from __future__ import annotations

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import BlobId
from lumbung_cluster.receipt import SignedStatement, Statement, StatementKind
from lumbung_cluster.signed import Signature
from lumbung_node.ports.keyvalue import Family
from lumbung_node.store.covers import CoverRow, cover_key
from lumbung_proto.v1 import bundles_pb2, peer_pb2
from lumbung_testing.rosters import CLUSTER, TestVerifier
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.invariants.ends import SessionEnds
from lumbung_testing.simulation.invariants.words import check_latest, check_receipt, check_silence
from lumbung_testing.simulation.node import SimNode

__all__ = ["SAYS", "came_home", "says_on_disk"]

_REFUSED = bundles_pb2.RECEIPT_OUTCOME_REFUSED


def says_on_disk(claims: Claims, node: SimNode, nonce: int, said: bundles_pb2.ImportResponse) -> None:
    """An answer of an import that leaves; `nonce` is the one that the disk's manifest has for its exporter."""
    if said.HasField("applied") and said.applied.HasField("receipt"):
        check_receipt(claims, node, said.applied.receipt, nonce)
        _note(claims, node, said.applied.receipt)
    elif said.HasField("withdrawal"):
        _take_back(claims, node, said.withdrawal)


def came_home(
    claims: Claims, node: SimNode, words: list[peer_pb2.SignedBytes], said: bundles_pb2.TakeReceiptsResponse
) -> None:
    """An answer to words of a disk is about to leave their origin."""
    for message, answer in zip(words, said.answers, strict=False):
        try:
            word = SignedStatement.parse(message.body, Signature(message.public_key, message.signature))
        except Malformed:
            continue
        content = word.content
        blobs = [blob for blob in content.blobs if node.durable.row(node.number, blob) is not None]
        if content.origin != node.number or not blobs:
            continue
        if answer.outcome != _REFUSED:
            for blob in blobs:
                if not _is_covered_since(node, blob, content):
                    check_latest(claims, node, content, blob)
        elif content.kind is StatementKind.WITHDRAWAL and _is_true(node, word):
            claims.broken("the latest word counts", f"{node.host} refuses a withdrawal on a disk: {answer.sentence}")


def _is_covered_since(node: SimNode, blob: BlobId, word: Statement) -> bool:
    """Whether the holder has proven it later with its whole inventory: then the disk's word changes nothing."""
    row = node.durable.row(node.number, blob)
    raw = node.disk.durable.get(Family.PROOFS, cover_key(word.holder))
    cover = CoverRow.unpack(raw) if raw is not None else None
    if row is None or cover is None or not cover.covers(row.number, blob.unit):
        return False
    return (cover.generation, cover.nonce) > (word.generation, word.nonce)


def _is_true(node: SimNode, word: SignedStatement) -> bool:
    """Whether it is of its holder's newest life that was met, under a key in force, for this cluster."""
    content = word.content
    if node.core is None or content.cluster != CLUSTER:
        return False
    state, roster = node.core.store.state, node.core.rosters.roster
    is_newest = content.generation >= state.generations_seen.get(content.holder, 0)
    is_drawn = content.nonce < state.next_nonce
    keys = roster.receipt_keys(content.holder)
    is_in_force = any(key.key == word.signature.key_public and key.is_open for key in keys)
    return is_newest and is_drawn and is_in_force and word.is_valid(TestVerifier())


def _says_proof(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    if frame.proof.HasField("receipt"):
        _note(claims, node, frame.proof.receipt)


def _says_applied(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    if frame.applied.HasField("receipt"):
        _note(claims, node, frame.applied.receipt)


def _says_inventory(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    if frame.inventory_word.HasField("receipt"):
        _note(claims, node, frame.inventory_word.receipt)


def _says_withdrawal(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    # An origin's Hello names its newest nonce: who names none is somebody else, whom a rolled-back holder believes.
    if ends.heard.nonce:
        _take_back(claims, node, frame.withdraw.withdrawal)


def _note(claims: Claims, node: SimNode, message: peer_pb2.SignedBytes) -> None:
    if claims.misbehaviour.is_false_tongued(node.number):
        return
    word = Statement.parse(message.body)
    for said in word.blobs or [claim.unit for claim in word.units]:  # an inventory receipt is over whole units
        key = (node.host, word.generation, word.origin, said)
        claims.signed_under[key] = max(word.nonce, claims.signed_under.get(key, 0))


def _take_back(claims: Claims, node: SimNode, message: peer_pb2.SignedBytes) -> None:
    if claims.misbehaviour.is_false_tongued(node.number):
        return
    check_silence(claims, node)
    word = Statement.parse(message.body)
    for blob in word.blobs:
        keys = [(node.host, word.generation, word.origin, each) for each in (blob, blob.unit)]
        highest = max(claims.signed_under.get(key, 0) for key in keys)
        if word.nonce < highest:
            claims.broken(
                "taken back behind its own words",
                f"{node.host} withdraws {blob} under nonce {word.nonce}, it has signed for it under {highest}",
            )


SAYS = {
    "applied": _says_applied,
    "proof": _says_proof,
    "inventory_word": _says_inventory,
    "withdraw": _says_withdrawal,
}
