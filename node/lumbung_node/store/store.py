"""An open store: its parts put together, and the generation under which it lives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import trio

from lumbung_cluster.errors import StoreMisconfigured
from lumbung_cluster.ids import BlobId, ClusterId, Generation, NodeNumber
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.life import SignedLife
from lumbung_node.ports.identity import IdentityRecord, IdentityState
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue
from lumbung_node.ports.metrics import Metrics
from lumbung_node.ports.world import Blocking, Randomness, Signer, WallClock
from lumbung_node.store.at_hand import ContentsAtHand
from lumbung_node.store.committer import Committer
from lumbung_node.store.covers import Covers
from lumbung_node.store.events import EventKind, FoundBy
from lumbung_node.store.inventories import Inventories
from lumbung_node.store.jobs import Damage, Job
from lumbung_node.store.layout import RowState, life_key
from lumbung_node.store.nonces import SignedNonces
from lumbung_node.store.own_lives import OwnLives, stopped_by
from lumbung_node.store.proofs import Proofs
from lumbung_node.store.reads import Reader
from lumbung_node.store.state import KEY_REBUILD, KEY_TOKEN, KEY_UUID, StoreState, load_state

__all__ = ["Store", "open_store"]


@dataclass(slots=True)
class Store:
    """`committer.run` must run as a task for anything to be written, and `inventories.run` beside it.

    `life` is the life that this node lives in, `stopped_by` the one of another machine that has stopped it.
    """

    kv: KeyValue
    state: StoreState
    reader: Reader
    committer: Committer
    proofs: Proofs
    covers: Covers
    inventories: Inventories
    nonces: SignedNonces
    identity: IdentityState
    own_lives: OwnLives
    life: SignedLife
    stopped_by: SignedLife | None
    identity_turn: trio.Lock = field(default_factory=trio.Lock)
    _damage_turn: trio.Lock = field(default_factory=trio.Lock)
    _seeing_turns: defaultdict[NodeNumber, trio.Lock] = field(default_factory=lambda: defaultdict(trio.Lock))

    @property
    def node(self) -> NodeNumber:
        return self.state.node

    async def mark_damaged(
        self,
        origin: NodeNumber,
        blob: BlobId,
        found_by: FoundBy,
        kind: EventKind = EventKind.DAMAGED_BYTES,
        place: int | None = None,
    ) -> bool:
        """Take the blob out of what this node says it holds; its bytes stay aside. True when it counted until now.

        `place` is that of the bytes that were read, when they were: others may have taken their place since. What was
        let go between its offer and its reading is missed by nobody.
        """
        async with self._damage_turn:  # else all who read the same bytes at the same moment find and tell of it
            row = await self.reader.row(origin, blob)
            if row is None or row.state is not RowState.INTACT or place not in (None, row.place):
                return False
            damage = Damage(origin, blob, kind, found_by, row.place)
            await self.committer.commit(Job(damage=[damage]))
            return True

    async def see_life(self, life: SignedLife) -> None:
        """Remember, durably, the newest life of a peer: the first that was met of its newest generation."""
        node = life.content.node
        async with self._seeing_turns[node]:  # of one node: those of 514 that are met at once share a sync
            known = self.state.lives.get(node)
            if known is not None and life.content.generation <= known.content.generation:
                return  # the first one stays: it is the one whose words may have been believed
            # With its generation, or not at all: a session that is cancelled between the two would leave a known life
            # whose generation is never met, and what was proven before it would count for ever.
            seen = self.state.generations_seen.get(node, Generation(0))  # a carried disk may have told more
            await self._see(node, max(seen, life.content.generation), life)

    async def see_generation(self, node: NodeNumber, generation: Generation) -> None:
        """Remember, durably, the highest generation seen of a peer; what it proved in older ones is void."""
        async with self._seeing_turns[node]:  # else an older one that comes meanwhile would be written over a newer one
            if generation > self.state.generations_seen.get(node, Generation(0)):
                await self._see(node, generation, None)

    async def _see(self, node: NodeNumber, generation: Generation, life: SignedLife | None) -> None:
        job = Job()
        job.extra.put(Family.SYSTEM, b"g" + node.to_bytes(4, "big"), generation.to_bytes(4, "big"))
        if life is not None:
            job.extra.put(Family.SYSTEM, life_key(node), life.to_bytes())
        with trio.CancelScope(shield=True):  # what is on disk is met here, also when the session has ended
            await self.committer.commit(job)
            if life is not None:
                self.state.lives[node] = life
            self.state.generations_seen[node] = generation
            if self.proofs.ledger.meet(node, generation):
                self.proofs.changed.beat()

    async def start_generation(self, generation: Generation) -> None:
        """A doubt about our own history: from now on live in a new generation, under which nothing is proven yet."""
        record = await self.update_identity(partial(self.own_lives.begin, generation))
        self.life = self.own_lives.sign(record)
        self.state.generation = generation

    async def sign_life_again(self) -> None:
        """The receipt key has changed: partners believe a life only under a key that is in force."""
        async with self.identity_turn:  # else the record of the life before could be signed when a new one has begun
            record = await self.identity.load()
            assert record is not None
            self.life = self.own_lives.sign(record)

    async def stop(self, evidence: SignedLife) -> None:
        """Another machine lives under our identity: remember it over restarts."""
        with trio.CancelScope(shield=True):  # a partner that hangs up must not have it forgotten
            await self.update_identity(lambda record: replace(record, stopped_by=evidence.to_bytes()))
        self.stopped_by = evidence

    async def update_identity(self, change: Callable[[IdentityRecord], IdentityRecord]) -> IdentityRecord:
        """Change the identity's record durably; one change at a time, so that none undoes another."""
        async with self.identity_turn:
            record = await self.identity.load()
            assert record is not None
            changed = change(record)
            await self.identity.save(changed)
            return changed


