"""What every key-value store must do: one suite for RocksDB and for the disks in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Protocol

import pytest
import trio
import trio.testing

from lumbung_cluster.errors import StoreClosed, StoreLocked
from lumbung_cluster.limits import MIB
from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue
from lumbung_testing.centre.light_disk import LightDisk
from lumbung_testing.virtual_disk import VirtualDisk

LAST = b"\xff" * 40


class Opener(Protocol):
    async def __call__(self) -> KeyValue: ...


@pytest.fixture(params=["rocks", "virtual", "light"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens one and the same store again and again."""

    async def rocks() -> KeyValue:
        return await open_rocks(tmp_path, create=True)

    async def light() -> KeyValue:
        return LightDisk(await disk.open(), b"a")

    disk = VirtualDisk()
    opened: dict[str, Opener] = {"rocks": rocks, "virtual": disk.open, "light": light}
    return opened[request.param]


@pytest.fixture
async def store(opener: Opener) -> AsyncIterator[KeyValue]:
    opened = await opener()
    yield opened
    await opened.close()


def number(value: int) -> bytes:
    return value.to_bytes(8, "big")


def batch_of(family: Family, rows: dict[bytes, bytes]) -> Batch:
    batch = Batch()
    for key, value in rows.items():
        batch.put(family, key, value)
    return batch


async def filled(store: KeyValue, family: Family, count: int) -> list[tuple[bytes, bytes]]:
    rows = {number(index): b"value %d" % index for index in range(count)}
    await store.write(batch_of(family, rows))
    return list(rows.items())


async def test_write_is_visible_before_any_sync(store: KeyValue) -> None:
    await store.write(batch_of(Family.BLOBS, {b"key": b"value"}))
    assert await store.get(Family.BLOBS, [b"key"]) == [b"value"]


async def test_get_answers_in_the_order_of_the_keys_with_none_for_missing_ones(store: KeyValue) -> None:
    await store.write(batch_of(Family.BLOBS, {b"a": b"1", b"b": b"2"}))
    assert await store.get(Family.BLOBS, [b"b", b"none", b"a", b"b"]) == [b"2", None, b"1", b"2"]


async def test_get_of_no_keys_is_empty(store: KeyValue) -> None:
    assert await store.get(Family.BLOBS, []) == []


async def test_an_empty_value_is_not_an_absent_one(store: KeyValue) -> None:
    await store.write(batch_of(Family.SYSTEM, {b"empty": b""}))
    assert await store.get(Family.SYSTEM, [b"empty", b"absent"]) == [b"", None]


async def test_families_do_not_see_each_other(store: KeyValue) -> None:
    batch = Batch()
    for family in Family:
        batch.put(family, b"same key", family.value.encode())
    await store.write(batch)
    for family in Family:
        assert await store.scan(family, b"", LAST, 10) == [(b"same key", family.value.encode())]


async def test_batch_over_families_puts_and_deletes_as_one(store: KeyValue) -> None:
    await store.write(batch_of(Family.PENDING, {b"run": b"intent"}))
    batch = Batch()
    batch.put(Family.BLOBS, b"id", b"row")
    batch.delete(Family.PENDING, b"run")
    await store.write(batch)
    assert await store.get(Family.BLOBS, [b"id"]) == [b"row"]
    assert await store.get(Family.PENDING, [b"run"]) == [None]


async def test_put_wins_over_deletes_of_the_same_batch(store: KeyValue) -> None:
    await filled(store, Family.BLOBS, 4)
    batch = Batch()
    batch.put(Family.BLOBS, number(1), b"new")
    batch.put(Family.BLOBS, number(2), b"new too")
    batch.delete(Family.BLOBS, number(1))
    batch.delete_range(Family.BLOBS, number(0), number(3))
    await store.write(batch)
    assert await store.get(Family.BLOBS, [number(index) for index in range(4)]) == [
        None,
        b"new",
        b"new too",
        b"value 3",
    ]


async def test_batch_is_taken_as_it_was_when_written(store: KeyValue) -> None:
    batch = batch_of(Family.BLOBS, {b"a": b"1"})
    await store.write(batch)
    batch.put(Family.BLOBS, b"b", b"2")
    await store.sync()
    assert await store.get(Family.BLOBS, [b"a", b"b"]) == [b"1", None]


