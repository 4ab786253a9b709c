"""How an outgoing stream ended, also when a write of ours failed at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Final, TypeVar

import grpc.aio

from lumbung_cluster.errors import PeerGone, Rejected, StatusCode
from lumbung_node.adapters.grpc_transport.statuses import error_of_status

if TYPE_CHECKING:
    StreamCall = grpc.aio.StreamStreamCall[bytes, bytes]

__all__ = ["CallEnding", "too_late"]

T = TypeVar("T")

# A write into a call that the peer has ended makes grpc.aio set this status, before or after the peer's own.
_OF_A_FAILED_WRITE: Final = "Internal error from Core"
_PEERS_STATUS_S_MAX: Final = 5.0  # it is on its way when a write has failed
_LOOK_AGAIN_S: Final = 0.005


def too_late() -> Rejected:
    """What a call raises whose deadline has passed."""
    return Rejected(StatusCode.DEADLINE_EXCEEDED, "expected an end before the deadline, got none")


class CallEnding:
    """Keeps the peer's status of one call, translated. Make it as soon as the call begins.

    `until_s` is the call's deadline on the loop's clock. Whatever breaks behind it broke because of it.
    """

    def __init__(self, call: StreamCall, until_s: float | None) -> None:
        self._call = call
        self._until_s = until_s
        self._error: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        call.add_done_callback(self._look)

    async def error(self) -> Exception | None:
        """Wait for the end; what it raises, None for OK."""
        await self._call.code()
        limit_s = asyncio.get_running_loop().time() + _PEERS_STATUS_S_MAX
        try:
            async with asyncio.timeout_at(limit_s if self._until_s is None else min(limit_s, self._until_s)):
                while not self._error.done():
                    # The status of a failed write came first, and nobody is called when the peer's replaces it.
                    await asyncio.sleep(_LOOK_AGAIN_S)
                    self._look(self._call)
                return await self._error
        except TimeoutError:
            return too_late() if self._is_late() else PeerGone("the connection broke while we were sending")

    def _look(self, call: StreamCall) -> None:
        """Called when the first status is set. It has to be read here: that of a failed write would overwrite it."""
        details = _at_once(call.details()) or ""
        if details != _OF_A_FAILED_WRITE and not self._error.done():
            trailers = _at_once(call.trailing_metadata()) or ()
            error = error_of_status(_at_once(call.code()), details, trailers)
            self._error.set_result(too_late() if isinstance(error, PeerGone) and self._is_late() else error)

    def _is_late(self) -> bool:
        return self._until_s is not None and asyncio.get_running_loop().time() >= self._until_s


def _at_once(coroutine: Coroutine[object, object, T]) -> T:
    """The result of a coroutine that has nothing to wait for: those of a call that is done."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    raise AssertionError("expected the status of a call that is done, got a wait")
