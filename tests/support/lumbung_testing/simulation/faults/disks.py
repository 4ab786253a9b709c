"""Disks that rot, fail, fill up and slow down."""

from __future__ import annotations

import random
from dataclasses import replace

import trio

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.limits import MIB
from lumbung_node.ports.keyvalue import Family
from lumbung_node.store.layout import blob_key, feed_key, list_key, number_key, place_key
from lumbung_testing.simulation.damage import Harm
from lumbung_testing.simulation.faults.stage import DISK_CAPACITY_BYTES, Fault, Stage
from lumbung_testing.simulation.node import USUAL_PACE, SimNode
from lumbung_testing.virtual_disk import Pace

__all__ = ["FAULTS", "is_inside", "slow_down"]

_PASS_S_MAX = 30.0
_CATCH_UP_S = 30.0  # what had to wait on a slow disk is written by then
_FOREIGN_REFUSED_BYTES = 3 * MIB  # below the first mark: nothing of others is taken; the own is recorded on
_LOOKS_S = 12.0  # the node has looked at its disk by then
_ROTS = 2
_ASKS_S = (35.0, 70.0)  # an origin asks for what is not proven every half minute


async def _rot(stage: Stage, draws: random.Random) -> None:
    node = stage.some_node(draws)
    found = _rot_one(stage, node, draws)
    if found is None:
        return
    origin, blob = found
    notice = draws.random()
    await trio.sleep(draws.uniform(0.1, 5.0))
    if notice < 0.5:  # somebody happens to read it
        await stage.cluster.operators[origin].get(node.number, blob)
    elif notice < 0.8:  # or to put it again; else it lies unnoticed
        await _put_again(stage, origin, blob)


async def _rot_under_a_scrub(stage: Stage, draws: random.Random) -> None:
    """Bits flip before, behind and where an operator's pass just reads, on a disk that takes its time."""
    cluster = stage.cluster
    node = cluster.nodes[draws.choice(cluster.offices)]
    begun, node.disk.pace = node.scrub.begun_at, replace(USUAL_PACE, read_s=draws.uniform(0.05, 0.3))
    node.slow_until = max(node.slow_until, trio.current_time() + _PASS_S_MAX + _CATCH_UP_S)
    await cluster.operators[node.number].start_scrub()
    with trio.move_on_after(_PASS_S_MAX):
        while node.scrub.begun_at == begun:  # noqa: ASYNC110 (polled)
            await trio.sleep(0.05)
        while node.scrub.is_going:
            _rot_one(stage, node, draws)
            await trio.sleep(draws.uniform(0.1, 2.0))
    node.disk.pace = USUAL_PACE


def _rot_one(stage: Stage, node: SimNode, draws: random.Random) -> tuple[NodeNumber, BlobId] | None:
    """A bit flips, told by its checksum or by nothing; another chunk's bytes were written here; a write was lost."""
    held = node.durable.held()
    if not held:
        return None
    (origin, blob), row = draws.choice(list(held.items()))
    if not stage.is_elsewhere(node, origin, blob):
        return None
    key = place_key(row.place + draws.randrange(row.chunks))
    match draws.choice(("checksum", "silent", "misdirected", "lost")):
        case "misdirected":
            other = draws.choice(list(held.values()))
            node.disk.replace_chunk(key, node.disk.durable.get(Family.CHUNKS, place_key(other.place)) or b"")
        case "lost":
            node.disk.lose_chunk(key)
        case kind:
            node.disk.hurt_chunk(key, draws, damaged=kind == "checksum")
    if node.durable.holds(origin, blob):
        return None  # its own bytes were written over it
    stage.cluster.damage.note(node, origin, blob, Harm.ROTTEN, node.generation)
    stage.tell(node, "rot", f"{blob.raw.hex()[:12]} of {origin}")
    return origin, blob


