"""A scrub that finds too much at once: the brake, the bytes that it keeps aside, and who confirms them."""

from __future__ import annotations

import pytest
import trio
import trio.lowlevel
import trio.testing

from lumbung_cluster.ids import BlobId
from lumbung_cluster.scrub_brake import BrakeSettings
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.scrub.brake import confirm
from lumbung_node.services.scrub.view import ScrubDesk
from lumbung_node.services.server import CONFIRM_SCRUB
from lumbung_node.store.events import EventKind
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import (
    place_key,
)
from lumbung_node.store.scrub_rows import Evidence, evidence_key
from lumbung_testing.direct_channel import DirectChannel
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
from lumbung_testing.session_pair import box, connected, living, put, until_proven
from lumbung_testing.virtual_disk import Pace
from lumbung_tools.client.scrub import confirm_scrub


@pytest.mark.parametrize("with_blob_rows", [True, False])
async def test_a_lost_file_of_commits_puts_the_brake_on(
    autojump_clock: trio.testing.MockClock, with_blob_rows: bool
) -> None:
    """Numbers of which nothing was left once counted for nothing: hundreds could go, and nobody was told to look."""
    office = box(OFFICE)
    async with living(office) as core:
        await put(core, CONTENTS)
        rows = {BlobId.of(content): await row_of(core, content) for content in CONTENTS[:-1]}
        lose_commits(office.disk, rows, with_blob_rows=with_blob_rows)
        async with scrubbing(core):
            await passes(core)
        assert OFFICE in core.store.state.scrub.brakes
        assert (await kinds(core)).count(EventKind.MASS_DAMAGE) == 1


async def test_too_much_damage_puts_the_brake_on_and_keeps_what_is_replaced_until_confirmed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    office, peer = box(OFFICE), box(PEER)
    settings = ScrubSettings(60.0, 1.0, BrakeSettings(share=0.1, blobs_min=5))
    async with living(office) as origin, living(peer) as holder, connected(origin, holder):
        await put(origin, CONTENTS)
        await until_proven(origin, PEER, len(CONTENTS))
        rows = [await row_of(holder, content) for content in CONTENTS[:8]]
        for row in rows:
            peer.disk.hurt_chunk(place_key(row.place), LUCK, damaged=False)
        book = holder.store.state.scrub
        async with scrubbing(holder, settings):
            await passes(holder)
            with trio.fail_after(120):
                while not await is_whole(holder, CONTENTS):  # noqa: ASYNC110 (polled)
                    await trio.sleep(1)
        assert list(book.brakes) == [OFFICE]
        assert (book.pass_row.mended, book.pass_row.mended_in_alarm) == (0, 8)
        assert book.evidence_bytes == sum(row.size_bytes for row in rows)
        assert None not in await holder.store.kv.get(Family.CHUNKS, [place_key(row.place) for row in rows])
        assert EventKind.MASS_DAMAGE in await kinds(holder)

        await confirm(holder)

        assert (book.brakes, book.evidence_bytes) == ({}, 0)
        assert await holder.store.kv.get(Family.CHUNKS, [place_key(row.place) for row in rows]) == [None] * 8
    async with living(peer) as holder:
        assert (holder.store.state.scrub.brakes, holder.store.state.scrub.evidence_bytes) == ({}, 0)
        assert await is_whole(holder, CONTENTS)


async def test_evidence_gives_way_to_recordings_when_the_disk_fills_up(autojump_clock: trio.testing.MockClock) -> None:
    office, peer = box(OFFICE), box(PEER)
    settings = ScrubSettings(60.0, 1.0, BrakeSettings(share=0.1, blobs_min=5))
    async with living(office) as origin, living(peer) as holder, connected(origin, holder):
        await put(origin, CONTENTS)
        await until_proven(origin, PEER, len(CONTENTS))
        for content in CONTENTS[:8]:
            peer.disk.hurt_chunk(place_key((await row_of(holder, content)).place), LUCK, damaged=False)
        holder.store.state.scrub.has_room = False
        async with scrubbing(holder, settings):
            await passes(holder)
            with trio.fail_after(120):
                while not await is_whole(holder, CONTENTS):  # noqa: ASYNC110 (polled)
                    await trio.sleep(1)
        assert holder.store.state.scrub.evidence_bytes == 0
        assert (await kinds(holder)).count(EventKind.EVIDENCE_NOT_KEPT) == 8


async def kept_aside(holder: Core) -> None:
    """Two runs of replaced bytes, as the brake keeps them."""
    job = Job()
    for place in (1000, 1001):
        kept = Evidence(OFFICE, BlobId.of(b"%d" % place), 1, 500, 0)
        job.extra.put(Family.SYSTEM, evidence_key(place), kept.pack())
    await holder.store.committer.commit(job)
    holder.store.state.scrub.evidence_bytes = 1000


async def test_two_operators_who_confirm_at_once_free_the_evidence_once(autojump_clock: trio.testing.MockClock) -> None:
    """Each took the bytes off: below zero no status could be told, and the node's own report ended the node."""
    async with living(box(PEER)) as holder:
        await kept_aside(holder)
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(confirm, holder)

        assert holder.store.state.scrub.evidence_bytes == 0


async def test_an_operator_who_hangs_up_while_he_confirms_leaves_no_evidence_that_is_not_there(
    autojump_clock: trio.testing.MockClock,
) -> None:
    place = box(PEER)
    async with living(place) as holder:
        await kept_aside(holder)
        place.disk.pace = Pace(sync_s=1.0)
        with trio.move_on_after(0.5):
            await confirm(holder)
        await confirm(holder)

        assert holder.store.state.scrub.evidence_bytes == 0


async def test_of_two_operators_who_confirm_at_once_only_one_is_told_of_freed_bytes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The other one waits for him, and finds nothing left."""
    place = box(PEER)
    told: list[int] = []
    async with living(place) as holder, scrubbing(holder) as scrubber:
        await kept_aside(holder)
        place.disk.pace = Pace(sync_s=1.0)
        desk = ScrubDesk(holder, scrubber)

        async def ask() -> None:
            told.append((await confirm_scrub(DirectChannel({CONFIRM_SCRUB: desk.confirm}))).freed_bytes)

        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(ask)
        place.disk.pace = Pace()
        assert sorted(told) == [0, 1000]
