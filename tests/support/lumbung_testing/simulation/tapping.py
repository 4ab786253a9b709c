"""A transport that shows each message to an onlooker: before it leaves (when promises are made), and as it comes.

Only streams are watched: what nodes and stations promise each other travels on them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Protocol

from lumbung_node.ports.transport import (
    Caller,
    Channel,
    ClientStream,
    Endpoint,
    Handler,
    Listener,
    Method,
    ServerCall,
    Transport,
)

__all__ = ["OpenWatch", "TappedTransport", "Watch"]


class Watch(Protocol):
    """Looks at one call, from the side of the node whose transport is tapped."""

    def sends(self, message: bytes) -> None: ...

    def received(self, message: bytes) -> None: ...


OpenWatch = Callable[[str, Method, bool], Watch]
"""(uri of the other side, method, whether we dialled)"""


class TappedTransport:
    """Passes everything on, as it comes."""

    def __init__(self, inner: Transport, open_watch: OpenWatch) -> None:
        self._inner = inner
        self._open_watch = open_watch

    def serve(self, address: str, handlers: Mapping[Method, Handler]) -> AbstractAsyncContextManager[Listener]:
        tapped = {method: partial(self._handle, handler) for method, handler in handlers.items()}
        return self._inner.serve(address, tapped)

    def dial(self, endpoint: Endpoint) -> Channel:
        return _TappedChannel(self._inner.dial(endpoint), endpoint.uri, self._open_watch)

    async def _handle(self, handler: Handler, call: ServerCall) -> None:
        await handler(_TappedCall(call, self._open_watch(call.caller.uri, call.method, False)))


class _TappedCall:
    def __init__(self, inner: ServerCall, watch: Watch) -> None:
        self._inner = inner
        self._watch = watch

    @property
    def caller(self) -> Caller:
        return self._inner.caller

    @property
    def method(self) -> Method:
        return self._inner.method

    @property
    def request_id(self) -> bytes:
        return self._inner.request_id

    async def receive(self) -> bytes | None:
        message = await self._inner.receive()
        if message is not None:
            self._watch.received(message)
        return message

    async def send(self, message: bytes) -> None:
        self._watch.sends(message)
        await self._inner.send(message)


class _TappedChannel:
    def __init__(self, inner: Channel, uri: str, open_watch: OpenWatch) -> None:
        self._inner = inner
        self._uri = uri
        self._open_watch = open_watch

    async def call(self, method: Method, request: bytes, *, deadline_s: float) -> bytes:
        return await self._inner.call(method, request, deadline_s=deadline_s)

    def stream(self, method: Method, *, deadline_s: float | None = None) -> AbstractAsyncContextManager[ClientStream]:
        return self._stream(method, deadline_s)

    async def close(self) -> None:
        await self._inner.close()

    @asynccontextmanager
    async def _stream(self, method: Method, deadline_s: float | None) -> AsyncIterator[ClientStream]:
        async with self._inner.stream(method, deadline_s=deadline_s) as stream:
            yield _TappedStream(stream, self._open_watch(self._uri, method, True))


class _TappedStream:
    def __init__(self, inner: ClientStream, watch: Watch) -> None:
        self._inner = inner
        self._watch = watch

    async def send(self, message: bytes) -> None:
        self._watch.sends(message)
        await self._inner.send(message)

    async def finish_sending(self) -> None:
        await self._inner.finish_sending()

    async def receive(self) -> bytes | None:
        message = await self._inner.receive()
        if message is not None:
            self._watch.received(message)
        return message
