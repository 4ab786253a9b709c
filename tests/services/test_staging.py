"""Pieces of large blobs under way: within a quota, kept a day for who began them, never taken from under a stream."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.entry import Entry
from lumbung_cluster.errors import BlobDamaged, DiskFull, Rejected, StatusCode, StoreDamaged
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.services.core import Core
from lumbung_node.services.session.arrivals import Arrivals, put_away
from lumbung_node.services.watches import DiskMarks, watch_disk
from lumbung_node.store.jobs import ForeignBlob, Job
from lumbung_node.store.layout import place_key
from lumbung_node.store.runs import foreign_runs, open_run
from lumbung_node.store.state import NO_END
from lumbung_testing.session_pair import CENTRE, LUCK, OFFICE, PEER, Box, box, living, put
from lumbung_testing.virtual_disk import Pace, VirtualDisk
from lumbung_testing.world import ListLog, MemoryIdentity

_NO_MARKS = DiskMarks(0, 0)
_BEGINNING = limits.STAGING_ORIGIN_BYTES_MAX // 4
_DAY_AND_MORE_S = limits.STAGING_AGE_S_MAX + 7200


def _entry(content: bytes, size_bytes: int | None = None) -> Entry:
    return Entry(BlobId.of(content), size_bytes or len(content), 1, 1, 0)


async def _begun(core: Core, arrivals: Arrivals, origin: NodeNumber, name: bytes) -> None:
    """A blob of a quarter of the quota of which 4 MiB came before the stream was cut."""
    arrival = await arrivals.begin(origin, origin, _entry(name, _BEGINNING))
    await arrival.append(memoryview(bytes(4 * limits.MIB)))
    await arrival.keep_for_later()


async def test_blobs_that_have_only_begun_count_against_the_quota(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(CENTRE)) as centre:
        arrivals = Arrivals(centre)
        for name in (b"1", b"2"):
            await arrivals.begin(OFFICE, OFFICE, _entry(name, limits.BLOB_SIZE_BYTES_MAX))
        with pytest.raises(Rejected) as of_origin:
            await arrivals.begin(OFFICE, OFFICE, _entry(b"3", limits.BLOB_SIZE_BYTES_MAX))
        for name in (b"4", b"5"):
            await arrivals.begin(PEER, PEER, _entry(name, limits.BLOB_SIZE_BYTES_MAX))
        with pytest.raises(Rejected) as of_all:
            await arrivals.begin(PEER, NodeNumber(3), _entry(b"6", limits.BLOB_SIZE_BYTES_MAX))
    assert (of_origin.value.code, of_all.value.code) == (StatusCode.RESOURCE_EXHAUSTED, StatusCode.RESOURCE_EXHAUSTED)


async def test_what_was_cut_gives_way_to_what_comes_the_oldest_first(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(CENTRE)) as centre:
        arrivals = Arrivals(centre)
        await _begun(centre, arrivals, PEER, b"of another")
        for name in (b"oldest", b"older", b"newer", b"newest"):
            await trio.sleep(1)
            await _begun(centre, arrivals, OFFICE, name)
        await arrivals.begin(OFFICE, OFFICE, _entry(b"comes now", _BEGINNING + limits.MIB))
        left = [row.blob for _, row in await foreign_runs(centre.store.kv)]
        assert left == [BlobId.of(name) for name in (b"of another", b"newer", b"newest")]


async def test_the_sweep_leaves_a_blob_that_still_comes_however_old(autojump_clock: trio.testing.MockClock) -> None:
    """It once took the first chunks of a blob that took more than a day: the blob was then committed with holes."""
    content = LUCK.randbytes(12 * limits.MIB)
    first, rest = content[: 8 * limits.MIB], content[8 * limits.MIB :]
    async with living(box(CENTRE)) as centre, trio.open_nursery() as nursery:
        arrivals = Arrivals(centre)
        await _begun(centre, arrivals, OFFICE, b"left by its sender")
        arrival = await arrivals.begin(OFFICE, OFFICE, _entry(content))
        await arrival.append(memoryview(first))
        nursery.start_soon(watch_disk, centre, _NO_MARKS, arrivals.sweep)
        await trio.sleep(_DAY_AND_MORE_S)
        assert [row.blob for _, row in await foreign_runs(centre.store.kv)] == [BlobId.of(content)]
        await arrival.append(memoryview(rest))
        assert await arrival.content() is not None
        nursery.cancel_scope.cancel()


async def test_what_comes_beside_the_end_of_a_refused_offer_leaves_no_chunks_of_nobody(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A disk that was read too slowly: 4 MiB that were just being written lay there until the next start."""
    at, content = box(CENTRE), LUCK.randbytes(16 * limits.MIB)
    async with living(at) as centre:
        arrival = await Arrivals(centre).begin(CENTRE, OFFICE, _entry(content))
        await arrival.append(memoryview(content)[: 5 * limits.MIB])
        at.disk.pace = Pace(write_s=1.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(arrival.append, memoryview(content)[5 * limits.MIB : 10 * limits.MIB])
            await trio.sleep(0.5)
            await put_away([arrival])
        await arrival.append(memoryview(content)[10 * limits.MIB :])
        assert await centre.store.kv.scan(Family.CHUNKS, b"", NO_END, 100) == []
        assert await foreign_runs(centre.store.kv) == []


async def test_a_store_that_failed_under_a_large_blob_is_opened_again(autojump_clock: trio.testing.MockClock) -> None:
    """The call was told to try again soon; but each next large one failed too, until something else was committed."""
    at = Box(OFFICE, VirtualDisk(capacity_bytes=4 * limits.MIB), MemoryIdentity(), ListLog())
    content = LUCK.randbytes(8 * limits.MIB)
    async with living(at) as office:
        store = office.store
        run = open_run(
            store.committer,
            store.kv,
            store.state,
            origin=OFFICE,
            blob=BlobId.of(content),
            size_bytes=len(content),
            foreign=False,
            now_ms=1,
        )
        with pytest.raises(DiskFull):
            await run.append(content)
        with pytest.raises(DiskFull), trio.fail_after(60):
            await watch_disk(office, _NO_MARKS, Arrivals(office).sweep)


async def test_a_store_that_was_found_damaged_under_a_large_blob_is_named_as_such(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Called a disk that failed it was opened again and again, and never set aside."""

    async def write(_: object, __: Batch) -> None:
        raise StoreDamaged("the store was found damaged before: set it aside")

    async with living(box(OFFICE)) as office:
        monkeypatch.setattr(type(office.store.kv), "is_failed", True)
        monkeypatch.setattr(type(office.store.kv), "write", write)
        with pytest.raises(StoreDamaged), trio.fail_after(60):
            await watch_disk(office, _NO_MARKS, Arrivals(office).sweep)
        monkeypatch.undo()


async def test_a_block_that_rots_under_the_rows_of_cut_blobs_ends_no_node(
    autojump_clock: trio.testing.MockClock,
) -> None:
    centre_box = box(CENTRE)

    async def sweep(_: int) -> None:
        raise BlobDamaged("a block under them")

    async with living(centre_box) as centre, trio.open_nursery() as nursery:
        nursery.start_soon(watch_disk, centre, _NO_MARKS, sweep)
        await trio.sleep(7200 + 60)
        assert len(centre_box.log.said("pieces of cut blobs not looked at")) == 3
        nursery.cancel_scope.cancel()


async def test_a_run_that_the_committer_has_is_gone_on_with_and_taken_away_by_nobody(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A takeover has given its room up by then; a session holds room and claim until the disk has the bytes."""
    content, slow = LUCK.randbytes(12 * limits.MIB), box(CENTRE)
    async with living(box(OFFICE)) as office, living(slow) as centre, trio.open_nursery() as nursery:
        await put(office, [content])
        row = await office.store.reader.row(OFFICE, BlobId.of(content))
        assert row is not None
        (listed,) = await office.store.reader.lists(OFFICE, [row.signed])
        assert listed is not None
        arrivals, entry = Arrivals(centre), listed.content.entries[row.signed.index]
        arrival = await arrivals.begin(OFFICE, OFFICE, entry)
        await arrival.append(memoryview(content))
        found = await arrival.content()
        assert found is not None
        slow.disk.pace = Pace(sync_s=20)
        nursery.start_soon(put, centre, [b"a recording whose sync the blob's commit waits for"])
        await trio.sleep(1)
        job = Job(foreign=[ForeignBlob(listed, row.signed.index, found, OFFICE, Generation(1))])
        await centre.store.committer.submit(job)
        await arrival.keep_for_later()
        await arrivals.sweep(1 << 60)
        assert (await arrivals.begin(OFFICE, OFFICE, entry)).resumed_bytes == 0
        await centre.store.committer.settle(job)
        stored = await centre.store.reader.row(OFFICE, entry.blob)
        assert stored is not None
        await centre.store.reader.verify(entry.blob, stored)


async def test_a_cut_blob_goes_on_where_it_stopped(autojump_clock: trio.testing.MockClock) -> None:
    content = LUCK.randbytes(12 * limits.MIB)
    async with living(box(CENTRE)) as centre:
        arrivals = Arrivals(centre)
        arrival = await arrivals.begin(OFFICE, OFFICE, _entry(content))
        await arrival.append(memoryview(content)[: 5 * limits.MIB + 10])
        await arrival.keep_for_later()
        again = await arrivals.begin(OFFICE, OFFICE, _entry(content))
        assert again.resumed_bytes == 5 * limits.MIB
        await again.append(memoryview(content)[5 * limits.MIB :])
        assert await again.content() is not None


async def _cut(arrivals: Arrivals, peer: NodeNumber, entry: Entry, beginning: bytes) -> None:
    """What `peer` brings of the office's blob until the stream is cut."""
    arrival = await arrivals.begin(peer, OFFICE, entry)
    await arrival.append(memoryview(beginning))
    await arrival.keep_for_later()


async def _is_brought(arrivals: Arrivals, peer: NodeNumber, content: bytes) -> bool:
    """Whether `peer` gets the office's blob in from where we say that it stopped."""
    arrival = await arrivals.begin(peer, OFFICE, _entry(content))
    try:
        await arrival.append(memoryview(content)[arrival.resumed_bytes :])
        return await arrival.content() is not None
    finally:
        await arrival.keep_for_later()


async def _resumed(arrivals: Arrivals, peer: NodeNumber, content: bytes) -> int:
    arrival = await arrivals.begin(peer, OFFICE, _entry(content))
    await arrival.keep_for_later()
    return arrival.resumed_bytes


async def test_what_a_liar_began_of_a_large_blob_spoils_nothing_and_takes_nothing_away(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Whoever came next once went on behind its garbage, and all that he brought was thrown away, again and again."""
    content = LUCK.randbytes(12 * limits.MIB)
    async with living(box(CENTRE)) as centre:
        arrivals = Arrivals(centre)
        await _cut(arrivals, PEER, _entry(content), bytes(5 * limits.MIB))
        await _cut(arrivals, OFFICE, _entry(content), content[: 6 * limits.MIB])
        await _cut(arrivals, PEER, _entry(content), bytes(4 * limits.MIB))
        assert await _resumed(arrivals, OFFICE, content) == 6 * limits.MIB
        assert await _is_brought(arrivals, OFFICE, content)


async def test_a_large_blob_that_was_cut_by_a_restart_goes_on_with_whoever_brings_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    content = LUCK.randbytes(12 * limits.MIB)
    async with living(box(CENTRE)) as centre:
        await _cut(Arrivals(centre), OFFICE, _entry(content), content[: 6 * limits.MIB])
        arrivals = Arrivals(centre)
        assert await _resumed(arrivals, CENTRE, content) == 0  # a disk is read again: its bytes are never spoilt
        await _cut(arrivals, PEER, _entry(content), content[6 * limits.MIB :][: 2 * limits.MIB])
        assert await _resumed(arrivals, OFFICE, content) == 0  # now it is another's
        assert await _is_brought(arrivals, PEER, content)


async def test_what_a_liar_began_before_a_restart_spoils_one_transfer_at_most(
    autojump_clock: trio.testing.MockClock,
) -> None:
    content = LUCK.randbytes(12 * limits.MIB)
    async with living(box(CENTRE)) as centre:
        await _cut(Arrivals(centre), PEER, _entry(content), bytes(5 * limits.MIB))
        arrivals = Arrivals(centre)
        assert not await _is_brought(arrivals, OFFICE, content)
        await _cut(arrivals, PEER, _entry(content), bytes(5 * limits.MIB))
        assert await _is_brought(arrivals, OFFICE, content)


@pytest.mark.parametrize("damaged", [True, False])
async def test_a_beginning_that_rots_on_the_disk_spoils_one_transfer_at_most(
    autojump_clock: trio.testing.MockClock, damaged: bool
) -> None:
    """A chunk that could not be read once ended each session in which its blob was offered, for a day."""
    content = LUCK.randbytes(12 * limits.MIB)
    at = box(CENTRE)
    async with living(at) as centre:
        arrivals = Arrivals(centre)
        await _cut(arrivals, OFFICE, _entry(content), content[: 6 * limits.MIB])
        ((key, _),) = await foreign_runs(centre.store.kv)
        await centre.store.kv.sync()
        at.disk.hurt_chunk(place_key(int.from_bytes(key, "big") + 2), LUCK, damaged=damaged)
        assert await _is_brought(arrivals, OFFICE, content) is damaged  # what is known to be bad comes again
        assert await _is_brought(arrivals, OFFICE, content)


@pytest.mark.parametrize("size_bytes", [300 * limits.KIB, 12 * limits.MIB])
async def test_what_one_disk_began_spoils_nothing_of_the_next(
    autojump_clock: trio.testing.MockClock, size_bytes: int
) -> None:
    """All disks, and stores that were set aside, come in under our own number: one that rots is not the other."""
    content = LUCK.randbytes(size_bytes)
    async with living(box(CENTRE)) as centre:
        arrivals = Arrivals(centre)
        await _cut(arrivals, CENTRE, _entry(content), bytes(size_bytes // 2))
        assert await foreign_runs(centre.store.kv) == []  # nor does it take up what others began
        assert await _is_brought(arrivals, CENTRE, content)


async def test_nobody_goes_on_with_one_of_several_beginnings_from_before_a_restart(
    autojump_clock: trio.testing.MockClock,
) -> None:
    content = LUCK.randbytes(12 * limits.MIB)
    async with living(box(CENTRE)) as centre:
        before = Arrivals(centre)
        await _cut(before, PEER, _entry(content), bytes(5 * limits.MIB))
        await _cut(before, OFFICE, _entry(content), content[: 6 * limits.MIB])
        assert await _is_brought(Arrivals(centre), OFFICE, content)


async def test_what_others_began_of_a_blob_that_comes_now_counts_and_gives_way(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(box(CENTRE)) as centre:
        arrivals = Arrivals(centre)
        half = _entry(b"half of the quota", limits.STAGING_ORIGIN_BYTES_MAX // 2)
        for peer in (NodeNumber(3), PEER):
            await trio.sleep(1)
            await _cut(arrivals, peer, half, bytes(4 * limits.MIB))
        await arrivals.begin(OFFICE, OFFICE, half)
        assert len(await foreign_runs(centre.store.kv)) == 1
        await arrivals.begin(OFFICE, OFFICE, _entry(b"the other half", limits.STAGING_ORIGIN_BYTES_MAX // 2))
        assert await foreign_runs(centre.store.kv) == []


async def test_a_small_blob_goes_on_too_but_only_with_the_peer_that_began_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    content = LUCK.randbytes(300 * limits.KIB)
    async with living(box(CENTRE)) as centre:
        arrivals = Arrivals(centre)
        arrival = await arrivals.begin(PEER, OFFICE, _entry(content))
        await arrival.append(memoryview(content)[:100_000])
        await arrival.keep_for_later()
        assert (await arrivals.begin(OFFICE, OFFICE, _entry(content))).resumed_bytes == 0
        again = await arrivals.begin(PEER, OFFICE, _entry(content))
        assert again.resumed_bytes == 100_000
        await again.append(memoryview(content)[100_000:])
        assert await again.content() is not None
        await again.keep_for_later()
        assert (await arrivals.begin(PEER, OFFICE, _entry(content))).resumed_bytes == 0


async def test_beginnings_of_small_blobs_stay_within_their_memory(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(CENTRE)) as centre:
        arrivals = Arrivals(centre)
        entries = [_entry(b"%d" % number, 2 * limits.MIB) for number in range(6)]
        for entry in entries:
            arrival = await arrivals.begin(PEER, OFFICE, entry)
            await arrival.append(memoryview(bytes(limits.MIB)))
            await arrival.keep_for_later()
        resumed = [(await arrivals.begin(PEER, OFFICE, entry)).resumed_bytes for entry in entries]
        assert resumed == [0, 0, *[limits.MIB] * 4]
