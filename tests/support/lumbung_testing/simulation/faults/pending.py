"""What comes just while a slow disk syncs: the rows are there to be read, and a power cut would take them.

Two moments that chance seldom meets: another roster while a holder's word is being written, for then the ledger is read
anew; and a session that begins while a scrub is writing a lost feed row again, behind what the peer has of the feed.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.keyvalue import Family
from lumbung_node.store.layout import feed_key
from lumbung_testing.rosters import successor
from lumbung_testing.simulation.content import draw_delivery
from lumbung_testing.simulation.faults.disks import is_inside, slow_down
from lumbung_testing.simulation.faults.stage import DISK_CAPACITY_BYTES, Fault, Stage
from lumbung_testing.simulation.node import USUAL_PACE, SimNode

__all__ = ["FAULTS"]

_SYNC_S = (1.0, 3.0)
_LOOK_S = 0.1
_WORD_S_MAX = 30.0  # how long a holder's word is waited for
_SCRUB_S_MAX = 90.0  # a pass takes a minute
_PUTS = 3
_SETTLE_S = 8.0
_FREE_BYTES = 1000  # far below the first mark: nothing of others is taken


async def _roster_over_a_pending_word(stage: Stage, draws: random.Random) -> None:
    cluster = stage.cluster
    node = cluster.nodes[draws.choice(cluster.offices)]
    slow_down(node, draws.uniform(*_SYNC_S), _WORD_S_MAX)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_put, stage, draws, node.number)
        if await _comes(lambda: _is_pending(node, Family.PROOFS, b"c", b"d"), _WORD_S_MAX):
            cluster.sign(successor(cluster.rosters[-1], created_ms=len(cluster.rosters)))
            await cluster.publish(node.number)
            await trio.sleep(_SETTLE_S)
    node.disk.pace = USUAL_PACE


async def _session_over_a_mended_row(stage: Stage, draws: random.Random) -> None:
    """The peer's disk is full, so that its mark stays where it was; the row that is lost lies behind it."""
    cluster = stage.cluster
    node = cluster.nodes[draws.choice(cluster.offices)]
    others = [number for number in cluster.roster.partners_of(node.number) if number != node.number]
    peer = cluster.nodes[draws.choice(others)]
    peer.disk.capacity_bytes = peer.disk.used_bytes + _FREE_BYTES
    stage.tell(peer, "disk full", f"{_FREE_BYTES} bytes left")
    try:
        mark = peer.durable.mark(node.number, node.number)
        number = (mark.mark.number if mark is not None else 0) + 1
        for _ in range(_PUTS):
            await _put(stage, draws, node.number)
        if node.durable.feed_row(node.number, number) is None or not is_inside(node, node.number, number):
            return
        key = feed_key(node.number, number)
        node.disk.lose(Family.FEEDS, key)
        cluster.damage.note_gap(node, node.number, number)
        stage.tell(node, "lost", f"feed row {number} of {node.number}")
        slow_down(node, draws.uniform(*_SYNC_S), _SCRUB_S_MAX)
        if await _comes(lambda: node.disk.visible.get(Family.FEEDS, key) is not None, _SCRUB_S_MAX):
            cluster.network.cut(node.host, peer.host)
            await trio.sleep(_SETTLE_S)
    finally:
        node.disk.pace = USUAL_PACE
        peer.disk.capacity_bytes = DISK_CAPACITY_BYTES


async def _put(stage: Stage, draws: random.Random, office: NodeNumber) -> None:
    delivery = draw_delivery(draws)
    stage.cluster.deliveries.append((office, delivery))
    await stage.cluster.stations[office].put([delivery], 1, 0)


async def _comes(is_there: Callable[[], bool], wait_s: float) -> bool:
    with trio.move_on_after(wait_s):
        while not is_there():  # noqa: ASYNC110 (polled)
            await trio.sleep(_LOOK_S)
        return True
    return False


def _is_pending(node: SimNode, family: Family, first: bytes, behind: bytes) -> bool:
    """Whether some row is there to be read and no sync has covered it."""
    visible, durable = node.disk.visible, node.disk.durable
    return any(visible.get(family, key) != durable.get(family, key) for key in visible.keys(family, first, behind))


FAULTS = (
    Fault("roster over a pending word", 10, _roster_over_a_pending_word),
    Fault("session over a mended row", 10, _session_over_a_mended_row),
)
