"""Disks on the road: recordings go by hand to a peer, and its words come home, late, twice, cut, edited, or not at all.

a disk moves no mark          with the line between the two cut, an import leaves the holder's marks as they are
a disk tells what is damaged  what is known to be damaged before and after an import is taken back on its disk
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import trio

from lumbung_cluster.ids import BlobId, NodeNumber, all_units
from lumbung_node.store.layout import place_key
from lumbung_testing.simulation.damage import Harm
from lumbung_testing.simulation.faults.stage import Fault, Stage
from lumbung_testing.simulation.node import SimNode

__all__ = ["FAULTS", "Road", "rot_at_holder", "set_out"]

_ROAD_S_MAX = 20.0
_CUT_S = (15.0, 60.0)  # how long the two have had no line: a bundle has what was put meanwhile
_PULLED_OUT_S_MAX = 0.2  # an export or an import takes about so long
_PATIENCE_S = 30.0  # then an operator gives up
_MEETING_S_MAX = 20.0  # how long somebody waits at home for word that the holder lives anew


@dataclass(slots=True)
class Road:
    """A disk between an office and a peer that keeps its recordings; `old` are copies that somebody kept."""

    stage: Stage
    draws: random.Random
    home: NodeNumber
    away: NodeNumber
    disk: Path
    old: list[Path]

    @property
    def holder(self) -> SimNode:
        return self.stage.cluster.nodes[self.away]

    async def export(self) -> bool:
        """Perhaps pulled out in the middle, and then gone on with. Whether anything is on the disk."""
        cluster, anew = self.stage.cluster, self.draws.random() < 0.3
        with trio.move_on_after(self._pulled_out_after()):
            await cluster.desks[self.home].export(cluster.rosters[-1], self.away, self.disk, anew=anew)
        if self.draws.random() < 0.5:
            await cluster.desks[self.home].export(cluster.rosters[-1], self.away, self.disk, anew=False)
        return any(self.disk.rglob("part-*.lumbung"))

    async def take_in(self, disk: Path) -> None:
        node, cluster, begun = self.holder, self.stage.cluster, trio.current_time()
        before = self._mark() if self._has_no_line() else None
        damaged = self._damaged()
        with trio.move_on_after(self._pulled_out_after()):
            done = await cluster.desks[self.away].take_in(cluster.rosters[-1], disk)
            still = damaged & self._damaged()
            if done is not None and done.receipts and done.withdrawn < len(still):
                cluster.story.broken(
                    "a disk tells what is damaged", f"{node.host} takes {done.withdrawn} back of {len(still)} damaged"
                )
        after = self._mark()
        is_one_store = before is not None and after is not None and before[0] == after[0]
        if is_one_store and before != after and self._has_no_line() and node.was_quick_since(begun):
            cluster.story.broken("a disk moves no mark", f"{node.host} had {before}, now {after}")

    async def receipts(self) -> None:
        """Home with it; somebody may read a copy that he has kept before, or behind it."""
        cluster, disks = self.stage.cluster, [self.disk, *self.old]
        self.draws.shuffle(disks)
        for disk in disks:
            await cluster.desks[self.home].receipts(cluster.rosters[-1], disk)

    def keep_copy(self) -> None:
        self.old.append(self.stage.cluster.shelf.copy(self.disk))

    def maltreat(self) -> None:
        """Some file of the disk is cut, edited or gone, by hands or by the disk itself."""
        files = sorted(path for path in self.disk.rglob("*.lumbung") if path.is_file())
        if not files:
            return
        file = self.draws.choice(files)
        raw = file.read_bytes()
        match self.draws.choice(("cut", "edited", "gone")):
            case "cut":
                file.write_bytes(raw[: self.draws.randrange(len(raw) + 1)])
            case "edited":
                at = self.draws.randrange(max(1, len(raw)))
                file.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :] if raw else b"edited")
            case _:
                file.unlink()
        self.stage.cluster.story.tell("disk", "maltreated", file.name)

    def _pulled_out_after(self) -> float:
        return self.draws.uniform(0.0, _PULLED_OUT_S_MAX) if self.draws.random() < 0.2 else _PATIENCE_S

    def _has_no_line(self) -> bool:
        return self.stage.cluster.network.is_stopped(f"n{self.home}", self.holder.host)

    def _mark(self) -> tuple[int, object] | None:
        """The generation whose mark it is, and the mark; None while the store cannot be read."""
        if self.holder.disk.is_spoiled:
            return None
        row = self.holder.durable.mark(self.home, self.home)
        return self.holder.generation, row.mark if row is not None else None

    def _damaged(self) -> set[BlobId]:
        core = self.holder.core
        return {blob for origin, blob in core.store.state.damaged if origin == self.home} if core is not None else set()


async def _carry(stage: Stage, draws: random.Random) -> None:
    """There, and home again. The line between the two is away meanwhile, or comes back while the disk is on its way."""
    road = set_out(stage, draws)
    if road is None:
        return
    one, other, comes_back = f"n{road.home}", f"n{road.away}", draws.random() < 0.5
    stage.cluster.network.stop(one, other, is_stopped=True)
    try:
        await trio.sleep(draws.uniform(*_CUT_S))
        if not await road.export():
            return
        if comes_back:
            stage.cluster.network.stop(one, other, is_stopped=False)
        await trio.sleep(draws.uniform(0.0, _ROAD_S_MAX))
        await _at_the_holder(road)
        if draws.random() < 0.5:
            await rot_at_holder(road)
        await trio.sleep(draws.uniform(0.0, _ROAD_S_MAX))
        if draws.random() < 0.4:
            road.keep_copy()
            await road.take_in(road.disk)
    finally:
        stage.cluster.network.stop(one, other, is_stopped=False)
    if draws.random() < 0.4:
        await _lives_anew(road)
    if draws.random() < 0.2:
        road.maltreat()
    await road.receipts()
    shutil.rmtree(road.disk, ignore_errors=True)


def set_out(stage: Stage, draws: random.Random) -> Road | None:
    cluster = stage.cluster
    home = draws.choice(cluster.offices)
    peers = [peer for peer in cluster.offices if peer != home and cluster.roster.units_held(peer, home) == all_units()]
    if not peers:
        return None
    return Road(stage, draws, home, draws.choice(peers), cluster.shelf.new_disk(), [])


async def _at_the_holder(road: Road) -> None:
    """Taken in once or twice, as it was or maltreated; perhaps by the wrong node first."""
    if road.draws.random() < 0.2:
        wrong = [office for office in road.stage.cluster.offices if office not in (road.home, road.away)]
        done = await road.stage.cluster.desks[road.draws.choice(wrong)].take_in(
            road.stage.cluster.rosters[-1], road.disk
        )
        if done is not None and (done.stored or done.receipts):
            road.stage.cluster.story.broken("a foreign disk gives nothing", f"{done.stored} stored of a foreign disk")
    if road.draws.random() < 0.3:
        road.keep_copy()
        road.maltreat()
    await road.take_in(road.disk)
    if road.draws.random() < 0.3:
        await road.take_in(road.draws.choice([road.disk, *road.old]))


async def rot_at_holder(road: Road, only: BlobId | None = None) -> bool:
    """A recording that the disk has brought, or a line before it, rots at the holder, and somebody reads it."""
    node, stage = road.holder, road.stage
    held = [(key, row) for key, row in node.durable.held().items() if key[0] == road.home and only in (None, key[1])]
    if not held:
        return False
    (origin, blob), row = road.draws.choice(held)
    if not stage.is_elsewhere(node, origin, blob):
        return False
    node.disk.hurt_chunk(place_key(row.place), road.draws, damaged=True)
    stage.cluster.damage.note(node, origin, blob, Harm.ROTTEN, node.generation)
    stage.tell(node, "rot", f"{blob.raw.hex()[:12]} of {origin}")
    await stage.cluster.operators[origin].get(node.number, blob)
    return True


async def _lives_anew(road: Road) -> None:
    """The holder loses its disk, and the office hears of its new life before the words of the old one come home."""
    stage, node = road.stage, road.holder
    before = node.generation
    if not await stage.replace(node, None):
        return
    await stage.restart_after(node, 0.5)
    with trio.move_on_after(_MEETING_S_MAX):
        while not _has_met(stage.cluster.nodes[road.home], road.away, before):  # noqa: ASYNC110 (polled)
            await trio.sleep(0.01)


def _has_met(node: SimNode, other: NodeNumber, generation: int) -> bool:
    return node.core is not None and node.core.store.state.generations_seen.get(other, 0) > generation


FAULTS = (Fault("carry", 60, _carry),)
