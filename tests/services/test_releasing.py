"""A holder that leaves: its origin releases it once the others have proven everything, and not before."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import BlobId, Generation, all_units
from lumbung_cluster.roster import HolderAssignment, Share
from lumbung_cluster.roster_node import Departure, NodeState
from lumbung_node.services.session.greeting import mark_message
from lumbung_node.services.session.releasing import load_release
from lumbung_node.services.session.stakes import own_stake
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.peer_faces import Facing, facing
from lumbung_testing.releases import (
    NEWCOMER,
    boxes_of_a_move,
    release_number,
    until_released,
)
from lumbung_testing.rosters import founding, signed, successor
from lumbung_testing.session_pair import CENTRE, LUCK, OFFICE, PEER, Box, box, connected, living, put, until_proven
from lumbung_testing.world import VirtualClock


async def test_a_leaving_holder_is_released_when_all_others_have_proven_everything(
    autojump_clock: trio.testing.MockClock,
) -> None:
    boxes = boxes_of_a_move(OFFICE, PEER, NEWCOMER, CENTRE)
    async with living(boxes[0]) as office, living(boxes[1]) as peer, living(boxes[2]) as newcomer:
        await put(office, [LUCK.randbytes(50) for _ in range(20)])
        async with connected(office, peer), connected(office, newcomer):
            await until_proven(office, NEWCOMER, 20)
            await trio.sleep(120)
            assert await release_number(peer) == 0  # the centre has proven nothing yet
            async with living(boxes[3]) as centre, connected(office, centre):
                await until_proven(office, CENTRE, 20)
                await until_released(peer, 20)
    async with living(boxes[1]) as peer:
        release = await load_release(peer, OFFICE)
    assert release is not None
    assert release.content.holders == (NEWCOMER, CENTRE)
    assert sum(claim.blobs for claim in release.content.units) == 20


async def test_a_unit_in_which_the_origin_is_damaged_stays_out_of_the_release(
    autojump_clock: trio.testing.MockClock,
) -> None:
    boxes = boxes_of_a_move(OFFICE, PEER, NEWCOMER, CENTRE)
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
            await until_released(peer, 20)
        release = await load_release(peer, OFFICE)
    assert release is not None
    assert damaged.unit not in {claim.unit for claim in release.content.units}
    assert len(release.content.units) == 63


@pytest.mark.parametrize("answers", [True, False])
async def test_a_peer_tells_what_of_its_own_is_at_stake(autojump_clock: trio.testing.MockClock, answers: bool) -> None:
    boxes = boxes_of_a_move(OFFICE, CENTRE)
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
    boxes = boxes_of_a_move(OFFICE, PEER, NEWCOMER, CENTRE)
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
