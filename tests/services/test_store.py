"""The store above the key-value port, on the virtual disk."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio

from lumbung_cluster.errors import BlobDamaged, OutcomeUnknown, StoreClosed
from lumbung_cluster.ids import BlobId, ClusterId, NodeNumber
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.ports.metrics import Uncounted
from lumbung_node.store.events import FoundBy
from lumbung_node.store.group import Group
from lumbung_node.store.jobs import Content, Job, Outcome, OwnBlob
from lumbung_node.store.layout import blob_key
from lumbung_node.store.store import Store, open_store
from lumbung_testing.virtual_disk import VirtualDisk
from lumbung_testing.world import INVENTORY_KEY, InlineWork, ListLog, MemoryIdentity, SeededRandomness, VirtualClock

LUCK = random.Random(1)  # one stream for all openings: tokens differ from life to life
CLUSTER = ClusterId(b"c" * 16)
NODE = NodeNumber(7)


@asynccontextmanager
async def opened(disk: VirtualDisk, identity: MemoryIdentity) -> AsyncIterator[Store]:
    kv = await disk.open()
    store = await open_store(
        kv,
        identity,
        cluster=CLUSTER,
        node=NODE,
        signer=Ed25519Signer.from_seed(b"s" * 32),
        life_signer=Ed25519Signer.from_seed(b"l" * 32),
        clock=VirtualClock(),
        randomness=SeededRandomness(LUCK),
        blocking=InlineWork(),
        inventory_key=INVENTORY_KEY,
        metrics=Uncounted(),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.committer.run)
        nursery.start_soon(store.inventories.run, ListLog())
        yield store
        nursery.cancel_scope.cancel()
    await kv.close()


def own(content: bytes, *, repairs: bool = False) -> OwnBlob:
    chunks = [content[at : at + (1 << 20)] for at in range(0, len(content), 1 << 20)]
    return OwnBlob(BlobId.of(content), Content(len(content), chunks), 1, 0, b"", b"", repairs)


async def test_a_committed_blob_is_read_back_after_reopening() -> None:
    disk, identity = VirtualDisk(), MemoryIdentity()
    content = random.Random(5).randbytes(3_000_000)
    async with opened(disk, identity) as store:
        job = await store.committer.commit(Job(own=[own(content), own(b"small")]))
        assert [result.number for result in job.results] == [1, 2]
    async with opened(disk, identity) as store:
        row = await store.reader.row(NODE, BlobId.of(content))
        assert row is not None
        assert await store.reader.read_whole(BlobId.of(content), row) == content
        assert store.state.end(NODE).number == 2
        assert store.state.generation == 1


async def test_what_no_sync_covers_and_what_is_damaged_is_not_intact() -> None:
    async with opened(VirtualDisk(), MemoryIdentity()) as store:
        blobs = [own(name) for name in (b"durable", b"damaged", b"absent", b"unsynced")]
        await store.committer.commit(Job(own=blobs[:2]))
        await store.mark_damaged(NODE, blobs[1].blob, FoundBy.READ)
        (row,) = await store.reader.rows(NODE, [blobs[0].blob])
        assert row is not None
        unsynced = replace(row, number=store.state.end(NODE).number + 1).pack()
        await store.kv.write(Batch(puts=[(Family.BLOBS, blob_key(NODE, blobs[3].blob), unsynced)]))
        assert await store.reader.are_intact(NODE, [each.blob for each in blobs]) == [True, False, False, False]


async def test_the_same_bytes_twice_are_present_not_stored_again() -> None:
    async with opened(VirtualDisk(), MemoryIdentity()) as store:
        first = await store.committer.commit(Job(own=[own(b"x"), own(b"x")]))
        second = await store.committer.commit(Job(own=[own(b"x")]))
        assert [r.outcome for r in first.results] == [Outcome.STORED, Outcome.PRESENT]
        assert second.results[0].outcome is Outcome.PRESENT
        assert store.state.count(NODE).blobs == 1


async def test_lists_chain_over_many_commits_and_verify() -> None:
    async with opened(VirtualDisk(), MemoryIdentity()) as store:
        for batch in range(3):
            blobs = [own(f"{batch}/{i}".encode()) for i in range(70)]
            await store.committer.commit(Job(own=blobs))
        rows = await store.reader.feed(NODE, 0, 1000)
        assert [number for number, _ in rows] == list(range(1, 211))
        previous = None
        for _, row in rows:
            (signed,) = await store.reader.lists(NODE, [row.signed])
            assert signed is not None
            assert signed.content.entries[row.signed.index].blob == row.blob
            if row.signed.index == 0:
                assert previous is None or signed.content.previous == previous
            previous = row.running_hash


async def test_a_rolled_back_folder_starts_a_new_generation() -> None:
    disk, identity = VirtualDisk(), MemoryIdentity()
    async with opened(disk, identity) as store:
        await store.committer.commit(Job(own=[own(b"old")]))
    image = disk.copy()
    async with opened(disk, identity) as store:
        await store.committer.commit(Job(own=[own(b"new")]))
    disk.restore(image)
    async with opened(disk, identity) as store:
        assert store.state.generation == 2
        assert store.state.end(NODE).number == 1


async def test_a_wiped_disk_starts_a_new_generation() -> None:
    disk, identity = VirtualDisk(), MemoryIdentity()
    async with opened(disk, identity) as store:
        await store.committer.commit(Job(own=[own(b"old")]))
    disk.wipe()
    async with opened(disk, identity) as store:
        assert store.state.generation == 2


async def test_damage_is_set_aside_and_repaired_under_the_same_number() -> None:
    disk, identity = VirtualDisk(), MemoryIdentity()
    content = b"y" * 5000
    async with opened(disk, identity) as store:
        await store.committer.commit(Job(own=[own(content)]))
        disk.misdirect_chunk(random.Random(3))
        disk.flip_chunk(random.Random(3))
        row = await store.reader.row(NODE, BlobId.of(content))
        assert row is not None
        with pytest.raises(BlobDamaged):
            await store.reader.read_whole(BlobId.of(content), row)
        assert await store.mark_damaged(NODE, BlobId.of(content), FoundBy.READ)
        assert not await store.mark_damaged(NODE, BlobId.of(content), FoundBy.READ)
        assert store.state.count(NODE).damaged == 1
        job = await store.committer.commit(Job(own=[own(content, repairs=True)]))
        assert (job.results[0].outcome, job.results[0].number) == (Outcome.REPAIRED, 1)
        row = await store.reader.row(NODE, BlobId.of(content))
        assert row is not None
        assert await store.reader.read_whole(BlobId.of(content), row) == content
        assert store.state.damaged == {}
        assert store.state.count(NODE).damaged == 0


async def test_whoever_read_bytes_that_were_replaced_meanwhile_does_not_condemn_the_new_ones() -> None:
    content, blob = b"y" * 5000, BlobId.of(b"y" * 5000)
    async with opened(VirtualDisk(), MemoryIdentity()) as store:
        await store.committer.commit(Job(own=[own(content)]))
        read = await store.reader.row(NODE, blob)  # a slow reader finds its bytes wrong, and tells it only at the end
        assert read is not None
        assert await store.mark_damaged(NODE, blob, FoundBy.READ, place=read.place)
        await store.committer.commit(Job(own=[own(content, repairs=True)]))
        assert not await store.mark_damaged(NODE, blob, FoundBy.READ, place=read.place)
        assert await store.reader.are_intact(NODE, [blob]) == [True]


async def test_a_crash_loses_nothing_that_was_acknowledged() -> None:
    for seed in range(20):
        luck = random.Random(seed)
        disk, identity = VirtualDisk(), MemoryIdentity()
        acknowledged: list[bytes] = []
        try:
            async with opened(disk, identity) as store:
                for index in range(luck.randrange(1, 6)):
                    content = f"{seed}/{index}".encode() * luck.randrange(1, 2000)
                    await store.committer.commit(Job(own=[own(content)]))
                    acknowledged.append(content)
                with trio.move_on_after(0):
                    await store.committer.commit(Job(own=[own(b"cut")]))
                disk.crash(luck)
        except* (StoreClosed, OutcomeUnknown):
            pass  # what the dying node says
        async with opened(disk, identity) as store:
            for content in acknowledged:
                row = await store.reader.row(NODE, BlobId.of(content))
                assert row is not None
                assert await store.reader.read_whole(BlobId.of(content), row) == content


async def test_a_bug_behind_the_sync_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers wait behind a shield: without an answer the node could not even end."""

    def fails(_: Group) -> None:
        raise ZeroDivisionError

    async def commit() -> None:
        async with opened(VirtualDisk(), MemoryIdentity()) as store:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                try:
                    await store.committer.commit(job)
                except OutcomeUnknown:
                    answered.append(job)

    monkeypatch.setattr(Group, "publish", fails)
    job, answered = Job(), list[Job]()
    with pytest.raises(ExceptionGroup) as ended:
        await commit()
    assert ended.group_contains(ZeroDivisionError)
    assert answered == [job]
