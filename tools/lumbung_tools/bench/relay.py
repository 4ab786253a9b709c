"""A TCP relay on loopback that counts what passes: bytes on the wire, TLS, HTTP/2 and all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from lumbung_cluster.limits import KIB

__all__ = ["CountingRelay", "relaying"]

_PIECE_BYTES = 64 * KIB


class CountingRelay:
    """`passed_bytes` counts both directions of all connections since it began."""

    def __init__(self, target_port: int) -> None:
        self.passed_bytes = 0
        self._target_port = target_port

    async def serve(self, caller: trio.SocketStream) -> None:
        """One connection to its end."""
        try:
            called = await trio.open_tcp_stream("127.0.0.1", self._target_port)
        except OSError:  # nobody listens there (any more)
            await caller.aclose()
            return
        async with caller, called, trio.open_nursery() as nursery:
            nursery.start_soon(self._carry, caller, called, nursery.cancel_scope)
            nursery.start_soon(self._carry, called, caller, nursery.cancel_scope)

    async def _carry(self, source: trio.SocketStream, target: trio.SocketStream, scope: trio.CancelScope) -> None:
        try:
            async for piece in source:
                self.passed_bytes += len(piece)
                await target.send_all(piece)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()


@asynccontextmanager
async def relaying(port: int, target_port: int) -> AsyncIterator[CountingRelay]:
    """Take calls at `port` for the block and hand them on to `target_port`."""
    relay = CountingRelay(target_port)
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, relay.serve, listeners)
        yield relay
        nursery.cancel_scope.cancel()
