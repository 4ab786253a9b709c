"""A network in memory under trio's clock: the simulator's double of the gRPC adapter.

Streams are reliable and ordered, as over TCP; lines have latency, jitter and a rate; every fault is synchronous and
takes effect at once. No task of its own but the handlers in the nursery of whoever serves, no thread, no wall time,
all luck from the given `random.Random`: one task schedule gives one history.

Simplified against TCP: streams share a line first come first served, and credit for what was read returns at once.
"""

from __future__ import annotations

import errno
import math
import random
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import trio

from lumbung_cluster.limits import DIAL_TIMEOUT_S
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


@dataclass(frozen=True, slots=True)
class _Ends:
    """Whose connection it is: the host that dialled, the host it dialled, and who listened there."""

    source: str
    target: str
    listener: VirtualListener | None


class VirtualNetwork:
    """All hosts, lines and listeners; its methods are how a test hurts them."""

    def __init__(self, luck: random.Random, *, shape: LineShape | None = None) -> None:
        self.luck = luck
        self.bugs: deque[HandlerBug] = deque(maxlen=BUGS_KEPT_MAX)
        self._shape = shape or LineShape()
        self._lines: dict[tuple[str, str], Line] = {}
        self._lives: dict[str, list[Life]] = {}
        self._hosts_of: dict[str, str] = {}
        self._listeners: dict[str, VirtualListener] = {}
        self._connections: dict[Connection, _Ends] = {}
        self._group_of: dict[str, int] = {}
        self._one_ways: dict[tuple[str, str], None] = {}
        self._refused: dict[tuple[str, str], None] = {}
        self._is_dark: dict[str, bool] = {}
        self._next_port = _FIRST_FREE_PORT

    def transport(self, host: str, caller: Caller, access_check: AccessCheck | None = None) -> VirtualTransport:
        """What a process on `host` that runs as `caller` sees of the network, until the host is killed."""
        life = Life(host, caller, access_check or _let_everybody_in)
        self._lives.setdefault(host, []).append(life)
        self._is_dark[host] = False
        return VirtualTransport(self, life)

    def shape(self, source: str, target: str, shape: LineShape) -> None:
        """Delay and rate from `source` to `target` for what is sent from now on."""
        self._line(source, target).shape = shape

    def partition(self, groups: Sequence[Sequence[str]]) -> None:
        """Hosts of different groups hear nothing of each other; the unnamed ones are one more group."""
        self._group_of = {host: number for number, group in enumerate(groups) for host in group}
        self._refresh()

    def one_way(self, source: str, target: str, *, is_held: bool = True) -> None:
        """What `source` sends to `target` is held up, while the other way works; or let it go again."""
        if is_held:
            self._one_ways[source, target] = None
        else:
            self._one_ways.pop((source, target), None)
        self._refresh()

    def is_one_way(self, source: str, target: str) -> bool:
        """Whether what `source` sends to `target` is held up."""
        return (source, target) in self._one_ways

    def heal(self) -> None:
        """End the partition and the one-way lines. What was held up arrives where nobody has given up meanwhile."""
        self._group_of.clear()
        self._one_ways.clear()
        self._refresh()

    def stall(self, source: str, target: str, seconds: float) -> None:
        """Hold up what is under way from `source` to `target`, and what follows, for so long."""
        now = trio.current_time()
        line = self._line(source, target)
        self._close_line(line, max(line.closed_until, now + seconds), now)

    def is_busy(self, one: str, other: str) -> bool:
        """Whether bytes of some call are under way between the two."""
        now = trio.current_time()
        return any(
            call.outgoing(side).is_under_way(now)
            for connection, ends in self._connections.items()
            if (ends.source, ends.target) in ((one, other), (other, one))
            for call in connection.calls
            for side in Side
        )

    def is_open(self, one: str, other: str) -> bool:
        """Whether nothing holds up what the two send each other."""
        now = trio.current_time()
        return all(line.closed_until <= now for line in self._between(one, other))

    def is_quick(self, one: str, other: str) -> bool:
        """Whether the lines between the two have the usual delay and rate."""
        return all(line.shape == self._shape for line in self._between(one, other))

    def _between(self, one: str, other: str) -> list[Line]:
        return [self._lines[way] for way in ((one, other), (other, one)) if way in self._lines]

    def cut(self, one: str, other: str) -> None:
        """End all streams between the two, at once and at both sides; new ones may be opened."""
        now = trio.current_time()
        for connection, ends in self._connections.items():
            if (ends.source, ends.target) in ((one, other), (other, one)):
                connection.lose(Side.CLIENT, now)
                connection.lose(Side.SERVER, now)

    def cut_host(self, host: str) -> None:
        """End all streams of one host, at once and at both sides."""
        now = trio.current_time()
        for connection, ends in self._connections.items():
            if host in (ends.source, ends.target):
                connection.lose(Side.CLIENT, now)
                connection.lose(Side.SERVER, now)

    def kill_host(self, host: str, *, silently: bool = False) -> None:
        """All processes there die: their peers are told by the kernel, or (power cut) only by their own patience.

        Call it before the tasks of the process are cancelled, so that their `finally` blocks say nothing any more.
        """
        now = trio.current_time()
        for life in self._lives.pop(host, ()):
            life.is_dead = True
        self._is_dark[host] = silently
        for listener in [listener for listener in self._listeners.values() if listener.life.is_dead]:
            listener.die()
        for connection, ends in self._connections.items():
            for side, name in ((Side.CLIENT, ends.source), (Side.SERVER, ends.target)):
                if name == host and silently:
                    connection.lose(side, now)
                    connection.fall_silent(now)
                elif name == host:
                    connection.hang_up(side, now)

    def refuse_dials(self, source: str, target: str, *, is_refused: bool = True) -> None:
        """New connections from `source` to `target` are refused at once; those that stand go on."""
        if is_refused:
            self._refused[source, target] = None
        else:
            self._refused.pop((source, target), None)

    # --- what the transports and listeners call ---

    def unbind(self, listener: VirtualListener) -> None:
        if self._listeners.get(listener.address) is listener:
            del self._listeners[listener.address]

    def drop_connections(self, listener: VirtualListener) -> None:
        now = trio.current_time()
        for connection, ends in self._connections.items():
            if ends.listener is listener:
                connection.hang_up(Side.SERVER, now)

    def _connect(self, life: Life, endpoint: Endpoint) -> Route:
        now = trio.current_time()
        listener = self._listeners.get(endpoint.address)
        host = self._hosts_of.get(endpoint.address, endpoint.address)
        if (life.host, host) in self._refused:
            listener = None
        connection = Connection(endpoint, self._line(life.host, host), self._line(host, life.host), now)
        self._connections = {old: ends for old, ends in self._connections.items() if not old.is_over(now)}
        self._connections[connection] = _Ends(life.host, host, listener)
        if life.is_dead:
            connection.lose(Side.CLIENT, now)
        if listener is None:
            self._refuse(connection, host, now)
        return connection, listener

    def _refuse(self, connection: Connection, host: str, now: float) -> None:
        """Nobody listens there: a living host says so, of a dark one nothing is heard."""
        connection.lose(Side.SERVER, now)
        is_silent = (
            self._is_dark.get(host, False) or max(connection.there.closed_until, connection.back.closed_until) > now
        )
        connection.lose(Side.CLIENT, now + (DIAL_TIMEOUT_S if is_silent else connection.round_trip_s))

    def _begin(self, life: Life, connection: Connection, method: Method, deadline_s: float | None) -> VirtualCall:
        return VirtualCall(connection, method, life.caller, self.luck.randbytes(16), deadline_s)

    def _bind(self, life: Life, address: str) -> str:
        if life.is_dead:
            raise OSError(errno.ENETDOWN, f"the host {life.host} is dead")
        name, _, port = address.rpartition(":")
        if port == "0":
            address, self._next_port = f"{name}:{self._next_port}", self._next_port + 1
        if address in self._listeners:
            raise OSError(errno.EADDRINUSE, f"address in use: {address}")
        self._hosts_of[address] = life.host
        return address

    def _line(self, source: str, target: str) -> Line:
        line = self._lines.get((source, target))
        if line is None:
            line = self._lines[source, target] = Line(self.luck, self._shape)
            if self._is_blocked(source, target):
                line.close_until(math.inf, trio.current_time())
        return line

    def _is_blocked(self, source: str, target: str) -> bool:
        is_apart = self._group_of.get(source, -1) != self._group_of.get(target, -1)
        return is_apart or (source, target) in self._one_ways

    def _refresh(self) -> None:
        """Close and open the lines as the faults say now; a stall of an open line goes on."""
        now = trio.current_time()
        for (source, target), line in self._lines.items():
            is_blocked = self._is_blocked(source, target)
            if is_blocked != (line.closed_until == math.inf):
                self._close_line(line, math.inf if is_blocked else now, now)

    def _close_line(self, line: Line, until: float, now: float) -> None:
        line.close_until(until, now)
        for connection in self._connections:
            if line in (connection.there, connection.back):
                connection.follow_lines(now)


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
            listener = VirtualListener(self._life, bound, handlers, nursery, network)
            network._listeners[bound] = listener
            try:
                yield listener
            finally:
                listener.hang_up()
                nursery.cancel_scope.cancel()


def _let_everybody_in(caller: Caller, method: Method) -> None:
    """The access check of a transport that was given none."""
