"""A call of one request: it goes out with its request in one batch, and only the answers come back one by one."""

from __future__ import annotations

import grpc.aio
import trio

from lumbung_node.adapters.grpc_transport.bridge import Bridge
from lumbung_node.adapters.grpc_transport.client_call import ClientCall
from lumbung_node.adapters.grpc_transport.connection import Connection
from lumbung_node.adapters.grpc_transport.statuses import call_metadata, check_size, error_of_call
from lumbung_node.ports.transport import Method

__all__ = ["AskingStream"]


class AskingStream(ClientCall):
    """A `ClientStream` of the transport port for a method of one request. Nothing leaves before that is complete."""

    def __init__(self, bridge: Bridge, connection: Connection, method: Method, deadline_s: float | None) -> None:
        super().__init__(bridge, connection, method, deadline_s)
        self._request: bytes | None = None
        self._has_begun = False

    # trio's side

    async def send(self, message: bytes) -> None:
        assert self._request is None, f"{self._method.name}: expected one request, got another"
        check_size(message, self._method.sent_bytes_max)
        await trio.lowlevel.checkpoint()
        self._request = message

    async def finish_sending(self) -> None:
        await trio.lowlevel.checkpoint()
        self._begin_once()

    async def receive(self) -> bytes | None:
        self._begin_once()
        return await super().receive()

    def leave(self) -> None:
        super().leave()
        self._has_begun = True  # or it would begin with nobody to leave it

    def _begin_once(self) -> None:
        assert self._request is not None, f"{self._method.name}: expected a request, got none"
        if not self._has_begun:
            self._has_begun = True
            self._begin()

    # asyncio's side

    async def _talk(self) -> Exception | None:
        channel, until_s = await self._connected()
        call = channel.unary_stream(self._method.name, None, None)(
            self._request, timeout=self._left_s(until_s), metadata=call_metadata()
        )
        try:
            async for message in call:
                await self._incoming.put(message)
        except grpc.aio.AioRpcError as exc:
            return error_of_call(exc)
        finally:
            call.cancel()
        return None
