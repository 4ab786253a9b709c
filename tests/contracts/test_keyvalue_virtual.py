"""The virtual disk's own promises: crashes, faults and damage that follow a seed."""

from __future__ import annotations

import random

import pytest
import trio
import trio.testing

from lumbung_cluster.errors import (
    BlobDamaged,
    DiskFailed,
    DiskFull,
    OutcomeUnknown,
    StoreClosed,
    StoreDamaged,
)
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_testing.virtual_disk import DiskEventKind, Pace, VirtualDisk, VirtualKeyValue

LAST = b"\xff" * 40


def number(value: int) -> bytes:
    return value.to_bytes(8, "big")


def two_rows(value: int) -> Batch:
    batch = Batch()
    batch.put(Family.BLOBS, number(value), b"row")
    batch.put(Family.FEEDS, number(value), b"entry")
    return batch


async def keys_of(store: VirtualKeyValue, family: Family) -> list[bytes]:
    return [key for key, _ in await store.scan(family, b"", LAST, 1000)]


@pytest.mark.parametrize("seed", range(20))
async def test_crash_keeps_what_was_synced_and_a_prefix_of_the_rest(seed: int) -> None:
    disk = VirtualDisk()
    store = await disk.open()
    for value in range(5):
        await store.write(two_rows(value))
    await store.sync()
    for value in range(5, 12):
        await store.write(two_rows(value))
    disk.crash(random.Random(seed))

    again = await disk.open()
    kept = await keys_of(again, Family.BLOBS)
    assert kept == [number(value) for value in range(len(kept))]
    assert 5 <= len(kept) <= 12
    assert await keys_of(again, Family.FEEDS) == kept  # each batch whole or not at all


async def test_crashes_keep_all_nothing_and_some_of_the_unsynced_over_the_seeds() -> None:
    counts = set()
    for seed in range(60):
        disk = VirtualDisk()
        store = await disk.open()
        await store.write_chunks([(number(value), b"x") for value in range(4)])
        disk.crash(random.Random(seed))
        counts.add(len(await keys_of(await disk.open(), Family.CHUNKS)))
    assert counts == {0, 1, 2, 3, 4}


async def test_what_an_opened_store_shows_survives_the_next_crash() -> None:
    disk = VirtualDisk()
    store = await disk.open()
    await store.write(two_rows(1))
    await store.close()
    await disk.open()
    disk.crash(random.Random(0))
    assert await keys_of(await disk.open(), Family.BLOBS) == [number(1)]


async def test_dead_handle_cannot_write_after_the_crash() -> None:
    disk = VirtualDisk()
    dead = await disk.open()
    disk.crash(random.Random(0))
    alive = await disk.open()
    with pytest.raises(StoreClosed):
        await dead.write(two_rows(1))
    await dead.close()
    await alive.write(two_rows(2))  # the dead one's close did not let go of the living one's lock
    assert await keys_of(alive, Family.BLOBS) == [number(2)]


async def test_crash_cuts_short_a_sync_that_waits(autojump_clock: trio.testing.MockClock) -> None:
    disk = VirtualDisk()
    disk.pace = Pace(sync_s=10.0)
    store = await disk.open()
    await store.write(two_rows(1))
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _() -> None:
            with pytest.raises(StoreClosed):
                await store.sync()

        await trio.sleep(1)
        disk.crash(random.Random(0))
    assert trio.current_time() == pytest.approx(1, abs=0.01)


