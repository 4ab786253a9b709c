"""What an origin says of its copies: acknowledged means durable, named means held.

durable before said     what is acknowledged is covered by a returned sync at its origin
named holders hold      every holder that an answer names as proven has the blob, intact and durable
promised copies stay    a holder that was once named still has the blob
"""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.roster_node import Role
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.store.covers import CoverRow, cover_key
from lumbung_node.store.layout import CopyRow, copy_key
from lumbung_proto.v1 import blobs_pb2, peer_pb2
from lumbung_testing.simulation.damage import Harm
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.invariants.ends import SessionEnds
from lumbung_testing.simulation.node import SimNode

__all__ = ["SAYS", "SWEEPS", "check_copies", "check_counted", "check_named", "put_answer"]

_DURABLE = (blobs_pb2.PUT_OUTCOME_STORED, blobs_pb2.PUT_OUTCOME_REPEATED)


def put_answer(claims: Claims, node: SimNode, begun: float, answer: blobs_pb2.PutAnswer) -> None:
    """`begun` is when the put's stream was opened: the bytes were verified since."""
    if answer.outcome not in _DURABLE:
        return
    blob = BlobId(answer.id)
    if answer.outcome == blobs_pb2.PUT_OUTCOME_STORED and node.stopped_at is not None and begun > node.stopped_at:
        claims.broken("stopped means silent", f"{node.host} stored {blob}, told at {node.stopped_at:.3f} to stop")
    check_copies(claims, node, answer.copies)
    if not claims.holds(node, node.number, blob):
        harm = claims.damage.of(node.number, node.number, blob)
        # An own list that is lost is signed anew by the scrub: a repeat looks at the bytes.
        if harm is None or (harm.at < begun and not node.durable.has_bytes(node.number, blob)):
            claims.broken("durable before said", f"{node.host} acknowledges {blob}, which is not intact there")
    promised = claims.acked.setdefault((node.number, blob), {node.number: None})
    for number in answer.copies.holders:
        check_named(claims, node, NodeNumber(number), blob)
        promised[NodeNumber(number)] = None


def check_copies(claims: Claims, node: SimNode, copies: blobs_pb2.CopyCount) -> None:
    """A count of copies, held against the rules and the holders that it names."""
    if node.core is None:
        return
    roster = node.core.rosters.roster
    records = [record for number in set(copies.holders) if (record := roster.node(NodeNumber(number))) is not None]
    is_spread = len({record.province for record in records}) > 1 and any(record.role is Role.DRC for record in records)
    if copies.count > len(records) or (copies.safe and copies.count < 3) or (copies.count > 2 and not is_spread):
        claims.broken("copies add up", f"{node.host} counts {copies.count} copies at {list(copies.holders)}")


def check_counted(claims: Claims, origin: SimNode, holders: Sequence[NodeNumber]) -> None:
    """Whatever the origin counts as proven now, whether somebody asks or not."""
    core = origin.core
    for acked_at, blob in claims.acked if core is not None else ():
        row = origin.durable.row(acked_at, blob) if acked_at == origin.number else None
        if row is not None and core is not None and row.number <= core.store.state.end(acked_at).number:
            rosters = (core.rosters.roster, core.ledger_roster)  # whom the one or the other passes over is no copy
            held = [h for h in holders if all(r.units_held(h, acked_at) >> blob.unit & 1 for r in rosters)]
            for holder in core.store.proofs.ledger.proven(row.number, held):
                check_named(claims, origin, holder, blob)
                _check_on_disk(claims, origin, core, holder, row.number, blob)


def _check_on_disk(claims: Claims, origin: SimNode, core: Core, holder: NodeNumber, number: int, blob: BlobId) -> None:
    """A word by name, or a receipt over the whole inventory, of the life in which the ledger counts it.

    The word by name may be a withdrawal whose sync has returned just now, a moment before the ledger hears of it.
    """
    row, cover = _named(origin, holder, number), _cover(origin, holder)
    generation = core.store.proofs.ledger.account(holder).generation
    is_covered = cover is not None and cover.generation == generation and cover.covers(number, blob.unit)
    if not is_covered and (row is None or row.generation != generation):
        claims.broken(
            "proof is durable", f"{origin.host} counts node {holder} for number {number}, on disk is {row}, {cover}"
        )


def check_named(claims: Claims, origin: SimNode, holder: NodeNumber, blob: BlobId) -> None:
    """Whether a holder that is named for a blob has it, or may be believed to."""
    if claims.holds(claims.nodes[holder], origin.number, blob):
        return
    harm = claims.damage.of(holder, origin.number, blob)
    core = origin.core
    met = core.store.state.generations_seen.get(holder, 0) if core is not None else 0
    if harm is not None and harm.harm is Harm.ROTTEN and not _is_withdrawn(claims, origin, holder, blob):
        return
    if harm is not None and harm.harm is Harm.GONE and met <= harm.generation:
        return
    if (holder, origin.number, blob) in claims.lied:
        return
    claims.broken("named holders hold", f"{origin.host} names node {holder} for {blob}, which is not there ({harm})")


def _is_withdrawn(claims: Claims, origin: SimNode, holder: NodeNumber, blob: BlobId) -> bool:
    """Whether the holder took the copy back a while ago, and nothing later on record says that it is there."""
    row = origin.durable.row(origin.number, blob)
    word, cover = _named(origin, holder, row.number if row is not None else 0), _cover(origin, holder)
    if (holder, origin.number, blob) not in claims.withdrawn or word is None or word.proven:
        return False
    return cover is None or (cover.generation, cover.nonce) <= (word.generation, word.nonce)


def _named(origin: SimNode, holder: NodeNumber, number: int) -> CopyRow | None:
    raw = origin.disk.durable.get(Family.PROOFS, copy_key(number, holder))
    return CopyRow.unpack(raw) if raw is not None else None


def _cover(origin: SimNode, holder: NodeNumber) -> CoverRow | None:
    raw = origin.disk.durable.get(Family.PROOFS, cover_key(holder))
    return CoverRow.unpack(raw) if raw is not None else None


def _says_hello(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    """Another roster has ended the session before, and the ledger was read anew."""
    if claims.nodes[node.number] is node:  # an old machine was not told what the present one was
        check_counted(claims, node, (ends.peer,))


def _sweep_counted(claims: Claims) -> None:
    for node in claims.nodes.values():
        check_counted(claims, node, tuple(claims.nodes))


def _sweep_promised(claims: Claims) -> None:
    for (origin, blob), holders in claims.acked.items():
        for holder in holders:
            is_excused = claims.damage.of(holder, origin, blob) or (holder, origin, blob) in claims.lied
            if not claims.holds(claims.nodes[holder], origin, blob) and not is_excused:
                claims.broken("promised copies stay", f"node {holder} no longer has {blob} of {origin}")


SAYS = {"hello": _says_hello}
SWEEPS = (_sweep_counted, _sweep_promised)