async def _lose(stage: Stage, draws: random.Random) -> None:
    """One row goes behind the index's back: what belongs together no longer does."""
    node = stage.some_node(draws)
    held = node.durable.held()
    if not held:
        return
    (origin, blob), row = draws.choice(list(held.items()))
    lost = {
        "chunk": (Family.CHUNKS, place_key(row.place + draws.randrange(row.chunks))),
        "blob row": (Family.BLOBS, blob_key(origin, blob)),
        "list": (Family.LISTS, list_key(origin, row.signed)),
        "feed row": (Family.FEEDS, feed_key(origin, row.number)),
        "number row": (Family.FEEDS, number_key(origin, blob)),
    }
    what = draws.choice(list(lost))
    victims = {(origin, blob): None}
    if what == "blob row" and node.durable.number(origin, blob) != row.number:
        return  # nothing would be left that leads to its number
    if what == "list":
        same = row.signed.list
        victims |= {key: None for key, its in held.items() if key[0] == origin and its.signed.list == same}
    if not all(stage.is_elsewhere(node, *victim) for victim in victims) or not is_inside(node, origin, row.number):
        return
    node.disk.lose(*lost[what])
    stage.tell(node, "lost", f"{what} of {blob.raw.hex()[:12]} of {origin}")
    if what == "number row":
        return  # nothing is ever said from it
    if what == "feed row":
        stage.cluster.damage.note_gap(node, origin, row.number)
        return
    for victim in victims:
        stage.cluster.damage.note(node, *victim, Harm.ROTTEN, node.generation)
    if draws.random() < 0.5:  # else it lies unnoticed until a scrub comes
        await trio.sleep(draws.uniform(0.1, 5.0))
        await _put_again(stage, origin, blob)


async def _put_again(stage: Stage, origin: NodeNumber, blob: BlobId) -> None:
    """A station sends the same bytes once more."""
    again = [delivery for office, delivery in stage.cluster.deliveries if office == origin and delivery.blob == blob]
    await stage.cluster.stations[origin].put(again[:1], 1, 0)


def is_inside(node: SimNode, origin: NodeNumber, number: int) -> bool:
    """A last feed row that is lost makes a store that does not open: an operator's case, not the scrub's."""
    return None not in (node.durable.feed_row(origin, number), node.durable.feed_row(origin, number + 1))


async def _fail_sync(stage: Stage, draws: random.Random) -> None:
    node = stage.some_node(draws)
    node.disk.fail_sync(draws, nth=draws.randint(1, 3))
    stage.tell(node, "sync will fail")


async def _fill_disk(stage: Stage, draws: random.Random) -> None:
    node = stage.some_node(draws)
    left = draws.choice((200, 100_000, MIB, 3 * MIB))
    node.disk.capacity_bytes = node.disk.used_bytes + left
    stage.tell(node, "disk full", f"{left} bytes left")
    await trio.sleep(draws.uniform(5.0, 60.0))
    node.disk.capacity_bytes = DISK_CAPACITY_BYTES


async def _rot_on_a_full_disk(stage: Stage, draws: random.Random) -> None:
    """What rots is known, and nobody can repair it before there is room; its origin asks about it meanwhile."""
    node = stage.some_node(draws)
    node.disk.capacity_bytes = node.disk.used_bytes + _FOREIGN_REFUSED_BYTES
    stage.tell(node, "disk full", f"{_FOREIGN_REFUSED_BYTES} bytes left")
    try:
        await trio.sleep(_LOOKS_S)
        for _ in range(_ROTS):
            found = _rot_one(stage, node, draws)
            if found is not None:
                await stage.cluster.operators[found[0]].get(node.number, found[1])
        await trio.sleep(draws.uniform(*_ASKS_S))
    finally:
        node.disk.capacity_bytes = DISK_CAPACITY_BYTES


async def _slow_disk(stage: Stage, draws: random.Random) -> None:
    node = stage.some_node(draws)
    sync_s, slow_s = draws.uniform(0.1, 2.0), draws.uniform(5.0, 60.0)
    slow_down(node, sync_s, slow_s)
    node.disk.pace = Pace(0.02, sync_s, 0.005)
    stage.tell(node, "disk slow")
    await trio.sleep(slow_s)
    node.disk.pace = USUAL_PACE


def slow_down(node: SimNode, sync_s: float, slow_s: float) -> None:
    """Only its syncs take so long; whoever slows it down makes it quick again within `slow_s`."""
    node.disk.pace = replace(USUAL_PACE, sync_s=sync_s)
    node.slow_until = max(node.slow_until, trio.current_time() + slow_s + _CATCH_UP_S)


def _heal(stage: Stage) -> None:
    for node in stage.cluster.nodes.values():
        node.disk.pace = USUAL_PACE
        node.disk.capacity_bytes = DISK_CAPACITY_BYTES
        node.disk.heal_sync()


FAULTS = (
    Fault("rot", 36, _rot),
    Fault("rot under a scrub", 10, _rot_under_a_scrub),
    Fault("lost row", 36, _lose),
    Fault("failed sync", 12, _fail_sync, _heal),
    Fault("full disk", 12, _fill_disk),
    Fault("rot on a full disk", 12, _rot_on_a_full_disk),
    Fault("slow disk", 24, _slow_disk),
)
