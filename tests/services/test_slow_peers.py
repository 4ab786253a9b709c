"""Peers on slow lines get on, and whoever crawls holds nobody up."""

from __future__ import annotations

import random

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_node.services.budget import ByteBudget
from lumbung_testing.linked_nodes import LinkedNode, host
from lumbung_testing.session_pair import CENTRE, LUCK, OFFICE, PEER, Box, box, connected, living, put, until_proven
from lumbung_testing.virtual_disk import Pace
from lumbung_testing.virtual_network import LineShape, VirtualNetwork

_SLOWEST = LineShape(latency_s=0.3, bytes_per_s=16_000)  # 128 kbit/s over a satellite
_CRAWLING = LineShape(bytes_per_s=2_000)  # below the least rate


def _refusals(box: Box) -> list[object]:
    return [said["reason"] for said in box.log.said("offer refused")]


async def test_a_backlog_crosses_the_slowest_line_and_nothing_of_it_is_sent_twice(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Pieces once grew to a minute of such a line, so that the receiver took it for silent and nothing ever came."""
    network = VirtualNetwork(random.Random(1), shape=_SLOWEST)
    blobs, size = 30, 300 * limits.KIB
    office_box = box(OFFICE)
    async with living(office_box) as office, living(box(CENTRE)) as centre, trio.open_nursery() as nursery:
        node, partner = LinkedNode(network, office), LinkedNode(network, centre)
        await put(office, [LUCK.randbytes(size) for _ in range(blobs)])
        nursery.start_soon(partner.replicator.run)
        await nursery.start(partner.serve)
        nursery.start_soon(node.replicator.run)
        with trio.fail_after(1.15 * blobs * size / _SLOWEST.bytes_per_s):
            while office.store.proofs.ledger.account(CENTRE).upto < blobs:
                await office.store.proofs.changed.wait()
        assert _refusals(office_box) == []
        nursery.cancel_scope.cancel()


async def test_a_put_that_comes_while_a_backlog_crosses_the_slowest_line_waits_seconds_for_its_turn(
    autojump_clock: trio.testing.MockClock,
) -> None:
    network = VirtualNetwork(random.Random(1), shape=_SLOWEST)
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre, trio.open_nursery() as nursery:
        node, partner = LinkedNode(network, office), LinkedNode(network, centre)
        await put(office, [LUCK.randbytes(300 * limits.KIB) for _ in range(30)])
        nursery.start_soon(partner.replicator.run)
        await nursery.start(partner.serve)
        nursery.start_soon(node.replicator.run)
        await trio.sleep(60)
        assert centre.foreign_memory.taken_bytes <= 2 * limits.MIB  # offers are small on such a line
        await put(office, [b"a citizen waits"])
        with trio.fail_after(20):
            while 31 not in office.store.proofs.ledger.account(CENTRE).beyond:
                await office.store.proofs.changed.wait()
        nursery.cancel_scope.cancel()


async def test_whoever_crawls_yields_memory_to_those_who_wait(autojump_clock: trio.testing.MockClock) -> None:
    network = VirtualNetwork(random.Random(1))
    network.shape(host(OFFICE), host(CENTRE), _CRAWLING)
    office_box, size = box(OFFICE), 5 * limits.MIB
    async with living(office_box) as office, living(box(PEER)) as peer, living(box(CENTRE)) as centre:
        centre.foreign_memory = ByteBudget(8 * limits.MIB)  # for one of them
        async with trio.open_nursery() as nursery:
            nodes = [LinkedNode(network, core) for core in (office, peer, centre)]
            nursery.start_soon(nodes[2].replicator.run)
            await nursery.start(nodes[2].serve)
            await put(office, [LUCK.randbytes(size)])
            nursery.start_soon(nodes[0].replicator.run)
            await trio.sleep(20)
            assert centre.foreign_memory.taken_bytes == size
            session = nodes[0].replicator.links[CENTRE].session
            await put(peer, [LUCK.randbytes(size)])
            nursery.start_soon(nodes[1].replicator.run)
            with trio.fail_after(2 * limits.FOREIGN_HOLD_S_MIN):
                while centre.store.state.count(PEER).blobs < 1:
                    await centre.store.state.grown.wait()
            assert [str(reason)[:22] for reason in _refusals(office_box)] == ["others wait for memory"]
            with trio.fail_after(1.2 * size / _CRAWLING.bytes_per_s):  # what was refused is not sent to its end
                while centre.store.state.count(OFFICE).blobs < 1:
                    await centre.store.state.grown.wait()
            # Bytes that were under way when it was refused have arrived meanwhile, and are no offence.
            assert nodes[0].replicator.links[CENTRE].session is session
            nursery.cancel_scope.cancel()


async def test_whoever_crawls_goes_on_while_nobody_waits(autojump_clock: trio.testing.MockClock) -> None:
    network = VirtualNetwork(random.Random(1))
    network.shape(host(OFFICE), host(CENTRE), _CRAWLING)
    office_box = box(OFFICE)
    async with living(office_box) as office, living(box(CENTRE)) as centre, trio.open_nursery() as nursery:
        nodes = [LinkedNode(network, core) for core in (office, centre)]
        await put(office, [LUCK.randbytes(200 * limits.KIB)])
        nursery.start_soon(nodes[1].replicator.run)
        await nursery.start(nodes[1].serve)
        nursery.start_soon(nodes[0].replicator.run)
        await until_proven(office, CENTRE, 1)
        assert _refusals(office_box) == []
        nursery.cancel_scope.cancel()


async def test_one_peer_holds_no_more_than_its_share_of_memory(autojump_clock: trio.testing.MockClock) -> None:
    network = VirtualNetwork(random.Random(1))
    network.shape(host(OFFICE), host(CENTRE), _CRAWLING)
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre, trio.open_nursery() as nursery:
        nodes = [LinkedNode(network, core) for core in (office, centre)]
        await put(office, [LUCK.randbytes(5 * limits.MIB) for _ in range(4)])
        nursery.start_soon(nodes[1].replicator.run)
        await nursery.start(nodes[1].serve)
        nursery.start_soon(nodes[0].replicator.run)
        await trio.sleep(20)
        assert 0 < centre.foreign_memory.taken_bytes <= limits.FOREIGN_MEMORY_PEER_BYTES_MAX
        nursery.cancel_scope.cancel()


async def test_a_blob_of_a_line_that_breaks_every_ten_seconds_comes_all_the_same(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """300 KiB take 19 s of this line."""
    network = VirtualNetwork(random.Random(1), shape=_SLOWEST)
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre, trio.open_nursery() as nursery:
        nodes = [LinkedNode(network, core) for core in (office, centre)]
        await put(office, [LUCK.randbytes(300 * limits.KIB)])
        nursery.start_soon(nodes[1].replicator.run)
        await nursery.start(nodes[1].serve)
        nursery.start_soon(nodes[0].replicator.run)

        async def break_the_line() -> None:
            while True:
                await trio.sleep(10)
                network.cut(host(OFFICE), host(CENTRE))

        nursery.start_soon(break_the_line)
        await until_proven(office, CENTRE, 1)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("size_bytes", [limits.KIB, limits.MIB], ids=["bytes along", "bytes asked for"])
async def test_a_session_that_ends_holds_what_waits_for_the_disk(
    autojump_clock: trio.testing.MockClock, size_bytes: int
) -> None:
    """Its blobs stay in the committer's queue: with their memory given back each further session brought more."""
    centre_box, line = box(CENTRE), trio.CancelScope()
    async with living(box(OFFICE)) as office, living(centre_box) as centre, trio.open_nursery() as nursery:

        async def session() -> None:
            with line:
                async with connected(office, centre):
                    await trio.sleep_forever()

        nursery.start_soon(session)
        await put(office, [b"first"])
        await until_proven(office, CENTRE, 1)
        centre_box.disk.pace = Pace(sync_s=100.0)
        await put(office, [LUCK.randbytes(size_bytes)])
        await trio.sleep(30)
        held = centre.foreign_memory.taken_bytes
        line.cancel()
        await trio.sleep(10)
        assert centre.store.state.count(OFFICE).blobs == 1
        assert centre.foreign_memory.taken_bytes == held == size_bytes
        centre_box.disk.pace = Pace()
        await trio.sleep(200)
        assert centre.foreign_memory.taken_bytes == 0
        assert centre.store.state.count(OFFICE).blobs == 2
