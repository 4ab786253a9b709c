"""What a node sends stays inside `limits`, whatever its peers do.

bounds              open offers and questions, entries, lists and ids of a frame, marks of a Hello
honest words fit    nobody tells an honest node that what it said breaks the protocol
"""

from __future__ import annotations

from lumbung_cluster import limits
from lumbung_cluster.errors import StatusCode
from lumbung_cluster.ids import NodeNumber
from lumbung_node.services.session import incoming
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.invariants.ends import SessionEnds
from lumbung_testing.simulation.node import SimNode

__all__ = ["SAYS", "check_refusal"]

_QUESTIONS_OPEN_MAX = 2


def _says_hello(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    _check(claims, node, "marks", len(frame.hello.marks), limits.HELLO_MARKS_MAX)


def _says_offer(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    is_open = sum(kind == "offer" for kind, _ in ends.asked)
    _check(claims, node, "open offers", is_open, incoming._OFFERS_OPEN_MAX)
    _check(claims, node, "entries of an offer", len(frame.offer.entries), limits.OFFER_ENTRIES_MAX)
    _check(claims, node, "lists of an offer", len(frame.offer.lists), limits.OFFER_LISTS_MAX)


def _says_prove(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    is_open = sum(kind == "prove" for kind, _ in ends.asked)
    _check(claims, node, "open questions", is_open, _QUESTIONS_OPEN_MAX)
    _check(claims, node, "ids of a question", len(frame.prove.ids), limits.PROVE_IDS_MAX)


def _says_need(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    _check(claims, node, "ids of a need", len(frame.need.ids), limits.PROVE_IDS_MAX)


def _says_pieces(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    _check(claims, node, "pieces of a frame", len(frame.pieces.pieces), limits.FRAME_PARTS_MAX)
    size_bytes = sum(piece.length_bytes for piece in frame.pieces.pieces)
    _check(claims, node, "bytes of a frame", size_bytes, limits.PIECE_SIZE_BYTES_MAX)


def _says_applied(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    check_refusal(claims, node.number, ends.peer, frame.applied.status_code, frame.applied.sentence)


def check_refusal(claims: Claims, node: NodeNumber, peer: NodeNumber, status_code: int, sentence: str) -> None:
    """One of the two has refused what the other said."""
    are_honest = claims.misbehaviour.is_honest(node) and claims.misbehaviour.is_honest(peer)
    if status_code == StatusCode.INVALID_ARGUMENT.value and are_honest:
        claims.broken("honest words fit", f"between nodes {node} and {peer}: {sentence}")


def _check(claims: Claims, node: SimNode, what: str, count: int, count_max: int) -> None:
    if count > count_max:
        claims.broken("bounds", f"{node.host}: expected at most {count_max} {what}, got {count}")


SAYS = {
    "hello": _says_hello,
    "offer": _says_offer,
    "prove": _says_prove,
    "need": _says_need,
    "pieces": _says_pieces,
    "applied": _says_applied,
}
