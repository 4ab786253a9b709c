"""A holder that leaves: its origin releases it once the others have proven everything, and not before."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from lumbung_cluster.ids import BlobId, NodeNumber, all_units
from lumbung_cluster.roster import HolderAssignment, Share
from lumbung_node.services.core import Core
from lumbung_node.services.session.releasing import load_release
from lumbung_testing.rosters import founding
from lumbung_testing.session_pair import CENTRE, LUCK, OFFICE, PEER, Box, box, connected, living, put, until_proven

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
