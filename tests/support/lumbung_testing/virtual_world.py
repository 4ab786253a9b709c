"""A server that echoes and a client on one virtual network, for the tests of that network itself."""

from __future__ import annotations

import math
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trio

from lumbung_cluster.errors import LumbungError, PeerGone
from lumbung_node.ports.transport import Caller, Channel, ClientStream, Endpoint, LinkClass, ServerCall
from lumbung_testing.handlers import BIDI, UNARY, answer, echo
from lumbung_testing.virtual_network import LineShape, VirtualNetwork, VirtualTransport

__all__ = [
    "CLIENT",
    "CLIENT_PATIENCE_S",
    "LATENCY_S",
    "SERVER",
    "SERVER_PATIENCE_S",
    "SLOW",
    "World",
    "asked",
    "fails_at",
    "world_of",
]

SERVER = Caller("lumbung://00/node/1", bytes(32))
CLIENT = Caller("lumbung://00/node/2", bytes(32))
LATENCY_S = 0.25
SLOW = LineShape(latency_s=LATENCY_S)
CLIENT_PATIENCE_S = {LinkClass.LAN: 2.0, LinkClass.WAN: 50.0}
SERVER_PATIENCE_S = 320.0


@dataclass
class World:
    """A server on host "server" that echoes, and a client on host "client". `left_at`: when its handler was cut."""

    network: VirtualNetwork
    server: VirtualTransport
    client: VirtualTransport
    left_at: float = math.inf

    def dial(self, link: LinkClass = LinkClass.LAN) -> Channel:
        return self.client.dial(Endpoint("server:7001", SERVER.uri, (), link))

    async def talk(self, call: ServerCall) -> None:
        try:
            await echo(call)
        except (PeerGone, trio.Cancelled):
            self.left_at = trio.current_time()
            raise


@asynccontextmanager
async def world_of(shape: LineShape = SLOW, seed: int = 1) -> AsyncIterator[World]:
    network = VirtualNetwork(random.Random(seed), shape=shape)
    world = World(network, network.transport("server", SERVER), network.transport("client", CLIENT))
    async with world.server.serve("server:7001", {UNARY: answer, BIDI: world.talk}):
        yield world
    assert not network.bugs


async def asked(stream: ClientStream, message: bytes = b"x") -> bytes | None:
    await stream.send(message)
    return await stream.receive()


async def fails_at(stream: ClientStream, kind: type[LumbungError]) -> float:
    """When a waiting client is told."""
    with pytest.raises(kind):
        await stream.receive()
    return trio.current_time()
