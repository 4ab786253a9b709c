"""One incoming call between the loops: two lanes, and one status at its end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Final

import grpc.aio
import trio

from lumbung_cluster.errors import PeerGone, Rejected, StatusCode
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

_GONE: Final = "the caller has left the call"
_MANY_REQUESTS: Final = (CallKind.CLIENT_STREAM, CallKind.BIDI)
_WRITE_S_MAX: Final = 1.0  # one message's time when a call is cut
_REQUEST_S: Final = 0.05  # a call of one request is judged with it, or without it by then
_FALSE_END_S: Final = 0.1  # with four busy processes on two cores gRPC took up to 11 ms to tell the two ends apart


class _Doing(Enum):
    """What gRPC's coroutine waits for, as far as that can be given up."""

    NOTHING = "nothing"
    READING = "reading"
    WRITING = "writing"


class GrpcServerCall:
    """A `ServerCall` of the transport port. What its handler may see first, what the listener uses behind."""

    def __init__(self, bridge: Bridge, caller: Caller, method: Method, context: ServicerContext) -> None:
        self._bridge = bridge
        self._context = context
        self._caller = caller
        self._method = method
        self._request_id = _metadatum(context, REQUEST_ID_KEY, REQUEST_ID_BYTES) or os.urandom(REQUEST_ID_BYTES)
        self._end_mark = _metadatum(context, END_MARK_KEY, END_MARK_BYTES)
        self._incoming = IncomingLane(bridge, method.requests_waiting_max)
        self._outgoing = OutgoingLane(bridge)
        self._answers = AnswerCount(method)
        self._scope = trio.CancelScope()
        self._on_left: Callable[[], None] | None = None
        # In asyncio's thread: what the call ends with, and how to stop what it waits for when it has to end at once.
        self._refusal: Rejected | None = None
        self._trailers: tuple[tuple[str, str], ...] = SAID_BY_HANDLER
        self._task: asyncio.Task[object] | None = None
        self._accept: Callable[[], None] | None = None
        self._doing = _Doing.NOTHING
        self._is_stopped = False
        self._has_written = False

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
        check_size(message, self._method.answer_bytes_max)
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

    def when_left(self, hear: Callable[[], None]) -> None:
        """`hear` is called once when gRPC has taken all that was handed over, before the status, or has let go."""
        self._on_left = hear

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

    def _left(self) -> None:
        self._leave()
        if self._on_left is not None:
            self._on_left()

    # asyncio's side

    async def run(self, accept: Callable[[], None]) -> None:
        """The whole call as gRPC's coroutine; `accept` has the listener judge it in trio."""
        self._task, self._accept = asyncio.current_task(), accept
        reader: asyncio.Task[object] | None = None
        try:
            if self._method.kind in _MANY_REQUESTS:
                self._have_judged()
                reader = self._bridge.spawn(self._read())
            else:
                await self._read_one()
            await self._write_all()
        finally:
            if reader is not None:
                reader.cancel()
            self._bridge.to_trio(self._left)  # before the status: a caller that has it may count on his slot
        if self._refusal is not None:
            await self._abort(self._refusal)

    def _have_judged(self) -> None:
        accept, self._accept = self._accept, None
        if accept is not None:
            self._bridge.to_trio(accept)

    async def _read_one(self) -> None:
        """The one request, in one hop with the judgement. A caller that is slow with it is judged without."""
        timer = self._bridge.loop.call_later(_REQUEST_S, self._have_judged)
        message: object = None
        try:
            with self._stoppable(_Doing.READING):
                message = await self._context.read()
        finally:
            timer.cancel()
        self._have_judged()
        if not isinstance(message, bytes) or message == self._end_mark:
            self._incoming.end(None)
        elif len(message) > self._method.request_bytes_max:
            self._incoming.end(self._too_large(message))
        else:
            self._incoming.put_last(message)

    async def _read(self) -> None:
        # gRPC reads a caller that was cancelled or killed as one that has finished, and cancels the call only after
        # that. Believed at once, 199 of 199 cut streams looked complete to their handlers.
        while isinstance(message := await self._context.read(), bytes):
            if message == self._end_mark:
                self._incoming.end(None)
                return
            if len(message) > self._method.request_bytes_max:
                self._incoming.end(self._too_large(message))
                return
            await self._incoming.put(message)
            del message  # or each silent session keeps its last one: up to 1 MiB
        if self._end_mark is not None:
            self._incoming.end(PeerGone(_GONE))
            return
        # A caller that marks no end, no client of ours. A true end outlives this wait, a false one is mostly cancelled
        # within it.
        await asyncio.sleep(_FALSE_END_S)
        self._incoming.end(None)

    def _too_large(self, message: bytes) -> Rejected:
        limit = self._method.request_bytes_max
        sentence = f"expected a request of at most {limit} bytes, got {len(message)}"
        return Rejected(StatusCode.RESOURCE_EXHAUSTED, sentence)

    async def _write_all(self) -> None:
        while not isinstance(message := await self._outgoing.next(), End):
            with self._stoppable(_Doing.WRITING):
                await self._write(message)
            self._has_written = True
            self._outgoing.written(message)
            del message

    async def _write(self, message: bytes) -> None:
        try:
            await self._context.write(message)
        except Exception:
            # The caller is gone, and gRPC cancels us as soon as it has heard so; raised before, it logs a traceback.
            await asyncio.sleep(_WRITE_S_MAX)
            raise

    @contextmanager
    def _stoppable(self, doing: _Doing) -> Iterator[None]:
        """What the block waits for may be given up when the call is cut."""
        self._doing = doing
        try:
            yield
        except asyncio.CancelledError:
            if not self._is_stopped:
                raise  # gRPC's: the caller is gone
            self._is_stopped = False
            if self._task is not None:
                self._task.uncancel()
        finally:
            self._doing = _Doing.NOTHING

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
        if self._doing is _Doing.READING:
            self._stop()
        elif self._doing is _Doing.WRITING:
            # A write that is under way may finish: gRPC does not take a status beside the first one. Nor may it, where
            # the caller reads nothing, hold the status up.
            self._bridge.loop.call_later(_WRITE_S_MAX, self._stop)

    def _stop(self) -> None:
        is_first = self._doing is _Doing.WRITING and not self._has_written  # no status can leave beside it
        if self._task is not None and self._doing is not _Doing.NOTHING and not is_first:
            self._is_stopped = True
            self._task.cancel()


def _metadatum(context: ServicerContext, name: str, size_bytes: int) -> bytes | None:
    """What the caller's metadata say; None also for another length."""
    for key, value in context.invocation_metadata() or ():
        if key == name and isinstance(value, bytes) and len(value) == size_bytes:
            return value
    return None
