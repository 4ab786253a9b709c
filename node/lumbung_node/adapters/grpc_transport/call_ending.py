"""How an outgoing stream ended, also when a write of ours failed at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Final, TypeVar

import grpc.aio

from lumbung_cluster.errors import PeerGone
from lumbung_node.adapters.grpc_transport.statuses import error_of_status

if TYPE_CHECKING:
    StreamCall = grpc.aio.StreamStreamCall[bytes, bytes]

__all__ = ["CallEnding"]

T = TypeVar("T")

# A write into a call that the peer has ended makes grpc.aio set this status, before or after the peer's own.
_OF_A_FAILED_WRITE: Final = "Internal error from Core"
_PEERS_STATUS_S_MAX: Final = 5.0  # it is on its way when a write has failed


class CallEnding:
    """Keeps the peer's status of one call, translated. Make it as soon as the call begins."""

    def __init__(self, call: StreamCall) -> None:
        self._call = call
        self._error: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        call.add_done_callback(self._look)

    async def error(self) -> Exception | None:
        """Wait for the end; what it raises, None for OK."""
        await self._call.code()
        try:
            async with asyncio.timeout(_PEERS_STATUS_S_MAX):
                return await asyncio.shield(self._error)
        except TimeoutError:
            return PeerGone("the connection broke while we were sending")

    def _look(self, call: StreamCall) -> None:
        """Called at each status that is set. It has to be read here: the next one overwrites it."""
        details = _at_once(call.details()) or ""
        if details != _OF_A_FAILED_WRITE and not self._error.done():
            trailers = _at_once(call.trailing_metadata()) or ()
            self._error.set_result(error_of_status(_at_once(call.code()), details, trailers))


def _at_once(coroutine: Coroutine[object, object, T]) -> T:
    """The result of a coroutine that has nothing to wait for: those of a call that is done."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    raise AssertionError("expected the status of a call that is done, got a wait")
