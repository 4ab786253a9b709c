"""A call of one request: it goes out with its request in one batch, and only the answers come back one by one."""

from __future__ import annotations

import asyncio

import grpc.aio
import trio

from lumbung_cluster.errors import LumbungError, PeerGone
from lumbung_node.adapters.grpc_transport.bridge import Bridge
from lumbung_node.adapters.grpc_transport.connection import Connection
from lumbung_node.adapters.grpc_transport.lanes import IncomingLane
from lumbung_node.adapters.grpc_transport.statuses import call_metadata, check_size, error_of_call
from lumbung_node.ports.transport import Method

__all__ = ["AskingStream"]


class AskingStream:
    """A `ClientStream` of the transport port for a method of one request. Nothing leaves before that is complete."""

    def __init__(self, bridge: Bridge, connection: Connection, method: Method, deadline_s: float | None) -> None:
        self._bridge = bridge
        self._connection = connection
        self._method = method
        self._deadline_s = deadline_s
        self._incoming = IncomingLane(bridge)
        self._request: bytes | None = None
        self._has_begun = False
        self._task: asyncio.Task[object] | None = None

    # trio's side

    async def send(self, message: bytes) -> None:
        assert self._request is None, f"{self._method.name}: expected one request, got another"
        check_size(message)
        await trio.lowlevel.checkpoint()
        self._request = message

    async def finish_sending(self) -> None:
        await trio.lowlevel.checkpoint()
        self._begin()

    async def receive(self) -> bytes | None:
        self._begin()
        return await self._incoming.receive()

    def leave(self) -> None:
        """The block ends; who still waits in another task hears of it here: a task that has not begun ends silently."""
        self._incoming.end_now(PeerGone("the stream was left"))
        if self._has_begun:
            self._bridge.to_asyncio(self._cancel)
        self._has_begun = True  # or it would begin with nobody to leave it

    def _begin(self) -> None:
        assert self._request is not None, f"{self._method.name}: expected a request, got none"
        if not self._has_begun:
            self._has_begun = True
            if self._bridge.is_closed:
                self._incoming.end_now(PeerGone("the transport is closed"))
            self._bridge.to_asyncio(self._start)

    # asyncio's side

    def _start(self) -> None:
        self._task = self._bridge.spawn(self._run())

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        error: Exception | None = PeerGone("the stream was left")  # stands only when we are cancelled
        try:
            await self._talk()
            error = None
        except grpc.aio.AioRpcError as exc:
            error = error_of_call(exc)
        except LumbungError as exc:
            error = exc
        except Exception as exc:  # noqa: BLE001 - whoever waits on the stream must learn that it is over
            error = PeerGone(f"the stream broke: {exc!r}")
        finally:
            self._incoming.end(error)

    async def _talk(self) -> None:
        """Raises what `Connection.ready` does, and gRPC's error for any end but OK."""
        until_s = None if self._deadline_s is None else self._bridge.loop.time() + self._deadline_s
        channel = await self._connection.ready(timeout_s=self._deadline_s)
        left_s = None if until_s is None else until_s - self._bridge.loop.time()
        call = channel.unary_stream(self._method.name, None, None)(
            self._request, timeout=left_s, metadata=call_metadata()
        )
        try:
            async for message in call:
                await self._incoming.put(message)
        finally:
            call.cancel()
