"""Outgoing calls: a channel to one endpoint, made at first use and remade when it broke."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import grpc.aio

from lumbung_cluster.errors import PeerGone
from lumbung_node.adapters.grpc_transport.asking import AskingStream
from lumbung_node.adapters.grpc_transport.bridge import Bridge
from lumbung_node.adapters.grpc_transport.call_ending import CallEnding, too_late
from lumbung_node.adapters.grpc_transport.client_call import ClientCall
from lumbung_node.adapters.grpc_transport.connection import Connection
from lumbung_node.adapters.grpc_transport.lanes import End, OutgoingLane
from lumbung_node.adapters.grpc_transport.statuses import (
    END_MARK_BYTES,
    END_MARK_KEY,
    call_metadata,
    check_size,
    error_of_call,
)
from lumbung_node.ports.transport import CallKind, ClientStream, Method

if TYPE_CHECKING:
    from lumbung_node.adapters.grpc_transport.call_ending import StreamCall

__all__ = ["GrpcChannel"]


class GrpcChannel:
    """A `Channel` of the transport port."""

    def __init__(self, bridge: Bridge, connection: Connection) -> None:
        self._bridge = bridge
        self._connection = connection

    async def call(self, method: Method, request: bytes, *, deadline_s: float) -> bytes:
        assert method.kind is CallKind.UNARY, method
        check_size(request, method.sent_bytes_max)
        return await self._bridge.run(lambda: self._call(method, request, deadline_s))

    def stream(self, method: Method, *, deadline_s: float | None = None) -> AbstractAsyncContextManager[ClientStream]:
        return self._stream(method, deadline_s)

    async def close(self) -> None:
        await self._bridge.run(self._connection.close)

    async def _call(self, method: Method, request: bytes, deadline_s: float) -> bytes:
        until_s = self._bridge.loop.time() + deadline_s
        channel = await self._connection.ready(timeout_s=deadline_s)
        invoke = channel.unary_unary(method.name, None, None)
        try:
            answer: bytes = await invoke(request, timeout=until_s - self._bridge.loop.time(), metadata=call_metadata())
            return answer
        except grpc.aio.AioRpcError as exc:
            raise error_of_call(exc) from exc

    @asynccontextmanager
    async def _stream(self, method: Method, deadline_s: float | None) -> AsyncIterator[ClientStream]:
        kind = AskingStream if method.kind is CallKind.SERVER_STREAM else _Stream
        stream = kind(self._bridge, self._connection, method, deadline_s)
        try:
            yield stream
        finally:
            stream.leave()


class _Stream(ClientCall):
    """One call with many requests. It begins when it is opened: its peer may speak first."""

    def __init__(self, bridge: Bridge, connection: Connection, method: Method, deadline_s: float | None) -> None:
        super().__init__(bridge, connection, method, deadline_s)
        self._outgoing = OutgoingLane(bridge)
        self._end_mark = os.urandom(END_MARK_BYTES)
        self._has_finished = False
        self._begin()

    # trio's side

    async def send(self, message: bytes) -> None:
        assert not self._has_finished, "send after finish_sending"
        check_size(message, self._method.sent_bytes_max)
        await self._outgoing.send(message)

    async def finish_sending(self) -> None:
        if not self._has_finished:
            self._has_finished = True
            self._outgoing.finish()

    # asyncio's side

    def _end(self, error: Exception | None) -> None:
        super()._end(error)
        self._outgoing.close(error or PeerGone("the peer has ended the stream"))

    async def _talk(self) -> Exception | None:
        channel, until_s = await self._connected()
        metadata = (*call_metadata(), (END_MARK_KEY, self._end_mark))
        call = channel.stream_stream(self._method.name, None, None)(
            None, timeout=self._left_s(until_s), metadata=metadata
        )
        ending = CallEnding(call, until_s)
        writer = self._bridge.spawn(self._write(call))
        watcher = self._bridge.spawn(self._watch(ending))
        try:
            # gRPC keeps the deadline too, but a write that it interrupts hides the status that says so.
            async with asyncio.timeout_at(until_s):
                await self._read(call)
                return await ending.error()
        except TimeoutError:
            return too_late()
        finally:
            writer.cancel()
            watcher.cancel()
            call.cancel()

    async def _read(self, call: StreamCall) -> None:
        try:
            # Not `call.read`: it gives nothing more once a write has failed, though messages before the end wait.
            async for message in call:
                await self._incoming.put(message)
                del message  # or each silent session keeps its last one: up to 1 MiB
        except grpc.aio.AioRpcError:
            pass  # the status says more

    async def _write(self, call: StreamCall) -> None:
        try:
            while not isinstance(message := await self._outgoing.next(), End):
                await call.write(message)
                self._outgoing.written(message)
                del message
            await call.write(self._end_mark)
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # the call is over; the watcher says how

    async def _watch(self, ending: CallEnding) -> None:
        """End the sending side as soon as the call is over, also while nobody takes the messages before the end."""
        error = await ending.error()
        self._outgoing.close(error or PeerGone("the peer has ended the stream"))
