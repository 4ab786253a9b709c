"""A network in memory under trio's clock: the simulator's double of the gRPC adapter.

Streams are reliable and ordered, as over TCP; lines have latency, jitter and a rate; every fault is synchronous and
takes effect at once. No task of its own but the handlers in the nursery of whoever serves, no thread, no wall time,
all luck from the given `random.Random`: one task schedule gives one history.

Simplified against TCP: streams share a line first come first served, and credit for what was read returns at once.
"""

from __future__ import annotations

import errno
import random
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import trio

from lumbung_node.ports.transport import (
    AccessCheck,
    Caller,
    Channel,
    Endpoint,
    Handler,
    Listener,
    Method,
)
from lumbung_testing.virtual_calls import VirtualCall
from lumbung_testing.virtual_channel import Route, VirtualChannel
from lumbung_testing.virtual_connections import Connection, Side
from lumbung_testing.virtual_lines import Line, LineShape
from lumbung_testing.virtual_listener import HandlerBug, Life, VirtualListener

__all__ = ["HandlerBug", "LineShape", "VirtualNetwork", "VirtualTransport"]

BUGS_KEPT_MAX = 1000
_FIRST_FREE_PORT = 20_000  # what port 0 becomes; each address is given once


class VirtualNetwork:
    """All hosts, lines and listeners; its methods are how a test hurts them."""

    def __init__(self, luck: random.Random, *, shape: LineShape | None = None) -> None:
        self.bugs: deque[HandlerBug] = deque(maxlen=BUGS_KEPT_MAX)
        self._luck = luck
        self._shape = shape or LineShape()
        self._lines: dict[tuple[str, str], Line] = {}
        self._lives: dict[str, Life] = {}
        self._hosts_of: dict[str, str] = {}
        self._listeners: dict[str, VirtualListener] = {}
        self._connections: dict[Connection, tuple[str, str]] = {}
        self._next_port = _FIRST_FREE_PORT

    def transport(self, host: str, caller: Caller, access_check: AccessCheck | None = None) -> VirtualTransport:
        """What a process on `host` that runs as `caller` sees of the network, until the host is killed."""
        life = Life(host, caller, access_check)
        self._lives[host] = life
        return VirtualTransport(self, life)

    def shape(self, source: str, target: str, shape: LineShape) -> None:
        """Delay and rate from `source` to `target` for what is sent from now on."""
        self._line(source, target).shape = shape

    # --- what the transports call ---

    def _line(self, source: str, target: str) -> Line:
        line = self._lines.get((source, target))
        if line is None:
            line = self._lines[source, target] = Line(self._luck, self._shape)
        return line

    def _connect(self, life: Life, endpoint: Endpoint) -> Route:
        listener = self._listeners.get(endpoint.address)
        host = self._hosts_of.get(endpoint.address, endpoint.address)
        there, back = self._line(life.host, host), self._line(host, life.host)
        connection = Connection(endpoint, there, back, self._forget)
        self._connections[connection] = (life.host, host)
        if listener is None:
            connection.lose(Side.CLIENT, trio.current_time() + connection.round_trip_s)
        return connection, listener

    def _begin(self, life: Life, connection: Connection, method: Method, deadline_s: float | None) -> VirtualCall:
        return VirtualCall(connection, method, life.caller, self._luck.randbytes(16), deadline_s)

    def _forget(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        for listener in self._listeners.values():
            listener.forget(connection)

    def _bind(self, life: Life, address: str) -> str:
        name, _, port = address.rpartition(":")
        if port == "0":
            address, self._next_port = f"{name}:{self._next_port}", self._next_port + 1
        if address in self._listeners:
            raise OSError(errno.EADDRINUSE, f"address in use: {address}")
        self._hosts_of[address] = life.host
        return address

    def _unbind(self, listener: VirtualListener) -> None:
        if self._listeners.get(listener.address) is listener:
            del self._listeners[listener.address]


class VirtualTransport:
    """One host's view. Made by `VirtualNetwork.transport`."""

    def __init__(self, network: VirtualNetwork, life: Life) -> None:
        self._network = network
        self._life = life

    def serve(self, address: str, handlers: Mapping[Method, Handler]) -> AbstractAsyncContextManager[Listener]:
        return self._serve(address, handlers)

    def dial(self, endpoint: Endpoint) -> Channel:
        return VirtualChannel(
            endpoint,
            lambda to: self._network._connect(self._life, to),
            lambda connection, method, deadline_s: self._network._begin(self._life, connection, method, deadline_s),
        )

    @asynccontextmanager
    async def _serve(self, address: str, handlers: Mapping[Method, Handler]) -> AsyncIterator[Listener]:
        await trio.lowlevel.checkpoint()
        network = self._network
        bound = network._bind(self._life, address)
        async with trio.open_nursery() as nursery:
            listener = VirtualListener(
                self._life, bound, handlers, nursery, network._luck, network.bugs.append, network._unbind
            )
            network._listeners[bound] = listener
            try:
                yield listener
            finally:
                listener.hang_up()
                nursery.cancel_scope.cancel()
