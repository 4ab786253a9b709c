"""What a power cut leaves: one suite for the virtual disk and for RocksDB with its log cut at a random byte.

The simulator believes these of its disk; whole histories are compared in `simulation/rocks_disk.py`.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Protocol

import pytest
import trio

from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue
from lumbung_testing.virtual_disk import VirtualDisk

LAST = b"\xff" * 40
CRASHES = range(12)


class Cuttable(Protocol):
    async def open(self) -> KeyValue: ...

    def synced(self) -> None:
        """A sync has returned just now."""
        ...

    async def crash(self, store: KeyValue, luck: random.Random) -> None:
        """A power cut; `open` shows what is left."""
        ...


class VirtualCuttable:
    def __init__(self) -> None:
        self._disk = VirtualDisk()

    async def open(self) -> KeyValue:
        return await self._disk.open()

    def synced(self) -> None:
        """The disk knows."""

    async def crash(self, store: KeyValue, luck: random.Random) -> None:
        await trio.lowlevel.checkpoint()
        self._disk.crash(luck)


class RocksCuttable:
    """The folder is copied with the newest log cut behind what the last sync covered."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = root / "0"
        self._opened = 0
        self._synced: tuple[str, int] = ("", 0)

    async def open(self) -> KeyValue:
        store = await open_rocks(self._folder, create=True)
        self.synced()
        return store

    def synced(self) -> None:
        self._synced = self._log()

    async def crash(self, store: KeyValue, luck: random.Random) -> None:
        self._opened += 1
        after = self._root / str(self._opened)
        name, size = self._log()
        least = self._synced[1] if self._synced[0] == name else 0
        while True:
            try:
                shutil.copytree(self._folder, after)
                break
            except shutil.Error:  # a compaction took a table away meanwhile: at a power cut all is of one moment
                shutil.rmtree(after)
        with (after / "rocks" / name).open("r+b") as log:
            log.truncate(luck.randint(least, size))
        await store.close()
        self._folder = after

    def _log(self) -> tuple[str, int]:
        newest = max((self._folder / "rocks").glob("*.log"), key=lambda path: path.name)
        return newest.name, newest.stat().st_size


@pytest.fixture(params=["virtual", "rocks"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Cuttable:
    return VirtualCuttable() if request.param == "virtual" else RocksCuttable(tmp_path)


def number(value: int) -> bytes:
    return value.to_bytes(8, "big")


def pair(value: int) -> Batch:
    """Two rows in two families that belong together."""
    batch = Batch()
    batch.put(Family.BLOBS, number(value), b"row" * 40)
    batch.put(Family.FEEDS, number(value), b"feed row" * 20)
    return batch


async def keys(store: KeyValue, family: Family) -> list[int]:
    return [int.from_bytes(key, "big") for key, _ in await store.scan(family, b"", LAST, 1000)]


async def test_crash_keeps_all_that_was_synced_and_a_beginning_of_the_rest_batch_by_batch(disk: Cuttable) -> None:
    kept_counts = set()
    for seed in CRASHES:
        store = await disk.open()
        first = max(await keys(store, Family.BLOBS), default=-1) + 1
        for value in range(first, first + 5):
            await store.write(pair(value))
        await store.sync()
        disk.synced()
        for value in range(first + 5, first + 12):
            await store.write(pair(value))
        await disk.crash(store, random.Random(seed))
        store = await disk.open()
        kept = await keys(store, Family.BLOBS)
        assert kept == list(range(len(kept)))
        assert first + 5 <= len(kept) <= first + 12
        assert kept == await keys(store, Family.FEEDS)
        kept_counts.add(len(kept) - first)
        await store.close()
    assert len(kept_counts) > 2  # over the seeds: none, some and all of the unsynced ones


async def test_row_that_survives_has_the_chunks_that_were_written_before_it(disk: Cuttable) -> None:
    for seed in CRASHES:
        store = await disk.open()
        for value in range(8):
            await store.write_chunks([(number(value * 2), b"chunk" * 500), (number(value * 2 + 1), b"chunk" * 500)])
            await store.write(pair(value))
        await disk.crash(store, random.Random(seed))
        store = await disk.open()
        chunks = await keys(store, Family.CHUNKS)
        assert all({value * 2, value * 2 + 1} <= set(chunks) for value in await keys(store, Family.BLOBS))
        await store.close()


async def test_range_that_a_batch_deletes_goes_exactly_when_its_put_comes(disk: Cuttable) -> None:
    outcomes = set()
    for seed in CRASHES:
        store = await disk.open()
        clear = Batch(deletes_range=[(Family.CHUNKS, b"", LAST), (Family.BLOBS, b"", LAST)])
        await store.write(clear)
        await store.write_chunks([(number(value), b"old" * 50) for value in range(4)])
        await store.sync()
        disk.synced()
        repair = Batch(deletes_range=[(Family.CHUNKS, number(0), number(4))])
        repair.put(Family.BLOBS, b"id", b"the row names the new run")
        await store.write_chunks([(number(value), b"new" * 50) for value in range(4, 8)])
        await store.write(repair)
        for value in range(100, 105):  # so that the cut falls behind the repair about as often as before it
            await store.write(pair(value))
        await disk.crash(store, random.Random(seed))
        store = await disk.open()
        is_repaired = await store.get(Family.BLOBS, [b"id"]) != [None]
        old = [value for value in await keys(store, Family.CHUNKS) if value < 4]
        assert old == ([] if is_repaired else [0, 1, 2, 3])
        assert not is_repaired or await keys(store, Family.CHUNKS) == [4, 5, 6, 7]
        outcomes.add(is_repaired)
        await store.close()
    assert outcomes == {True, False}


async def test_what_a_store_shows_after_a_crash_survives_the_next_one_unsynced(disk: Cuttable) -> None:
    store = await disk.open()
    for value in range(20):
        await store.write(pair(value))
    await disk.crash(store, random.Random(1))
    store = await disk.open()
    shown = await keys(store, Family.BLOBS)
    await disk.crash(store, random.Random(2))
    store = await disk.open()
    assert await keys(store, Family.BLOBS) == shown
    await store.close()


async def test_scan_beside_writes_sees_each_batch_whole(disk: Cuttable) -> None:
    store = await disk.open()
    done = trio.Event()

    async def write() -> None:
        for value in range(150):
            batch = Batch()
            for key in (b"first", b"middle", b"second"):
                batch.put(Family.SYSTEM, key, number(value))
            await store.write(batch)
        done.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        while not done.is_set():
            assert len({value for _, value in await store.scan(Family.SYSTEM, b"", LAST, 10)}) <= 1
    await store.close()
