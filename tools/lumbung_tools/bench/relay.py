"""A TCP relay on loopback that counts what passes: bytes on the wire, TLS, HTTP/2 and all.

It may carry them as a line does, late and at a rate. It loses nothing, and the nodes' TCP ends at it: that is the line
as a conversation feels it, not as TCP does (for that: `make bench-lines`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from lumbung_cluster.limits import KIB

__all__ = ["LOOPBACK", "CountingRelay", "RelayLine", "relaying"]

_PIECE_BYTES = 4 * KIB  # a quarter of a second of the slowest line
_PIECES_ON_THE_WAY_MAX = 64


@dataclass(frozen=True, slots=True)
class RelayLine:
    """One way of a line: how long bytes are under way, and how many leave in a second (0: as many as come)."""

    delay_s: float
    bytes_per_s: float


LOOPBACK = RelayLine(0.0, 0.0)


class CountingRelay:
    """`passed_bytes` counts both directions of all connections since it began."""

    def __init__(self, target_port: int, line: RelayLine) -> None:
        self.passed_bytes = 0
        self._target_port = target_port
        self._line = line
        self._busy_until = [0.0, 0.0]  # there and back, over all connections

    async def serve(self, caller: trio.SocketStream) -> None:
        """One connection to its end."""
        try:
            called = await trio.open_tcp_stream("127.0.0.1", self._target_port)
        except OSError:  # nobody listens there (any more)
            await caller.aclose()
            return
        async with caller, called, trio.open_nursery() as nursery:
            for way, (source, target) in enumerate(((caller, called), (called, caller))):
                outgoing, incoming = trio.open_memory_channel[tuple[float, bytes]](_PIECES_ON_THE_WAY_MAX)
                nursery.start_soon(self._take, source, outgoing, way)
                nursery.start_soon(self._give, incoming, target, nursery.cancel_scope)

    async def _take(
        self, source: trio.SocketStream, outgoing: trio.MemorySendChannel[tuple[float, bytes]], way: int
    ) -> None:
        async with outgoing:
            try:
                while piece := await source.receive_some(_PIECE_BYTES):
                    self.passed_bytes += len(piece)
                    begun = max(trio.current_time(), self._busy_until[way])
                    taken_s = len(piece) / self._line.bytes_per_s if self._line.bytes_per_s else 0.0
                    self._busy_until[way] = begun + taken_s
                    await outgoing.send((begun + taken_s + self._line.delay_s, piece))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return

    async def _give(
        self,
        incoming: trio.MemoryReceiveChannel[tuple[float, bytes]],
        target: trio.SocketStream,
        scope: trio.CancelScope,
    ) -> None:
        try:
            async for due, piece in incoming:
                await trio.sleep_until(due)
                await target.send_all(piece)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()


@asynccontextmanager
async def relaying(port: int, target_port: int, line: RelayLine) -> AsyncIterator[CountingRelay]:
    """Take calls at `port` for the block and hand them on to `target_port`, over such a line each way."""
    relay = CountingRelay(target_port, line)
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, relay.serve, listeners)
        yield relay
        nursery.cancel_scope.cancel()
