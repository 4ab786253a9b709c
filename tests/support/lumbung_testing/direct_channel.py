"""A transport channel straight to a handler in the same process: no network, no identity, for tests of clients."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

import trio

from lumbung_cluster.errors import LumbungError, PeerGone, Rejected, StatusCode
from lumbung_node.ports.transport import Caller, ClientStream, Endpoint, Handler, Method

__all__ = ["DirectChannel", "DirectTransport", "InlineBlocking"]

T = TypeVar("T")
_WINDOW_MESSAGES = 4  # small, so that back pressure is felt


class InlineBlocking:
    """Runs blocking work where it stands, so that a test clock never overtakes a thread."""

    async def run(self, work: Callable[[], T]) -> T:
        await trio.lowlevel.checkpoint()
        return work()


class _ServerCall:
    request_id = bytes(16)
    caller = Caller("lumbung://00/access/1/station", bytes(32))

    def __init__(
        self, method: Method, inbox: trio.MemoryReceiveChannel[bytes], outbox: trio.MemorySendChannel[bytes]
    ) -> None:
        self.method = method
        self._inbox = inbox
        self._outbox = outbox

    async def receive(self) -> bytes | None:
        try:
            return await self._inbox.receive()
        except trio.EndOfChannel:
            return None

    async def send(self, message: bytes) -> None:
        try:
            await self._outbox.send(message)
        except trio.BrokenResourceError as exc:
            raise PeerGone("client gone") from exc


class _ClientStream:
    def __init__(self, outbox: trio.MemorySendChannel[bytes], inbox: trio.MemoryReceiveChannel[bytes]) -> None:
        self._outbox = outbox
        self._inbox = inbox
        self.failure: LumbungError | None = None

    async def send(self, message: bytes) -> None:
        try:
            await self._outbox.send(message)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            raise self.failure or PeerGone("server gone") from exc

    async def finish_sending(self) -> None:
        await trio.lowlevel.checkpoint()
        self._outbox.close()

    async def receive(self) -> bytes | None:
        try:
            return await self._inbox.receive()
        except trio.EndOfChannel:
            if self.failure is not None:
                raise self.failure from None
            return None


class DirectChannel:
    """Calls go to `handlers`; a handler that raises PeerGone looks like a line that broke."""

    def __init__(self, handlers: Mapping[Method, Handler]) -> None:
        self.handlers = handlers
        self.streams_opened = 0
        self.unreachable: LumbungError | None = None

    async def call(self, method: Method, request: bytes, *, deadline_s: float) -> bytes:
        with trio.fail_after(deadline_s):
            async with self.stream(method) as stream:
                await stream.send(request)
                await stream.finish_sending()
                answer = await stream.receive()
        if answer is None:
            raise Rejected(StatusCode.INTERNAL, "expected one message, got none")
        return answer

    def stream(self, method: Method, *, deadline_s: float | None = None) -> AbstractAsyncContextManager[ClientStream]:
        return self._stream(method)

    async def close(self) -> None:
        await trio.lowlevel.checkpoint()

    @asynccontextmanager
    async def _stream(self, method: Method) -> AsyncIterator[ClientStream]:
        self.streams_opened += 1
        if self.unreachable is not None:
            raise self.unreachable
        to_server, server_inbox = trio.open_memory_channel[bytes](_WINDOW_MESSAGES)
        to_client, client_inbox = trio.open_memory_channel[bytes](_WINDOW_MESSAGES)
        stream = _ClientStream(to_server, client_inbox)
        call = _ServerCall(method, server_inbox, to_client)

        async def serve(handler: Callable[[_ServerCall], Awaitable[None]]) -> None:
            with server_inbox, to_client:
                try:
                    await handler(call)
                except LumbungError as exc:
                    stream.failure = exc

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve, self.handlers[method])
                yield stream
                nursery.cancel_scope.cancel()
        except* LumbungError as group:
            # A channel's errors come plain: only what the block itself raised can be in here.
            raised = group.exceptions[0]
        else:
            return
        raise raised


class DirectTransport:
    """Dials `channels` by node number; `dialled` tells to whom a session spoke."""

    def __init__(self, channels: Mapping[int, DirectChannel]) -> None:
        self._channels = channels
        self.dialled: list[int] = []

    def dial(self, endpoint: Endpoint) -> DirectChannel:
        number = int(endpoint.uri.rpartition("/")[2])
        self.dialled.append(number)
        return self._channels[number]
