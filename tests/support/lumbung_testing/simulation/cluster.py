"""The nodes, the people and the network of one simulated cluster, put together from a seed."""

from __future__ import annotations

import random
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import trio

from lumbung_cluster.ids import UNITS, BlobId, NodeNumber
from lumbung_cluster.limits import MIB
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_node.ports.identity import IdentityRecord
from lumbung_node.ports.transport import AccessCheck, Transport
from lumbung_node.services.rosters import GOSSIP_ROSTERS_MAX
from lumbung_node.store import own_lives
from lumbung_testing.rosters import drc, founding, office, signed
from lumbung_testing.simulation.content import Delivery
from lumbung_testing.simulation.damage import DamageBook
from lumbung_testing.simulation.desks import BundleDesk, DiskShelf
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.invariants.promises import Promises
from lumbung_testing.simulation.misbehaviour import Misbehaviour, misbehaving
from lumbung_testing.simulation.network import SimNetwork
from lumbung_testing.simulation.node import NODE_PORT, Life, SimNode, node_caller
from lumbung_testing.simulation.rocks_disk import RocksDisk
from lumbung_testing.simulation.seeding import luck
from lumbung_testing.simulation.stations import Operator, Station, access_caller, office_access
from lumbung_testing.simulation.story import Story
from lumbung_testing.simulation.tapping import TappedTransport
from lumbung_testing.simulation.watching import open_watch
from lumbung_testing.virtual_disk import DiskImage, VirtualDisk
from lumbung_testing.world import MemoryDocuments

__all__ = ["OldMachine", "SimCluster", "open_cluster"]

MakeDisk = Callable[[], VirtualDisk]
_DISK_BYTES = 512 * MIB
_RAM_DISK = Path("/dev/shm")  # the engine's own fsyncs cost nothing there
_OFFICE_NAMES = ("36.02", "34.04", "51.71", "12.71", "73.71", "94.71")


@dataclass(frozen=True, slots=True)
class OldMachine:
    """What is left of a node's earlier life when its disk was replaced: folder and identity as they were."""

    number: NodeNumber
    image: DiskImage
    record: IdentityRecord


class SimCluster:
    """`nodes` by number: the offices first, the DRC last."""

    def __init__(self, seed: int, node_count: int, story: Story, nursery: trio.Nursery, make_disk: MakeDisk) -> None:
        self.story = story
        self.rosters = [_sign_founding(node_count)]
        self._newest: Roster = self.rosters[0].parse()
        self.misbehaviour = Misbehaviour(luck(seed, "misbehaviour"))
        self.offices = [NodeNumber(number) for number in range(1, node_count)]
        self.network = SimNetwork(luck(seed, "network"))
        self.damage = DamageBook()
        self.nodes = {
            number: SimNode(number, f"n{number}", self._documents(), luck(seed, f"node {number}"), story, make_disk())
            for number in (*self.offices, NodeNumber(node_count))
        }
        self.promises = Promises(Claims(story, self.nodes, self.damage, self.misbehaviour))
        self.deliveries: list[tuple[NodeNumber, Delivery]] = []
        self.stations: dict[NodeNumber, Station] = {}
        self.operators: dict[NodeNumber, Operator] = {}
        self.desks: dict[NodeNumber, BundleDesk] = {}
        self.shelf = DiskShelf()
        self._nursery = nursery
        self._make_disk = make_disk
        self._old_count = 0

    @property
    def roster(self) -> Roster:
        """The newest roster that was signed, whoever obeys it already."""
        return self._newest

    def sign(self, following: Roster) -> None:
        """The custodians sign a roster that follows on the newest one."""
        self.rosters.append(signed(following, "a", "b"))
        self._newest = following
        self.story.tell("all", "roster", str(following.epoch))

    async def publish(self, office: NodeNumber) -> None:
        """Somebody brings the newest rosters to an office; from there they travel with the sessions."""
        await self.operators[office].publish([roster.encode() for roster in self.rosters[-GOSSIP_ROSTERS_MAX:]])

    def start(self, number: NodeNumber) -> None:
        self.nodes[number].start(self._nursery, self._open_transport)

    async def kill(self, number: NodeNumber, *, is_silent: bool = False) -> None:
        self.story.tell(f"n{number}", "crash", "silent" if is_silent else "")
        self.nodes[number].die(self.network.kill_host_silently if is_silent else self.network.kill_host)
        await self.nodes[number].buried()

    async def recover_stopped(self) -> None:
        """No old machine runs any more: operators who see the red lamp type the cure."""
        for node in self.nodes.values():
            if node.core is not None and node.core.condition.stopped:
                await self.recover(node.number)

    async def recover(self, number: NodeNumber) -> None:
        """An operator's word that this is the only machine of its node: `lumbung node recover`, peers asked first."""
        node = self.nodes[number]
        if node.is_up:
            await self.kill(number)
        cores = [other.core for other in self.nodes.values() if other.core is not None]
        lives = [core.store.state.lives[number] for core in cores if number in core.store.state.lives]
        seen = [life.content for life in lives]
        node.identity.record = own_lives.recovered_record(node.identity.record, seen, node.clock.now_ms())
        node.generation_least = max(node.generation_least, *(life.generation + 1 for life in seen), 1)
        self.story.tell(node.host, "recovered", f"above generation {node.generation}")
        self.start(number)

    def boot_old_machine(self, old: OldMachine) -> SimNode:
        """The machine that a wiped node ran on before: the same identity in an older generation, at another address."""
        self._old_count += 1
        draws = random.Random(f"{self.story.seed}/old {self._old_count}")
        node = SimNode(
            old.number, f"g{old.number}-{self._old_count}", self._documents(), draws, self.story, self._make_disk()
        )
        node.disk.restore(old.image)
        node.identity.record = old.record
        node.start(self._nursery, self._open_transport)
        return node

    def acked(self) -> list[tuple[NodeNumber, BlobId]]:
        return list(self.promises.acked)

    def holders(self, origin: NodeNumber, blob: BlobId) -> tuple[NodeNumber, ...]:
        return self.roster.holders_of(origin, blob.unit)

    def lagging(self) -> list[str]:
        """What is not yet as it must be when all is well: nothing, once the cluster has converged."""
        missing = [f"n{node.number} does not serve" for node in self.nodes.values() if node.core is None]
        if missing:
            return missing
        for node in self.nodes.values():
            epoch = node.core.rosters.roster.epoch if node.core is not None else 0
            if epoch != self.roster.epoch:
                missing.append(f"n{node.number} obeys epoch {epoch}, the newest is {self.roster.epoch}")
        for origin, blob in self.promises.acked:
            for holder in self.holders(origin, blob):
                if not self.nodes[holder].durable.holds(origin, blob):
                    missing.append(f"n{holder} lacks {blob.raw.hex()[:12]} of {origin}")
        for number, node in self.nodes.items():
            missing += [f"n{number} has no feed row {gap} of {origin}" for origin, gap in node.durable.feed_gaps()]
        missing += self._unreported()
        return missing or [
            f"n{origin} has no proof of number {number} by n{holder}"
            for origin in self.offices
            for holder, number in self._unproven(origin)
        ]

    def _unreported(self) -> list[str]:
        """Nodes of which a DRC node that they share an origin with holds no report of their present life."""
        found = []
        for centre in self.roster.drc_numbers():
            core = self.nodes[centre].core
            for number in self.roster.partners_of(centre):
                held = core.reports.held.get(number) if core is not None else None
                if held is None or held.signed.content.generation != self.nodes[number].generation:
                    found.append(f"n{centre} has no report of the present life of n{number}")
        return found

    def _unproven(self, origin: NodeNumber) -> list[tuple[NodeNumber, int]]:
        core = self.nodes[origin].core
        assert core is not None
        end = core.store.state.end(origin).number
        holders = sorted({h for unit in range(UNITS) for h in self.roster.holders_of(origin, unit)} - {origin})
        return [(h, n) for h in holders for n in core.store.proofs.ledger.account(h).unproven(end, 1)]

    def _documents(self) -> MemoryDocuments:
        lists = {int(number): office_access(number).encode() for number in self.offices}
        return MemoryDocuments([self.rosters[0].encode()], lists)

    @asynccontextmanager
    async def _open_transport(self, node: SimNode, life: Life, check: AccessCheck) -> AsyncIterator[Transport]:
        async with self.network.transport(node.host, node_caller(node.number), check) as inner:
            yield TappedTransport(inner, partial(open_watch, self.story, self.promises, node, life))


