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
from lumbung_cluster.joining import van_numbers
from lumbung_cluster.limits import MIB
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_node import NodeRecord, Role
from lumbung_cluster.van import VanRecord
from lumbung_cluster.with_vans import with_vans
from lumbung_node.ports.identity import IdentityRecord
from lumbung_node.ports.transport import AccessCheck, Transport
from lumbung_node.services.rosters import GOSSIP_ROSTERS_MAX
from lumbung_node.store import own_lives
from lumbung_testing.rosters import drc, founding, node_record, signed
from lumbung_testing.simulation.content import Delivery
from lumbung_testing.simulation.damage import DamageBook
from lumbung_testing.simulation.desks import BundleDesk, DiskShelf
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.invariants.promises import Promises
from lumbung_testing.simulation.misbehaviour import Misbehaviour, misbehaving
from lumbung_testing.simulation.misfolding import misfolding
from lumbung_testing.simulation.network import SimNetwork
from lumbung_testing.simulation.node import Life, SimNode, address_of, node_caller
from lumbung_testing.simulation.rocks_disk import RocksDisk
from lumbung_testing.simulation.seeding import luck
from lumbung_testing.simulation.stations import Operator, Station, access_caller, office_access
from lumbung_testing.simulation.story import Story
from lumbung_testing.simulation.tapping import TappedTransport
from lumbung_testing.simulation.watching import open_watch, refusals_watched, signatures_watched
from lumbung_testing.virtual_disk import DiskImage, VirtualDisk
from lumbung_testing.world import MemoryDocuments

__all__ = ["OFFICE_NAMES", "OldMachine", "SimCluster", "office_record", "open_cluster"]

MakeDisk = Callable[[], VirtualDisk]
_DISK_BYTES = 512 * MIB
_RAM_DISK = Path("/dev/shm")  # the engine's own fsyncs cost nothing there
OFFICE_NAMES = ("36.02", "34.04", "51.71", "12.71", "73.71", "94.71")


@dataclass(frozen=True, slots=True)
class OldMachine:
    """What is left of a node's earlier life when its disk was replaced: folder and identity as they were."""

    number: NodeNumber
    image: DiskImage
    record: IdentityRecord


