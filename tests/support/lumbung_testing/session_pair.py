"""Two nodes' insides on virtual disks, joined by one session over a pair of bounded pipes."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from lumbung_cluster.errors import PeerGone
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.roster import Roster
from lumbung_cluster.schedule import ALWAYS_FREE, Schedule
from lumbung_cluster.wire import SPOKEN, WireRange
from lumbung_node.ports.keystore import KeysAtHand, KeysInUse
from lumbung_node.services.budget import ByteBudget
from lumbung_node.services.core import Condition, Core
from lumbung_node.services.keyring import KeyRing
from lumbung_node.services.put_memory import PutMemory
from lumbung_node.services.rosters import open_rosters
from lumbung_node.services.session.arrivals import Arrivals
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.session import Session
from lumbung_node.store.jobs import Content, Job, OwnBlob
from lumbung_node.store.store import open_store
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.counted import CountedMetrics
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, founding, signed
from lumbung_testing.virtual_disk import VirtualDisk
from lumbung_testing.world import (
    INVENTORY_KEY,
    InlineWork,
    ListLog,
    MemoryDocuments,
    MemoryIdentity,
    MemoryKeys,
    SeededRandomness,
    VirtualClock,
)

__all__ = [
    "CENTRE",
    "LUCK",
    "OFFICE",
    "PEER",
    "Box",
    "Pipe",
    "box",
    "connected",
    "living",
    "put",
    "ring_of",
    "until_marked",
    "until_proven",
]

LUCK = random.Random(7)
OFFICE, PEER, CENTRE = NodeNumber(1), NodeNumber(2), NodeNumber(4)


@dataclass(slots=True)
class Pipe:
    """One side of a stream."""

    outgoing: trio.MemorySendChannel[bytes]
    incoming: trio.MemoryReceiveChannel[bytes]

    async def send(self, message: bytes) -> None:
        try:
            await self.outgoing.send(message)
        except trio.BrokenResourceError as exc:
            raise PeerGone("pipe broken") from exc

    async def receive(self) -> bytes | None:
        try:
            return await self.incoming.receive()
        except trio.EndOfChannel:
            return None


@dataclass(slots=True)
class Box:
    """What outlives a node; `entry_key` and `receipt_key` name others than those of the test rosters."""

    number: NodeNumber
    disk: VirtualDisk
    identity: MemoryIdentity
    log: ListLog
    metrics: CountedMetrics = field(default_factory=CountedMetrics)
    schedule: Schedule = field(default=ALWAYS_FREE)
    roster: Roster = field(default_factory=founding)
    wire: WireRange = SPOKEN
    secret: InventoryKey = INVENTORY_KEY
    entry_key: str = ""
    receipt_key: str = ""


def box(number: NodeNumber) -> Box:
    return Box(number, VirtualDisk(), MemoryIdentity(), ListLog())


@asynccontextmanager
async def living(box: Box) -> AsyncIterator[Core]:
    kv = await box.disk.open()
    store = await open_store(
        kv,
        box.identity,
        cluster=CLUSTER,
        node=box.number,
        signer=SeededSigner(box.entry_key or f"entry {box.number}"),
        life_signer=SeededSigner(box.receipt_key or f"receipt {box.number}"),
        clock=VirtualClock(),
        randomness=SeededRandomness(LUCK),
        blocking=InlineWork(),
        inventory_key=box.secret,
        metrics=box.metrics,
    )
    documents = MemoryDocuments([signed(box.roster, "a", "b").encode()])
    core = Core(
        number=box.number,
        cluster=CLUSTER,
        software="test",
        wire=box.wire,
        store=store,
        rosters=await open_rosters(documents, CLUSTER, TestVerifier(), box.log),
        receipt_signer=SeededSigner(box.receipt_key or f"receipt {box.number}"),
        verifier=TestVerifier(),
        clock=VirtualClock(),
        randomness=SeededRandomness(LUCK),
        blocking=InlineWork(),
        log=box.log,
        metrics=box.metrics,
        memory=PutMemory.of_limits(),
        foreign_memory=ByteBudget(24 << 20),
        ledger_roster=box.roster,
        accept_unsealed=True,
        schedule=lambda: box.schedule,
        condition=Condition(stopped=store.stopped_by is not None),
    )
    await core.load_covers()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.committer.run)
        nursery.start_soon(store.inventories.run, box.log)
        yield core
        nursery.cancel_scope.cancel()
    await kv.close()


def ring_of(core: Core) -> KeyRing:
    """The keys that `living` signs with."""
    keys = KeysAtHand((SeededSigner(f"entry {core.number}"),), (SeededSigner(f"receipt {core.number}"),), ())
    used = KeysInUse(keys.entry[0].public_key, keys.receipt[0].public_key)
    return KeyRing(core.number, core.rosters, MemoryKeys(keys, used), keys, used, core.log)


@asynccontextmanager
async def connected(
    a: Core, b: Core, arrivals: Arrivals | None = None, *, delay_s: float = 0.0
) -> AsyncIterator[tuple[Session, Session]]:
    """Two sessions over a line; with `delay_s` each message takes so long, and any number are on their way."""
    to_b, from_a = trio.open_memory_channel[bytes](4)
    to_a, from_b = trio.open_memory_channel[bytes](4)
    late_b, late_a = trio.open_memory_channel[bytes](4), trio.open_memory_channel[bytes](4)
    from_a, at_b = (late_b[1], from_a) if delay_s else (from_a, from_a)
    from_b, at_a = (late_a[1], from_b) if delay_s else (from_b, from_b)
    link_a = FrameLink(Pipe(to_b, from_b), peer_pb2.SessionResponse, peer_pb2.SessionRequest)
    link_b = FrameLink(Pipe(to_a, from_a), peer_pb2.SessionRequest, peer_pb2.SessionResponse)
    session_a = Session(a, link_a, b.number, Arrivals(a))
    session_b = Session(b, link_b, a.number, arrivals or Arrivals(b))
    async with trio.open_nursery() as nursery:
        if delay_s:
            nursery.start_soon(_carry, at_b, late_b[0], delay_s)
            nursery.start_soon(_carry, at_a, late_a[0], delay_s)
        nursery.start_soon(session_a.run)
        nursery.start_soon(session_b.run)
        yield session_a, session_b
        nursery.cancel_scope.cancel()


async def _carry(
    source: trio.MemoryReceiveChannel[bytes], target: trio.MemorySendChannel[bytes], delay_s: float
) -> None:
    taken, under_way = trio.open_memory_channel[tuple[float, bytes]](10_000)

    async def take() -> None:
        async for message in source:
            await taken.send((trio.current_time() + delay_s, message))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        async for due, message in under_way:
            await trio.sleep_until(due)
            await target.send(message)


async def put(core: Core, contents: list[bytes]) -> None:
    own = [
        OwnBlob(
            BlobId.of(content),
            Content(len(content), [content[at : at + (1 << 20)] for at in range(0, len(content), 1 << 20)]),
            1,
            0,
            b"",
            b"",
        )
        for content in contents
    ]
    for at in range(0, len(own), 50):
        await core.store.committer.commit(Job(own=own[at : at + 50]))


async def until_proven(core: Core, holder: NodeNumber, count: int) -> None:
    with trio.fail_after(120):
        while core.store.proofs.ledger.account(holder).upto < count:
            await core.store.proofs.changed.wait()


async def until_marked(core: Core, sender: NodeNumber, origin: NodeNumber, number: int) -> None:
    """Until `core` has applied `sender`'s feed of `origin` up to that number."""
    with trio.fail_after(120):
        while (row := core.store.state.marks.get((sender, origin))) is None or row.mark.number < number:
            await core.store.state.grown.wait()