@asynccontextmanager
async def open_cluster(seed: int, node_count: int, story: Story, *, on_rocks: bool) -> AsyncIterator[SimCluster]:
    """A cluster with all its nodes started; everything dies when the block ends."""
    async with AsyncExitStack() as stack, trio.open_nursery() as nursery:
        make_disk = partial(_rocks_disk, stack, story) if on_rocks else _virtual_disk
        cluster = SimCluster(seed, node_count, story, nursery, make_disk)
        stack.enter_context(misbehaving(cluster.misbehaviour))
        stack.callback(cluster.shelf.clear)
        for number in cluster.offices:
            for_station = cluster.network.transport(f"s{number}", access_caller(number, "station"))
            cluster.stations[number] = Station(number, await stack.enter_async_context(for_station), story)
            for_operator = cluster.network.transport(f"o{number}", access_caller(number, "operator"))
            transport = await stack.enter_async_context(for_operator)
            cluster.operators[number] = Operator(number, transport, story)
            cluster.desks[number] = BundleDesk(number, transport, story)
        for number in cluster.nodes:
            cluster.start(number)
        yield cluster
        for node in cluster.nodes.values():
            if node.is_up:
                node.die(cluster.network.kill_host)
                await node.buried()
        nursery.cancel_scope.cancel()


def _virtual_disk() -> VirtualDisk:
    return VirtualDisk(capacity_bytes=_DISK_BYTES)


def _rocks_disk(stack: AsyncExitStack, story: Story) -> VirtualDisk:
    folder = Path(tempfile.mkdtemp(prefix="lumbung-sim-", dir=_RAM_DISK if _RAM_DISK.is_dir() else None))
    disk = RocksDisk(folder, partial(story.broken, "the double is honest"), capacity_bytes=_DISK_BYTES)
    stack.callback(disk.leave)
    return disk


def _sign_founding(node_count: int) -> SignedRoster:
    records = [office(number, _OFFICE_NAMES[number - 1]) for number in range(1, node_count)]
    records.append(drc(node_count))
    moved = [replace(node, addresses=(f"n{node.number}:{NODE_PORT + node.number}",)) for node in records]
    return signed(founding(moved), "a", "b")
