"""A scrub of real stores on virtual disks: what it finds, what it mends alone, and what it fetches from others."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.lowlevel
import trio.testing

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.inventory.inventory import UNIT_SYMBOLS
from lumbung_cluster.inventory.symbols import Symbols
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.services.core import Core
from lumbung_node.store.events import EventKind, recent_events
from lumbung_node.store.layout import (
    BlobRow,
    FeedRow,
    blob_key,
    damaged_key,
    feed_key,
    list_key,
    number_key,
    place_key,
)
from lumbung_node.store.reads import is_intact
from lumbung_testing.scrubs import (
    CONTENTS,
    LUCK,
    OFFICE,
    PEER,
    is_whole,
    kinds,
    lose_commits,
    passes,
    row_of,
    scrubbing,
)
from lumbung_testing.session_pair import box, connected, living, put, until_marked, until_proven
from lumbung_testing.virtual_disk import Pace


async def test_a_pass_over_a_sound_store_finds_nothing_and_makes_every_proof_fresh(
    autojump_clock: trio.testing.MockClock,
) -> None:
    office = box(OFFICE)
    async with living(office) as core:
        await put(core, CONTENTS)
        await trio.sleep(100)
        async with scrubbing(core):
            await passes(core)
        book = core.store.state.scrub
        assert (book.pass_row.wrong, book.pass_row.blobs) == (0, len(CONTENTS))
        assert await kinds(core) == []
        row = await row_of(core, CONTENTS[7])
        assert core.store.state.verified_ms(OFFICE, row) >= row.verified_ms + 100_000


@pytest.mark.parametrize("what", ["chunk", "bits", "row", "list", "feed row"])
@pytest.mark.parametrize("at_origin", [True, False])
async def test_whatever_is_lost_or_rots_at_one_holder_comes_back(
    what: str, at_origin: bool, autojump_clock: trio.testing.MockClock
) -> None:
    office, peer = box(OFFICE), box(PEER)
    async with living(office) as origin, living(peer) as holder, connected(origin, holder):
        await put(origin, CONTENTS)
        await until_proven(origin, PEER, len(CONTENTS))
        hurt, hurt_box = (origin, office) if at_origin else (holder, peer)
        row = await row_of(hurt, CONTENTS[11])
        match what:
            case "chunk":
                hurt_box.disk.lose(Family.CHUNKS, place_key(row.place))
            case "bits":
                hurt_box.disk.hurt_chunk(place_key(row.place), LUCK, damaged=False)
            case "row":
                hurt_box.disk.lose(Family.BLOBS, blob_key(OFFICE, BlobId.of(CONTENTS[11])))
            case "list":
                hurt_box.disk.lose(Family.LISTS, list_key(OFFICE, row.signed))
            case _:
                hurt_box.disk.lose(Family.FEEDS, feed_key(OFFICE, row.number))
        assert not await is_whole_or_damaged(hurt)
        async with scrubbing(hurt):
            await passes(hurt)
            with trio.fail_after(120):
                while not await is_whole(hurt, CONTENTS):  # noqa: ASYNC110 (polled)
                    await trio.sleep(1)
        assert await kinds(hurt)
        assert hurt.store.state.damaged == {}


async def is_whole_or_damaged(core: Core) -> bool:
    try:
        return await is_whole(core, CONTENTS)
    except Exception:  # noqa: BLE001 (any way in which it shows is one)
        return False


async def test_a_walk_that_meets_a_lost_row_while_it_is_mended_goes_on(autojump_clock: trio.testing.MockClock) -> None:
    """A row of which nothing was left has no chunks, and their end was looked for without end."""
    office = box(OFFICE)
    async with living(office) as core, trio.open_nursery() as nursery:
        await put(core, CONTENTS)
        office.disk.lose(Family.BLOBS, blob_key(OFFICE, BlobId.of(CONTENTS[3])))
        async with scrubbing(core):
            await passes(core)
            assert len(core.store.state.damaged) == 1
            office.disk.pace = Pace(write_s=120.0)
            nursery.start_soon(put, core, [CONTENTS[3]])
            book, before = core.store.state.scrub, core.store.state.scrub.pass_row.begun_ms
            with trio.fail_after(110):
                while book.pass_row.begun_ms == before or book.pass_row.blobs < len(CONTENTS):  # noqa: ASYNC110 (polled)
                    await trio.sleep(0.1)
            assert core.store.state.repairing
            office.disk.pace = Pace()
            await passes(core)
        assert await is_whole(core, CONTENTS)


async def test_damage_is_withdrawn_and_proven_anew_once_it_is_mended(autojump_clock: trio.testing.MockClock) -> None:
    office, peer = box(OFFICE), box(PEER)
    async with living(office) as origin, living(peer) as holder, connected(origin, holder):
        await put(origin, CONTENTS)
        await until_proven(origin, PEER, len(CONTENTS))
        row = await row_of(holder, CONTENTS[3])
        peer.disk.hurt_chunk(place_key(row.place), LUCK, damaged=True)
        account, number = origin.store.proofs.ledger.account, (await row_of(origin, CONTENTS[3])).number
        seen = False
        async with scrubbing(holder):
            with trio.fail_after(300):
                while not seen or not account(PEER).has(number):
                    await origin.store.proofs.changed.wait()
                    seen = seen or not account(PEER).has(number)
        events = [event for _, event in await recent_events(holder.store.kv, 10)]
        assert [(event.kind, event.source) for event in reversed(events)] == [
            (EventKind.DAMAGED_BYTES, 0),
            (EventKind.REPAIRED, OFFICE),
        ]


async def test_an_own_list_that_is_lost_is_signed_again_without_anybody(autojump_clock: trio.testing.MockClock) -> None:
    office = box(OFFICE)
    async with living(office) as core:
        await put(core, CONTENTS)
        row = await row_of(core, CONTENTS[0])
        office.disk.lose(Family.LISTS, list_key(OFFICE, row.signed))
        async with scrubbing(core):
            await passes(core, 2)
        assert await is_whole(core, CONTENTS)
        assert set(await kinds(core)) == {EventKind.SIGNED_AGAIN}
        assert core.store.state.generation == 1


async def test_a_wrong_running_hash_is_put_right(autojump_clock: trio.testing.MockClock) -> None:
    office = box(OFFICE)
    async with living(office) as core:
        await put(core, CONTENTS)
        before = await core.store.reader.hash_at(OFFICE, 9)
        await overwrite_hash(core, 9)
        async with scrubbing(core):
            await passes(core)
        assert await core.store.reader.hash_at(OFFICE, 9) == before
        assert await kinds(core) == [EventKind.WRONG_HASH]
        assert core.store.state.generation == 1


async def test_a_history_that_is_not_what_it_was_starts_a_new_generation_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    office = box(OFFICE)
    async with living(office) as core:
        await put(core, CONTENTS)
        await overwrite_hash(core, 9)
        await overwrite_hash(core, 10)
        async with scrubbing(core):
            await passes(core, 3)
        assert core.store.state.generation == 2
        assert (await kinds(core)).count(EventKind.DOUBTED) == 1


async def overwrite_hash(core: Core, number: int) -> None:
    row = (await core.store.reader.feed_rows(OFFICE, [number]))[number]
    batch = Batch()
    wrong = FeedRow(row.blob, bytes(32), row.signed, row.source, row.source_generation)
    batch.put(Family.FEEDS, feed_key(OFFICE, number), wrong.pack())
    await core.store.kv.write(batch)


async def test_a_row_that_contradicts_its_list_is_written_anew(autojump_clock: trio.testing.MockClock) -> None:
    office = box(OFFICE)
    async with living(office) as core:
        await put(core, CONTENTS)
        row = await row_of(core, CONTENTS[4])
        batch = Batch()
        wrong = BlobRow(row.state, row.size_bytes + 1, row.place, 1, row.number, 5, row.verified_ms, row.signed)
        batch.put(Family.BLOBS, blob_key(OFFICE, BlobId.of(CONTENTS[4])), wrong.pack())
        await core.store.kv.write(batch)
        async with scrubbing(core):
            await passes(core)
        mended = await row_of(core, CONTENTS[4])
        assert (mended.size_bytes, mended.time_ms) == (row.size_bytes, row.time_ms)
        assert await kinds(core) == [EventKind.WRONG_ROW]


async def test_a_blob_that_came_anew_with_nothing_left_of_its_number_is_proven_under_both_numbers(
    autojump_clock: trio.testing.MockClock,
) -> None:
    office, peer = box(OFFICE), box(PEER)
    async with living(office) as origin, living(peer) as holder:
        await put(origin, CONTENTS)
        office.disk.lose(Family.BLOBS, blob_key(OFFICE, BlobId.of(CONTENTS[2])))
        office.disk.lose(Family.FEEDS, number_key(OFFICE, BlobId.of(CONTENTS[2])))
        await put(origin, [CONTENTS[2]])
        assert origin.store.state.end(OFFICE).number == len(CONTENTS) + 1
        async with scrubbing(origin), connected(origin, holder):
            await passes(origin)
            await until_proven(origin, PEER, len(CONTENTS) + 1)
        assert origin.store.state.scrub.twice == {(OFFICE, BlobId.of(CONTENTS[2])): (3,)}
        # Else the two would never have the same set, and no mark between them would be settled.
        with trio.fail_after(60):
            while (await origin.store.inventories.snapshot(OFFICE)).doubted:  # noqa: ASYNC110 (polled)
                await trio.sleep(1)
        assert (await origin.store.inventories.snapshot(OFFICE)).inventory.count == len(CONTENTS)


async def put_in_two_commits(core: Core) -> dict[BlobId, BlobRow]:
    """The rows of the second, in the middle of the feed."""
    await put(core, CONTENTS[:10])
    await put(core, CONTENTS[10:13])
    await put(core, CONTENTS[13:])
    return {BlobId.of(content): await row_of(core, content) for content in CONTENTS[10:13]}


async def test_neighbouring_feed_rows_are_made_again_from_rows_and_lists(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The second of two once found no hash before it, and the node began a new generation."""
    office = box(OFFICE)
    async with living(office) as core:
        await put(core, CONTENTS)
        for number in (11, 12, 13, len(CONTENTS)):
            office.disk.lose(Family.FEEDS, feed_key(OFFICE, number))
        async with scrubbing(core):
            await passes(core)
        assert await is_whole(core, CONTENTS)
        assert await kinds(core) == [EventKind.LOST_FEED_ROW] * 4
        assert core.store.state.generation == 1


