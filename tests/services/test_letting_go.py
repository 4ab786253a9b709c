"""What a released holder lets go of: it goes, is said to be here by nobody, and comes back only by being fetched."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.errors import BlobDamaged, Rejected, StatusCode
from lumbung_cluster.ids import BlobId, Generation, all_units
from lumbung_cluster.release import UnitVerdict
from lumbung_cluster.roster import HolderAssignment, Share
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.bundles.batches import Lacking
from lumbung_node.services.copies import CopyBook
from lumbung_node.services.core import Core
from lumbung_node.services.dropping import Dropping
from lumbung_node.services.giving import Giving
from lumbung_node.services.reading import Reading
from lumbung_node.services.scrub.scrubber import Scrubber
from lumbung_node.services.session.releasing import release_key
from lumbung_node.services.statements import commit_receipt
from lumbung_node.store.events import EventKind, FoundBy, recent_events
from lumbung_node.store.jobs import Content, ForeignBlob, Job
from lumbung_node.store.layout import BlobRow, dropped_key
from lumbung_node.store.reads import Reader, is_intact
from lumbung_node.store.unit_rows import UnitRows
from lumbung_proto.v1 import blobs_pb2, peer_pb2
from lumbung_testing.direct_channel import DirectChannel
from lumbung_testing.peer_faces import facing
from lumbung_testing.releases import (
    NEWCOMER,
    blobs_signed_for,
    later,
    no_new_life,
    released,
)
from lumbung_testing.rosters import founding, signed, successor
from lumbung_testing.session_pair import CENTRE, LUCK, OFFICE, PEER, connected, living, put, until_proven
from lumbung_testing.simulation.patching import patched
from lumbung_testing.virtual_disk import Pace
from lumbung_tools.client.methods import GET, LIST, STAT


async def test_released_units_go_and_nothing_of_them_is_said_to_be_here(
    autojump_clock: trio.testing.MockClock,
) -> None:
    contents = [LUCK.randbytes(5000) for _ in range(40)]
    boxes = await released(contents)
    async with living(later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, no_new_life)
        (plan,) = await dropping.plan()
        assert (plan.origin, plan.blobs, plan.size_bytes, plan.kept) == (OFFICE, 40, 200_000, ())
        assert await dropping.drop(OFFICE, plan.units) == (40, 200_000)
        assert peer.store.state.count(OFFICE).size_bytes == 0
        assert await dropping.plan() == []
        assert not any([is_intact(await peer.store.reader.row(OFFICE, BlobId.of(content))) for content in contents])
        chunks = await peer.store.kv.scan(Family.CHUNKS, b"", b"\xff" * 8, 100)
        assert chunks == []
        blobs = [BlobId.of(content) for content in contents]
        assert await commit_receipt(peer, OFFICE, 1, blobs) is None


async def _get(channel: DirectChannel, blob: bytes) -> None:
    async with channel.stream(GET) as stream:
        await stream.send(blobs_pb2.GetRequest(origin=OFFICE, id=blob).SerializeToString())
        await stream.finish_sending()
        await stream.receive()


async def test_a_blob_that_was_let_go_is_not_here_for_who_reads_and_no_damage(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Whoever read it once made damage of it, which was withdrawn, asked for and complained about for ever."""
    contents = [LUCK.randbytes(500) for _ in range(3)]
    boxes = await released(contents)
    async with living(later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, no_new_life)
        (plan,) = await dropping.plan()
        await dropping.drop(OFFICE, plan.units)
        reading = Reading(peer, CopyBook(peer))
        channel = DirectChannel(
            {
                GET: lambda call: Giving(peer).get(call, lambda origin: None),
                STAT: lambda call: reading.stat(call, lambda origin: None),
                LIST: lambda call: reading.list(call, lambda origin: None),
            }
        )
        blob = BlobId.of(contents[0]).raw
        with pytest.raises(Rejected) as got:
            await _get(channel, blob)
        stat = blobs_pb2.StatRequest(origin=OFFICE, id=blob).SerializeToString()
        with pytest.raises(Rejected) as told:
            await channel.call(STAT, stat, deadline_s=10)
        assert (got.value.code, told.value.code) == (StatusCode.NOT_FOUND, StatusCode.NOT_FOUND)
        listed = await channel.call(LIST, blobs_pb2.ListRequest(origin=OFFICE).SerializeToString(), deadline_s=10)
        assert len(blobs_pb2.ListResponse.FromString(listed).blobs) == 0
        assert peer.store.state.damaged == {}


