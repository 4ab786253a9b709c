"""Rows that were written lately are answered without the engine, and always as the engine would answer."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from lumbung_cluster.errors import BlobDamaged
from lumbung_cluster.limits import KIB
from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.adapters.rocks.engine import RocksEngine
from lumbung_node.adapters.rocks.recent import RecentRows
from lumbung_node.ports.keyvalue import Batch, Family

UNKNOWN = [None], [0]
_KEYS = [b"%03d" % number for number in range(40)]


def _some_batch(luck: random.Random, turn: int) -> Batch:
    """Small ones are written in place, large ones in a thread."""
    size_bytes = luck.choice([8, 8, 8, 40 * KIB])
    puts = [(Family.BLOBS, key, b"%d " % turn + bytes(size_bytes)) for key in luck.sample(_KEYS, 20)]
    batch = Batch(puts=puts)
    if luck.random() < 0.2:
        batch.deletes = [(Family.BLOBS, key) for key in luck.sample(_KEYS, 3)]
    if luck.random() < 0.1:
        first, behind = sorted(luck.sample(_KEYS, 2))
        batch.deletes_range = [(Family.BLOBS, first, behind)]
    return batch


async def test_whatever_is_written_at_once_or_in_a_thread_reads_as_the_engine_has_it(tmp_path: Path) -> None:
    luck = random.Random(7)
    kv = await open_rocks(tmp_path, create=True)

    async def write(first: int) -> None:
        for turn in range(first, first + 30):
            await kv.write(_some_batch(luck, turn))
            for key in luck.sample(_KEYS, 5):
                await kv.get(Family.BLOBS, [key])

    async with trio.open_nursery() as nursery:
        for task in range(4):
            nursery.start_soon(write, 1000 * task)
    for key in _KEYS:
        assert await kv.get(Family.BLOBS, [key]) == kv._engine.get(Family.BLOBS, [key])
    await kv.close()


async def test_what_was_written_lately_is_not_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kv = await open_rocks(tmp_path, create=True)
    await kv.write(Batch(puts=[(Family.BLOBS, key, b"row " + key) for key in _KEYS]))

    def looked_up(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(RocksEngine, "get_at_hand", looked_up)
    assert await kv.get(Family.BLOBS, _KEYS) == [b"row " + key for key in _KEYS]
    with pytest.raises(AssertionError):
        await kv.get(Family.BLOBS, [*_KEYS, b"another"])
    await kv.close()


async def test_the_engine_is_asked_again_soon_for_its_row_may_have_rotted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    kv = await open_rocks(tmp_path, create=True)
    monkeypatch.setattr(kv, "_recent", RecentRows(lambda: now))
    await kv.write(Batch(puts=[(Family.BLOBS, b"key", b"row")]))

    def damaged(*_: object) -> None:
        raise BlobDamaged("a bit has flipped")

    monkeypatch.setattr(RocksEngine, "get_at_hand", damaged)
    assert await kv.get(Family.BLOBS, [b"key"]) == [b"row"]
    now = 111.0
    with pytest.raises(BlobDamaged):
        await kv.get(Family.BLOBS, [b"key"])
    await kv.close()


async def test_a_write_that_the_engine_refuses_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kv = await open_rocks(tmp_path, create=True)
    await kv.write(Batch(puts=[(Family.BLOBS, b"key", b"old")]))

    def refused(*_: object) -> bool:
        raise OSError("refused")

    monkeypatch.setattr(RocksEngine, "_took", refused)
    with pytest.raises(OSError, match="refused"):
        await kv.write(Batch(puts=[(Family.BLOBS, b"key", b"new")]))
    assert await kv.get(Family.BLOBS, [b"key"]) == [b"old"]
    await kv.close()


def test_only_so_many_rows_are_kept_and_the_newest_of_them() -> None:
    recent = RecentRows()
    keys = [b"%05d" % number for number in range(20_000)]
    for at in range(0, len(keys), 100):
        recent.note(Batch(puts=[(Family.BLOBS, key, key) for key in keys[at : at + 100]]))
    assert recent.values(Family.BLOBS, keys[-4000:]) == (keys[-4000:], [])
    assert recent.values(Family.BLOBS, keys[:1]) == UNKNOWN
    assert recent.values(Family.FEEDS, keys[-1:]) == UNKNOWN


def test_rows_are_forgotten_with_age_whether_or_not_others_come() -> None:
    now = 100.0
    recent = RecentRows(lambda: now)
    recent.note(Batch(puts=[(Family.BLOBS, b"first", b"1")]))
    now = 104.0
    assert recent.values(Family.BLOBS, [b"first"]) == ([b"1"], [])
    recent.note(Batch(puts=[(Family.BLOBS, b"second", b"2")]))
    now = 106.0
    assert recent.values(Family.BLOBS, [b"first", b"second"]) == ([b"1", b"2"], [])
    now = 112.0
    assert recent.values(Family.BLOBS, [b"second"]) == UNKNOWN
    recent.note(Batch(puts=[(Family.BLOBS, b"third", b"3")]))
    now = 200.0
    assert recent.values(Family.BLOBS, [b"third"]) == UNKNOWN


def test_a_row_is_forgotten_within_ten_seconds() -> None:
    now = 100.0
    recent = RecentRows(lambda: now)
    recent.note(Batch(puts=[(Family.BLOBS, b"key", b"row")]))
    now = 109.9  # nobody has asked in between
    assert recent.values(Family.BLOBS, [b"key"]) == ([b"row"], [])
    now = 110.1
    assert recent.values(Family.BLOBS, [b"key"]) == UNKNOWN


def test_a_word_of_another_generation_is_the_later_one() -> None:
    now = 100.0
    recent = RecentRows(lambda: now)
    recent.note(Batch(puts=[(Family.BLOBS, b"key", b"1"), (Family.BLOBS, b"gone", b"1")]))
    now = 106.0
    recent.note(Batch(puts=[(Family.BLOBS, b"key", b"2"), (Family.BLOBS, b"gone", bytes(5000))]))
    assert recent.values(Family.BLOBS, [b"key"]) == ([b"2"], [])
    assert recent.values(Family.BLOBS, [b"gone"]) == UNKNOWN
    recent.drop(Batch(puts=[(Family.BLOBS, b"key", b"3")]))
    assert recent.values(Family.BLOBS, [b"key"]) == UNKNOWN


def test_keys_that_a_caller_makes_up_are_not_kept() -> None:
    recent = RecentRows()
    long = bytes(1000)
    recent.note_absent(Family.TAGS, [long, b"short"])
    recent.note(Batch(puts=[(Family.TAGS, long, b"1")]))
    assert recent.values(Family.TAGS, [long]) == UNKNOWN
    assert recent.values(Family.TAGS, [b"short"]) == ([None], [])


async def test_what_was_found_absent_is_not_looked_up_until_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kv = await open_rocks(tmp_path, create=True)
    looks: list[Sequence[bytes]] = []
    look = RocksEngine.get_at_hand

    def counted(
        self: RocksEngine, family: Family, keys: Sequence[bytes], bytes_max: int
    ) -> tuple[list[bytes | None], list[int]]:
        looks.append(keys)
        return look(self, family, keys, bytes_max)

    monkeypatch.setattr(RocksEngine, "get_at_hand", counted)
    for _ in range(3):
        assert await kv.get(Family.TAGS, [b"a", b"b"]) == [None, None]
    assert len(looks) == 1
    await kv.write(Batch(puts=[(Family.TAGS, b"b", b"1")]))
    assert await kv.get(Family.TAGS, [b"a", b"b"]) == [None, b"1"]
    await kv.write(Batch(deletes=[(Family.TAGS, b"b")]))
    assert await kv.get(Family.TAGS, [b"a", b"b"]) == [None, None]
    await kv.close()


class _ErringFilter:
    """Memory cannot tell of the keys in `errs`, as where a bloom filter errs; `read` are those that go to the disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, errs: Sequence[bytes]) -> None:
        self.read: list[bytes] = []
        look, get = RocksEngine.get_at_hand, RocksEngine.get

        def looked(
            engine: RocksEngine, family: Family, keys: Sequence[bytes], bytes_max: int
        ) -> tuple[list[bytes | None], list[int]]:
            found, untold = look(engine, family, keys, bytes_max)
            more = [at for at, key in enumerate(keys) if key in errs]
            return [None if at in more else value for at, value in enumerate(found)], sorted({*untold, *more})

        def counted(engine: RocksEngine, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
            self.read += keys
            return get(engine, family, keys)

        monkeypatch.setattr(RocksEngine, "get_at_hand", looked)
        monkeypatch.setattr(RocksEngine, "get", counted)


async def test_only_what_memory_cannot_tell_is_read_and_then_known_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kv = await open_rocks(tmp_path, create=True)
    await kv.write(Batch(puts=[(Family.TAGS, key, b"1") for key in _KEYS[:20]]))
    monkeypatch.setattr(kv, "_recent", RecentRows())
    disk = _ErringFilter(monkeypatch, _KEYS[15:25])

    for _ in range(2):
        assert await kv.get(Family.TAGS, _KEYS) == [b"1"] * 20 + [None] * 20
    # What is absent is known from the first time on, what is there is read again.
    assert disk.read == [*_KEYS[15:25], *_KEYS[15:20]]
    await kv.close()


async def test_what_is_written_while_it_is_found_absent_is_not_taken_for_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kv = await open_rocks(tmp_path, create=True)
    _ErringFilter(monkeypatch, _KEYS)
    get, has_read, may_answer = RocksEngine.get, trio.Event(), threading.Event()

    def slow(engine: RocksEngine, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        read = get(engine, family, keys)
        trio.from_thread.run_sync(has_read.set)
        may_answer.wait(10)
        return read

    monkeypatch.setattr(RocksEngine, "get", slow)
    found: list[list[bytes | None]] = []

    async def read() -> None:
        found.append(await kv.get(Family.TAGS, _KEYS[:10]))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await has_read.wait()
        await kv.write(Batch(puts=[(Family.TAGS, _KEYS[3], b"written")]))
        await kv.write(Batch(deletes=[(Family.TAGS, _KEYS[4])]))  # nothing is remembered of the family
        may_answer.set()
    assert found == [[None] * 10]
    monkeypatch.undo()
    assert await kv.get(Family.TAGS, _KEYS[:10]) == [None] * 3 + [b"written"] + [None] * 6
    await kv.close()


async def test_a_long_value_takes_the_place_of_a_short_one(tmp_path: Path) -> None:
    kv = await open_rocks(tmp_path, create=True)
    for value in (b"short", bytes(5000), b"short again"):
        await kv.write(Batch(puts=[(Family.TAGS, b"key", value), (Family.TAGS, b"other", b"1")]))
        assert await kv.get(Family.TAGS, [b"key"]) == [value]
    await kv.close()


async def test_chunks_written_in_parts_are_all_there(tmp_path: Path) -> None:
    kv = await open_rocks(tmp_path, create=True)
    rows = [(b"%03d" % number, bytes([number]) * (300 * KIB)) for number in range(12)]
    await kv.write_chunks(rows)
    assert await kv.get(Family.CHUNKS, [key for key, _ in rows]) == [value for _, value in rows]
    await kv.close()


async def test_what_the_engine_is_too_far_behind_for_waits_in_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kv = await open_rocks(tmp_path, create=True)
    took, calls = RocksEngine._took, 0

    def took_now_and_then(self: RocksEngine, batch: Batch) -> bool:
        nonlocal calls
        calls += 1
        return calls % 3 == 0 and took(self, batch)

    monkeypatch.setattr(RocksEngine, "_took", took_now_and_then)
    rows = [(b"%03d" % number, bytes([number]) * (300 * KIB)) for number in range(12)]
    await kv.write_chunks(rows)
    assert await kv.get(Family.CHUNKS, [key for key, _ in rows]) == [value for _, value in rows]
    await kv.close()
