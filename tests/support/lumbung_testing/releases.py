"""An office whose copies move from a holder that leaves to a newcomer; released, and under later rosters."""

from __future__ import annotations

from dataclasses import replace

import trio
import trio.testing

from lumbung_cluster.ids import NodeNumber, all_units
from lumbung_cluster.receipt import Statement
from lumbung_cluster.roster import HolderAssignment, Share
from lumbung_node.services.core import Core
from lumbung_node.services.session.releasing import load_release
from lumbung_node.services.statements import inventory_receipt
from lumbung_testing.rosters import founding
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, Box, box, connected, living, put, until_proven

__all__ = [
    "NEWCOMER",
    "blobs_signed_for",
    "boxes_of_a_move",
    "later",
    "no_new_life",
    "release_number",
    "released",
    "until_released",
]

NEWCOMER = NodeNumber(3)


def boxes_of_a_move(*numbers: NodeNumber) -> list[Box]:
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


async def release_number(core: Core) -> int:
    """Of the newest release of the office's units that the node keeps; 0 for none."""
    release = await load_release(core, OFFICE)
    return release.content.number if release is not None else 0


async def until_released(core: Core, number: int) -> None:
    """Wait for a release up to that entry."""
    with trio.fail_after(300):
        while await release_number(core) < number:
            await core.store.state.grown.wait()  # every commit beats it, a release's too


async def blobs_signed_for(core: Core) -> int:
    """How many blobs an inventory receipt that is asked for now would prove."""
    raw = await inventory_receipt(core, OFFICE, 1)
    return sum(claim.blobs for claim in Statement.parse(raw.body).units) if raw is not None else 0


async def no_new_life(reason: str) -> None:
    """Stands for the replicator, which ends all sessions: here none is open."""


def later(leaver: Box, *, gives_back: bool) -> Box:
    """The same node under a later roster, in which it holds nothing of the office any more, or all of it again."""
    holders = (Share(NEWCOMER, all_units()), Share(CENTRE, all_units()))
    kept = (Share(PEER, all_units()),) if gives_back else ()
    roster = founding(assignments=[HolderAssignment(OFFICE, (*holders, *kept))])
    return replace(leaver, roster=roster)


async def released(contents: list[bytes]) -> list[Box]:
    """All three have everything, and the office has released the peer."""
    boxes = boxes_of_a_move(OFFICE, PEER, NEWCOMER, CENTRE)
    async with (
        living(boxes[0]) as office,
        living(boxes[1]) as peer,
        living(boxes[2]) as newcomer,
        living(boxes[3]) as centre,
    ):
        await put(office, contents)
        async with connected(office, newcomer), connected(office, centre), connected(office, peer):
            await until_released(peer, len(contents))
            await until_proven(office, PEER, len(contents))
    return boxes
