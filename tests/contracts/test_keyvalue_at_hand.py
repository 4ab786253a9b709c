"""What RocksKeyValue answers and writes without a thread: the same as with one, whatever of a table is in memory."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from lumbung_cluster.errors import DiskFailed
from lumbung_cluster.limits import KIB
from lumbung_node.adapters.rocks import RocksKeyValue, RocksLimits, open_rocks
from lumbung_node.adapters.rocks.engine import RocksEngine, open_engine
from lumbung_node.adapters.rocks.options import DEFAULT_LIMITS
from lumbung_node.adapters.rocks.read_pace import ReadPace
from lumbung_node.ports.keyvalue import Batch, Family

ROWS = 40_000
SMALL_TABLES = RocksLimits(memtables_size_bytes=512 * KIB)
SMALL_CACHE = RocksLimits(cache_size_bytes=64 * KIB)


def key_of(index: int) -> bytes:
    return random.Random(index).randbytes(36)


async def just_opened(folder: Path, limits: RocksLimits, keys: Sequence[bytes]) -> RocksKeyValue:
    """A store of these blobs, each with its key twice, of which no block is in memory."""
    # Small tables are compacted soon, and what is compacted is not pinned in memory.
    kv = await open_rocks(folder, create=True, limits=SMALL_TABLES)
    for at in range(0, len(keys), 1_000):
        await kv.write(Batch(puts=[(Family.BLOBS, key, key * 2) for key in keys[at : at + 1_000]]))
    await kv.sync()
    await kv.close()
    return await open_rocks(folder, create=False, limits=limits)


@pytest.mark.parametrize("limits", [RocksLimits(), SMALL_CACHE], ids=["cache", "small cache"])
async def test_rows_of_a_store_just_opened_read_as_they_were_written(tmp_path: Path, limits: RocksLimits) -> None:
    keys = [key_of(index) for index in range(ROWS)]
    kv = await just_opened(tmp_path, limits, keys)
    for key in random.Random(1).sample(keys, 3_000):
        assert await kv.get(Family.BLOBS, [key]) == [key * 2]
        absent = key[:-1] + bytes([key[-1] ^ 1])
        assert await kv.get(Family.BLOBS, [absent, key]) == [None, key * 2]
    await kv.close()


async def test_a_quick_disk_is_read_in_place_and_a_slow_one_from_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = random.Random(1).randbytes(600 * KIB)  # more than is taken from memory in place
    kv = await open_rocks(tmp_path, create=True)
    await kv.write_chunks([(b"1", value)])
    threads = 0
    run_sync = trio.to_thread.run_sync

    async def counted(work: Callable[[], object], *, limiter: trio.CapacityLimiter) -> object:
        nonlocal threads
        threads += 1
        return await run_sync(work, limiter=limiter)

    def refuse(*_: object) -> list[bytes | None]:
        raise AssertionError

    monkeypatch.setattr(trio.to_thread, "run_sync", counted)
    engine_get, engine_get_in_place = RocksEngine.get, RocksEngine.get_in_place
    for took_s, hops in ((0.0001, 0), (0.01, 1)):
        # In a thread the interpreter's lock is let go of while the disk works, in place it is kept.
        monkeypatch.setattr(RocksEngine, "get", engine_get if hops else refuse)
        monkeypatch.setattr(RocksEngine, "get_in_place", refuse if hops else engine_get_in_place)
        pace = ReadPace()
        for _ in range(16):
            pace.took(took_s)
        monkeypatch.setattr(kv, "_paces", {Family.CHUNKS: pace})
        threads = 0
        assert await kv.get(Family.CHUNKS, [b"1"]) == [value]
        assert threads == hops
    monkeypatch.undo()
    await kv.close()


@pytest.mark.parametrize("limits", [RocksLimits(), SMALL_CACHE], ids=["cache", "small cache"])
async def test_many_rows_that_are_mostly_absent_read_as_they_were_written(tmp_path: Path, limits: RocksLimits) -> None:
    """Looked for together, one after the other or on the disk: whatever stands where among those that are not there."""
    keys = [key_of(index) for index in range(ROWS)]
    kv = await just_opened(tmp_path, limits, keys)
    luck = random.Random(2)
    for turn in range(300):
        there = set(luck.sample(range(256), luck.choice([0, 0, 1, 3, 128, 256])))
        asked = [luck.choice(keys) if at in there else luck.randbytes(36) for at in range(luck.choice([40, 200, 256]))]
        expected = [key * 2 if at in there else None for at, key in enumerate(asked)]
        assert await kv.get(Family.BLOBS, asked) == expected, turn
        assert await kv.get(Family.BLOBS, asked) == expected, turn  # what was found absent is known
    await kv.close()


class Looks:
    """How many keys the engine was asked for together, and how many alone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, took_s: float = 0.0) -> None:
        self.together: list[int] = []
        self.alone = 0
        get, get_at_hand = RocksEngine.get, RocksEngine.get_at_hand

        def counted_get(engine: RocksEngine, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
            self.together.append(len(keys))
            time.sleep(took_s)
            return get(engine, family, keys)

        def counted_at_hand(
            engine: RocksEngine, family: Family, keys: Sequence[bytes], bytes_max: int
        ) -> tuple[list[bytes | None], list[int]]:
            self.alone += len(keys)
            return get_at_hand(engine, family, keys, bytes_max)

        monkeypatch.setattr(RocksEngine, "get", counted_get)
        monkeypatch.setattr(RocksEngine, "get_at_hand", counted_at_hand)


async def test_many_new_rows_are_looked_for_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kv = await open_rocks(tmp_path, create=True)
    looks = Looks(monkeypatch)
    absent = [b"%04d" % at for at in range(256)]
    assert await kv.get(Family.FEEDS, absent) == [None] * 256
    assert (looks.alone, looks.together) == (8, [248])
    await kv.close()


async def test_rows_that_are_there_are_looked_for_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that those that lie on the disk alone go to a thread."""
    kv = await open_rocks(tmp_path, create=True)
    await kv.write(Batch(puts=[(Family.FEEDS, b"0000", b"1")]))
    looks = Looks(monkeypatch)
    assert await kv.get(Family.FEEDS, [b"%04d" % at for at in range(256)]) == [b"1", *[None] * 255]
    assert (looks.alone, looks.together) == (256, [])
    await kv.close()


async def test_a_look_that_got_stuck_is_the_last_of_its_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the guess was wrong it is the disk that is waited for, and with it the loop."""
    kv = await open_rocks(tmp_path, create=True)
    looks = Looks(monkeypatch, took_s=0.03)
    for start in (0, 1000):
        assert await kv.get(Family.TAGS, [b"%04d" % at for at in range(start, start + 256)]) == [None] * 256
    assert looks.together == [248]
    await kv.close()


async def test_a_read_that_fails_counts_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dying disk takes long over it, and must not hold the loop up at every read."""
    kv = await open_rocks(tmp_path, create=True)
    pace = ReadPace()
    monkeypatch.setattr(kv, "_paces", {Family.CHUNKS: pace})
    for _ in range(16):
        pace.took(0.0001)

    def fail(engine: RocksEngine, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        time.sleep(0.03)
        raise DiskFailed("EIO")

    monkeypatch.setattr(RocksEngine, "get_at_hand", lambda *_: ([None], [0]))
    monkeypatch.setattr(RocksEngine, "get_in_place", fail)
    with pytest.raises(DiskFailed):
        await kv.get(Family.CHUNKS, [b"1"])
    assert not pace.is_quick
    await kv.close()


@pytest.mark.parametrize("way", ["get", "get_in_place"])
def test_a_pass_over_chunks_leaves_the_cache_to_the_index(tmp_path: Path, way: str) -> None:
    """A scrub of all blobs would throw the index out of a small cache, and each put look for its rows on the disk."""
    keys = sorted(key_of(index) for index in range(200))
    engine = open_engine(tmp_path, DEFAULT_LIMITS, create=True)
    engine.write_chunks([(key, random.Random(key).randbytes(4300)) for key in keys])
    engine.sync()
    engine.close()
    engine = open_engine(tmp_path, DEFAULT_LIMITS, create=False)  # what the log held lies in tables now
    used = partial(engine._families[Family.CHUNKS].property_int_value, "rocksdb.block-cache-usage")
    assert engine.get_in_place(Family.CHUNKS, keys[:1]) != [None]
    before = used()
    for at in range(0, len(keys), 4):
        found = getattr(engine, way)(Family.CHUNKS, keys[at : at + 4])
        assert None not in found
    assert used() == before
    engine.close()


async def test_empty_values_and_deletions_read_as_such(tmp_path: Path) -> None:
    kv = await open_rocks(tmp_path, create=True)
    await kv.write(
        Batch(puts=[(Family.SYSTEM, b"empty", b""), (Family.SYSTEM, b"gone", b"1"), (Family.TAGS, b"t", b"2")])
    )
    await kv.write(Batch(deletes=[(Family.SYSTEM, b"gone")], deletes_range=[(Family.TAGS, b"a", b"z")]))
    assert await kv.get(Family.SYSTEM, [b"empty", b"gone"]) == [b"", None]
    assert await kv.get(Family.TAGS, [b"t"]) == [None]
    await kv.close()


async def test_small_write_beside_a_large_one_stands_whole_and_in_order(tmp_path: Path) -> None:
    """The large one is in its thread: the small one waits its turn behind it, and what comes last is what is read."""
    kv = await open_rocks(tmp_path, create=True)
    for turn in range(20):
        async with trio.open_nursery() as nursery:
            large = Batch(puts=[(Family.BLOBS, b"%04d" % at, b"l" * 2_000) for at in range(1_000)])
            nursery.start_soon(kv.write, large)
            await trio.testing.wait_all_tasks_blocked()
            await kv.write(Batch(puts=[(Family.BLOBS, b"%04d" % (turn * 50), b"s")]))
        assert await kv.get(Family.BLOBS, [b"%04d" % (turn * 50)]) == [b"s"]
    await kv.close()


async def test_chunks_out_of_order_are_refused_on_both_ways(tmp_path: Path) -> None:
    kv = await open_rocks(tmp_path, create=True)
    for size_bytes in (1, 600 * KIB):  # in place, and in a thread
        with pytest.raises(AssertionError):
            await kv.write_chunks([(b"2", bytes(size_bytes)), (b"1", b"")])
    assert await kv.get(Family.CHUNKS, [b"1", b"2"]) == [None, None]
    await kv.close()