async def test_deleting_what_is_absent_is_harmless(store: KeyValue) -> None:
    batch = Batch()
    batch.delete(Family.TAGS, b"nothing")
    batch.delete_range(Family.TAGS, b"a", b"z")
    batch.delete_range(Family.TAGS, b"z", b"a")
    await store.write(batch)
    assert await store.scan(Family.TAGS, b"", LAST, 10) == []


async def test_range_delete_takes_the_first_key_and_leaves_the_last(store: KeyValue) -> None:
    rows = await filled(store, Family.CHUNKS, 10)
    batch = Batch()
    batch.delete_range(Family.CHUNKS, number(3), number(7))
    await store.write(batch)
    assert await store.scan(Family.CHUNKS, b"", LAST, 100) == rows[:3] + rows[7:]


async def test_scan_gives_rising_rows_from_first_to_before_behind(store: KeyValue) -> None:
    rows = await filled(store, Family.FEEDS, 20)
    assert await store.scan(Family.FEEDS, number(5), number(9), 100) == rows[5:9]


async def test_scan_backwards_gives_the_same_rows_falling(store: KeyValue) -> None:
    rows = await filled(store, Family.FEEDS, 20)
    assert await store.scan(Family.FEEDS, number(5), number(9), 100, backwards=True) == rows[5:9][::-1]


@pytest.mark.parametrize("backwards", [False, True])
async def test_scan_stops_at_its_limit(store: KeyValue, backwards: bool) -> None:
    rows = await filled(store, Family.FEEDS, 20)
    expected = rows[:15][::-1][:3] if backwards else rows[:3]
    assert await store.scan(Family.FEEDS, b"", number(15), 3, backwards=backwards) == expected


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    ("first", "behind"), [(b"m", b"m"), (b"z", b"a"), (b"b", b"c"), (b"x", LAST)], ids=["same", "turned", "gap", "end"]
)
async def test_scan_of_a_span_without_rows_is_empty(
    store: KeyValue, first: bytes, behind: bytes, backwards: bool
) -> None:
    await store.write(batch_of(Family.MARKS, {b"a": b"1", b"d": b"2"}))
    assert await store.scan(Family.MARKS, first, behind, 10, backwards=backwards) == []


async def test_scan_with_limit_zero_is_empty(store: KeyValue) -> None:
    await filled(store, Family.MARKS, 3)
    assert await store.scan(Family.MARKS, b"", LAST, 0) == []


async def test_many_spans_are_scanned_in_one_call_each_up_to_the_limit(store: KeyValue) -> None:
    rows = await filled(store, Family.BLOBS, 20)
    spans = [(number(18), LAST), (number(5), number(5)), (number(3), number(9)), (number(4), number(5)), (LAST, LAST)]

    assert await store.scan_each(Family.BLOBS, spans, 3) == [rows[18:20], [], rows[3:6], rows[4:5], []]
    assert await store.scan_each(Family.BLOBS, [], 3) == []


async def test_scan_orders_keys_as_bytes_with_prefixes_first(store: KeyValue) -> None:
    keys = [b"b", b"a\xff", b"a", b"\x00", b"a\x00", b"\xff"]
    await store.write(batch_of(Family.LISTS, dict.fromkeys(keys, b"x")))
    assert [key for key, _ in await store.scan(Family.LISTS, b"", LAST, 10)] == sorted(keys)


async def test_chunks_of_a_full_group_come_back_whole(store: KeyValue) -> None:
    rows = [(number(index), bytes([index]) * MIB) for index in range(8)]
    await store.write_chunks(rows)
    await store.sync()
    assert await store.get(Family.CHUNKS, [key for key, _ in rows]) == [value for _, value in rows]


async def test_many_small_chunks_come_back_in_order(store: KeyValue) -> None:
    rows = [(number(index), b"%d" % index * 400) for index in range(2000)]
    await store.write_chunks(rows)
    assert await store.scan(Family.CHUNKS, b"", LAST, 5000) == rows


async def test_no_chunks_at_all_is_a_valid_group(store: KeyValue) -> None:
    await store.write_chunks([])
    await store.sync()
    assert await store.scan(Family.CHUNKS, b"", LAST, 10) == []


