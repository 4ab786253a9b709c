"""Links between nodes on a virtual network: how long they are down, and what ends a session."""

from __future__ import annotations

import random

import trio
import trio.testing

from lumbung_cluster.access import AccessEntry, AccessList, Duty, SignedAccess, sign_access
from lumbung_cluster.health import LINK_DOWN_WARNING_S
from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.transport import ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.replicator import SESSION, LinkState, Replicator
from lumbung_testing.rosters import CLUSTER, SeededSigner
from lumbung_testing.session_pair import OFFICE, PEER, box, living
from lumbung_testing.simulation.node import node_caller
from lumbung_testing.virtual_network import VirtualNetwork

_PATIENCE_S = 60.0


class _Node:
    """The replicator of one node on a host of its own; `serve` takes calls from the other."""

    def __init__(self, network: VirtualNetwork, core: Core) -> None:
        self._core = core
        self._transport = network.transport(f"host {core.number}", node_caller(core.number))
        self.replicator = Replicator(core, self._transport)

    async def serve(self, partner: NodeNumber, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async def handle(call: ServerCall) -> None:
            await self.replicator.serve(call, partner)

        async with self._transport.serve(f"127.0.0.1:{7000 + self._core.number}", {SESSION: handle}):
            task_status.started()
            await trio.sleep_forever()

    async def hang(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take calls and say nothing."""

        async def handle(call: ServerCall) -> None:
            await trio.sleep_forever()

        async with self._transport.serve(f"127.0.0.1:{7000 + self._core.number}", {SESSION: handle}):
            task_status.started()
            await trio.sleep_forever()

    def is_up(self, peer: NodeNumber) -> bool:
        link = self.replicator.links.get(peer)
        return link is not None and link.state is LinkState.UP


async def _until_up(node: _Node, peer: NodeNumber) -> None:
    with trio.fail_after(_PATIENCE_S):
        while not node.is_up(peer):  # noqa: ASYNC110 (a link that changes tells nobody)
            await trio.sleep(1)


def _list(version: int) -> SignedAccess:
    """What the office signs for its own stations."""
    station = AccessEntry("loket-1", Duty.STATION, (b"\1" * 32,), 0, 2**60)
    return sign_access(AccessList(CLUSTER, OFFICE, version, 900, (station,)), SeededSigner(f"access {OFFICE}"))


async def test_a_partner_that_is_never_there_is_down_for_all_that_time(autojump_clock: trio.testing.MockClock) -> None:
    """Each dial once counted as a link that was up until it failed, so that LINK_DOWN was never told."""
    network = VirtualNetwork(random.Random(1))
    async with living(box(OFFICE)) as office, trio.open_nursery() as nursery:
        node = _Node(network, office)
        nursery.start_soon(node.replicator.run)
        await trio.sleep(2 * LINK_DOWN_WARNING_S)
        link = node.replicator.links[PEER]
        assert link.state is LinkState.DOWN
        assert trio.current_time() - link.since > LINK_DOWN_WARNING_S
        nursery.cancel_scope.cancel()


async def test_a_call_of_ours_that_nobody_greets_gives_way_to_the_partners(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The lower number's call stays, but only one that was answered: else a partner that hears nothing is kept out."""
    network = VirtualNetwork(random.Random(1))
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, trio.open_nursery() as nursery:
        lower, higher = _Node(network, office), _Node(network, peer)
        await nursery.start(lower.serve, PEER)
        await nursery.start(higher.hang)
        nursery.start_soon(lower.replicator.run)
        await trio.sleep(1)
        assert lower.replicator.links[PEER].is_dialled
        nursery.start_soon(higher.replicator.run)
        await _until_up(lower, PEER)
        assert not lower.replicator.links[PEER].is_dialled
        nursery.cancel_scope.cancel()


async def test_an_access_list_travels_over_the_open_session_and_ends_none(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Each list once ended every session of every node that it came to."""
    network = VirtualNetwork(random.Random(1))
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, trio.open_nursery() as nursery:
        node, partner = _Node(network, office), _Node(network, peer)
        await nursery.start(partner.serve, OFFICE)
        nursery.start_soon(node.replicator.run)
        nursery.start_soon(partner.replicator.run)
        await _until_up(partner, OFFICE)
        sessions = [node.replicator.links[PEER].session, partner.replicator.links[OFFICE].session]
        for version in (1, 2):
            await office.rosters.offer_access([_list(version).encode()])
            with trio.fail_after(_PATIENCE_S):
                while peer.rosters.access_versions() != [(OFFICE, version)]:
                    await peer.rosters.changed.wait()
        assert [node.replicator.links[PEER].session, partner.replicator.links[OFFICE].session] == sessions
        nursery.cancel_scope.cancel()
