"""The drain report that a leaving node makes of what really lies there."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.testing

from lumbung_cluster.drain import AtStake, blobs_at_stake, judge_drain
from lumbung_cluster.errors import Rejected
from lumbung_cluster.ids import BlobId, NodeNumber, all_units
from lumbung_cluster.release import UnitVerdict
from lumbung_cluster.roster import HolderAssignment, Share
from lumbung_node.services.core import Core
from lumbung_node.services.draining import drain_report
from lumbung_node.services.dropping import Dropping
from lumbung_node.services.session.releasing import load_release
from lumbung_node.store.events import FoundBy
from lumbung_testing.rosters import TestVerifier, founding
from lumbung_testing.session_pair import CENTRE, LUCK, OFFICE, PEER, Box, box, connected, living, put, until_proven

NEWCOMER = NodeNumber(3)


def _boxes(*numbers: NodeNumber) -> list[Box]:
    """The office's copies move from PEER, which leaves, to NEWCOMER; the centre keeps its own."""
    stay = (Share(NEWCOMER, all_units()), Share(CENTRE, all_units()))
    peers = HolderAssignment(PEER, stay)
    roster = founding(assignments=[HolderAssignment(OFFICE, stay, (Share(PEER, all_units()),)), peers])
    boxes = [box(number) for number in numbers]
    for each in boxes:
        each.roster = roster
    return boxes


async def _at_stake(core: Core) -> list[tuple[int, int, str]]:
    report = await drain_report(core)
    assert judge_drain(core.rosters.roster, report, TestVerifier()) is None
    found = blobs_at_stake(core.rosters.roster, report.content, TestVerifier())
    return [(each.origin, each.blobs, each.reason) for each in found]


async def test_a_node_is_drained_once_the_others_have_proven_what_lies_there(
    autojump_clock: trio.testing.MockClock,
) -> None:
    boxes = _boxes(OFFICE, PEER, NEWCOMER, CENTRE)
    async with living(boxes[0]) as office, living(boxes[1]) as peer, living(boxes[2]) as newcomer:
        await put(office, [LUCK.randbytes(50) for _ in range(20)])
        async with connected(office, peer), connected(office, newcomer):
            await until_proven(office, PEER, 20)
            await until_proven(office, NEWCOMER, 20)
            assert await _at_stake(peer) == [(OFFICE, 20, UnitVerdict.NO_RELEASE)]
            async with living(boxes[3]) as centre, connected(office, centre):
                await until_proven(office, CENTRE, 20)
                with trio.fail_after(300):
                    while await load_release(peer, OFFICE) is None:
                        await peer.store.state.grown.wait()
        assert await _at_stake(peer) == []


async def test_its_own_recordings_that_nobody_has_are_at_stake() -> None:
    (own,) = _boxes(PEER)
    async with living(own) as peer:
        await put(peer, [LUCK.randbytes(50) for _ in range(3)])
        assert await _at_stake(peer) == [(PEER, 3, AtStake.OWN)]


async def test_a_machine_that_another_life_has_stopped_signs_no_report() -> None:
    (own,) = _boxes(PEER)
    async with living(own) as peer:
        peer.condition.stopped = True
        with pytest.raises(Rejected, match="another machine"):
            await drain_report(peer)


def _under(at: Box, *, holds: bool = False, leaves: bool = False) -> Box:
    """The same node under a later roster, in which the peer holds all of the office again, leaves it, or neither."""
    here = (Share(PEER, all_units()),)
    stay = (Share(NEWCOMER, all_units()), Share(CENTRE, all_units()), *(here if holds else ()))
    return replace(at, roster=founding(assignments=[HolderAssignment(OFFICE, stay, here if leaves else ())]))


async def _no_new_life(reason: str) -> None:
    """Stands for the replicator, which ends all sessions: here none is open."""


async def _released(contents: list[bytes]) -> tuple[Box, Box]:
    """The office, and the peer that it has released: all holders have proven everything."""
    boxes = _boxes(OFFICE, PEER, NEWCOMER, CENTRE)
    async with (
        living(boxes[0]) as office,
        living(boxes[1]) as peer,
        living(boxes[2]) as newcomer,
        living(boxes[3]) as centre,
    ):
        await put(office, contents)
        async with connected(office, newcomer), connected(office, centre), connected(office, peer):
            with trio.fail_after(300):
                while (word := await load_release(peer, OFFICE)) is None or word.content.number < len(contents):
                    await peer.store.state.grown.wait()
    return boxes[0], boxes[1]


async def test_what_came_into_a_unit_that_was_once_let_go_and_is_not_whole_yet_is_at_stake(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It was once left out though its copy counted: the node was drained, and took the only other one along."""
    contents = [content for content in (LUCK.randbytes(500) for _ in range(2000)) if BlobId.of(content).unit == 5]
    fine, broken, late = contents[:3]
    at_office, at_peer = await _released([fine, broken])
    async with living(_under(at_peer)) as peer:
        dropping = Dropping(peer, _no_new_life)
        (plan,) = await dropping.plan()
        await dropping.drop(OFFICE, plan.units)
        assert await _at_stake(peer) == []
    async with living(_under(at_office, holds=True)) as office, living(_under(at_peer, holds=True)) as peer:
        assert await office.store.mark_damaged(
            OFFICE, BlobId.of(broken), FoundBy.SCRUB
        )  # it cannot come back from there
        await put(office, [late])
        async with connected(office, peer):
            await trio.sleep(3600)
        assert office.store.proofs.ledger.account(PEER).has(3)
    async with living(_under(at_peer, leaves=True)) as peer:
        assert await _at_stake(peer) == [(OFFICE, 3, UnitVerdict.SET_DIFFERS)]
