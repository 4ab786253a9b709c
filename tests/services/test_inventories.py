"""Inventories behind the commits: what they say is the durable feed, whatever crashes or is tampered with."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.errors import InventoryUnknown, LumbungError, StoreClosed
from lumbung_cluster.ids import BlobId, ClusterId, NodeNumber, all_units
from lumbung_cluster.inventory.fingerprint import NO_IDS, InventoryKey
from lumbung_cluster.inventory.inventory import Inventory
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue, SpaceReport
from lumbung_node.ports.metrics import Uncounted
from lumbung_node.store.events import FoundBy
from lumbung_node.store.inventories import Inventories
from lumbung_node.store.inventory_rows import SumsRow, TableRow, sums_key, table_key
from lumbung_node.store.jobs import Content, Job, OwnBlob
from lumbung_node.store.layout import blob_key, feed_key, number_key
from lumbung_node.store.store import Store, open_store
from lumbung_testing.virtual_disk import Pace, VirtualDisk
from lumbung_testing.world import INVENTORY_KEY, InlineWork, ListLog, MemoryIdentity, SeededRandomness, VirtualClock

LUCK = random.Random(1)  # one stream for all openings: tokens differ from life to life
CLUSTER, NODE = ClusterId(b"c" * 16), NodeNumber(7)
SIGNER = Ed25519Signer.from_seed(b"s" * 32)


class CrashingAt:
    """A store whose power is cut at its n-th call from now; it counts on when n is beyond."""

    def __init__(self, inner: KeyValue, disk: VirtualDisk, nth: int) -> None:
        self._inner = inner
        self._disk = disk
        self._left = nth

    @property
    def is_failed(self) -> bool:
        return self._inner.is_failed

    @property
    def has_crashed(self) -> bool:
        return self._left <= 0

    async def write(self, batch: Batch) -> None:
        self._count()
        await self._inner.write(batch)

    async def write_chunks(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        await self._inner.write_chunks(rows)

    async def sync(self) -> None:
        self._count()
        await self._inner.sync()

    async def get(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        self._count()
        return await self._inner.get(family, keys)

    async def scan(
        self, family: Family, first: bytes, behind: bytes, limit: int, *, backwards: bool = False
    ) -> list[tuple[bytes, bytes]]:
        self._count()
        return await self._inner.scan(family, first, behind, limit, backwards=backwards)

    async def scan_each(
        self, family: Family, ranges: Sequence[tuple[bytes, bytes]], limit: int
    ) -> list[list[tuple[bytes, bytes]]]:
        return await self._inner.scan_each(family, ranges, limit)

    async def space(self) -> SpaceReport:
        return await self._inner.space()

    async def close(self) -> None:
        await self._inner.close()

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._disk.crash(LUCK)
        if self._left <= 0:
            raise StoreClosed("the power went")


@asynccontextmanager
async def opened(
    disk: VirtualDisk,
    identity: MemoryIdentity,
    *,
    key: InventoryKey = INVENTORY_KEY,
    log: ListLog | None = None,
    crash_at: int | None = None,
    folds: bool = True,
) -> AsyncIterator[Store]:
    """A store with its committer; `folds` lets the inventories follow. The power goes at call `crash_at`."""
    inner = await disk.open()
    kv = CrashingAt(inner, disk, crash_at) if crash_at is not None else inner
    store = await open_store(
        kv,
        identity,
        cluster=CLUSTER,
        node=NODE,
        signer=SIGNER,
        life_signer=SIGNER,
        clock=VirtualClock(),
        randomness=SeededRandomness(LUCK),
        blocking=InlineWork(),
        inventory_key=key,
        metrics=Uncounted(),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.committer.run)
        if folds:
            nursery.start_soon(store.inventories.run, log or ListLog())
        yield store
        nursery.cancel_scope.cancel()
    await kv.close()


@asynccontextmanager
async def crashing(disk: VirtualDisk, identity: MemoryIdentity) -> AsyncIterator[Store]:
    """A store whose power is cut at the end of the block, whatever its tasks still wanted to do."""
    try:
        async with opened(disk, identity) as store:
            yield store
            disk.crash(random.Random(0))
    except* StoreClosed:
        pass  # what the dying tasks say


async def put(store: Store, first: int, count: int) -> None:
    contents = [f"blob {number}".encode() for number in range(first, first + count)]
    own = [OwnBlob(BlobId.of(content), Content(len(content), [content]), 1, 0, b"", b"") for content in contents]
    await store.committer.commit(Job(own=own))


def ids(count: int) -> list[bytes]:
    return [BlobId.of(f"blob {number}".encode()).raw for number in range(count)]


def expected(count: int, key: InventoryKey = INVENTORY_KEY) -> bytes:
    """What the inventory of blobs 0 to `count` - 1 is, made at once."""
    inventory = Inventory(key)
    inventory.fold(ids(count))
    return inventory.to_bytes()


async def folded(store: Store) -> tuple[int, bytes]:
    snapshot = await store.inventories.snapshot(NODE)
    assert snapshot.doubted == 0
    assert snapshot.running_hash == store.state.end(NODE).running_hash
    return snapshot.number, snapshot.inventory.to_bytes()


async def written(disk: VirtualDisk) -> tuple[SumsRow | None, TableRow | None]:
    """The rows that the disk shows now."""
    kv = await disk.open()
    sums, table = await kv.get(Family.INVENTORY, [sums_key(NODE), table_key(NODE)])
    await kv.close()
    return SumsRow.unpack(sums), TableRow.unpack(table)


async def test_a_snapshot_is_the_feed_up_to_its_durable_end(autojump_clock: trio.testing.MockClock) -> None:
    async with opened(VirtualDisk(), MemoryIdentity()) as store:
        assert await folded(store) == (0, expected(0))
        await put(store, 0, 100)
        assert await folded(store) == (100, expected(100))
        await put(store, 100, 200)
        assert await folded(store) == (300, expected(300))


async def test_few_rows_are_read_in_place_only_when_they_have_just_been_written(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan of up to 256 rows holds the event loop, and what an earlier run wrote may lie on a disk that turns."""
    disk, identity = VirtualDisk(), MemoryIdentity()
    async with crashing(disk, identity) as store:
        await put(store, 0, 3)
    async with opened(disk, identity) as store:
        scan, asked = store.kv.scan, list[int]()

        async def counted(
            family: Family, first: bytes, behind: bytes, limit: int, *, backwards: bool = False
        ) -> list[tuple[bytes, bytes]]:
            if family is Family.FEEDS:
                asked.append(limit)
            return await scan(family, first, behind, limit, backwards=backwards)

        monkeypatch.setattr(store.kv, "scan", counted)
        assert await folded(store) == (3, expected(3))
        assert asked
        assert set(asked) == {limits.INVENTORY_FOLD_ROWS_MAX}
        asked.clear()
        await put(store, 3, 2)
        assert await folded(store) == (5, expected(5))
        assert asked == [2]