class SimCluster:
    """`nodes` by number: the offices first, then the DRC, then who came later.

    `access` are the newest access lists of the offices; `vans` were named there, and `gone` are those struck off again,
    and those that never had a machine.
    """

    def __init__(
        self,
        seed: int,
        node_count: int,
        story: Story,
        nursery: trio.Nursery,
        make_disk: MakeDisk,
        stack: AsyncExitStack,
    ) -> None:
        self.story = story
        self._seed = seed
        self._stack = stack
        self.rosters = [_sign_founding(node_count)]
        self._newest: Roster = self.rosters[0].parse()
        self.misbehaviour = Misbehaviour(luck(seed, "misbehaviour"))
        self.offices = [NodeNumber(number) for number in range(1, node_count)]
        self.vans: list[NodeNumber] = []
        self.gone: set[NodeNumber] = set()
        self.access = {number: office_access(number) for number in self.offices}
        self._obeyed = self._newest
        self.network = SimNetwork(luck(seed, "network"))
        self.damage = DamageBook()
        self.nodes: dict[NodeNumber, SimNode] = {}
        self.promises = Promises(Claims(story, self.nodes, self.damage, self.misbehaviour))
        self.deliveries: list[tuple[NodeNumber, Delivery]] = []
        self.stations: dict[NodeNumber, Station] = {}
        self.operators: dict[NodeNumber, Operator] = {}
        self.desks: dict[NodeNumber, BundleDesk] = {}
        self.shelf = DiskShelf()
        self._nursery = nursery
        self._make_disk = make_disk
        self._old_count = 0
        for number in (*self.offices, NodeNumber(node_count)):
            self._set_up(number)

    @property
    def roster(self) -> Roster:
        """The newest roster that was signed, whoever obeys it already."""
        return self._newest

    @property
    def obeyed(self) -> Roster:
        """The same with all vans, as a node obeys it that has heard of everything."""
        return self._obeyed

    def sign(self, following: Roster) -> None:
        """The custodians sign a roster that follows on the newest one."""
        self.rosters.append(signed(following, "a", "b"))
        self._newest = following
        self._obeyed = with_vans(self._newest, self.access)
        self.story.tell("all", "roster", str(following.epoch))

    async def publish(self, office: NodeNumber) -> None:
        """Somebody brings the newest rosters to an office; from there they travel with the sessions."""
        await self.operators[office].publish([roster.encode() for roster in self.rosters[-GOSSIP_ROSTERS_MAX:]])

    def sign_access(self, office: NodeNumber, vans: tuple[VanRecord, ...]) -> None:
        """The office signs its next access list, with these vans."""
        by_number = tuple(sorted(vans, key=lambda van: van.number))
        self.access[office] = office_access(office, self.access[office].content.version + 1, by_number)
        self._obeyed = with_vans(self._newest, self.access)

    async def settle_people(self, number: NodeNumber, office: NodeNumber) -> None:
        """Those who work at a node: of the office itself, also at its van."""
        for_station = self.network.transport(f"s{number}", access_caller(office, "station"))
        self.stations[number] = Station(number, await self._stack.enter_async_context(for_station), self.story)
        for_operator = self.network.transport(f"o{number}", access_caller(office, "operator"))
        transport = await self._stack.enter_async_context(for_operator)
        self.operators[number] = Operator(number, transport, self.story)
        self.desks[number] = BundleDesk(number, transport, self.story)

    def sign_in(self, number: NodeNumber) -> None:
        """An office that the newest roster names: it takes part in everything from now on."""
        self.access[number] = office_access(number)
        self.offices.append(number)
        self.set_up(number)

    def set_up(self, number: NodeNumber) -> None:
        """A new machine with the present roster and lists from its pack; it starts at once."""
        self._set_up(number)
        self.start(number)

    def start(self, number: NodeNumber) -> None:
        self.nodes[number].start(self._nursery, self._open_transport)

    async def kill(self, number: NodeNumber, *, is_silent: bool = False) -> None:
        self.story.tell(f"n{number}", "crash", "silent" if is_silent else "")
        self.nodes[number].die(self.network.kill_host_silently if is_silent else self.network.kill_host)
        await self.nodes[number].buried()

    async def recover_stopped(self) -> None:
        """No old machine runs any more: operators who see the red lamp type the cure."""
        for node in list(self.nodes.values()):
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
            old.number, f"g{old.number}-{self._old_count}", self._old_documents(), draws, self.story, self._make_disk()
        )
        node.disk.restore(old.image)
        node.identity.record = old.record
        node.start(self._nursery, self._open_transport)
        return node

    def acked(self) -> list[tuple[NodeNumber, BlobId]]:
        return list(self.promises.acked)

    def holders(self, origin: NodeNumber, blob: BlobId) -> tuple[NodeNumber, ...]:
        return tuple(number for number in self.obeyed.holders_of(origin, blob.unit) if number not in self.gone)

    def lagging(self) -> list[str]:
        """What is not yet as it must be when all is well: nothing, once the cluster has converged."""
        present = [node for number, node in self.nodes.items() if number not in self.gone]
        missing = [f"n{node.number} does not serve" for node in present if node.core is None]
        if missing:
            return missing
        for node in present:
            epoch = node.core.rosters.roster.epoch if node.core is not None else 0
            if epoch != self.roster.epoch:
                missing.append(f"n{node.number} obeys epoch {epoch}, the newest is {self.roster.epoch}")
            missing += self._unheard(node)
        for origin, blob in self.promises.acked:
            for holder in self.holders(origin, blob):
                if not self.nodes[holder].durable.holds(origin, blob):
                    missing.append(f"n{holder} lacks {blob.raw.hex()[:12]} of {origin}")
        for node in present:
            missing += [f"n{node.number} has no feed row {gap} of {origin}" for origin, gap in node.durable.feed_gaps()]
        missing += self._unreported()
        return missing or [
            f"n{origin} has no proof of number {number} by n{holder}"
            for origin in (*self.offices, *(van for van in self.vans if van not in self.gone))
            for holder, number in self._unproven(origin)
        ]

    def _unheard(self, node: SimNode) -> list[str]:
        """Offices whose newest access list this node does not obey: whom it strikes off is still in here."""
        in_force = dict(node.core.rosters.access_versions()) if node.core is not None else {}
        newest = {office: signed.content.version for office, signed in self.access.items()}
        return [
            f"n{node.number} has access list {in_force.get(office, 0)} of {office}, the newest is {version}"
            for office, version in newest.items()
            if in_force.get(office, 0) != version
        ]

    def _unreported(self) -> list[str]:
        """Nodes of which a DRC node that they share an origin with holds no report of their present life."""
        found = []
        for centre in self.roster.drc_numbers():
            core = self.nodes[centre].core
            for number in (partner for partner in self.obeyed.partners_of(centre) if partner not in self.gone):
                held = core.reports.held.get(number) if core is not None else None
                if held is None or held.signed.content.generation != self.nodes[number].generation:
                    found.append(f"n{centre} has no report of the present life of n{number}")
        return found

    def _unproven(self, origin: NodeNumber) -> list[tuple[NodeNumber, int]]:
        core = self.nodes[origin].core
        assert core is not None
        end = core.store.state.end(origin).number
        holders = sorted({h for unit in range(UNITS) for h in self.obeyed.holders_of(origin, unit)} - {origin})
        return [(h, n) for h in holders for n in core.store.proofs.ledger.account(h).unproven(end, 1)]

    def _set_up(self, number: NodeNumber) -> None:
        lists = {int(office): access.encode() for office, access in self.access.items()}
        documents = MemoryDocuments([roster.encode() for roster in self.rosters], lists)
        draws = luck(self._seed, f"node {number}")
        self.nodes[number] = SimNode(number, f"n{number}", documents, draws, self.story, self._make_disk())

    def _old_documents(self) -> MemoryDocuments:
        """As they were when the cluster was founded."""
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
        cluster = SimCluster(seed, node_count, story, nursery, make_disk, stack)
        stack.enter_context(misbehaving(cluster.misbehaviour))
        stack.enter_context(misfolding(cluster.misbehaviour))
        stack.enter_context(signatures_watched(cluster.promises))
        stack.enter_context(refusals_watched(cluster.promises))
        stack.callback(cluster.shelf.clear)
        for number in cluster.offices:
            await cluster.settle_people(number, number)
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
    records = [office_record(number, 1) for number in range(1, node_count)]
    centre = drc(node_count)
    address = address_of(f"n{node_count}", centre.number)
    return signed(founding([*records, replace(centre, addresses=(address,))]), "a", "b")


def office_record(number: int, epoch: int, at: int | None = None) -> NodeRecord:
    """The office that is the `at`-th of the simulated ones, its number unless given."""
    name = OFFICE_NAMES[(at or number) - 1]
    record = node_record(number, name, Role.OFFICE, name[:2], f"zone {name[:2]}", first_epoch=epoch)
    address = address_of(f"n{number}", record.number)
    return replace(record, addresses=(address,), vans=van_numbers(record.number))
