"""An id has one number for ever: what comes again after its row was lost behind the index's back takes the old one."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.services.core import Core
from lumbung_node.services.scrub.scrubber import Scrubber
from lumbung_node.store.events import EventKind, FoundBy, recent_events
from lumbung_node.store.jobs import Content, ForeignBlob, Job, Outcome, OwnBlob, Stored
from lumbung_node.store.layout import (
    BlobRow,
    FeedRow,
    RowState,
    TagVersion,
    blob_key,
    feed_key,
    list_key,
    number_key,
    unpack_versions,
)
from lumbung_testing.session_pair import box, connected, living, put, until_proven

OFFICE, PEER = NodeNumber(1), NodeNumber(2)
CONTENTS = [b"recording %d" % number for number in range(12)]
LOST = CONTENTS[5]
BLOB = BlobId.of(LOST)
SETTINGS = ScrubSettings(period_s=60.0, start_delay_s=1.0)


def own(content: bytes, tag: bytes = b"") -> OwnBlob:
    return OwnBlob(BlobId.of(content), Content(len(content), [content]), 1, 0, tag, b"\2" * 33 if tag else b"")


async def test_a_record_whose_versions_cannot_be_read_takes_a_new_one() -> None:
    """One rotten block under the record tags once ended the node, and again at each new try of the same put."""
    office, tag = box(OFFICE), b"\1" * 33
    async with living(office) as core:
        await core.store.committer.commit(Job(own=[own(CONTENTS[0], tag)]))
        office.disk.spoil_row(Family.TAGS, tag)
        done = await core.store.committer.commit(Job(own=[own(CONTENTS[1], tag)]))
        assert done.results[0].outcome is Outcome.STORED
        assert [[version.blob for version in found] for found in await core.store.reader.versions([tag])] == [
            [BlobId.of(CONTENTS[1])]
        ]


async def row_of(core: Core) -> BlobRow:
    row = await core.store.reader.row(OFFICE, BLOB)
    assert row is not None
    return row


async def put_again(core: Core) -> Stored:
    return (await core.store.committer.commit(Job(own=[own(LOST)]))).results[0]


async def numbers(core: Core) -> list[int]:
    """Under which numbers the feed names the blob."""
    return [number for number, row in await core.store.reader.feed(OFFICE, 0, 1000) if row.blob == BLOB]


async def one_scrub(core: Core) -> int:
    """How many numbers a pass finds wrong."""

    async def doubt(reason: str) -> None:
        await core.store.start_generation(Generation(core.store.state.generation + 1))

    book = core.store.state.scrub
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Scrubber(core, SETTINGS, doubt).run)
        with trio.fail_after(600):
            while not book.pass_row.ended_ms:  # noqa: ASYNC110 (polled)
                await trio.sleep(0.5)
        nursery.cancel_scope.cancel()
    return book.pass_row.wrong


@asynccontextmanager
async def filled(*, keeps_tag: bool = False) -> AsyncIterator[tuple[Core, BlobRow]]:
    """An office with all contents, and the row that is going to be lost."""
    office = box(OFFICE)
    async with living(office) as core:
        await core.store.committer.commit(Job(own=[own(each, b"\1" * 33 if keeps_tag else b"") for each in CONTENTS]))
        row = await row_of(core)
        yield core, row


async def lose(core: Core, *rows: tuple[Family, bytes]) -> None:
    await core.store.kv.write(Batch(deletes=list(rows)))


async def test_an_own_blob_whose_row_was_lost_comes_back_under_its_number(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with filled() as (core, row):
        end, counts = core.store.state.end(OFFICE), core.store.state.count(OFFICE)
        await lose(core, (Family.BLOBS, blob_key(OFFICE, BLOB)))
        assert await put_again(core) == Stored(Outcome.REPAIRED, 6)
        assert await put_again(core) == Stored(Outcome.PRESENT, 6)
        again = await row_of(core)
        assert (again.number, again.size_bytes, again.time_ms, again.signed, again.state) == (
            row.number,
            row.size_bytes,
            row.time_ms,
            row.signed,
            RowState.INTACT,
        )
        assert await core.store.reader.read_whole(BLOB, again) == LOST
        assert (await numbers(core), core.store.state.end(OFFICE), core.store.state.count(OFFICE)) == ([6], end, counts)
        told = [(event.kind, event.found_by, event.number) for _, event in await recent_events(core.store.kv, 10)]
        assert told == [(EventKind.REPAIRED, FoundBy.REPEAT, 6), (EventKind.LOST_ROW, FoundBy.REPEAT, 6)]
        assert (await core.store.inventories.snapshot(OFFICE)).inventory.count == len(CONTENTS)
        assert await one_scrub(core) == 0


async def test_a_holder_takes_a_blob_whose_row_it_lost_under_its_number(autojump_clock: trio.testing.MockClock) -> None:
    office, peer = box(OFFICE), box(PEER)
    async with living(office) as origin, living(peer) as holder:
        await put(origin, CONTENTS)
        async with connected(origin, holder):
            await until_proven(origin, PEER, len(CONTENTS))
        before, feed = await row_of(holder), await holder.store.reader.feed(OFFICE, 0, 1000)
        (signed,) = await holder.store.reader.lists(OFFICE, [before.signed])
        assert signed is not None
        item = ForeignBlob(signed, before.signed.index, Content(len(LOST), [LOST]), NodeNumber(4), Generation(9))
        await lose(holder, (Family.BLOBS, blob_key(OFFICE, BLOB)))
        job = await holder.store.committer.commit(Job(foreign=[item]))
        assert job.results == [Stored(Outcome.REPAIRED, before.number)]
        assert await holder.store.reader.feed(OFFICE, 0, 1000) == feed
        assert await holder.store.reader.read_whole(BLOB, await row_of(holder)) == LOST


async def test_an_entry_whose_list_is_lost_too_is_signed_anew_under_its_number(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with filled() as (core, row):
        await lose(core, (Family.BLOBS, blob_key(OFFICE, BLOB)), (Family.LISTS, list_key(OFFICE, row.signed)))
        assert await put_again(core) == Stored(Outcome.REPAIRED, 6)
        again = await row_of(core)
        (signed,) = await core.store.reader.lists(OFFICE, [again.signed])
        assert signed is not None
        assert signed.content.first == 6
        assert signed.content.entries[again.signed.index].blob == BLOB
        (feed_row,) = (await core.store.reader.feed_rows(OFFICE, [6])).values()
        assert feed_row.signed == again.signed


async def test_a_blob_of_which_the_number_row_alone_is_left_comes_back_and_the_scrub_makes_its_feed_row_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with filled() as (core, _):
        await lose(core, (Family.BLOBS, blob_key(OFFICE, BLOB)), (Family.FEEDS, feed_key(OFFICE, 6)))
        assert await put_again(core) == Stored(Outcome.REPAIRED, 6)
        await one_scrub(core)
        assert await numbers(core) == [6]


async def test_a_number_row_that_names_another_blobs_number_is_not_believed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with filled() as (core, _):
        new = BlobId.of(b"new")
        wrong = Batch(puts=[(Family.FEEDS, number_key(OFFICE, new), (3).to_bytes(8, "big"))])
        await core.store.kv.write(wrong)
        job = await core.store.committer.commit(Job(own=[own(b"new")]))
        assert job.results == [Stored(Outcome.STORED, len(CONTENTS) + 1)]
        assert (await core.store.reader.feed_rows(OFFICE, [3]))[3].blob == BlobId.of(CONTENTS[2])


@pytest.mark.parametrize("which", ["one", "all"])
async def test_the_scrub_writes_number_rows_that_are_lost_or_never_were(
    which: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with filled() as (core, _):
        blobs = [BLOB] if which == "one" else [BlobId.of(each) for each in CONTENTS]
        await lose(core, *((Family.FEEDS, number_key(OFFICE, blob)) for blob in blobs))
        assert await one_scrub(core) == 0
        await lose(core, (Family.BLOBS, blob_key(OFFICE, BLOB)))
        assert await put_again(core) == Stored(Outcome.REPAIRED, 6)


async def test_a_record_keeps_one_version_for_what_came_again(autojump_clock: trio.testing.MockClock) -> None:
    async with filled(keeps_tag=True) as (core, _):
        await lose(core, (Family.BLOBS, blob_key(OFFICE, BLOB)))
        await core.store.committer.commit(Job(own=[own(LOST, b"\1" * 33)]))
        (value,) = await core.store.kv.get(Family.TAGS, [b"\1" * 33])
        assert value is not None
        assert unpack_versions(value).count(TagVersion(6, BLOB, b"\2" * 33)) == 1
        assert len(unpack_versions(value)) == len(CONTENTS)


async def test_random_losses_and_repeats_never_give_a_second_number(autojump_clock: trio.testing.MockClock) -> None:
    draws = random.Random(11)
    async with filled() as (core, _):
        for _ in range(60):
            content = draws.choice(CONTENTS)
            if draws.random() < 0.5:
                await lose(core, (Family.BLOBS, blob_key(OFFICE, BlobId.of(content))))
            await core.store.committer.commit(Job(own=[own(content), own(content)]))
        rows: list[tuple[int, FeedRow]] = await core.store.reader.feed(OFFICE, 0, 1000)
        assert [row.blob for _, row in rows] == [BlobId.of(each) for each in CONTENTS]