@pytest.mark.parametrize("commit", ["middle", "last"])
async def test_own_feed_rows_and_their_list_are_signed_again_from_the_blob_rows(
    autojump_clock: trio.testing.MockClock, commit: str
) -> None:
    """No holder has them: they once became a hole, and nobody was ever offered the recordings."""
    office = box(OFFICE)
    async with living(office) as core:
        rows = await put_in_two_commits(core)
        if commit == "last":
            rows = {BlobId.of(content): await row_of(core, content) for content in CONTENTS[13:]}
        hashes = [await core.store.reader.hash_at(OFFICE, row.number) for row in rows.values()]
        lose_commits(office.disk, rows, with_blob_rows=False)
        async with scrubbing(core):
            await passes(core)
        assert await is_whole(core, CONTENTS)
        assert [await core.store.reader.hash_at(OFFICE, row.number) for row in rows.values()] == hashes
        assert set(await kinds(core)) == {EventKind.SIGNED_AGAIN}
        assert core.store.state.generation == 1
        assert core.store.state.scrub.breaks == {}


@pytest.mark.parametrize("with_blob_rows", [True, False])
async def test_an_own_commit_that_is_lost_comes_home_under_its_numbers(
    autojump_clock: trio.testing.MockClock, with_blob_rows: bool
) -> None:
    """It once left a hole for ever: a new generation, new numbers, and every proof to be made anew."""
    office, peer = box(OFFICE), box(PEER)
    async with living(office) as origin, living(peer) as holder, connected(origin, holder):
        rows = await put_in_two_commits(origin)
        await until_proven(origin, PEER, len(CONTENTS))
        hashes = [await origin.store.reader.hash_at(OFFICE, row.number) for row in rows.values()]
        lose_commits(office.disk, rows, with_blob_rows=with_blob_rows)
        if not with_blob_rows:  # no hash behind them tells in which epoch they were sealed
            office.disk.lose(Family.LISTS, list_key(OFFICE, (await row_of(origin, CONTENTS[13])).signed))
        async with scrubbing(origin):
            await passes(origin)
            with trio.fail_after(600):
                while not await is_whole(origin, CONTENTS):  # noqa: ASYNC110 (polled)
                    await trio.sleep(1)
        assert [await origin.store.reader.hash_at(OFFICE, row.number) for row in rows.values()] == hashes
        assert origin.store.state.scrub.breaks == {}
        assert origin.store.state.generation == 1
        assert EventKind.DOUBTED not in await kinds(origin)


