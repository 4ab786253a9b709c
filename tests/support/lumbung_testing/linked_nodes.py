"""Nodes' replicators on hosts of a virtual network, without the rest of a node around them."""

from __future__ import annotations

from dataclasses import replace

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.transport import Handler, ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.links import LinkState
from lumbung_node.services.replicator import SESSION, Replicator
from lumbung_node.services.roster_asking import GET_ROSTER
from lumbung_proto.v1 import roster_pb2
from lumbung_testing.simulation.node import node_caller
from lumbung_testing.virtual_network import VirtualNetwork

__all__ = ["LinkedNode", "host", "until_up"]

_PATIENCE_S = 60.0


def host(number: NodeNumber) -> str:
    """The name of a node's host on the network."""
    return f"host {number}"


class LinkedNode:
    """The replicator of one node on a host of its own: run `replicator.run`, and `serve` or `hang` for the others.

    `key_pin` is another TLS key than that of the test rosters, `shown_roster` another roster than it obeys.
    """

    def __init__(self, network: VirtualNetwork, core: Core, *, key_pin: bytes = b"", shown_roster: bytes = b"") -> None:
        self._core = core
        self._shown_roster = shown_roster
        caller = node_caller(core.number)
        caller = replace(caller, key_pin=key_pin or caller.key_pin)
        self._transport = network.transport(host(core.number), caller)
        self.replicator = Replicator(core, self._transport)

    async def serve(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take the partners' calls."""
        numbers = {node_caller(NodeNumber(number)).uri: NodeNumber(number) for number in range(1, 10)}

        async def handle(call: ServerCall) -> None:
            await self.replicator.serve(call, numbers[call.caller.uri])

        await self._listen(handle, task_status)

    async def hang(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take calls and say nothing."""

        async def handle(call: ServerCall) -> None:
            await trio.sleep_forever()

        await self._listen(handle, task_status)

    def is_up(self, peer: NodeNumber) -> bool:
        link = self.replicator.links.get(peer)
        return link is not None and link.state is LinkState.UP

    async def _listen(self, handle: Handler, task_status: trio.TaskStatus[None]) -> None:
        async def show_roster(call: ServerCall) -> None:
            await call.receive()
            shown = self._shown_roster or self._core.rosters.signed.encode()
            await call.send(roster_pb2.GetRosterResponse(roster=shown).SerializeToString())

        handlers = {SESSION: handle, GET_ROSTER: show_roster}
        async with self._transport.serve(f"127.0.0.1:{7000 + self._core.number}", handlers):
            task_status.started()
            await trio.sleep_forever()


async def until_up(node: LinkedNode, peer: NodeNumber) -> None:
    with trio.fail_after(_PATIENCE_S):
        while not node.is_up(peer):  # noqa: ASYNC110 (a link that changes tells nobody)
            await trio.sleep(1)