async def test_a_snapshot_has_nothing_that_a_power_cut_would_take(autojump_clock: trio.testing.MockClock) -> None:
    disk = VirtualDisk()
    async with opened(disk, MemoryIdentity()) as store:
        await put(store, 0, 3)
        disk.pace = Pace(sync_s=5.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(put, store, 3, 2)
            await trio.sleep(1.0)  # written and visible, its sync has not returned
            assert await folded(store) == (3, expected(3))
        assert await folded(store) == (5, expected(5))


async def test_a_copy_stays_what_it_was_when_more_is_folded(autojump_clock: trio.testing.MockClock) -> None:
    async with opened(VirtualDisk(), MemoryIdentity()) as store:
        await put(store, 0, 10)
        before = await store.inventories.snapshot(NODE)
        await put(store, 10, 10)
        await store.inventories.snapshot(NODE)
        assert (before.number, before.inventory.to_bytes()) == (10, expected(10))


async def test_a_clean_stop_leaves_nothing_to_replay(autojump_clock: trio.testing.MockClock) -> None:
    disk, identity = VirtualDisk(), MemoryIdentity()
    async with opened(disk, identity) as store:
        await put(store, 0, 50)
        await trio.sleep(1.0)
    sums, table = await written(disk)
    assert sums is not None
    assert table is not None
    assert (sums.folded.number, table.folded.number, table.inventory) == (50, 50, expected(50))
    async with opened(disk, identity) as store:
        assert await folded(store) == (50, expected(50))


async def test_rows_are_written_behind_the_commits_without_anybody_asking(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "INVENTORY_CHECKPOINT_ROWS", 40)
    disk, identity = VirtualDisk(), MemoryIdentity()
    async with opened(disk, identity) as store:
        for batch in range(5):
            await put(store, 10 * batch, 10)
            await trio.sleep(1.0)
        assert store.inventories.rows_behind == 0
        sums, table = await store.kv.get(Family.INVENTORY, [sums_key(NODE), table_key(NODE)])
        sums_row, table_row = SumsRow.unpack(sums), TableRow.unpack(table)
    assert sums_row is not None
    assert table_row is not None
    assert (sums_row.folded.number, table_row.folded.number) == (50, 40)


async def test_a_crash_at_any_step_leaves_an_inventory_that_follows_from_the_feed(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "INVENTORY_CHECKPOINT_ROWS", 8)
    monkeypatch.setattr(limits, "INVENTORY_FOLD_ROWS_MAX", 4)
    crash_at, has_crashed = 0, True
    while has_crashed:
        crash_at += 1
        disk, identity = VirtualDisk(), MemoryIdentity()
        has_crashed = False
        try:
            async with opened(disk, identity, crash_at=crash_at) as store:
                for batch in range(4):
                    await put(store, 10 * batch, 10)
                    await trio.sleep(1.0)
        except* LumbungError:
            has_crashed = True
        log = ListLog()
        async with opened(disk, identity, log=log) as store:
            blobs = store.state.end(NODE).number
            assert await folded(store) == (blobs, expected(blobs)), f"power cut at call {crash_at}"
            await put(store, 40, 3)  # and it goes on from there
            more = Inventory(INVENTORY_KEY)
            more.fold([*ids(blobs), *ids(43)[40:]])
            assert (await folded(store))[1] == more.to_bytes()
        assert log.said("inventory doubted") == []
    assert crash_at > 30, "the walk ended before it began"


async def test_a_folder_that_was_rolled_back_rolls_its_inventory_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    disk, identity = VirtualDisk(), MemoryIdentity()
    async with opened(disk, identity) as store:
        await put(store, 0, 20)
        await trio.sleep(1.0)
    image = disk.copy()
    async with opened(disk, identity) as store:
        await put(store, 20, 20)
        await trio.sleep(1.0)
    disk.restore(image)
    async with opened(disk, identity) as store:
        assert store.state.generation == 2
        assert await folded(store) == (20, expected(20))


@pytest.mark.parametrize("other_count", [3, 12, 30])
async def test_rows_of_another_history_are_not_taken_for_ours(
    autojump_clock: trio.testing.MockClock, other_count: int
) -> None:
    """A table with as many rows, fewer or more, of a feed that went another way."""
    other = VirtualDisk()
    async with opened(other, MemoryIdentity()) as store:
        await put(store, 1000, other_count)
        await trio.sleep(1.0)
    kv = await other.open()
    rows = await kv.scan(Family.INVENTORY, b"", b"\xff", 10)
    await kv.close()
    disk, identity = VirtualDisk(), MemoryIdentity()
    async with opened(disk, identity, folds=False) as store:
        await put(store, 0, 12)
        batch = Batch(puts=[(Family.INVENTORY, key, value) for key, value in rows])
        await store.kv.write(batch)
        assert len(rows) == 2
    log = ListLog()
    async with opened(disk, identity, log=log) as store:
        assert await folded(store) == (12, expected(12))
    assert log.said("inventory doubted") == []


async def test_another_cluster_secret_makes_every_inventory_anew(autojump_clock: trio.testing.MockClock) -> None:
    disk, identity, other = VirtualDisk(), MemoryIdentity(), InventoryKey(1, b"o" * 32)
    async with opened(disk, identity) as store:
        await put(store, 0, 20)
        await trio.sleep(1.0)
    async with opened(disk, identity, key=other) as store:
        assert await folded(store) == (20, expected(20, other))


async def test_a_table_that_changed_on_disk_is_noticed_and_made_anew(autojump_clock: trio.testing.MockClock) -> None:
    disk, identity, log = VirtualDisk(), MemoryIdentity(), ListLog()
    async with opened(disk, identity) as store:
        await put(store, 0, 20)
        await trio.sleep(1.0)
    kv = await disk.open()
    (value,) = await kv.get(Family.INVENTORY, [table_key(NODE)])
    row = TableRow.unpack(value)
    assert row is not None
    lie = Inventory(INVENTORY_KEY)
    lie.fold(ids(19))
    await kv.write(Batch(puts=[(Family.INVENTORY, table_key(NODE), TableRow(row.folded, lie.to_bytes()).pack())]))
    await kv.close()
    async with opened(disk, identity, log=log) as store:
        unit = BlobId(ids(20)[19]).unit
        assert (await store.inventories.snapshot(NODE)).doubted == 1 << unit
        await trio.sleep(1.0)
        assert await folded(store) == (20, expected(20))
    assert log.said("inventory made anew") == [{"origin": NODE, "units": 1, "still_doubted": 0}]


async def test_a_unit_whose_row_went_behind_the_inventorys_back_is_doubted_until_the_row_is_there_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with opened(VirtualDisk(), MemoryIdentity()) as store:
        await put(store, 0, 200)
        gone = BlobId(ids(200)[77])
        assert await store.inventories.audit(NODE, gone.unit)
        (row,) = await store.kv.get(Family.BLOBS, [blob_key(NODE, gone)])
        assert row is not None
        await store.kv.write(Batch(deletes=[(Family.BLOBS, blob_key(NODE, gone))]))
        assert not await store.inventories.audit(NODE, gone.unit)
        await trio.sleep(300.0)
        snapshot = await store.inventories.snapshot(NODE)
        assert (snapshot.doubted, store.inventories.units_doubted) == (1 << gone.unit, 1)
        assert snapshot.inventory.to_bytes() == expected(200)  # what is lost stays in the set
        await store.kv.write(Batch(puts=[(Family.BLOBS, blob_key(NODE, gone), row)]))  # as the scrub does
        await trio.sleep(120.0)
        assert await folded(store) == (200, expected(200))


async def test_audits_go_round_without_anybody_asking(autojump_clock: trio.testing.MockClock) -> None:
    log = ListLog()
    async with opened(VirtualDisk(), MemoryIdentity(), log=log) as store:
        await put(store, 0, 200)
        await trio.sleep(1.0)
        gone = BlobId(ids(200)[77])
        await store.kv.write(Batch(deletes=[(Family.BLOBS, blob_key(NODE, gone))]))
        await trio.sleep(65 * limits.INVENTORY_AUDIT_INTERVAL_S)
        assert (await store.inventories.snapshot(NODE)).doubted == 1 << gone.unit
    assert {"origin": NODE, "units": 1} in log.said("inventory doubted")


async def test_an_id_that_stands_twice_in_the_feed_counts_once(autojump_clock: trio.testing.MockClock) -> None:
    """All that led to its number was lost, and its bytes came anew under another one before anybody noticed."""
    disk, identity, twice = VirtualDisk(), MemoryIdentity(), BlobId(ids(50)[7])
    async with crashing(disk, identity) as store:
        await put(store, 0, 50)
        lost = [(Family.BLOBS, blob_key(NODE, twice)), (Family.FEEDS, number_key(NODE, twice))]
        await store.kv.write(Batch(deletes=lost))
        await put(store, 7, 1)
        assert store.state.end(NODE).number == 51
        assert not await store.inventories.audit(NODE, twice.unit)
        await trio.sleep(2.0)
        assert await folded(store) == (51, expected(50))
        await put(store, 50, 1)  # its sync covers what was written
    async with opened(disk, identity) as store:
        assert await folded(store) == (52, expected(51))


async def test_what_was_folded_wrongly_is_made_anew_and_survives_a_crash(
    autojump_clock: trio.testing.MockClock,
) -> None:
    disk, identity = VirtualDisk(), MemoryIdentity()
    async with crashing(disk, identity) as store:
        await put(store, 0, 50)
        snapshot = await store.inventories.snapshot(NODE)
        unit = BlobId(ids(50)[7]).unit
        store.inventories._kept[NODE].inventory.replace_unit(unit, NO_IDS, snapshot.inventory.symbols(0))
        assert not await store.inventories.audit(NODE, unit)
        await trio.sleep(2.0)
        assert await folded(store) == (50, expected(50))
        await put(store, 50, 1)  # its sync covers what was written
    async with opened(disk, identity) as store:
        assert await folded(store) == (51, expected(51))


async def test_a_bug_in_the_middle_of_a_fold_signs_nothing_until_everything_is_made_anew(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the rows were in the sums, and the next fold would have counted them twice, also over a restart."""
    disk, identity = VirtualDisk(), MemoryIdentity()
    whole = Inventory.fold

    def half(self: Inventory, raw_ids: Sequence[bytes]) -> None:
        whole(self, raw_ids[: len(raw_ids) // 2])
        raise ValueError("a bug")

    async with opened(disk, identity, folds=False) as store:
        await put(store, 0, 50)
        await store.inventories.snapshot(NODE)
        await put(store, 50, 10)
        with monkeypatch.context() as patch:
            patch.setattr(Inventory, "fold", half)
            with pytest.raises(ValueError, match="a bug"):
                await store.inventories.snapshot(NODE)
        assert (await store.inventories.snapshot(NODE)).doubted == all_units()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.inventories.run, ListLog())
            await trio.sleep(2.0)
            assert await folded(store) == (60, expected(60))
            nursery.cancel_scope.cancel()


async def test_a_doubt_is_remembered_over_a_restart_until_the_unit_is_made_anew(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, identity = VirtualDisk(), MemoryIdentity()
    with monkeypatch.context() as patch:
        patch.setattr(Inventories, "_rebuild_doubted", _leaves_it)
        async with crashing(disk, identity) as store:
            await put(store, 0, 30)
            await trio.sleep(1.0)
            store.inventories.doubt(NODE, 0b100)
            await trio.sleep(1.0)
            await put(store, 30, 1)  # its sync covers what was written
    async with opened(disk, identity, folds=False) as store:
        assert (await store.inventories.snapshot(NODE)).doubted == 0b100
    async with opened(disk, identity) as store:
        await trio.sleep(1.0)
        assert await folded(store) == (31, expected(31))


async def _leaves_it(self: Inventories, log: object) -> None:
    self._has_new_doubts = False


async def test_everything_can_be_made_anew(autojump_clock: trio.testing.MockClock) -> None:
    async with opened(VirtualDisk(), MemoryIdentity(), folds=False) as store:
        await put(store, 0, 200)
        await store.inventories.snapshot(NODE)
        store.inventories.doubt(NODE, all_units())
        await store.inventories.rebuild(NODE)
        assert await folded(store) == (200, expected(200))


async def test_damage_stays_in_the_set(autojump_clock: trio.testing.MockClock) -> None:
    async with opened(VirtualDisk(), MemoryIdentity()) as store:
        await put(store, 0, 10)
        assert await store.mark_damaged(NODE, BlobId(ids(10)[3]), FoundBy.READ)
        assert await folded(store) == (10, expected(10))
        assert await store.inventories.audit(NODE, BlobId(ids(10)[3]).unit)


async def test_a_feed_with_a_gap_says_nothing_and_recording_goes_on(autojump_clock: trio.testing.MockClock) -> None:
    disk, identity, log = VirtualDisk(), MemoryIdentity(), ListLog()
    async with opened(disk, identity, folds=False) as store:
        await put(store, 0, 10)
        await store.kv.write(Batch(deletes=[(Family.FEEDS, feed_key(NODE, 4))]))
    async with opened(disk, identity, log=log) as store:
        await trio.sleep(1.0)
        with pytest.raises(InventoryUnknown, match="expected rows 1 to 10, 1 are lost"):
            await store.inventories.snapshot(NODE)
        await put(store, 10, 1)
        assert store.state.end(NODE).number == 11
        store.state.scrub.breaks[NODE, 4] = 1  # the scrub says that it is lost for ever
        rest = Inventory(INVENTORY_KEY)
        rest.fold([raw for raw in ids(11) if raw != ids(11)[3]])
        assert (await store.inventories.snapshot(NODE)).inventory.to_bytes() == rest.to_bytes()
    assert log.said("inventory unknown") != []


async def test_short_ids_are_resolved_in_one_look(autojump_clock: trio.testing.MockClock) -> None:
    async with opened(VirtualDisk(), MemoryIdentity()) as store:
        await put(store, 0, 300)
        raws = ids(300)
        found = await store.reader.ids_with_prefixes(NODE, [raws[5][:6], b"\0" * 6, raws[299][:6]], 2)
        assert found == [[BlobId(raws[5])], [], [BlobId(raws[299])]]
