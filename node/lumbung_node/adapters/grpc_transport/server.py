"""Incoming calls: one handler task in trio for each, its two lanes, and one status at the end."""

from __future__ import annotations

import errno
import os
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import grpc
import grpc.aio
import trio

from lumbung_cluster.errors import PeerGone, Rejected, StatusCode
from lumbung_cluster.limits import CALLS_PER_PEER_MAX, CALLS_TOTAL_MAX
from lumbung_node.adapters.grpc_transport.bridge import Bridge
from lumbung_node.adapters.grpc_transport.identity import CallerReader
from lumbung_node.adapters.grpc_transport.options import server_options
from lumbung_node.adapters.grpc_transport.server_call import GrpcServerCall, ServicerContext
from lumbung_node.ports.log import Log
from lumbung_node.ports.transport import AccessCheck, Caller, Handler, Method

__all__ = ["GrpcListener"]

_EVENT_ID_BYTES: Final = 6


class GrpcListener:
    """A `Listener` of the transport port. Its calls run in `nursery`."""

    def __init__(self, bridge: Bridge, nursery: trio.Nursery, access_check: AccessCheck, log: Log) -> None:
        self._bridge = bridge
        self._nursery = nursery
        self._access_check = access_check
        self._log = log
        self._callers = CallerReader()
        self._calls: dict[GrpcServerCall, trio.CancelScope] = {}
        self._slots: Counter[str] = Counter()
        self._server: grpc.aio.Server | None = None
        self._is_stopping = False
        self._address = ""

    @property
    def address(self) -> str:
        return self._address

    def revoke(self, may_stay: Callable[[Caller], bool]) -> None:
        for call, scope in list(self._calls.items()):
            if not may_stay(call.caller):
                self._log.warning("call revoked", caller=call.caller.uri, method=call.method.name)
                sentence = f"{call.caller.uri} may no longer call {call.method.name}"
                call.end_at_once(Rejected(StatusCode.PERMISSION_DENIED, sentence))
                scope.cancel()

    async def stop(self, *, grace_s: float) -> None:
        self._is_stopping = True
        server, self._server = self._server, None
        if server is None:
            return
        await self._bridge.run(lambda: server.stop(grace_s))
        for scope in self._calls.values():
            scope.cancel()

    async def start(
        self, address: str, handlers: Mapping[Method, Handler], credentials: grpc.ServerCredentials
    ) -> None:
        """Bind and serve. Raises OSError when the address is taken."""
        port = await self._bridge.run(lambda: self._start(address, handlers, credentials))
        self._address = f"{address.rpartition(':')[0]}:{port}"

    # asyncio's side

    async def _start(
        self, address: str, handlers: Mapping[Method, Handler], credentials: grpc.ServerCredentials
    ) -> int:
        server = grpc.aio.server(options=server_options(), maximum_concurrent_rpcs=CALLS_TOTAL_MAX)
        routes = {m.name: grpc.stream_stream_rpc_method_handler(self._serve(m, h)) for m, h in handlers.items()}
        server.add_generic_rpc_handlers([_Routes(routes)])
        try:
            port = server.add_secure_port(address, credentials)
        except RuntimeError as exc:
            raise _bind_error(address) from exc
        await server.start()
        self._server = server
        return port

    def _serve(self, method: Method, handler: Handler) -> Callable[[object, ServicerContext], Awaitable[None]]:
        """gRPC's side of one method. All kinds are one: on the wire a unary call is a stream of one message."""

        async def serve(_requests: object, context: ServicerContext) -> None:
            try:
                caller = self._callers.read(context.auth_context())
            except Rejected as exc:
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, exc.sentence)
            call = GrpcServerCall(self._bridge, caller, method, context)
            self._bridge.to_trio(lambda: self._accept(call, handler))
            await call.pump(context)

        return serve

    # trio's side

    def _accept(self, call: GrpcServerCall, handler: Handler) -> None:
        uri = call.caller.uri
        if self._is_stopping:
            call.end_at_once(Rejected(StatusCode.UNAVAILABLE, "this node is stopping"))
        elif self._slots[uri] >= CALLS_PER_PEER_MAX:
            sentence = f"expected at most {CALLS_PER_PEER_MAX} open calls of {uri}, got one more"
            call.end_at_once(Rejected(StatusCode.RESOURCE_EXHAUSTED, sentence))
        else:
            self._slots[uri] += 1
            self._nursery.start_soon(self._run_call, call, handler)

    async def _run_call(self, call: GrpcServerCall, handler: Handler) -> None:
        """Hold the caller's slot until the handler has ended and gRPC has let go of the call."""
        try:
            with trio.CancelScope() as scope:
                self._calls[call] = scope
                call.cancel_when_over(scope)
                await self._answer(call, handler)
                await call.over.wait()
        finally:
            call.end_at_once(PeerGone("the handler was cancelled"))
            del self._calls[call]
            self._slots[call.caller.uri] -= 1
            if not self._slots[call.caller.uri]:
                del self._slots[call.caller.uri]

    async def _answer(self, call: GrpcServerCall, handler: Handler) -> None:
        try:
            self._access_check(call.caller, call.method)
            await handler(call)
            call.check_answered()
        except Rejected as exc:
            call.end(exc)
        except PeerGone as exc:
            call.end(Rejected(StatusCode.CANCELLED, str(exc)))
        except Exception as exc:  # noqa: BLE001 - a handler's bug ends one call, and tells the peer nothing
            event_id = os.urandom(_EVENT_ID_BYTES).hex()
            self._log.error("handler failed", event_id=event_id, method=call.method.name, exc_info=exc)
            call.end(Rejected(StatusCode.INTERNAL, f"internal error, event {event_id}"))
        else:
            call.end(None)


class _Routes(grpc.GenericRpcHandler):
    """Methods by their full path; gRPC answers UNIMPLEMENTED for others."""

    def __init__(self, routes: Mapping[str, grpc.RpcMethodHandler[bytes, bytes]]) -> None:
        self._routes = routes

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        return self._routes.get(details.method)


def _bind_error(address: str) -> OSError:
    """gRPC does not say why it could not bind: try it ourselves."""
    host, _, port = address.rpartition(":")
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(target)
    except OSError as exc:
        return OSError(exc.errno, f"cannot listen on {address}: {exc.strerror}")
    return OSError(errno.EADDRINUSE, f"cannot listen on {address}: it was in use")
