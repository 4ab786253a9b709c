"""What the adapter remembers of rows stays true while a thread writes or reads them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import trio

from lumbung_cluster.limits import KIB
from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.adapters.rocks.engine import RocksEngine
from lumbung_node.adapters.rocks.recent import RecentRows
from lumbung_node.ports.keyvalue import Batch, Family

_LARGE = (Family.CHUNKS, b"c", bytes(513 * KIB))  # so that its batch goes to a thread


def _batch(value: bytes) -> Batch:
    return Batch(puts=[_LARGE, (Family.TAGS, b"key", value)])


class _Keys(list[bytes]):
    """Before one of the passes over them another thread drops what it is about to write."""

    def __init__(self, keys: Sequence[bytes], recent: RecentRows, in_pass: int) -> None:
        super().__init__(keys)
        self._recent = recent
        self._left = in_pass

    def __iter__(self) -> Iterator[bytes]:
        self._left -= 1
        if not self._left:
            drop = threading.Thread(target=self._recent.drop, args=(Batch(puts=[(Family.BLOBS, b"row", b"2")]),))
            drop.start()
            drop.join()
        return super().__iter__()


@pytest.mark.parametrize("in_pass", [1, 2, 3, 4])
def test_a_row_that_is_dropped_while_it_is_looked_up_is_unknown_and_not_absent(in_pass: int) -> None:
    recent = RecentRows()
    recent.note(Batch(puts=[(Family.BLOBS, b"row", b"1")]))
    values, unknown = recent.values(Family.BLOBS, _Keys([b"row", b"another"], recent, in_pass))
    assert values[0] == b"1" or 0 in unknown


def test_rows_that_a_thread_drops_and_notes_again_are_never_absent() -> None:
    recent, keys, ends = RecentRows(), [b"%04d" % number for number in range(255)], threading.Event()
    batch = Batch(puts=[(Family.BLOBS, key, b"v") for key in keys])
    recent.note(batch)

    def write() -> None:
        while not ends.wait(0.001):
            recent.drop(batch)
            recent.note(batch)

    writer = threading.Thread(target=write)
    writer.start()
    wrong = 0
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        values, unknown = recent.values(Family.BLOBS, [*keys, b"absent"])
        wrong += values[:255].count(None) > len(set(unknown) - {255})
    ends.set()
    writer.join()
    assert wrong == 0


async def test_a_row_that_a_thread_has_written_is_not_remembered_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kv = await open_rocks(tmp_path, create=True)
    await kv.write(Batch(puts=[(Family.TAGS, b"key", b"old")]))
    write, has_written, may_return = RocksEngine.write, trio.Event(), threading.Event()

    def slow(engine: RocksEngine, batch: Batch) -> None:
        write(engine, batch)
        trio.from_thread.run_sync(has_written.set)
        may_return.wait(10)

    monkeypatch.setattr(RocksEngine, "write", slow)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(kv.write, _batch(b"new"))
        await has_written.wait()
        assert await kv.get(Family.TAGS, [b"key"]) == [b"new"]
        may_return.set()
    await kv.close()


async def test_absence_seen_just_before_a_thread_wrote_is_not_noted_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kv = await open_rocks(tmp_path, create=True)
    write, look, note = RocksEngine.write, RocksEngine.get_at_hand, RecentRows.note
    begun, may_write, has_noted = trio.Event(), threading.Event(), threading.Event()

    def slow(engine: RocksEngine, batch: Batch) -> None:
        trio.from_thread.run_sync(begun.set)
        may_write.wait(10)
        write(engine, batch)

    def noted(recent: RecentRows, batch: Batch) -> None:
        note(recent, batch)
        has_noted.set()

    def looked(
        engine: RocksEngine, family: Family, keys: Sequence[bytes], bytes_max: int
    ) -> tuple[list[bytes | None], list[int]]:
        found = look(engine, family, keys, bytes_max)
        may_write.set()
        has_noted.wait(10)  # the interpreter may go to the other thread right here
        return found

    monkeypatch.setattr(RocksEngine, "write", slow)
    monkeypatch.setattr(RecentRows, "note", noted)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(kv.write, _batch(b"new"))
        await begun.wait()
        monkeypatch.setattr(RocksEngine, "get_at_hand", looked)
        assert await kv.get(Family.TAGS, [b"key"]) == [None]
    assert await kv.get(Family.TAGS, [b"key"]) == [b"new"]
    await kv.close()


@pytest.mark.parametrize("is_under_way", [True, False], ids=["under way before the read", "begun after it"])
async def test_absence_read_in_a_thread_beside_a_write_in_another_is_not_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_under_way: bool
) -> None:
    kv = await open_rocks(tmp_path, create=True)
    write, get = RocksEngine.write, RocksEngine.get
    begun, may_write, has_read, may_answer = trio.Event(), threading.Event(), trio.Event(), threading.Event()
    has_written = trio.Event()

    def slow_write(engine: RocksEngine, batch: Batch) -> None:
        trio.from_thread.run_sync(begun.set)
        may_write.wait(10)
        write(engine, batch)

    def slow_get(engine: RocksEngine, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        read = get(engine, family, keys)
        trio.from_thread.run_sync(has_read.set)
        may_answer.wait(10)
        return read

    def nothing_told(
        _: RocksEngine, _family: Family, keys: Sequence[bytes], _bytes_max: int
    ) -> tuple[list[bytes | None], list[int]]:
        return [None] * len(keys), [*range(len(keys))]

    monkeypatch.setattr(RocksEngine, "write", slow_write)
    monkeypatch.setattr(RocksEngine, "get", slow_get)
    monkeypatch.setattr(RocksEngine, "get_at_hand", nothing_told)

    async def put() -> None:
        await kv.write(_batch(b"new"))
        has_written.set()

    async with trio.open_nursery() as nursery:
        if is_under_way:
            nursery.start_soon(put)
            await begun.wait()
        nursery.start_soon(kv.get, Family.TAGS, [b"key"])
        await has_read.wait()
        if not is_under_way:
            nursery.start_soon(put)
        may_write.set()
        await has_written.wait()
        may_answer.set()
    monkeypatch.undo()
    assert await kv.get(Family.TAGS, [b"key"]) == [b"new"]
    await kv.close()