async def test_a_blob_that_is_let_go_while_it_is_read_is_not_here_and_no_damage(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A reader was told of damaged bytes, of which there were none."""
    content = LUCK.randbytes(500)
    boxes = await released([content])
    async with living(later(boxes[1], gives_back=False)) as peer:
        dropping, read_whole = Dropping(peer, no_new_life), Reader.read_whole

        async def overtaken(self: Reader, blob: BlobId, row: BlobRow) -> bytes:
            (plan,) = await dropping.plan()
            await dropping.drop(OFFICE, plan.units)
            return await read_whole(self, blob, row)

        channel = DirectChannel({GET: lambda call: Giving(peer).get(call, lambda origin: None)})
        with patched(Reader, "read_whole", overtaken), pytest.raises(Rejected) as refused:
            await _get(channel, BlobId.of(content).raw)
        assert refused.value.code is StatusCode.NOT_FOUND
        assert peer.store.state.damaged == {}


async def test_a_blob_that_was_let_go_while_a_peer_asked_for_it_is_no_damage(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It was offered before its turn to go came, and its row is read when the peer wants it."""
    content = LUCK.randbytes(500)
    boxes, unit = await released([content]), 1 << BlobId.of(content).unit
    shares = (Share(NEWCOMER, all_units()), Share(CENTRE, all_units()), Share(PEER, all_units() & ~unit))
    roster = founding(assignments=[HolderAssignment(OFFICE, shares)])
    peer_box, newcomer_box = (replace(each, roster=roster) for each in boxes[1:3])
    async with living(peer_box) as peer, living(newcomer_box) as newcomer, facing(peer, newcomer) as face:
        await face.say(need=peer_pb2.Need(origin=OFFICE, ids=[BlobId.of(content).raw]))
        offer = (await face.hear("offer")).offer
        assert await Dropping(peer, no_new_life).drop(OFFICE, unit) == (1, 500)
        await face.say(want=peer_pb2.Want(offer=offer.offer, wanted=b"\1"))
        assert (await face.hear("pieces")).pieces.pieces[0].failed
        assert peer.store.state.damaged == {}


async def test_what_was_let_go_is_not_called_unreadable_when_a_disk_is_written(
    autojump_clock: trio.testing.MockClock,
) -> None:
    boxes = await released([LUCK.randbytes(500) for _ in range(3)])
    async with living(later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, no_new_life)
        (plan,) = await dropping.plan()
        await dropping.drop(OFFICE, plan.units)
        async with aclosing(Lacking(peer, NEWCOMER, OFFICE, 0).batches()) as batches:
            told = [(batch.upto, batch.items, batch.unreadable) async for batch in batches]
        assert told == [(3, [], [])]


async def test_one_blob_that_the_others_have_not_proven_keeps_its_whole_unit(
    autojump_clock: trio.testing.MockClock,
) -> None:
    boxes = await released([LUCK.randbytes(50) for _ in range(40)])
    late = LUCK.randbytes(50)
    async with living(boxes[0]) as office, living(boxes[1]) as peer:
        await put(office, [late])
        async with connected(office, peer):
            await until_proven(office, PEER, 41)
    async with living(later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, no_new_life)
        (plan,) = await dropping.plan()
        unit = BlobId.of(late).unit
        assert not plan.units >> unit & 1
        assert plan.kept == ((UnitVerdict.SET_DIFFERS, 1),)
        with pytest.raises(Rejected, match="freshly proven"):
            await dropping.drop(OFFICE, plan.units | 1 << unit)
        assert is_intact(await peer.store.reader.row(OFFICE, BlobId.of(late)))


async def test_nothing_goes_while_the_roster_gives_it_to_the_node_or_without_a_release(
    autojump_clock: trio.testing.MockClock,
) -> None:
    boxes = await released([LUCK.randbytes(50) for _ in range(5)])
    async with living(boxes[1]) as peer:
        assert await Dropping(peer, no_new_life).plan() == []
        job = Job()
        job.extra.delete(Family.SYSTEM, release_key(OFFICE))
        await peer.store.committer.commit(job)
    async with living(later(boxes[1], gives_back=False)) as peer:
        (plan,) = await Dropping(peer, no_new_life).plan()
        assert (plan.units, {reason for reason, _ in plan.kept}) == (0, {UnitVerdict.NO_RELEASE})


async def test_units_that_a_later_roster_gives_back_are_filled_again_and_signed_for_only_then(
    autojump_clock: trio.testing.MockClock,
) -> None:
    contents = [LUCK.randbytes(500) for _ in range(30)]
    boxes = await released(contents)
    leaver = later(boxes[1], gives_back=False)
    async with living(leaver) as peer:
        dropping = Dropping(peer, no_new_life)
        (plan,) = await dropping.plan()
        await dropping.drop(OFFICE, plan.units)
    back = [later(each, gives_back=True) for each in boxes]
    async with living(back[0]) as office, living(back[1]) as peer:
        assert await blobs_signed_for(peer) == 0
        async with connected(office, peer):
            with trio.fail_after(600):
                while peer.store.state.dropped_units.get(OFFICE):
                    await peer.store.state.grown.wait()
        assert peer.store.state.count(OFFICE).size_bytes == 30 * 500
        for content in contents:
            row = await peer.store.reader.row(OFFICE, BlobId.of(content))
            assert row is not None
            assert await peer.store.reader.read_whole(BlobId.of(content), row) == content
        assert await blobs_signed_for(peer) == 30
    async with living(back[1]) as peer:
        assert peer.store.state.dropped_units == {}


async def test_a_blob_that_nobody_has_holds_up_its_own_unit_alone_however_much_is_recorded(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Each recording was once taken for progress: the units behind the lost blob's were never asked for."""
    contents = sorted((LUCK.randbytes(500) for _ in range(30)), key=lambda content: BlobId.of(content).raw)
    lost = BlobId.of(contents[0])
    boxes = await released(contents)
    async with living(later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, no_new_life)
        (plan,) = await dropping.plan()
        await dropping.drop(OFFICE, plan.units)
    back = [later(each, gives_back=True) for each in boxes]
    async with living(back[0]) as office, living(back[1]) as peer, trio.open_nursery() as nursery:
        assert await office.store.mark_damaged(OFFICE, lost, FoundBy.SCRUB)
        nursery.start_soon(_record, office)
        async with connected(office, peer):
            with trio.fail_after(3600):
                while peer.store.state.dropped_units.get(OFFICE) != 1 << lost.unit:
                    await peer.store.state.grown.wait()
        nursery.cancel_scope.cancel()


async def _record(core: Core) -> None:
    """Something new more often than a reclaiming session has patience."""
    while True:
        await put(core, [LUCK.randbytes(50)])
        await trio.sleep(limits.BLOB_SILENCE_S / 2)


async def _give_back(nodes: list[Core]) -> None:
    """A new roster, in which the peer holds all of the office again, comes into force at these nodes."""
    holders = tuple(Share(number, all_units()) for number in (NEWCOMER, CENTRE, PEER))
    following = successor(nodes[0].rosters.signed, assignments=(HolderAssignment(OFFICE, holders),))
    for node in nodes:
        assert await node.rosters.offer([signed(following, "a", "b").encode()])


@pytest.mark.parametrize("hangs_up", [False, True], ids=["operator waits", "operator hangs up"])
async def test_what_is_going_while_a_roster_gives_it_back_is_fetched_again_and_signed_for_only_then(
    autojump_clock: trio.testing.MockClock, hangs_up: bool
) -> None:
    content = LUCK.randbytes(500)
    boxes = await released([content])
    office_box, leaver = (later(each, gives_back=False) for each in boxes[:2])
    async with living(office_box) as office, living(leaver) as peer, connected(office, peer):

        async def slows(reason: str) -> None:
            leaver.disk.pace = Pace(write_s=3 * limits.RECLAIM_LOOK_S)  # the unit is looked at before its rows are gone

        dropping = Dropping(peer, slows)
        (plan,) = await dropping.plan()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(dropping.drop, OFFICE, plan.units)
            await trio.testing.wait_all_tasks_blocked()
            await _give_back([office, peer])
            if hangs_up:
                nursery.cancel_scope.cancel()
        leaver.disk.pace = Pace()
        with trio.fail_after(600):
            while peer.store.state.dropped_units.get(OFFICE):
                await peer.store.state.grown.wait()
        assert is_intact(await peer.store.reader.row(OFFICE, BlobId.of(content)))
        assert await blobs_signed_for(peer) == 1


async def test_letting_go_that_was_cut_short_can_be_gone_on_with(autojump_clock: trio.testing.MockClock) -> None:
    """A unit that was begun was once left out of every later plan, and kept what was left of it for ever."""
    boxes = await released(_of_one_unit(3))
    async with living(later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, no_new_life)
        (plan,) = await dropping.plan()
        (first,) = await UnitRows(peer.store.kv, OFFICE, 5).group(None, 1)
        await dropping._commit(OFFICE, 1 << 5, [first])
        (left,) = await dropping.plan()
        assert (left.units, left.blobs) == (plan.units, plan.blobs - 1)
        assert await dropping.drop(OFFICE, left.units) == (left.blobs, left.size_bytes)
        assert await dropping.plan() == []


def _of_one_unit(count: int) -> list[bytes]:
    return [content for content in (LUCK.randbytes(500) for _ in range(1200)) if BlobId.of(content).unit == 5][:count]


async def test_what_comes_while_its_unit_goes_stays(autojump_clock: trio.testing.MockClock) -> None:
    """It may be the last copy, out of a store that was set aside: it once went with what the others had proven."""
    early, late = _of_one_unit(2)
    boxes = await released([early])
    async with living(boxes[0]) as office, living(later(boxes[1], gives_back=False)) as peer:
        await put(office, [late])
        row = await office.store.reader.row(OFFICE, BlobId.of(late))
        assert row is not None
        (signed_list,) = await office.store.reader.lists(OFFICE, [row.signed])
        assert signed_list is not None
        came = ForeignBlob(signed_list, row.signed.index, Content(len(late), [late]), PEER, Generation(1))

        async def comes(reason: str) -> None:
            await peer.store.committer.commit(Job(foreign=[came]))

        dropping = Dropping(peer, comes)
        (plan,) = await dropping.plan()
        assert await dropping.drop(OFFICE, plan.units) == (1, len(early))
        assert is_intact(await peer.store.reader.row(OFFICE, BlobId.of(late)))


async def test_nothing_is_signed_for_what_is_about_to_go(autojump_clock: trio.testing.MockClock) -> None:
    """A receipt of the new life for a unit whose turn had not come once outlived its bytes."""
    content = LUCK.randbytes(50)
    boxes = await released([content])
    said = []
    async with living(later(boxes[1], gives_back=False)) as peer:

        async def asks(reason: str) -> None:
            said.append(await commit_receipt(peer, OFFICE, 1, [BlobId.of(content)]))

        dropping = Dropping(peer, asks)
        (plan,) = await dropping.plan()
        await asks("before")
        await dropping.drop(OFFICE, plan.units)
    assert [words is not None for words in said] == [True, False]


@pytest.mark.parametrize("found_by", ["scrub", "audit"])
async def test_a_blob_that_was_let_go_of_a_unit_that_is_said_to_be_here_is_withdrawn_and_fetched(
    autojump_clock: trio.testing.MockClock, found_by: str
) -> None:
    """What an older version left behind when a roster gave a unit back while it went."""
    contents = [LUCK.randbytes(500) for _ in range(5)]
    boxes = await released(contents)
    async with living(later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, no_new_life)
        (plan,) = await dropping.plan()
        await dropping.drop(OFFICE, plan.units)
        job = Job()
        job.extra.delete(Family.SYSTEM, dropped_key(OFFICE))
        await peer.store.committer.commit(job)
    back = [later(each, gives_back=True) for each in boxes]
    settings = ScrubSettings(start_delay_s=1.0 if found_by == "scrub" else 1e6)
    async with living(back[0]) as office, living(back[1]) as peer:
        assert await blobs_signed_for(peer) == 5
        async with connected(office, peer), trio.open_nursery() as nursery:
            nursery.start_soon(Scrubber(peer, settings, no_new_life).run)
            if found_by == "audit":
                for content in contents:
                    assert await peer.store.inventories.audit(OFFICE, BlobId.of(content).unit)
            with trio.fail_after(600):
                while not all([is_intact(await peer.store.reader.row(OFFICE, BlobId.of(each))) for each in contents]):
                    await peer.store.state.grown.wait()
            await until_proven(office, PEER, 5)
            nursery.cancel_scope.cancel()
        assert peer.store.state.count(OFFICE).size_bytes == 5 * 500
        assert peer.store.state.damaged == {}
        assert [event.kind for _, event in await recent_events(peer.store.kv, 100)].count(EventKind.DAMAGED_BYTES) == 5


async def test_a_blob_that_was_let_go_of_a_unit_that_others_hold_is_said_to_be_gone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    boxes = await released([LUCK.randbytes(500) for _ in range(5)])
    leaver = later(boxes[1], gives_back=False)
    async with living(leaver) as peer:
        dropping = Dropping(peer, no_new_life)
        (plan,) = await dropping.plan()
        await dropping.drop(OFFICE, plan.units)
        job = Job()
        job.extra.delete(Family.SYSTEM, dropped_key(OFFICE))
        await peer.store.committer.commit(job)
    async with living(leaver) as peer:
        assert peer.store.state.dropped_units == {}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Scrubber(peer, ScrubSettings(start_delay_s=1.0), no_new_life).run)
            await trio.sleep(60)
            nursery.cancel_scope.cancel()
    async with living(leaver) as peer:
        assert peer.store.state.dropped_units == {OFFICE: plan.units}


async def test_a_damaged_index_under_a_unit_that_comes_back_ends_no_session(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [LUCK.randbytes(500) for _ in range(5)]
    boxes = await released(contents)
    async with living(later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, no_new_life)
        (plan,) = await dropping.plan()
        await dropping.drop(OFFICE, plan.units)
    back = [later(each, gives_back=True) for each in boxes]
    group, hurt = UnitRows.group, list[int]()

    async def damaged_once(self: UnitRows, after: BlobId | None, count_max: int) -> list[tuple[BlobId, BlobRow]]:
        if not hurt:
            hurt.append(self.unit)
            raise BlobDamaged("block checksum mismatch")
        return await group(self, after, count_max)

    monkeypatch.setattr(UnitRows, "group", damaged_once)
    async with living(back[0]) as office, living(back[1]) as peer, connected(office, peer):
        with trio.fail_after(600):
            while peer.store.state.dropped_units.get(OFFICE):
                await peer.store.state.grown.wait()
        assert await blobs_signed_for(peer) == 5
    assert hurt
