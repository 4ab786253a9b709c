"""A holder that leaves: its origin releases it once the others have proven everything, and not before."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.errors import BlobDamaged, Rejected, StatusCode
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import BlobId, Generation, NodeNumber, all_units
from lumbung_cluster.receipt import Statement
from lumbung_cluster.release import UnitVerdict
from lumbung_cluster.roster import HolderAssignment, Share
from lumbung_cluster.roster_node import Departure, NodeState
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.bundles.batches import Lacking
from lumbung_node.services.copies import CopyBook
from lumbung_node.services.core import Core
from lumbung_node.services.dropping import Dropping
from lumbung_node.services.giving import Giving
from lumbung_node.services.reading import Reading
from lumbung_node.services.scrub.scrubber import Scrubber
from lumbung_node.services.session.greeting import mark_message
from lumbung_node.services.session.releasing import load_release, release_key
from lumbung_node.services.session.stakes import own_stake
from lumbung_node.services.statements import commit_receipt, inventory_receipt
from lumbung_node.store.events import EventKind, FoundBy, recent_events
from lumbung_node.store.jobs import Content, ForeignBlob, Job
from lumbung_node.store.layout import BlobRow, dropped_key
from lumbung_node.store.reads import is_intact
from lumbung_node.store.unit_rows import UnitRows
from lumbung_proto.v1 import blobs_pb2, peer_pb2
from lumbung_testing.direct_channel import DirectChannel
from lumbung_testing.peer_faces import Facing, facing
from lumbung_testing.rosters import founding, signed, successor
from lumbung_testing.session_pair import CENTRE, LUCK, OFFICE, PEER, Box, box, connected, living, put, until_proven
from lumbung_testing.virtual_disk import Pace
from lumbung_testing.world import VirtualClock
from lumbung_tools.client.methods import GET, LIST, STAT

NEWCOMER = NodeNumber(3)


def _boxes(*numbers: NodeNumber) -> list[Box]:
    """The office's copies move from PEER, which leaves, to NEWCOMER; the centre keeps its own."""
    roster = founding(
        assignments=[
            HolderAssignment(
                OFFICE,
                (Share(NEWCOMER, all_units()), Share(CENTRE, all_units())),
                (Share(PEER, all_units()),),
            )
        ]
    )
    boxes = [box(number) for number in numbers]
    for each in boxes:
        each.roster = roster
    return boxes


async def _release_number(core: Core) -> int:
    release = await load_release(core, OFFICE)
    return release.content.number if release is not None else 0


async def _until_released(core: Core, number: int) -> None:
    with trio.fail_after(300):
        while await _release_number(core) < number:
            await core.store.state.grown.wait()  # every commit beats it, a release's too


async def test_a_leaving_holder_is_released_when_all_others_have_proven_everything(
    autojump_clock: trio.testing.MockClock,
) -> None:
    boxes = _boxes(OFFICE, PEER, NEWCOMER, CENTRE)
    async with living(boxes[0]) as office, living(boxes[1]) as peer, living(boxes[2]) as newcomer:
        await put(office, [LUCK.randbytes(50) for _ in range(20)])
        async with connected(office, peer), connected(office, newcomer):
            await until_proven(office, NEWCOMER, 20)
            await trio.sleep(120)
            assert await _release_number(peer) == 0  # the centre has proven nothing yet
            async with living(boxes[3]) as centre, connected(office, centre):
                await until_proven(office, CENTRE, 20)
                await _until_released(peer, 20)
    async with living(boxes[1]) as peer:
        release = await load_release(peer, OFFICE)
    assert release is not None
    assert release.content.holders == (NEWCOMER, CENTRE)
    assert sum(claim.blobs for claim in release.content.units) == 20


async def test_a_unit_in_which_the_origin_is_damaged_stays_out_of_the_release(
    autojump_clock: trio.testing.MockClock,
) -> None:
    boxes = _boxes(OFFICE, PEER, NEWCOMER, CENTRE)
    contents = [LUCK.randbytes(50) for _ in range(20)]
    damaged = BlobId.of(contents[7])
    async with (
        living(boxes[0]) as office,
        living(boxes[1]) as peer,
        living(boxes[2]) as newcomer,
        living(boxes[3]) as centre,
    ):
        await put(office, contents)
        async with connected(office, newcomer), connected(office, centre):
            await until_proven(office, NEWCOMER, 20)
            await until_proven(office, CENTRE, 20)
        await office.found_damage(OFFICE, damaged)
        async with connected(office, peer):
            await _until_released(peer, 20)
        release = await load_release(peer, OFFICE)
    assert release is not None
    assert damaged.unit not in {claim.unit for claim in release.content.units}
    assert len(release.content.units) == 63


