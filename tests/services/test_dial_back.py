"""Dialling back: only the caller, only where the roster says, and not often."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.transport import Caller, Endpoint, Handler, ServerCall
from lumbung_node.services.dial_back import DIAL_BACK, HEALTH_CHECK, DialBack
from lumbung_proto.v1 import reach_pb2
from lumbung_testing.linked_nodes import host
from lumbung_testing.session_pair import OFFICE, PEER, box, living
from lumbung_testing.simulation.node import node_caller
from lumbung_testing.virtual_network import VirtualNetwork


@dataclass(slots=True)
class Asking:
    """The office, which asks its peer to dial back; `asked` counts who came to the office's own listener."""

    network: VirtualNetwork
    nursery: trio.Nursery
    asked: list[str]
    peer_address: str

    async def listen(self, caller: Caller) -> None:
        """As this one, at the office's address."""

        async def health(call: ServerCall) -> None:
            self.asked.append(call.caller.uri)
            await call.receive()
            await call.send(b"")

        await self.nursery.start(self._serve, caller, health)

    async def _serve(
        self, caller: Caller, handler: Handler, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        transport = self.network.transport(host(OFFICE), caller)
        async with transport.serve(f"127.0.0.1:{7000 + OFFICE}", {HEALTH_CHECK: handler}):
            task_status.started()
            await trio.sleep_forever()

    async def ask(self) -> reach_pb2.DialBackResponse:
        caller = node_caller(PEER)
        channel = self.network.transport(host(OFFICE), node_caller(OFFICE)).dial(
            Endpoint(self.peer_address, caller.uri, (caller.key_pin,))
        )
        return reach_pb2.DialBackResponse.FromString(await channel.call(DIAL_BACK, b"", deadline_s=60))


@asynccontextmanager
async def _asking() -> AsyncIterator[Asking]:
    network = VirtualNetwork(random.Random(3))
    async with living(box(PEER)) as peer, trio.open_nursery() as nursery:
        transport = network.transport(host(PEER), node_caller(PEER))
        dial_back = DialBack(peer, transport)

        async def answer(call: ServerCall) -> None:
            await dial_back.answer(call, OFFICE)

        async with transport.serve(f"127.0.0.1:{7000 + PEER}", {DIAL_BACK: answer}) as listener:
            yield Asking(network, nursery, [], listener.address)
            nursery.cancel_scope.cancel()


async def test_a_caller_that_listens_where_the_roster_says_is_reached(autojump_clock: trio.testing.MockClock) -> None:
    async with _asking() as asking:
        await asking.listen(node_caller(OFFICE))
        response = await asking.ask()
        assert [(result.reached, result.sentence) for result in response.results] == [(True, "")]
        assert asking.asked == [node_caller(PEER).uri]
        assert response.clock_ms


async def test_a_caller_that_nobody_reaches_is_told_why(autojump_clock: trio.testing.MockClock) -> None:
    async with _asking() as asking:
        (result,) = (await asking.ask()).results
        assert not result.reached
        assert result.sentence


@pytest.mark.parametrize(
    "stranger", [node_caller(NodeNumber(3)), replace(node_caller(OFFICE), key_pin=bytes(32))], ids=["node", "key"]
)
async def test_somebody_else_at_the_callers_address_is_not_the_caller(
    stranger: Caller, autojump_clock: trio.testing.MockClock
) -> None:
    async with _asking() as asking:
        await asking.listen(stranger)
        (result,) = (await asking.ask()).results
        assert not result.reached
        assert asking.asked == []


async def test_who_asks_again_at_once_is_refused_and_later_served(autojump_clock: trio.testing.MockClock) -> None:
    async with _asking() as asking:
        await asking.listen(node_caller(OFFICE))
        await asking.ask()
        with pytest.raises(Rejected) as refused:
            await asking.ask()
        assert refused.value.code is StatusCode.RESOURCE_EXHAUSTED
        await trio.sleep(limits.DIAL_BACK_INTERVAL_S)
        assert (await asking.ask()).results[0].reached
