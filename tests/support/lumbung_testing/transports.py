"""Worlds in which a transport is tested: parties with an identity each, over the virtual network or over gRPC.

A test asks the world for parties by number; it never learns which adapter it runs on.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import trio

from lumbung_cluster.identity_uri import NodeIdentity
from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_node.adapters.keys.certificates import (
    Authority,
    make_authority,
    make_tls_key,
    public_key_of,
    read_certificate,
)
from lumbung_node.ports.metrics import Uncounted
from lumbung_node.ports.transport import (
    AccessCheck,
    Caller,
    Channel,
    Endpoint,
    Handler,
    LinkClass,
    Listener,
    Method,
    Transport,
)
from lumbung_testing.virtual_network import LineShape, VirtualNetwork
from lumbung_testing.world import ListLog

__all__ = ["Connected", "GrpcWorld", "Party", "TransportWorld", "VirtualWorld", "connected", "let_everybody_in"]

TEST_TIMEOUT_S = 60.0  # far beyond what any of these tests needs on a busy machine
CLUSTER = ClusterId(bytes(range(16)))


def let_everybody_in(caller: Caller, method: Method) -> None:
    """The access check of a server that trusts its handlers."""


@dataclass(frozen=True, slots=True)
class Party:
    """One process with its identity. `serve` at LISTEN, and let others dial what `endpoint` gives."""

    caller: Caller
    transport: Transport

    def endpoint(self, address: str) -> Endpoint:
        """Where this party listens, with the identity and the key to be expected there."""
        return Endpoint(address, self.caller.uri, (self.caller.key_pin,))


class TransportWorld(Protocol):
    @property
    def listen(self) -> str:
        """An address with a free port to be chosen."""
        ...

    @property
    def nobody(self) -> str:
        """An address where nobody listens."""
        ...

    def party(
        self, number: int, *, access_check: AccessCheck = let_everybody_in
    ) -> AbstractAsyncContextManager[Party]: ...

    def bugs(self) -> list[str]:
        """The event ids of the handler bugs that were reported so far."""
        ...


@dataclass(frozen=True, slots=True)
class Connected:
    """A client of number 2 and a server of number 1 that it has dialled."""

    server: Party
    client: Party
    listener: Listener
    channel: Channel


@asynccontextmanager
async def connected(
    world: TransportWorld, handlers: Mapping[Method, Handler], *, access_check: AccessCheck = let_everybody_in
) -> AsyncIterator[Connected]:
    """Serve and dial; a test that hangs is stopped after TEST_TIMEOUT_S."""
    with trio.fail_after(TEST_TIMEOUT_S):
        async with (
            world.party(1, access_check=access_check) as server,
            world.party(2) as client,
            server.transport.serve(world.listen, handlers) as listener,
        ):
            channel = client.transport.dial(server.endpoint(listener.address))
            try:
                yield Connected(server, client, listener, channel)
            finally:
                with trio.CancelScope(shield=True):
                    await channel.close()


class VirtualWorld:
    """Hosts named by their numbers, on one virtual network."""

    listen = "127.0.0.1:0"
    nobody = "127.0.0.1:1"

    def __init__(self, *, shape: LineShape | None = None, seed: int = 1) -> None:
        self.network = VirtualNetwork(random.Random(seed), shape=shape)

    @asynccontextmanager
    async def party(self, number: int, *, access_check: AccessCheck = let_everybody_in) -> AsyncIterator[Party]:
        caller = Caller(_identity(number).uri, bytes([number]) * 32)
        yield Party(caller, self.network.transport(f"host {number}", caller, access_check))

    def bugs(self) -> list[str]:
        return [bug.event_id for bug in self.network.bugs]


class GrpcWorld:
    """Processes on loopback with certificates of one authority. Bugs come from the adapter's log."""

    listen = "127.0.0.1:0"
    nobody = "127.0.0.1:1"

    def __init__(self) -> None:
        self.log = ListLog()
        self.authority: Authority = make_authority(CLUSTER, "test", now_ms=_now_ms())

    @asynccontextmanager
    async def party(self, number: int, *, access_check: AccessCheck = let_everybody_in) -> AsyncIterator[Party]:
        from lumbung_node.adapters.grpc_transport import TlsIdentity, grpc_transport

        key_pem = make_tls_key()
        leaf_pem = self.authority.issue(_identity(number), public_key_of(key_pem), now_ms=_now_ms())
        facts = read_certificate(leaf_pem)
        assert facts.uri is not None
        tls = TlsIdentity(
            certificate_chain_pem=leaf_pem, private_key_pem=key_pem, trust_roots_pem=self.authority.certificate_pem
        )
        async with grpc_transport(
            tls, access_check=access_check, link=LinkClass.LAN, log=self.log, metrics=Uncounted()
        ) as transport:
            yield Party(Caller(facts.uri, facts.pin), transport)

    def bugs(self) -> list[str]:
        """Each bug is logged as an error with its id as `event_id`."""
        return [str(values["event_id"]) for _, _, values in self.log.events if "event_id" in values]


def _identity(number: int) -> NodeIdentity:
    return NodeIdentity(CLUSTER, NodeNumber(number))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
