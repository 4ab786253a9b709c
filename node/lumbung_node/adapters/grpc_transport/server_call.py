"""One incoming call between the loops."""

from __future__ import annotations

import os
from typing import Final, TypeAlias

import grpc.aio
import trio

from lumbung_cluster.errors import LumbungError, PeerGone, Rejected
from lumbung_node.adapters.grpc_transport.bridge import Bridge
from lumbung_node.adapters.grpc_transport.lanes import IncomingLane, OutgoingLane, _End
from lumbung_node.adapters.grpc_transport.statuses import SAID_BY_HANDLER, check_size, grpc_code
from lumbung_node.ports.transport import Caller, CallKind, Method

__all__ = ["GrpcServerCall", "ServicerContext"]

ServicerContext: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"

_REQUEST_ID_KEY: Final = "lumbung-request-bin"
_REQUEST_ID_BYTES: Final = 16
_ONE_ANSWER: Final = (CallKind.UNARY, CallKind.CLIENT_STREAM)


class GrpcServerCall:
    """A `ServerCall` of the transport port."""

    def __init__(self, bridge: Bridge, caller: Caller, method: Method, context: ServicerContext) -> None:
        self._bridge = bridge
        self._caller = caller
        self._method = method
        self._request_id = _request_id(context)
        self._incoming = IncomingLane(bridge)
        self._outgoing = OutgoingLane(bridge)
        self._sent = 0
        self._scope: trio.CancelScope | None = None
        self.over = trio.Event()
        # asyncio's side
        self._status: Rejected | None = None

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
        self._sent += 1
        await self._outgoing.send(message)
