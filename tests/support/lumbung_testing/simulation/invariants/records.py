"""What an origin keeps of its holders' words: nothing counts that was not said, asked for, and truly signed.

only true words count    each copy row is what the receipt or withdrawal beside it says, signed by the holder; a receipt
                         answers a nonce that this origin has put to this holder, on a line or on a disk
the latest word counts   no copy row ever gives way to an earlier word of its holder
"""

from __future__ import annotations

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.receipt import SignedStatement
from lumbung_cluster.signed import is_signed_by
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.store.exports import ExportRow
from lumbung_node.store.layout import CopyRow, receipt_key
from lumbung_testing.rosters import TestVerifier
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.node import SimNode

__all__ = ["SWEEPS"]

_VERIFIER = TestVerifier()


def _sweep_records(claims: Claims) -> None:
    for node in claims.nodes.values():
        if node.core is None:
            continue
        tables = node.disk.durable
        for key in tables.keys(Family.PROOFS, b"c", b"d"):
            value = tables.get(Family.PROOFS, key)
            before = node.words_checked.get(key)
            if value is not None and before != value:
                node.words_checked[key] = value
                holder = NodeNumber(int.from_bytes(key[9:], "big"))
                _check_record(claims, node, node.core, holder, CopyRow.unpack(value))
                if before is not None:
                    _check_order(claims, node, holder, CopyRow.unpack(before), CopyRow.unpack(value))


def _check_record(claims: Claims, node: SimNode, core: Core, holder: NodeNumber, row: CopyRow) -> None:
    raw = node.disk.durable.get(Family.PROOFS, receipt_key(row.receipt_serial))
    if raw is None:
        claims.broken("only true words count", f"{node.host} counts {row} of node {holder} without its receipt")
        return
    word = SignedStatement.from_bytes(raw)
    said = (word.content.origin, word.content.holder, word.content.generation, word.content.nonce)
    if said != (node.number, holder, row.generation, row.nonce):
        claims.broken("only true words count", f"{node.host} counts {row} of node {holder}, which said {said}")
    is_its_key = word.signature.key_public in {record.key for record in core.rosters.roster.receipt_keys(holder)}
    # Not by the method that the node itself asks, which may be what is wrong.
    is_signed = is_signed_by(word.content.kind.domain, word.body, word.signature, _VERIFIER)
    if not is_its_key or not is_signed:
        claims.broken("only true words count", f"{node.host} counts {row}, which node {holder} has not signed")
    is_asked = row.nonce in claims.asked.get((node.number, holder), ()) or _is_of_a_disk(node, holder, row.nonce)
    if row.proven and not is_asked:
        claims.broken("only true words count", f"{node.host} counts {row} of node {holder}, and never asked for it")


def _check_order(claims: Claims, node: SimNode, holder: NodeNumber, before: CopyRow, after: CopyRow) -> None:
    """At one nonce a withdrawal is the later word."""
    was, now = ((row.generation, row.nonce, not row.proven) for row in (before, after))
    if now < was:
        claims.broken("the latest word counts", f"{node.host}: {after} of node {holder} took the place of {before}")


def _is_of_a_disk(node: SimNode, holder: NodeNumber, nonce: int) -> bool:
    """Whether it is the nonce of a bundle that the origin has written for this holder."""
    key = b"x" + nonce.to_bytes(8, "big")
    value = node.disk.durable.get(Family.SYSTEM, key)
    return value is not None and ExportRow.unpack(key, value).holder == holder


SWEEPS = (_sweep_records,)
