"""Feeds and marks: nothing is said ahead of its sync, nothing is skipped, only the feed moves a mark.

durable before said     an offer, a mark and an Applied are covered by a returned sync at the one who speaks
nothing is skipped      the feed lane passes over an entry only when the receiver has it, or the sender has not
marks follow the feed   only an offer of the feed lane moves a mark, exactly to its end
"""

from __future__ import annotations

import trio

from lumbung_cluster.entry import SignedList
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.signed import Signature
from lumbung_node.ports.keyvalue import Family
from lumbung_node.store.layout import RowState, feed_key
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.simulation.damage import Harm
from lumbung_testing.simulation.invariants.claims import UNDER_WAY_S, Claims
from lumbung_testing.simulation.invariants.copies import check_counted
from lumbung_testing.simulation.invariants.ends import SessionEnds
from lumbung_testing.simulation.node import SimNode

__all__ = ["HEARD", "SAYS"]


def _hear_offer(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    ends.offers[frame.offer.offer] = frame.offer


def _hear_applied(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    origin, blobs = ends.feeding.pop(frame.applied.offer, (node.number, []))
    if frame.applied.status_code:
        claims.refused.update((node.host, ends.peer, origin, blob) for blob in blobs)


def _says_marks(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    for mark in () if claims.misbehaviour.is_false_tongued(node.number) else frame.hello.marks:
        _check_mark(claims, node, ends.peer, mark)


def _says_offer(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    offer, origin = frame.offer, NodeNumber(frame.offer.origin)
    if origin == node.number and not ends.has_counted:
        ends.has_counted = True
        if claims.nodes[node.number] is node:  # an old machine was not told what the present one was
            check_counted(claims, node, (ends.peer,))
    offered = dict.fromkeys(_entries(offer))
    if offer.lane == peer_pb2.LANE_FEED:
        ends.feeding[offer.offer] = (origin, list(offered))
    for blob in offered:
        if not claims.says_rightly(node, origin, blob):
            claims.broken("durable before said", f"{node.host} offers {blob} of {origin}, which it has not")
    if offer.lane == peer_pb2.LANE_FEED:
        _check_start(claims, node, ends, offer)
        for number in range(offer.after + 1, offer.upto + 1):
            _check_passed(claims, node, ends, origin, number, offered)


def _check_start(claims: Claims, node: SimNode, ends: SessionEnds, offer: peer_pb2.Offer) -> None:
    origin = NodeNumber(offer.origin)
    has_begun, start = origin in ends.fed, offer.after
    ends.fed[origin] = offer.upto
    if start == 0 or has_begun:
        return
    feed_row = node.durable.feed_row(origin, start)
    if feed_row is None and claims.damage.has_gap(node, origin):
        return  # it was lost after the lane had begun
    shown = [mark for mark in ends.heard.marks if mark.origin == origin]
    is_right = feed_row is not None and any(
        (mark.generation, mark.number, mark.running_hash) == (ends.said.generation, start, feed_row.running_hash)
        for mark in shown
    )
    is_right = is_right or (feed_row is not None and ends.agreed.get(origin) == (start, feed_row.running_hash))
    if not is_right:
        claims.broken(
            "marks are checked",
            f"{node.host} of generation {ends.said.generation} goes on behind number {start} of {origin} for node "
            f"{ends.peer}, which showed {[(mark.generation, mark.number) for mark in shown]}",
        )


def _says_applied(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    applied = frame.applied
    offer = ends.offers.pop(applied.offer, None)
    if offer is None or claims.misbehaviour.is_false_tongued(node.number):
        return
    origin = NodeNumber(offer.origin)
    if applied.HasField("mark"):
        if offer.lane != peer_pb2.LANE_FEED or applied.mark.number != offer.upto:
            claims.broken(
                "marks follow the feed",
                f"{node.host}: an offer of lane {offer.lane} up to {offer.upto} moved the mark of node "
                f"{ends.peer} to {applied.mark.number}",
            )
        _check_mark(claims, node, ends.peer, applied.mark)
    for index, blob in enumerate(_entries(offer)):
        is_lacking = index < 8 * len(applied.lacking) and applied.lacking[index >> 3] >> (index & 7) & 1
        if not is_lacking and not claims.says_rightly(node, origin, blob):
            claims.broken("durable before said", f"{node.host} applied {blob} of {origin}, which it has not")


def _check_mark(claims: Claims, node: SimNode, sender: NodeNumber, mark: peer_pb2.OriginMark) -> None:
    row = node.durable.mark(sender, NodeNumber(mark.origin))
    if row is None or row.mark.number < mark.number or row.mark.generation != mark.generation:
        held = row.mark if row is not None else None
        claims.broken("durable before said", f"{node.host} shows mark {mark.number} of {sender}, durable is {held}")


def _check_passed(
    claims: Claims,
    node: SimNode,
    ends: SessionEnds,
    origin: NodeNumber,
    number: int,
    offered: dict[BlobId, None],
) -> None:
    """A number that an offer covers: its entry is offered, or there is a good reason why not."""
    feed_row = node.durable.feed_row(origin, number)
    if feed_row is None and _went_just_now(claims, node, origin, number):
        return
    if feed_row is None:
        claims.broken("durable before said", f"{node.host} offers number {number} of {origin}, which is not durable")
        return
    blob, peer = feed_row.blob, ends.peer
    row = node.durable.row(origin, blob)
    if blob in offered or row is None or row.state is RowState.DAMAGED:
        return
    is_for_peer = node.core is not None and node.core.rosters.roster.units_held(peer, origin) >> blob.unit & 1
    if not is_for_peer or claims.damage.was_ever(node.number, origin, blob):
        return
    if not ends.is_with(claims.nodes[peer]):
        return  # what another machine has, and has told, is on no disk that is looked at
    harm = claims.damage.of(peer, origin, blob)
    is_there = claims.nodes[peer].durable.row(origin, blob) is not None
    is_noticed = harm is None or (harm.harm is Harm.GONE and ends.generation > harm.generation)
    if not is_there and is_noticed:
        claims.broken(
            "nothing is skipped",
            f"{node.host} passes over number {number} of {origin} ({blob}), node {peer} lacks it: learnt from "
            f"{feed_row.source} of generation {feed_row.source_generation}, met {ends.generation}",
        )


def _went_just_now(claims: Claims, node: SimNode, origin: NodeNumber, number: int) -> bool:
    """It was lost while the offer was on its way out; a row that a scrub has written anew waits for its sync."""
    if node.disk.visible.get(Family.FEEDS, feed_key(origin, number)) is not None:
        return False
    return trio.current_time() - claims.damage.gap_at(node.number, origin, number) < UNDER_WAY_S


def _entries(offer: peer_pb2.Offer) -> list[BlobId]:
    lists = [
        SignedList.parse(signed.body, Signature(signed.public_key, signed.signature)).content.entries
        for signed in offer.lists
    ]
    return [lists[item.list][item.index].blob for item in offer.entries]


HEARD = {"offer": _hear_offer, "applied": _hear_applied}
SAYS = {"hello": _says_marks, "offer": _says_offer, "applied": _says_applied}
