"""A refill is over when everything that every holder has is here, not when the numbers are equal."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.rebuild import Progress, Rebuild
from lumbung_node.services.reconcile_report import Reason
from lumbung_node.store.layout import place_key
from lumbung_testing.linked_nodes import LinkedNode, until_up
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, Box, box, living, put
from lumbung_testing.virtual_network import VirtualNetwork

NEIGHBOUR = NodeNumber(3)  # the office holds its recordings
CONTENTS = [b"recording %d" % number for number in range(30)]


@dataclass(frozen=True, slots=True)
class Refilling:
    """An office with an empty disk, its holders, and what it says of its refill."""

    office: Core
    here: LinkedNode
    rebuild: Rebuild

    def progress(self) -> Progress:
        progress = self.rebuild.progress()
        assert progress is not None
        return progress


@asynccontextmanager
async def _linked(network: VirtualNetwork, *cores: Core) -> AsyncIterator[list[LinkedNode]]:
    async with trio.open_nursery() as nursery:
        nodes = [LinkedNode(network, core) for core in cores]
        for node in nodes:
            await nursery.start(node.serve)
            nursery.start_soon(node.replicator.run)
        yield nodes
        nursery.cancel_scope.cancel()


async def _until_full(core: Core, count: int) -> None:
    with trio.fail_after(300):
        while core.store.state.count(OFFICE).blobs < count:
            await core.store.state.grown.wait()


async def _until_over(core: Core, patience_s: float) -> bool:
    with trio.move_on_after(patience_s):
        while core.store.state.rebuild_since_ms:  # noqa: ASYNC110 (polled)
            await trio.sleep(1)
    return not core.store.state.rebuild_since_ms


@asynccontextmanager
async def _wiped(peer_box: Box, centre_box: Box, lost: BlobId | None = None) -> AsyncIterator[Refilling]:
    """The office's disk is empty, and `lost` was lost at the centre, which noticed nothing."""
    network, office_box = VirtualNetwork(random.Random(5)), box(OFFICE)
    async with living(peer_box) as peer, living(centre_box) as centre, living(box(NEIGHBOUR)) as neighbour:
        async with living(office_box) as office, _linked(network, office, peer, centre):
            await put(office, CONTENTS)
            await _until_full(peer, len(CONTENTS))
            await _until_full(centre, len(CONTENTS))
        office_box.disk.wipe()
        async with living(office_box) as office:
            assert office.store.state.rebuild_since_ms
            if lost is not None:
                for holder, core in ((peer_box, peer), (centre_box, centre)):
                    row = await core.store.reader.row(OFFICE, lost)
                    assert row is not None
                    holder.disk.lose(Family.CHUNKS, place_key(row.place))
            async with (
                _linked(network, office, peer, centre, neighbour) as (here, *_),
                trio.open_nursery() as nursery,
            ):
                rebuild = Rebuild(office, here.replicator)
                nursery.start_soon(rebuild.run)
                yield Refilling(office, here, rebuild)
                nursery.cancel_scope.cancel()


async def test_a_refill_ends_when_every_holders_set_is_here(autojump_clock: trio.testing.MockClock) -> None:
    async with _wiped(box(PEER), box(CENTRE)) as refilling:
        assert set(refilling.progress().unmet) == {PEER, NEIGHBOUR, CENTRE}
        assert await _until_over(refilling.office, 600)
        assert refilling.office.store.state.count(OFFICE).blobs == len(CONTENTS)


async def test_who_refills_an_empty_disk_asks_its_holders_at_once(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two seconds were a quarter of the refill of 600 MB."""
    async with _wiped(box(PEER), box(CENTRE)) as refilling:
        monkeypatch.setattr(limits, "RECONCILE_RETRY_S_MIN", 1e6)  # nobody asks by himself in time
        await _until_full(refilling.office, len(CONTENTS))


async def test_new_recordings_do_not_stand_for_lost_ones(autojump_clock: trio.testing.MockClock) -> None:
    """As many are here as at the holders, and one of theirs is not."""
    lost = BlobId.of(CONTENTS[4])
    async with _wiped(box(PEER), box(CENTRE), lost) as refilling:
        office = refilling.office
        await until_up(refilling.here, PEER)
        await put(office, [b"new %d" % number for number in range(5)])
        await _until_full(office, len(CONTENTS) + 4)
        assert not await _until_over(office, 600)
        progress = refilling.progress()
        assert progress.here.blobs == progress.known.blobs
        assert {(pair.partner, pair.origin) for pair in progress.open_pairs} <= {(PEER, OFFICE), (CENTRE, OFFICE)}
        assert Reason.NO_GOOD_BYTES in {pair.reason for pair in progress.open_pairs}
        assert max(pair.lacking for pair in progress.open_pairs) == 1