async def test_synced_rows_are_there_after_reopening(opener: Opener) -> None:
    store = await opener()
    await store.write_chunks([(number(1), b"chunk")])
    await store.write(batch_of(Family.BLOBS, {b"id": b"row"}))
    await store.sync()
    await store.close()

    again = await opener()
    assert await again.get(Family.CHUNKS, [number(1)]) == [b"chunk"]
    assert await again.get(Family.BLOBS, [b"id"]) == [b"row"]
    await again.close()


async def test_orderly_close_keeps_what_was_never_synced(opener: Opener) -> None:
    store = await opener()
    await store.write(batch_of(Family.BLOBS, {b"id": b"row"}))
    await store.close()

    again = await opener()
    assert await again.get(Family.BLOBS, [b"id"]) == [b"row"]
    await again.close()


async def test_second_opening_of_an_open_store_is_refused(store: KeyValue, opener: Opener) -> None:
    with pytest.raises(StoreLocked):
        await opener()
    await store.write(batch_of(Family.SYSTEM, {b"still": b"works"}))


async def test_store_reopens_at_once_even_when_an_error_of_it_is_kept(opener: Opener) -> None:
    store = await opener()
    await store.close()
    with pytest.raises(StoreClosed) as kept:
        await store.get(Family.SYSTEM, [b"x"])
    again = await opener()
    await again.close()
    assert kept.value.__traceback__ is not None


CALLS: dict[str, Callable[[KeyValue], Awaitable[object]]] = {
    "write": lambda store: store.write(Batch()),
    "write_chunks": lambda store: store.write_chunks([(b"k", b"v")]),
    "sync": lambda store: store.sync(),
    "get": lambda store: store.get(Family.BLOBS, [b"k"]),
    "scan": lambda store: store.scan(Family.BLOBS, b"", LAST, 1),
    "scan_each": lambda store: store.scan_each(Family.BLOBS, [(b"", LAST)], 1),
    "space": lambda store: store.space(),
}


@pytest.mark.parametrize("call", list(CALLS))
async def test_closed_store_refuses_every_call(store: KeyValue, call: str) -> None:
    await store.close()
    with pytest.raises(StoreClosed):
        await CALLS[call](store)


async def test_closing_twice_is_harmless(store: KeyValue) -> None:
    await store.close()
    await store.close()


async def test_calls_under_way_at_close_end_or_raise_store_closed(opener: Opener) -> None:
    store = await opener()
    outcomes: list[str] = []

    async def write(index: int) -> None:
        try:
            await store.write_chunks([(number(index), b"x" * MIB)])
            await store.sync()
        except StoreClosed:
            outcomes.append("closed")
        else:
            outcomes.append("done")

    async with trio.open_nursery() as nursery:
        for index in range(10):
            nursery.start_soon(write, index)
        await trio.testing.wait_all_tasks_blocked()
        await store.close()
    assert len(outcomes) == 10

    again = await opener()  # and nothing of them holds the lock
    await again.close()


async def test_cancelled_callers_leave_a_working_store(opener: Opener) -> None:
    store = await opener()
    async with trio.open_nursery() as nursery:
        for index in range(20):
            nursery.start_soon(store.write_chunks, [(number(index), b"x" * 100_000)])
            nursery.start_soon(store.sync)
        await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert not store.is_failed
    await store.write(batch_of(Family.SYSTEM, {b"after": b"cancel"}))
    await store.sync()
    assert await store.get(Family.SYSTEM, [b"after"]) == [b"cancel"]
    await store.close()


async def test_many_tasks_at_once_each_find_their_own_rows(store: KeyValue) -> None:
    async def work(task: int) -> None:
        for step in range(5):
            key = b"%d/%d" % (task, step)
            await store.write(batch_of(Family.BLOBS, {key: key * 50}))
            await store.sync()
            assert await store.get(Family.BLOBS, [key]) == [key * 50]
            assert len(await store.scan(Family.BLOBS, b"%d/" % task, b"%d0" % task, 10)) == step + 1

    async with trio.open_nursery() as nursery:
        for task in range(12):
            nursery.start_soon(work, task)
    assert len(await store.scan(Family.BLOBS, b"", LAST, 1000)) == 60


async def test_fresh_store_has_not_failed_and_has_space(store: KeyValue) -> None:
    space = await store.space()
    assert not store.is_failed
    assert 0 < space.free_bytes <= space.total_bytes