async def test_an_own_recording_of_which_nobody_has_the_list_gets_a_number_and_reaches_the_others(
    autojump_clock: trio.testing.MockClock,
) -> None:
    office, peer = box(OFFICE), box(PEER)
    lost = BlobId.of(CONTENTS[11])
    async with living(office) as origin, living(peer) as holder:
        rows = await put_in_two_commits(origin)
        lose_commits(office.disk, rows, with_blob_rows=False)
        office.disk.lose(Family.BLOBS, blob_key(OFFICE, BlobId.of(CONTENTS[10])))  # so that its epoch is not told
        for number in range(1, len(CONTENTS) + 1):  # a partner that keeps nothing of the office proves nothing
            origin.store.proofs.ledger.account(NodeNumber(3)).pass_over(number)
        async with scrubbing(origin), connected(origin, holder):
            await passes(origin, 2)
            with trio.fail_after(600):
                while not is_intact(await holder.store.reader.row(OFFICE, lost)):
                    await holder.store.state.grown.wait()
        row = await origin.store.reader.row(OFFICE, lost)
        assert row is not None
        assert row.number > len(CONTENTS)
        assert origin.store.state.generation == 1


async def test_an_own_recording_behind_a_break_whose_list_is_lost_stays_readable_and_reaches_the_others(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It was called damaged, though its bytes were here and nowhere else."""
    office, peer = box(OFFICE), box(PEER)
    async with living(office) as origin, living(peer) as holder:
        lose_commits(office.disk, await put_in_two_commits(origin), with_blob_rows=True)
        office.disk.lose(Family.LISTS, list_key(OFFICE, (await row_of(origin, CONTENTS[13])).signed))
        async with scrubbing(origin), connected(origin, holder):
            await passes(origin, 2)
            assert origin.store.state.damaged == {}
            with trio.fail_after(600):
                while not is_intact(await holder.store.reader.row(OFFICE, BlobId.of(CONTENTS[13]))):
                    await holder.store.state.grown.wait()
        assert (await row_of(origin, CONTENTS[13])).number == 14
        assert origin.store.state.generation == 1


async def test_a_mark_at_a_number_of_which_nothing_is_left_is_no_reason_to_doubt_ourselves(
    autojump_clock: trio.testing.MockClock,
) -> None:
    office, peer = box(OFFICE), box(PEER)
    async with living(office) as origin, living(peer) as holder:
        await put(origin, CONTENTS)
        async with connected(origin, holder):
            await until_proven(origin, PEER, len(CONTENTS))
            await until_marked(holder, OFFICE, OFFICE, len(CONTENTS))
        office.disk.lose(Family.FEEDS, feed_key(OFFICE, len(CONTENTS)))
        origin.store.state.scrub.breaks[OFFICE, len(CONTENTS)] = 1
        await put(origin, [b"one more"])
        async with connected(origin, holder):
            await until_proven(origin, PEER, len(CONTENTS) + 1)
        assert is_intact(await holder.store.reader.row(OFFICE, BlobId.of(b"one more")))


async def test_the_cursor_survives_a_restart_and_a_pause(autojump_clock: trio.testing.MockClock) -> None:
    office = box(OFFICE)
    async with living(office) as core:
        await put(core, [b"small %d" % n for n in range(600)])
        office.disk.pace = Pace(read_s=0.01)
        async with scrubbing(core) as scrubber:
            while core.store.state.scrub.progress(OFFICE).number == 0:  # noqa: ASYNC110 (polled)
                await trio.sleep(0.005)
            await scrubber.pause()
            await trio.sleep(100)
        number = core.store.state.scrub.progress(OFFICE).number
        assert 0 < number < 600
    async with living(office) as core:
        assert core.store.state.scrub.progress(OFFICE).number == number
        async with scrubbing(core) as scrubber:
            await trio.sleep(100)
            assert core.store.state.scrub.progress(OFFICE).number == number
            await scrubber.start()
            await passes(core)
        assert core.store.state.scrub.pass_row.blobs == 600


async def test_only_the_newest_events_are_kept(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    monkeypatch.setattr("lumbung_node.store.events.EVENTS_KEPT_MAX", 5)
    office = box(OFFICE)
    async with living(office) as core:
        await put(core, CONTENTS)
        for content in CONTENTS[:8]:
            await core.found_damage(OFFICE, BlobId.of(content))
        serials = [serial for serial, _ in await recent_events(core.store.kv, 100)]
        assert serials == [8, 7, 6, 5, 4]
    async with living(office) as core:
        assert core.store.state.scrub.next_event == 9


async def test_what_was_counted_wrongly_is_put_right_by_the_rows(autojump_clock: trio.testing.MockClock) -> None:
    office = box(OFFICE)
    async with living(office) as core:
        await put(core, CONTENTS)
        right = core.store.state.count(OFFICE)
        core.store.state.counts[OFFICE] = replace(right, size_bytes=right.size_bytes + 1000, damaged=3)
        async with scrubbing(core):
            await passes(core)
        assert core.store.state.count(OFFICE) == right
        assert await kinds(core) == [EventKind.WRONG_COUNT]
    async with living(office) as core:
        assert core.store.state.count(OFFICE) == right


async def test_counts_are_right_after_losses_repairs_and_damage(autojump_clock: trio.testing.MockClock) -> None:
    office, peer = box(OFFICE), box(PEER)
    async with living(office) as origin, living(peer) as holder, connected(origin, holder):
        await put(origin, CONTENTS)
        await until_proven(origin, PEER, len(CONTENTS))
        row = await row_of(holder, CONTENTS[3])
        peer.disk.lose(Family.BLOBS, blob_key(OFFICE, BlobId.of(CONTENTS[7])))
        peer.disk.lose(Family.CHUNKS, place_key(row.place))
        async with scrubbing(holder):
            await passes(holder, 3)
            assert await is_whole(holder, CONTENTS)
        assert EventKind.WRONG_COUNT not in await kinds(holder)
        assert holder.store.state.count(OFFICE).damaged == 0


async def test_an_inventory_that_is_not_what_the_rows_say_is_made_anew(autojump_clock: trio.testing.MockClock) -> None:
    office = box(OFFICE)
    async with living(office) as core:
        await put(core, CONTENTS)
        right = (await core.store.inventories.snapshot(OFFICE)).inventory.to_bytes()
        core.store.inventories._kept[OFFICE].inventory.fold([b"\x55" * 32])  # a bit of memory that flipped
        async with scrubbing(core):
            await passes(core)
            await trio.sleep(5)
        snapshot = await core.store.inventories.snapshot(OFFICE)
        assert (snapshot.inventory.to_bytes(), snapshot.doubted) == (right, 0)
    assert office.log.said("scrub doubts an inventory") == [{"origin": OFFICE, "units": 1}]


async def test_symbols_that_no_longer_fit_their_ids_are_made_anew(autojump_clock: trio.testing.MockClock) -> None:
    office = box(OFFICE)
    async with living(office) as core:
        await put(core, CONTENTS)
        inventory, unit = (await core.store.inventories.snapshot(OFFICE)).inventory, BlobId.of(CONTENTS[0]).unit
        kept = core.store.inventories._kept[OFFICE].inventory
        kept.replace_unit(unit, kept.digest(unit), Symbols.none(UNIT_SYMBOLS))
        async with scrubbing(core):
            await passes(core)
            await trio.sleep(5)
        assert (await core.store.inventories.snapshot(OFFICE)).inventory.to_bytes() == inventory.to_bytes()


async def test_a_blob_that_is_called_damaged_and_is_not_is_found_good(autojump_clock: trio.testing.MockClock) -> None:
    office = box(OFFICE)
    async with living(office) as core:
        await put(core, CONTENTS)
        blob, number = BlobId.of(CONTENTS[9]), 10
        await core.store.kv.write(Batch(puts=[(Family.SYSTEM, damaged_key(OFFICE, blob), number.to_bytes(8, "big"))]))
    async with living(office) as core:
        assert core.store.state.damaged == {(OFFICE, blob): number}
        async with scrubbing(core):
            await passes(core)
        assert core.store.state.damaged == {}
        assert await kinds(core) == [EventKind.FOUND_GOOD]
