"""Inventory receipts: exactly the set that is held, synced, no more and no less.

an inventory is exact    each unit's count and digest are those of the feed up to the number that the receipt names,
                         every blob of it is there (that none is known to be damaged is seen when it signs)
receipts say what is     its bytes were checked no later than they rotted

Rows that the nemesis took, and that nobody has noticed yet, are excused: the node signs what it counted.
"""

from __future__ import annotations

from collections import defaultdict

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.inventory.claims import claim_digest
from lumbung_cluster.inventory.fingerprint import NO_IDS, InventoryKey, UnitDigest
from lumbung_cluster.receipt import Statement
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.simulation.damage import Harm
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.invariants.ends import SessionEnds
from lumbung_testing.simulation.invariants.words import note_old_machine
from lumbung_testing.simulation.node import SimNode

__all__ = ["SAYS"]


def _says_inventory(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    word = frame.inventory_word
    if not word.HasField("receipt") or node.core is None:
        return
    statement = Statement.parse(word.receipt.body)
    sets = _units(node, statement.origin, statement.durable_number)
    for blob in (blob for claim in statement.units for blob in sets[claim.unit]):
        note_old_machine(claims, node, statement, blob)
    if claims.misbehaviour.is_false_tongued(node.number):
        return
    if node.stopped_at is not None:
        claims.broken("stopped means silent", f"{node.host} signs an inventory, told at {node.stopped_at:.3f} to stop")
    if claims.damage.has_gap(node, statement.origin):
        return  # what was folded before the feed lost a row is not to be had from the disk
    for claim in statement.units:
        blobs, key = sets[claim.unit], node.core.store.inventories.key
        due = (len(blobs), claim_digest(key, statement.origin, claim.unit, _digest(key, blobs)))
        if (claim.blobs, claim.digest) != due:
            claims.broken(
                "an inventory is exact",
                f"{node.host} signs for {claim.blobs} blobs in unit {claim.unit} of {statement.origin}, it has "
                f"{len(blobs)} up to number {statement.durable_number}",
            )
        for blob in blobs:
            _check_blob(claims, node, statement, blob)


def _check_blob(claims: Claims, node: SimNode, statement: Statement, blob: BlobId) -> None:
    row = node.durable.row(statement.origin, blob)
    if row is None and claims.damage.is_rotten(node.number, statement.origin, blob):
        return  # its row was lost, and no scrub has missed it yet
    if not claims.says_rightly(node, statement.origin, blob):
        claims.broken("an inventory is exact", f"{node.host} signs for a unit with {blob}, which it has not: {row}")
    harm = claims.damage.of(node.number, statement.origin, blob)
    if harm is not None and harm.harm is Harm.ROTTEN and statement.verified_since_ms > harm.wall_ms:
        claims.broken("receipts say what is", f"{node.host} says it checked {blob} after it had rotted")


def _units(node: SimNode, origin: NodeNumber, last: int) -> dict[int, list[BlobId]]:
    found: dict[int, list[BlobId]] = defaultdict(list)
    for number in range(1, last + 1):
        row = node.durable.feed_row(origin, number)
        if row is not None:
            found[row.blob.unit].append(row.blob)
    return found


def _digest(key: InventoryKey, blobs: list[BlobId]) -> UnitDigest:
    digest = NO_IDS
    for blob in blobs:
        digest = digest.plus(UnitDigest(key.lift(blob.raw), 1))
    return digest


SAYS = {"inventory_word": _says_inventory}
