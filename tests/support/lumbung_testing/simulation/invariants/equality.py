"""Reconcile: whoever lets a mark be adopted has seen that all up to it is there.

settled means there   a settlement covers an entry only when the receiver has it, or its sender has no good bytes of it
"""

from __future__ import annotations

from lumbung_cluster.ids import NodeNumber
from lumbung_node.store.layout import RowState
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.invariants.ends import SessionEnds
from lumbung_testing.simulation.node import SimNode

__all__ = ["HEARD", "SAYS"]


def _hear_settle(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    settle = frame.reconcile_settle
    ends.settles[settle.origin] = (settle.number, settle.running_hash)


def _says_settle(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    settle = frame.reconcile_settle
    ends.settles_said[settle.origin] = (settle.number, settle.running_hash)


def _hear_settled(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    said = ends.settles_said.pop(frame.reconcile_settled.origin, None)
    if frame.reconcile_settled.is_settled and said is not None and said[0]:
        ends.agreed[frame.reconcile_settled.origin] = said


def _says_settled(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    settled = frame.reconcile_settled
    origin = NodeNumber(settled.origin)
    number, running_hash = ends.settles.pop(settled.origin, (0, b""))
    if not settled.is_settled:
        return
    if settled.number:
        ends.agreed[origin] = (settled.number, settled.running_hash)
    asker = claims.nodes[ends.peer]
    is_honest = not any(claims.misbehaviour.is_false_tongued(each.number) for each in (asker, node))
    if is_honest and ends.is_with(asker) and claims.nodes[node.number] is node:
        # else the asker lost its disk meanwhile, or another machine speaks for one of the two
        _check_covered(claims, asker, node, origin, number, running_hash)
        _check_covered(claims, node, asker, origin, settled.number, settled.running_hash)


def _check_covered(
    claims: Claims, sender: SimNode, receiver: SimNode, origin: NodeNumber, upto: int, running_hash: bytes
) -> None:
    """The receiver may hold for true that it has all of this feed up to `upto`."""
    last = sender.durable.feed_row(origin, upto) if upto else None
    if last is None or last.running_hash != running_hash:
        return  # nothing is adopted, or the nemesis has put another folder there
    units = receiver.core.rosters.roster.units_held(receiver.number, origin) if receiver.core is not None else 0
    for number in range(1, upto + 1):
        feed_row = sender.durable.feed_row(origin, number)
        row = sender.durable.row(origin, feed_row.blob) if feed_row is not None else None
        if feed_row is None or row is None or row.state is RowState.DAMAGED or not units >> feed_row.blob.unit & 1:
            continue
        is_excused = claims.damage.was_ever(sender.number, origin, feed_row.blob)
        is_excused = is_excused or claims.damage.of(receiver.number, origin, feed_row.blob) is not None
        if not is_excused and receiver.durable.row(origin, feed_row.blob) is None:
            claims.broken(
                "settled means there",
                f"{receiver.host} adopts mark {upto} of {sender.host} for origin {origin} and lacks {feed_row.blob}",
            )


HEARD = {"reconcile_settle": _hear_settle, "reconcile_settled": _hear_settled}
SAYS = {"reconcile_settle": _says_settle, "reconcile_settled": _says_settled}
