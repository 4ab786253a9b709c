"""One incoming call between the loops: two lanes, and one status at its end."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

import grpc.aio
import trio

from lumbung_cluster.errors import PeerGone, Rejected, StatusCode
from lumbung_cluster.limits import KIB
from lumbung_node.adapters.admission import AnswerCount
from lumbung_node.adapters.grpc_transport.bridge import Bridge
from lumbung_node.adapters.grpc_transport.lanes import End, IncomingLane, OutgoingLane
from lumbung_node.adapters.grpc_transport.statuses import (
    END_MARK_BYTES,
    END_MARK_KEY,
    REQUEST_ID_BYTES,
    REQUEST_ID_KEY,
    SAID_BY_HANDLER,
    check_size,
    grpc_code,
)
from lumbung_node.ports.transport import Caller, CallKind, Method

if TYPE_CHECKING:
    ServicerContext = grpc.aio.ServicerContext[object, bytes]

__all__ = ["GrpcServerCall"]

# What a call without a slot may still hold. The answer to a unary call is mostly below it, and then costs no wait.
_LEFT_BYTES_MAX: Final = 16 * KIB
_GONE: Final = "the caller has left the call"
_MANY_REQUESTS: Final = (CallKind.CLIENT_STREAM, CallKind.BIDI)
_WRITE_S_MAX: Final = 1.0  # one message's time when a call is cut
_FALSE_END_S: Final = 0.1  # with four busy processes on two cores gRPC took up to 11 ms to tell the two ends apart


class GrpcServerCall:
    """A `ServerCall` of the transport port. What its handler may see first, what the listener uses behind."""

    def __init__(self, bridge: Bridge, caller: Caller, method: Method, context: ServicerContext) -> None:
        self._bridge = bridge
        self._context = context
        self._caller = caller
        self._method = method
        self._request_id = _metadatum(context, REQUEST_ID_KEY, REQUEST_ID_BYTES) or os.urandom(REQUEST_ID_BYTES)
        self._end_mark = _metadatum(context, END_MARK_KEY, END_MARK_BYTES)
        self._incoming = IncomingLane(bridge)
        self._outgoing = OutgoingLane(bridge)
        self._answers = AnswerCount(method)
        self._scope = trio.CancelScope()
        # In asyncio's thread: what the call ends with, and the writer to stop when it has to end at once.
        self._refusal: Rejected | None = None
        self._trailers: tuple[tuple[str, str], ...] = SAID_BY_HANDLER
        self._pump: asyncio.Task[object] | None = None

    @property
    def caller(self) -> Caller:
        return self._caller

    @property
    def method(self) -> Method:
        return self._method

    @property
    def request_id(self) -> bytes:
        return self._request_id

    async def receive(self) -> bytes | None:
        return await self._incoming.receive()

    async def send(self, message: bytes) -> None:
        check_size(message)
        self._answers.add()
        await self._outgoing.send(message)

    # trio's side, for the listener

    @property
    def scope(self) -> trio.CancelScope:
        """Of the handler: cancelled when gRPC has let go of the call."""
        return self._scope

    def check_answered(self) -> None:
        """Raises RuntimeError for a handler that owes its one answer."""
        self._answers.close()

    async def flush(self) -> None:
        """Wait until gRPC has taken what the handler sent, but for a little."""
        if self._outgoing.unwritten_bytes > _LEFT_BYTES_MAX:
            await self._outgoing.flush()

    def end(self, refusal: Rejected | None) -> None:
        """Send what was handed over, then the status; None is OK."""
        self._bridge.to_asyncio(lambda: self._finish(refusal))

    def end_at_once(self, refusal: Rejected) -> None:
        """Send the status without what was handed over; nothing happens when the call has its status already."""
        self._leave()
        self._bridge.to_asyncio(lambda: self._cut(refusal, SAID_BY_HANDLER))

    def turn_away(self, sentence: str) -> None:
        """End a call that did not begin as if nobody were here: its caller sees a broken connection."""
        self._bridge.to_asyncio(lambda: self._cut(Rejected(StatusCode.UNAVAILABLE, sentence), ()))

    def _leave(self) -> None:
        """Let the handler go: its scope is cancelled, and what it still does with the call fails."""
        gone = PeerGone(_GONE)
        self._incoming.end_now(gone)
        self._outgoing.close_now(gone)
        self._scope.cancel()

    # asyncio's side

    async def run(self) -> None:
        """The whole call as gRPC's coroutine."""
        reader = self._bridge.spawn(self._read())
        try:
            await self._write()
            if self._refusal is not None:
                await self._abort(self._refusal)
        finally:
            reader.cancel()
            self._bridge.to_trio(self._leave)

    async def _read(self) -> None:
        # gRPC reads a caller that was cancelled or killed as one that has finished, and cancels the call only after
        # that. Believed at once, 199 of 199 cut streams looked complete to their handlers.
        while isinstance(message := await self._context.read(), bytes):
            if message == self._end_mark:
                self._incoming.end(None)
                return
            await self._incoming.put(message)
        if self._end_mark is not None:
            self._incoming.end(PeerGone(_GONE))
            return
        if self._method.kind in _MANY_REQUESTS:
            # A caller that marks no end, no client of ours. A true end outlives this wait, a false one is mostly
            # cancelled within it.
            await asyncio.sleep(_FALSE_END_S)
        self._incoming.end(None)

    async def _write(self) -> None:
        self._pump = self._bridge.spawn(self._write_all())
        try:
            await asyncio.wait([self._pump])
        finally:
            self._pump.cancel()
        if not self._pump.cancelled() and (failure := self._pump.exception()) is not None:
            raise failure  # the caller is gone: gRPC knows, and ends the call quietly

    async def _write_all(self) -> None:
        while not isinstance(message := await self._outgoing.next(), End):
            await self._context.write(message)
            self._outgoing.written(message)

    async def _abort(self, refusal: Rejected) -> None:
        await self._context.abort(grpc_code(refusal.code), refusal.sentence, self._trailers)

    def _finish(self, refusal: Rejected | None) -> None:
        if self._refusal is None:
            self._refusal = refusal
        self._outgoing.put_end()

    def _cut(self, refusal: Rejected, trailers: tuple[tuple[str, str], ...]) -> None:
        if self._refusal is None:
            self._refusal, self._trailers = refusal, trailers
        self._outgoing.put_end_at_once()
        if self._pump is not None:
            # A write that is under way may finish: gRPC does not take a status beside the first one. Nor may it, where
            # the caller reads nothing, hold the status up.
            self._bridge.loop.call_later(_WRITE_S_MAX, self._pump.cancel)


def _metadatum(context: ServicerContext, name: str, size_bytes: int) -> bytes | None:
    """What the caller's metadata say; None also for another length."""
    for key, value in context.invocation_metadata() or ():
        if key == name and isinstance(value, bytes) and len(value) == size_bytes:
            return value
    return None