async def open_store(
    kv: KeyValue,
    identity: IdentityState,
    *,
    cluster: ClusterId,
    node: NodeNumber,
    signer: Signer,
    life_signer: Signer,
    clock: WallClock,
    randomness: Randomness,
    blocking: Blocking,
    inventory_key: InventoryKey,
    metrics: Metrics,
) -> Store:
    """Open what lies under `kv` as the node that `identity` remembers, in a new generation when they do not match.

    They match when the folder has the uuid, and the token of the last opening, that the identity remembers. An empty
    folder, one of another store, or an old copy of this one does not. `signer` signs entries, `life_signer` lives.
    """
    own_lives = OwnLives(cluster, node, life_signer, clock, randomness)
    record = await _open_identity(kv, identity, own_lives)
    state = await load_state(kv, cluster, node, record.generation)
    at_hand = ContentsAtHand()
    reader = Reader(kv, state, blocking, at_hand)
    committer = Committer(kv, state, signer, clock, metrics, at_hand)
    proofs = Proofs(kv, state, reader, committer)
    await proofs.load()
    inventories = Inventories(kv, state, inventory_key, blocking)
    covers = Covers(kv, state, committer, proofs)
    nonces = SignedNonces(kv, committer)
    await nonces.load()
    life = own_lives.sign(record)
    stopper = stopped_by(record)
    return Store(kv, state, reader, committer, proofs, covers, inventories, nonces, identity, own_lives, life, stopper)


async def _open_identity(kv: KeyValue, identity: IdentityState, own_lives: OwnLives) -> IdentityRecord:
    """Compare store and identity, begin a new life when they differ, and mark both with a fresh token."""
    randomness = own_lives.randomness
    record = await identity.load()
    uuid, token = await kv.get(Family.SYSTEM, [KEY_UUID, KEY_TOKEN])
    fresh_token = randomness.bytes(16)
    is_refilled = record is not None and uuid is None  # an empty store in the place of one that was there
    file_system = await identity.file_system()
    if record is None:
        if uuid is not None:
            raise StoreMisconfigured(
                "the data folder has a store, but the identity folder remembers none: give the identity folder back, "
                "or move the data folder away"
            )
        first = IdentityRecord(Generation(1), randomness.bytes(16), b"", b"", file_system, own_lives.clock.now_ms())
        record = own_lives.begin(Generation(1), first)
    elif uuid != record.store_uuid or token not in (record.token, record.token_next):
        uuid = randomness.bytes(16) if uuid is None else uuid
        record = own_lives.begin(Generation(record.generation + 1), replace(record, store_uuid=uuid))
    # Both places name the token before either forgets the old one: a crash in between is not taken for a rollback.
    record = replace(record, token=token or b"", token_next=fresh_token, file_system=file_system)
    await identity.save(record)
    batch = Batch()
    batch.put(Family.SYSTEM, KEY_UUID, record.store_uuid)
    batch.put(Family.SYSTEM, KEY_TOKEN, fresh_token)
    if is_refilled:
        batch.put(Family.SYSTEM, KEY_REBUILD, own_lives.clock.now_ms().to_bytes(8, "big"))
    await kv.write(batch)
    await kv.sync()
    record = replace(record, token=fresh_token, token_next=b"")
    await identity.save(record)
    return record