@pytest.mark.parametrize("answers", [True, False])
async def test_a_peer_tells_what_of_its_own_is_at_stake(autojump_clock: trio.testing.MockClock, answers: bool) -> None:
    boxes = _boxes(OFFICE, CENTRE)
    async with living(boxes[0]) as office, living(boxes[1]) as centre:
        await put(office, [LUCK.randbytes(50) for _ in range(5)])
        async with connected(office, centre) as (_, at_centre):
            await until_proven(office, CENTRE, 5)
            if not answers:
                at_centre.stakes._link = _Deaf()  # type: ignore[assignment]
            stake = await at_centre.stakes.ask(CENTRE)
    if answers:
        assert stake is not None
        assert (stake.blobs, stake.with_one_copy) == (5, 5)
    else:
        assert stake is None


class _Deaf:
    async def send(self, frame: object) -> None:
        await trio.lowlevel.checkpoint()


async def test_a_release_that_is_dated_ahead_is_not_kept_and_the_next_is_once_the_clock_is_right(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Dated a year ahead it was once fresh for a year, whatever the holders had lost since."""
    boxes = _boxes(OFFICE, PEER, NEWCOMER, CENTRE)
    async with (
        living(boxes[0]) as office,
        living(boxes[1]) as peer,
        living(boxes[2]) as newcomer,
        living(boxes[3]) as centre,
    ):
        assert isinstance(office.clock, VirtualClock)
        office.clock.offset_ms = 365 * 24 * 3600 * 1000
        await put(office, [LUCK.randbytes(50) for _ in range(5)])
        async with connected(office, newcomer), connected(office, centre), connected(office, peer):
            await trio.sleep(300)
            assert boxes[1].log.said("release dated ahead")
            assert await load_release(peer, OFFICE) is None
            office.clock.offset_ms = 0
            with trio.fail_after(2 * limits.RELEASE_INTERVAL_S):  # the same session: nobody was cut off
                while await load_release(peer, OFFICE) is None:
                    await peer.store.state.grown.wait()


async def test_nothing_is_released_by_what_a_new_holder_was_not_to_hold_before(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The session still lived when the roster was in force, and the ledger was that of the one before: what a holder
    had passed over was released as proven there."""
    low = (1 << 32) - 1
    centre_share, shared = Share(CENTRE, all_units()), (Share(PEER, low), Share(NEWCOMER, all_units() & ~low))
    boxes = [box(number) for number in (OFFICE, PEER, NEWCOMER, CENTRE)]
    for each in boxes:
        each.roster = founding(assignments=[HolderAssignment(OFFICE, (*shared, centre_share))])
    moved = HolderAssignment(OFFICE, (Share(NEWCOMER, all_units()), centre_share), (Share(PEER, low),))
    later = signed(successor(signed(boxes[0].roster, "a", "b"), assignments=(moved,)), "a", "b").encode()
    async with (
        living(boxes[0]) as office,
        living(boxes[1]) as peer,
        living(boxes[2]) as newcomer,
        living(boxes[3]) as centre,
    ):
        await put(office, [LUCK.randbytes(500) for _ in range(20)])
        async with connected(office, newcomer), connected(office, centre):
            await until_proven(office, NEWCOMER, 20)
            await until_proven(office, CENTRE, 20)
        async with connected(office, peer):
            await until_proven(office, PEER, 20)
            for core in (office, peer):
                assert await core.rosters.offer([later])
            await trio.sleep(2 * limits.RELEASE_LOOK_S)
            assert await load_release(peer, OFFICE) is None


def _one_that_goes() -> tuple[list[Box], bytes]:
    """All under a roster in which the peer has everything, half of it leaving; and the next one, without that half."""
    low, high = (1 << 32) - 1, all_units() >> 32 << 32
    holders = (Share(PEER, low), Share(NEWCOMER, high), Share(CENTRE, all_units()))
    boxes = [box(number) for number in (OFFICE, PEER, CENTRE)]
    for each in boxes:
        each.roster = founding(assignments=[HolderAssignment(OFFICE, holders, (Share(PEER, high),))])
    gone = HolderAssignment(OFFICE, holders)
    return boxes, signed(successor(signed(boxes[0].roster, "a", "b"), assignments=(gone,)), "a", "b").encode()


async def test_what_a_new_roster_takes_from_a_holder_is_no_copy_there_by_the_one_before(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The session still lived, and passed it over in a ledger that is counted by the roster before: whoever asked in
    that second whether a node may stop was told of copies that nobody has."""
    boxes, later = _one_that_goes()
    async with (
        living(boxes[0]) as office,
        living(boxes[1]) as peer,
        living(boxes[2]) as centre,
        facing(office, peer) as face,
    ):
        await face.hear("hello")
        await trio.sleep(1)
        await put(office, [LUCK.randbytes(500) for _ in range(20)])
        async with connected(office, centre):
            await until_proven(office, CENTRE, 20)
        await _applied(face)
        before = own_stake(office, CENTRE)
        assert await office.rosters.offer([later])
        await trio.sleep(limits.INVENTORY_ANSWER_S + 2 * limits.PROVE_INTERVAL_S)
        assert own_stake(office, CENTRE) == before
        await put(office, [LUCK.randbytes(500) for _ in range(20)])
        await _applied(face)
        assert office.store.proofs.ledger.account(PEER).unproven(40, 40) == list(range(1, 41))


async def _applied(face: Facing) -> None:
    """Say so of the next offer, and prove nothing."""
    offer = (await face.hear("offer")).offer
    mark = mark_message(OFFICE, Mark(Generation(1), offer.upto, offer.running_hash))
    await face.say(applied=peer_pb2.Applied(offer=offer.offer, mark=mark))
    await trio.sleep(1)


async def test_an_inventory_receipt_passes_over_nothing_that_was_the_holders_by_the_roster_before(
    autojump_clock: trio.testing.MockClock,
) -> None:
    boxes, later = _one_that_goes()
    contents = [LUCK.randbytes(500) for _ in range(20)]
    async with living(boxes[0]) as office, living(boxes[1]) as peer, living(boxes[2]) as centre:
        await put(office, contents)
        async with connected(office, centre):
            await until_proven(office, CENTRE, 20)
        assert await peer.rosters.offer([later])
        async with connected(office, peer):
            await trio.sleep(3 * limits.INVENTORY_RECEIPT_INTERVAL_S)
            assert office.store.covers.newest(PEER) is not None
            assert own_stake(office, CENTRE).with_one_copy == sum(BlobId.of(content).unit >= 32 for content in contents)


async def test_what_lay_at_a_node_that_a_new_roster_calls_gone_is_no_copy_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It was counted until the ledger was read anew: who asked in that second was told that the last copy may go."""
    boxes = [box(number) for number in (OFFICE, PEER, CENTRE)]
    shares = (Share(PEER, all_units()), Share(CENTRE, all_units()))
    for each in boxes:
        each.roster = founding(assignments=[HolderAssignment(OFFICE, shares)])
    held = signed(boxes[0].roster, "a", "b")
    departure = Departure(2, None, "Sri", "kebakaran")
    nodes = tuple(
        replace(node, state=NodeState.GONE, departure=departure) if node.number == PEER else node
        for node in boxes[0].roster.nodes
    )
    left = HolderAssignment(OFFICE, (Share(NEWCOMER, all_units()), Share(CENTRE, all_units())))
    later = signed(successor(held, nodes=nodes, assignments=(left,)), "a", "b").encode()
    async with living(boxes[0]) as office, living(boxes[1]) as peer, living(boxes[2]) as centre:
        await put(office, [LUCK.randbytes(500) for _ in range(5)])
        async with connected(office, centre), connected(office, peer):
            await until_proven(office, CENTRE, 5)
            await until_proven(office, PEER, 5)
        assert own_stake(office, CENTRE).is_safe
        assert await office.rosters.offer([later])
        stake = own_stake(office, CENTRE)
        assert (stake.without_copy, stake.with_one_copy) == (0, 5)


# --- letting go ----------------------------------------------------------------------------------------------------


async def _blobs_signed_for(core: Core) -> int:
    """How many blobs an inventory receipt that is asked for now would prove."""
    raw = await inventory_receipt(core, OFFICE, 1)
    return sum(claim.blobs for claim in Statement.parse(raw.body).units) if raw is not None else 0


async def _no_new_life(reason: str) -> None:
    """Stands for the replicator, which ends all sessions: here none is open."""


def _later(leaver: Box, *, gives_back: bool) -> Box:
    """The same node under a later roster, in which it holds nothing of the office any more, or all of it again."""
    holders = (Share(NEWCOMER, all_units()), Share(CENTRE, all_units()))
    kept = (Share(PEER, all_units()),) if gives_back else ()
    roster = founding(assignments=[HolderAssignment(OFFICE, (*holders, *kept))])
    return replace(leaver, roster=roster)


async def _released(contents: list[bytes]) -> list[Box]:
    """All three have everything, and the office has released the peer."""
    boxes = _boxes(OFFICE, PEER, NEWCOMER, CENTRE)
    async with (
        living(boxes[0]) as office,
        living(boxes[1]) as peer,
        living(boxes[2]) as newcomer,
        living(boxes[3]) as centre,
    ):
        await put(office, contents)
        async with connected(office, newcomer), connected(office, centre), connected(office, peer):
            await _until_released(peer, len(contents))
            await until_proven(office, PEER, len(contents))
    return boxes


async def test_released_units_go_and_nothing_of_them_is_said_to_be_here(
    autojump_clock: trio.testing.MockClock,
) -> None:
    contents = [LUCK.randbytes(5000) for _ in range(40)]
    boxes = await _released(contents)
    async with living(_later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, _no_new_life)
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
    boxes = await _released(contents)
    async with living(_later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, _no_new_life)
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


async def test_a_blob_that_was_let_go_while_a_peer_asked_for_it_is_no_damage(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It was offered before its turn to go came, and its row is read when the peer wants it."""
    content = LUCK.randbytes(500)
    boxes, unit = await _released([content]), 1 << BlobId.of(content).unit
    shares = (Share(NEWCOMER, all_units()), Share(CENTRE, all_units()), Share(PEER, all_units() & ~unit))
    roster = founding(assignments=[HolderAssignment(OFFICE, shares)])
    peer_box, newcomer_box = (replace(each, roster=roster) for each in boxes[1:3])
    async with living(peer_box) as peer, living(newcomer_box) as newcomer, facing(peer, newcomer) as face:
        await face.say(need=peer_pb2.Need(origin=OFFICE, ids=[BlobId.of(content).raw]))
        offer = (await face.hear("offer")).offer
        assert await Dropping(peer, _no_new_life).drop(OFFICE, unit) == (1, 500)
        await face.say(want=peer_pb2.Want(offer=offer.offer, wanted=b"\1"))
        assert (await face.hear("pieces")).pieces.pieces[0].failed
        assert peer.store.state.damaged == {}


async def test_what_was_let_go_is_not_called_unreadable_when_a_disk_is_written(
    autojump_clock: trio.testing.MockClock,
) -> None:
    boxes = await _released([LUCK.randbytes(500) for _ in range(3)])
    async with living(_later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, _no_new_life)
        (plan,) = await dropping.plan()
        await dropping.drop(OFFICE, plan.units)
        async with aclosing(Lacking(peer, NEWCOMER, OFFICE, 0).batches()) as batches:
            told = [(batch.upto, batch.items, batch.unreadable) async for batch in batches]
        assert told == [(3, [], [])]


async def test_one_blob_that_the_others_have_not_proven_keeps_its_whole_unit(
    autojump_clock: trio.testing.MockClock,
) -> None:
    boxes = await _released([LUCK.randbytes(50) for _ in range(40)])
    late = LUCK.randbytes(50)
    async with living(boxes[0]) as office, living(boxes[1]) as peer:
        await put(office, [late])
        async with connected(office, peer):
            await until_proven(office, PEER, 41)
    async with living(_later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, _no_new_life)
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
    boxes = await _released([LUCK.randbytes(50) for _ in range(5)])
    async with living(boxes[1]) as peer:
        assert await Dropping(peer, _no_new_life).plan() == []
        job = Job()
        job.extra.delete(Family.SYSTEM, release_key(OFFICE))
        await peer.store.committer.commit(job)
    async with living(_later(boxes[1], gives_back=False)) as peer:
        (plan,) = await Dropping(peer, _no_new_life).plan()
        assert (plan.units, {reason for reason, _ in plan.kept}) == (0, {UnitVerdict.NO_RELEASE})


async def test_units_that_a_later_roster_gives_back_are_filled_again_and_signed_for_only_then(
    autojump_clock: trio.testing.MockClock,
) -> None:
    contents = [LUCK.randbytes(500) for _ in range(30)]
    boxes = await _released(contents)
    leaver = _later(boxes[1], gives_back=False)
    async with living(leaver) as peer:
        dropping = Dropping(peer, _no_new_life)
        (plan,) = await dropping.plan()
        await dropping.drop(OFFICE, plan.units)
    back = [_later(each, gives_back=True) for each in boxes]
    async with living(back[0]) as office, living(back[1]) as peer:
        assert await _blobs_signed_for(peer) == 0
        async with connected(office, peer):
            with trio.fail_after(600):
                while peer.store.state.dropped_units.get(OFFICE):
                    await peer.store.state.grown.wait()
        assert peer.store.state.count(OFFICE).size_bytes == 30 * 500
        for content in contents:
            row = await peer.store.reader.row(OFFICE, BlobId.of(content))
            assert row is not None
            assert await peer.store.reader.read_whole(BlobId.of(content), row) == content
        assert await _blobs_signed_for(peer) == 30
    async with living(back[1]) as peer:
        assert peer.store.state.dropped_units == {}


async def test_a_blob_that_nobody_has_holds_up_its_own_unit_alone_however_much_is_recorded(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Each recording was once taken for progress: the units behind the lost blob's were never asked for."""
    contents = sorted((LUCK.randbytes(500) for _ in range(30)), key=lambda content: BlobId.of(content).raw)
    lost = BlobId.of(contents[0])
    boxes = await _released(contents)
    async with living(_later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, _no_new_life)
        (plan,) = await dropping.plan()
        await dropping.drop(OFFICE, plan.units)
    back = [_later(each, gives_back=True) for each in boxes]
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
    boxes = await _released([content])
    office_box, leaver = (_later(each, gives_back=False) for each in boxes[:2])
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
        assert await _blobs_signed_for(peer) == 1


async def test_letting_go_that_was_cut_short_can_be_gone_on_with(autojump_clock: trio.testing.MockClock) -> None:
    """A unit that was begun was once left out of every later plan, and kept what was left of it for ever."""
    boxes = await _released(_of_one_unit(3))
    async with living(_later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, _no_new_life)
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
    boxes = await _released([early])
    async with living(boxes[0]) as office, living(_later(boxes[1], gives_back=False)) as peer:
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
    boxes = await _released([content])
    said = []
    async with living(_later(boxes[1], gives_back=False)) as peer:

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
    boxes = await _released(contents)
    async with living(_later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, _no_new_life)
        (plan,) = await dropping.plan()
        await dropping.drop(OFFICE, plan.units)
        job = Job()
        job.extra.delete(Family.SYSTEM, dropped_key(OFFICE))
        await peer.store.committer.commit(job)
    back = [_later(each, gives_back=True) for each in boxes]
    settings = ScrubSettings(start_delay_s=1.0 if found_by == "scrub" else 1e6)
    async with living(back[0]) as office, living(back[1]) as peer:
        assert await _blobs_signed_for(peer) == 5
        async with connected(office, peer), trio.open_nursery() as nursery:
            nursery.start_soon(Scrubber(peer, settings, _no_new_life).run)
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
    boxes = await _released([LUCK.randbytes(500) for _ in range(5)])
    leaver = _later(boxes[1], gives_back=False)
    async with living(leaver) as peer:
        dropping = Dropping(peer, _no_new_life)
        (plan,) = await dropping.plan()
        await dropping.drop(OFFICE, plan.units)
        job = Job()
        job.extra.delete(Family.SYSTEM, dropped_key(OFFICE))
        await peer.store.committer.commit(job)
    async with living(leaver) as peer:
        assert peer.store.state.dropped_units == {}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Scrubber(peer, ScrubSettings(start_delay_s=1.0), _no_new_life).run)
            await trio.sleep(60)
            nursery.cancel_scope.cancel()
    async with living(leaver) as peer:
        assert peer.store.state.dropped_units == {OFFICE: plan.units}


async def test_a_damaged_index_under_a_unit_that_comes_back_ends_no_session(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [LUCK.randbytes(500) for _ in range(5)]
    boxes = await _released(contents)
    async with living(_later(boxes[1], gives_back=False)) as peer:
        dropping = Dropping(peer, _no_new_life)
        (plan,) = await dropping.plan()
        await dropping.drop(OFFICE, plan.units)
    back = [_later(each, gives_back=True) for each in boxes]
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
        assert await _blobs_signed_for(peer) == 5
    assert hurt
