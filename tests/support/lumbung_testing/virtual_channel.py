"""A client's channel on the virtual network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import trio

from lumbung_cluster.errors import PeerGone, Rejected, StatusCode
from lumbung_node.ports.transport import CallKind, ClientStream, Endpoint, Method
from lumbung_testing.virtual_calls import VirtualCall
from lumbung_testing.virtual_connections import Connection, Side
from lumbung_testing.virtual_listener import VirtualListener
from lumbung_testing.virtual_streams import VirtualAskingStream, VirtualClientStream

__all__ = ["Route", "VirtualChannel"]

Route = tuple[Connection, VirtualListener | None]
"""A new connection and who listens at its other end."""


class VirtualChannel:
    """Keeps one connection while it lives. `connect` makes a new one, `begin` a call on it from its host."""

    def __init__(
        self,
        endpoint: Endpoint,
        connect: Callable[[Endpoint], Route],
        begin: Callable[[Connection, Method, float | None], VirtualCall],
    ) -> None:
        self._endpoint = endpoint
        self._connect = connect
        self._begin = begin
        self._route: Route | None = None
        self._is_closed = False

    async def call(self, method: Method, request: bytes, *, deadline_s: float) -> bytes:
        assert method.kind is CallKind.UNARY, method
        async with self.stream(method, deadline_s=deadline_s) as stream:
            await stream.send(request)
            await stream.finish_sending()
            answer = await stream.receive()
            if answer is None or await stream.receive() is not None:
                raise Rejected(StatusCode.INTERNAL, "expected one answer, got none or more")
            return answer

    def stream(self, method: Method, *, deadline_s: float | None = None) -> AbstractAsyncContextManager[ClientStream]:
        return self._stream(method, deadline_s)

    async def close(self) -> None:
        await trio.lowlevel.checkpoint()
        self._is_closed = True
        if self._route is not None:
            connection, _ = self._route
            connection.hang_up(Side.CLIENT, trio.current_time())
            self._route = None

    @asynccontextmanager
    async def _stream(self, method: Method, deadline_s: float | None) -> AsyncIterator[ClientStream]:
        connection, listener = self._living_route()
        call = self._begin(connection, method, deadline_s)
        if listener is None:
            call.end_serving()
        else:
            listener.expect(call)
        asks = method.kind is CallKind.SERVER_STREAM
        stream = VirtualAskingStream(call) if asks else VirtualClientStream(call)
        try:
            yield stream
        finally:
            stream.leave()

    def _living_route(self) -> Route:
        if self._is_closed:
            raise PeerGone("the channel is closed")
        now = trio.current_time()
        if self._route is None or self._route[0].lost_at(Side.CLIENT) <= now:
            self._route = self._connect(self._endpoint)
        return self._route
