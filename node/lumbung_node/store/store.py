"""An open store: its parts put together, and the generation under which it lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import trio

from lumbung_cluster.errors import StoreMisconfigured
from lumbung_cluster.ids import BlobId, ClusterId, Generation, NodeNumber
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_node.ports.identity import IdentityRecord, IdentityState
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue
from lumbung_node.ports.world import Blocking, Randomness, Signer, WallClock
from lumbung_node.store.committer import Committer
from lumbung_node.store.covers import Covers
from lumbung_node.store.inventories import Inventories
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import RowState
from lumbung_node.store.proofs import Proofs
from lumbung_node.store.reads import Reader
from lumbung_node.store.state import KEY_TOKEN, KEY_UUID, StoreState, load_state

__all__ = ["Store", "open_store"]


@dataclass(slots=True)
class Store:
    """`committer.run` must run as a task for anything to be written, and `inventories.run` beside it."""

    kv: KeyValue
    state: StoreState
    reader: Reader
    committer: Committer
    proofs: Proofs
    covers: Covers
    inventories: Inventories
    identity: IdentityState
    identity_turn: trio.Lock = field(default_factory=trio.Lock)

    @property
    def node(self) -> NodeNumber:
        return self.state.node

    async def mark_damaged(self, origin: NodeNumber, blob: BlobId) -> bool:
        """Take the blob out of what this node says it holds; its bytes stay aside. True when it counted until now."""
        row = await self.reader.row(origin, blob)
        if row is None or row.state is RowState.DAMAGED:
            return False
        await self.committer.commit(Job(damaged=[(origin, blob)]))
        return True

    async def see_generation(self, node: NodeNumber, generation: Generation) -> None:
        """Remember, durably, the highest generation seen of a peer; what it proved in older ones is void."""
        if generation <= self.state.generations_seen.get(node, Generation(0)):
            return
        job = Job()
        job.extra.put(Family.SYSTEM, b"g" + node.to_bytes(4, "big"), generation.to_bytes(4, "big"))
        await self.committer.commit(job)
        self.state.generations_seen[node] = generation
        if self.proofs.ledger.meet(node, generation):
            self.proofs.changed.beat()

    async def start_generation(self, generation: Generation) -> None:
        """A doubt about our own history: from now on live in a new generation, under which nothing is proven yet."""
        await self.update_identity(lambda record: replace(record, generation=generation))
        self.state.generation = generation

    async def update_identity(self, change: Callable[[IdentityRecord], IdentityRecord]) -> None:
        """Change the identity's record durably; one change at a time, so that none undoes another."""
        async with self.identity_turn:
            record = await self.identity.load()
            assert record is not None
            await self.identity.save(change(record))


async def open_store(
    kv: KeyValue,
    identity: IdentityState,
    *,
    cluster: ClusterId,
    node: NodeNumber,
    signer: Signer,
    clock: WallClock,
    randomness: Randomness,
    blocking: Blocking,
    inventory_key: InventoryKey,
) -> Store:
    """Open what lies under `kv` as the node that `identity` remembers, in a new generation when they do not match.

    They match when the folder has the uuid, and the token of the last opening, that the identity remembers. An empty
    folder, one of another store, or an old copy of this one does not.
    """
    record = await identity.load()
    uuid, token = await kv.get(Family.SYSTEM, [KEY_UUID, KEY_TOKEN])
    fresh_token = randomness.bytes(16)
    file_system = await identity.file_system()
    if record is None:
        if uuid is not None:
            raise StoreMisconfigured(
                "the data folder has a store, but the identity folder remembers none: give the identity folder back, "
                "or move the data folder away"
            )
        record = IdentityRecord(Generation(1), randomness.bytes(16), b"", b"", file_system, clock.now_ms())
    elif uuid != record.store_uuid or token not in (record.token, record.token_next):
        uuid = randomness.bytes(16) if uuid is None else uuid
        record = replace(record, generation=Generation(record.generation + 1), store_uuid=uuid)
    # Both places name the token before either forgets the old one: a crash in between is not taken for a rollback.
    record = replace(record, token=token or b"", token_next=fresh_token, file_system=file_system)
    await identity.save(record)
    batch = Batch()
    batch.put(Family.SYSTEM, KEY_UUID, record.store_uuid)
    batch.put(Family.SYSTEM, KEY_TOKEN, fresh_token)
    await kv.write(batch)
    await kv.sync()
    await identity.save(replace(record, token=fresh_token, token_next=b""))
    state = await load_state(kv, cluster, node, record.generation)
    reader = Reader(kv, state, blocking)
    committer = Committer(kv, state, signer, clock)
    proofs = Proofs(kv, state, reader, committer)
    await proofs.load()
    inventories = Inventories(kv, state, inventory_key, blocking)
    covers = Covers(kv, state, committer, proofs)
    return Store(kv, state, reader, committer, proofs, covers, inventories, identity)
