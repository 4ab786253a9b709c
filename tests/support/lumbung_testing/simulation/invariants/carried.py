"""A holder's words by all ways together: in sessions, and on disks.

taken back behind its own words    a withdrawal names no lower nonce than any word that its holder has signed, in that
                                   life, for that blob: else the origin would take the earlier word for the later one
receipts say what is               what is written on a disk is checked as what goes over a line
"""

from __future__ import annotations

from lumbung_cluster.ids import BlobId
from lumbung_cluster.receipt import Statement
from lumbung_proto.v1 import bundles_pb2, peer_pb2
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.invariants.ends import SessionEnds
from lumbung_testing.simulation.invariants.words import check_receipt, check_silence
from lumbung_testing.simulation.node import SimNode

__all__ = ["SAYS", "says_on_disk"]


def says_on_disk(claims: Claims, node: SimNode, nonce: int, said: bundles_pb2.ImportResponse) -> None:
    """An answer of an import that leaves; `nonce` is the one that the disk's manifest has for its exporter."""
    if said.HasField("applied") and said.applied.HasField("receipt"):
        check_receipt(claims, node, said.applied.receipt, nonce)
        _note(claims, node, said.applied.receipt)
    elif said.HasField("withdrawal"):
        _take_back(claims, node, said.withdrawal)


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
    _take_back(claims, node, frame.withdraw.withdrawal)


def _note(claims: Claims, node: SimNode, message: peer_pb2.SignedBytes) -> None:
    if claims.misbehaviour.is_false_tongued(node.number):
        return
    word = Statement.parse(message.body)
    of_all: tuple[BlobId | None, ...] = (None,)  # an inventory receipt is over everything
    for blob in word.blobs or of_all:
        key = (node.host, word.generation, word.origin, blob)
        claims.signed_under[key] = max(word.nonce, claims.signed_under.get(key, 0))


def _take_back(claims: Claims, node: SimNode, message: peer_pb2.SignedBytes) -> None:
    if claims.misbehaviour.is_false_tongued(node.number):
        return
    check_silence(claims, node)
    word = Statement.parse(message.body)
    for blob in word.blobs:
        keys = [(node.host, word.generation, word.origin, each) for each in (blob, None)]
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