async def test_sync_does_not_cover_what_was_written_after_it_began(autojump_clock: trio.testing.MockClock) -> None:
    disk = VirtualDisk()
    disk.pace = Pace(sync_s=1.0)
    store = await disk.open()
    await store.write(two_rows(1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.sync)
        await trio.sleep(0.5)
        await store.write(two_rows(2))
    assert (disk.durable_number, disk.written_number) == (1, 2)


async def test_events_tell_which_sync_covers_which_write() -> None:
    disk = VirtualDisk()
    store = await disk.open()
    await store.write(two_rows(1))
    await store.write_chunks([(number(1), b"a"), (number(2), b"b")])
    await store.sync()
    assert [(event.kind, event.number) for event in disk.events] == [
        (DiskEventKind.OPENED, 0),
        (DiskEventKind.WRITTEN, 1),
        (DiskEventKind.WRITTEN, 2),
        (DiskEventKind.WRITTEN, 3),
        (DiskEventKind.SYNC_BEGUN, 3),
        (DiskEventKind.SYNC_ENDED, 3),
    ]


async def test_failed_sync_leaves_the_outcome_unknown_and_ends_writing() -> None:
    disk = VirtualDisk()
    store = await disk.open()
    disk.fail_sync(random.Random(1), nth=2)
    await store.write(two_rows(1))
    await store.sync()
    await store.write(two_rows(2))
    with pytest.raises(OutcomeUnknown):
        await store.sync()
    assert store.is_failed
    with pytest.raises(OutcomeUnknown):
        await store.sync()  # a second try must not lie
    with pytest.raises(DiskFailed):
        await store.write(two_rows(3))
    assert await keys_of(store, Family.BLOBS) == [number(1), number(2)]


async def test_failed_sync_loses_the_write_under_some_seeds_and_keeps_it_under_others() -> None:
    kept = set()
    for seed in range(20):
        disk = VirtualDisk()
        store = await disk.open()
        disk.fail_sync(random.Random(seed))
        await store.write(two_rows(1))
        with pytest.raises(OutcomeUnknown):
            await store.sync()
        await store.close()
        kept.add(len(await keys_of(await disk.open(), Family.BLOBS)))
    assert kept == {0, 1}


async def test_full_disk_refuses_writes_reads_on_and_takes_writes_again_after_reopening() -> None:
    disk = VirtualDisk(capacity_bytes=100)
    store = await disk.open()
    await store.write_chunks([(number(1), b"x" * 80)])
    await store.sync()
    for _ in range(2):
        with pytest.raises(DiskFull):
            await store.write_chunks([(number(2), b"x" * 80)])
    assert store.is_failed
    assert (await store.space()).free_bytes == 12
    assert await keys_of(store, Family.CHUNKS) == [number(1)]
    await store.close()

    disk.capacity_bytes = 1000
    again = await disk.open()
    await again.write_chunks([(number(2), b"x" * 80)])
    assert await keys_of(again, Family.CHUNKS) == [number(1), number(2)]


async def test_space_of_deleted_and_overwritten_rows_comes_back() -> None:
    disk = VirtualDisk(capacity_bytes=100)
    store = await disk.open()
    for _ in range(5):
        await store.write_chunks([(number(1), b"x" * 80)])
        batch = Batch()
        batch.delete_range(Family.CHUNKS, b"", LAST)
        await store.write(batch)
    assert (await store.space()).free_bytes == 100


async def test_flipped_chunk_is_told_by_get_and_scan_until_it_is_written_anew() -> None:
    disk = VirtualDisk()
    store = await disk.open()
    await store.write_chunks([(number(1), b"right")])
    await store.sync()
    assert disk.flip_chunk(random.Random(0)) == number(1)
    with pytest.raises(BlobDamaged):
        await store.get(Family.CHUNKS, [number(1)])
    with pytest.raises(BlobDamaged):
        await store.scan(Family.CHUNKS, b"", LAST, 10)
    await store.write_chunks([(number(1), b"right")])
    assert await store.get(Family.CHUNKS, [number(1)]) == [b"right"]


async def test_damage_survives_crash_and_reopening() -> None:
    disk = VirtualDisk()
    store = await disk.open()
    await store.write_chunks([(number(1), b"right")])
    await store.sync()
    disk.flip_chunk(random.Random(0))
    disk.crash(random.Random(0))
    with pytest.raises(BlobDamaged):
        await (await disk.open()).get(Family.CHUNKS, [number(1)])


async def test_misdirected_chunk_gives_wrong_bytes_of_the_same_length_silently() -> None:
    disk = VirtualDisk()
    store = await disk.open()
    await store.write_chunks([(number(1), b"right")])
    await store.sync()
    assert disk.misdirect_chunk(random.Random(0)) == number(1)
    (value,) = await store.get(Family.CHUNKS, [number(1)])
    assert value is not None
    assert value != b"right"
    assert len(value) == 5


async def test_nothing_to_damage_on_an_empty_disk() -> None:
    disk = VirtualDisk()
    assert disk.flip_chunk(random.Random(0)) is None
    assert disk.misdirect_chunk(random.Random(0)) is None


async def test_restored_folder_shows_the_old_state_and_only_that() -> None:
    disk = VirtualDisk()
    store = await disk.open()
    await store.write(two_rows(1))
    image = disk.copy()
    await store.write(two_rows(2))
    await store.sync()
    disk.restore(image)
    with pytest.raises(StoreClosed):
        await store.get(Family.BLOBS, [number(1)])
    again = await disk.open()
    assert await keys_of(again, Family.BLOBS) == [number(1)]
    await again.write(two_rows(3))
    disk.restore(image)  # the image itself was not written to
    assert await keys_of(await disk.open(), Family.BLOBS) == [number(1)]


async def test_wiped_disk_is_empty() -> None:
    disk = VirtualDisk()
    store = await disk.open()
    await store.write(two_rows(1))
    await store.sync()
    disk.wipe()
    assert await keys_of(await disk.open(), Family.BLOBS) == []


async def test_spoiled_disk_does_not_open_until_it_is_replaced() -> None:
    disk = VirtualDisk()
    await disk.open()
    disk.spoil()
    with pytest.raises(StoreDamaged):
        await disk.open()
    disk.wipe()
    assert not (await disk.open()).is_failed


async def test_slow_disk_takes_virtual_seconds(autojump_clock: trio.testing.MockClock) -> None:
    disk = VirtualDisk()
    disk.pace = Pace(write_s=1.0, sync_s=2.0, read_s=4.0)
    store = await disk.open()
    begun = trio.current_time()
    await store.write(two_rows(1))
    await store.sync()
    await store.get(Family.BLOBS, [number(1)])
    assert trio.current_time() - begun == pytest.approx(7.0, abs=0.01)
