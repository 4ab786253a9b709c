"""Signed words: a receipt leaves only a node that holds all of it, synced; a withdrawal that came is recorded.

durable before said     a receipt names only what a power cut would leave
"""

from __future__ import annotations

import trio

from lumbung_cluster.ids import BlobId
from lumbung_cluster.receipt import Statement
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.simulation.damage import Harm
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.invariants.ends import SessionEnds
from lumbung_testing.simulation.node import SimNode

__all__ = ["HEARD", "SAYS", "SAYS_ANYTHING"]

_RECORDED_S = 5.0  # a withdrawal that came, on a session that lives on, is recorded by then


def _hear_withdrawal(claims: Claims, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    words = Statement.parse(frame.withdraw.withdrawal.body)
    ends.withdrawn.update(dict.fromkeys(words.blobs, trio.current_time()))


def _note_withdrawals(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    for blob, at in list(ends.withdrawn.items()):
        if trio.current_time() - at > _RECORDED_S:
            claims.withdrawn.add((ends.peer, node.number, blob))
            del ends.withdrawn[blob]


def _says_applied(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    if frame.applied.HasField("receipt"):
        _check_receipt(claims, node, frame.applied.receipt)


def _says_proof(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    if frame.proof.HasField("receipt"):
        _check_receipt(claims, node, frame.proof.receipt)


def _check_receipt(claims: Claims, node: SimNode, message: peer_pb2.SignedBytes) -> None:
    statement = Statement.parse(message.body)
    for blob in statement.blobs:
        _note_old_machine(claims, node, statement, blob)
        if not claims.says_rightly(node, statement.origin, blob):
            claims.broken("durable before said", f"{node.host} signs for {blob}, which it has not")


def _note_old_machine(claims: Claims, node: SimNode, statement: Statement, blob: BlobId) -> None:
    """What an old machine signs for is void once the newer life was met; until then nobody can know better."""
    present, origin = claims.nodes[node.number], statement.origin
    if present is not node and not present.durable.holds(origin, blob):
        claims.damage.note(node.number, origin, blob, Harm.GONE, statement.generation)


HEARD = {"withdraw": _hear_withdrawal}
SAYS = {"applied": _says_applied, "proof": _says_proof}
SAYS_ANYTHING = (_note_withdrawals,)
