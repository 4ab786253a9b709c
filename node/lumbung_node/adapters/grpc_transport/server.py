"""The listener: which call gets a handler, how it ends, and who may stay when the roster changes."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc
import grpc.aio
import trio

from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.limits import CALLS_PER_PEER_MAX, CALLS_TOTAL_MAX
from lumbung_node.adapters.admission import Admission, internal_error, refusal_in
from lumbung_node.adapters.grpc_transport.bridge import Bridge
from lumbung_node.adapters.grpc_transport.health import Health
from lumbung_node.adapters.grpc_transport.identity import CallerReader
from lumbung_node.adapters.grpc_transport.options import server_options
from lumbung_node.adapters.grpc_transport.server_call import GrpcServerCall
from lumbung_node.ports.log import Log
from lumbung_node.ports.metrics import Metric, Metrics
from lumbung_node.ports.transport import AccessCheck, Caller, Handler, LinkClass, Method

if TYPE_CHECKING:
    from lumbung_node.adapters.grpc_transport.server_call import ServicerContext

__all__ = ["GrpcListener"]

_EVENT_ID_BYTES: Final = 6


@dataclass(slots=True)
class _Slot:
    """What still holds the slot of one call."""

    is_answered: bool = False
    is_left: bool = False


class GrpcListener:
    """A `Listener` of the transport port: `bind`, then `start`, once each."""

    def __init__(
        self,
        bridge: Bridge,
        access_check: AccessCheck,
        health: Health,
        link: LinkClass,
        log: Log,
        metrics: Metrics,
    ) -> None:
        self._bridge = bridge
        self._nursery: trio.Nursery | None = None
        self._health = health
        self._link = link
        self._log = log
        self._metrics = metrics
        self._admission = Admission(
            access_check, calls_per_peer_max=CALLS_PER_PEER_MAX, calls_total_max=CALLS_TOTAL_MAX
        )
        self._calls: dict[GrpcServerCall, _Slot] = {}
        self._is_stopping = False
        self._address = ""
        # asyncio's side
        self._callers = CallerReader()
        self._server: grpc.aio.Server | None = None

    @property
    def address(self) -> str:
        return self._address

    def set_serving(self, serving: bool) -> None:
        """What the standard health service says; a listener starts as serving."""
        self._health.set_serving(serving)

    def revoke(self, may_stay: Callable[[Caller, Method], bool]) -> None:
        for call in list(self._calls):
            if not may_stay(call.caller, call.method):
                self._log.warning("call revoked", caller=call.caller.uri, method=call.method.name)
                sentence = f"{call.caller.uri} may no longer call {call.method.name}"
                call.end_at_once(Rejected(StatusCode.PERMISSION_DENIED, sentence))

    async def stop(self, *, grace_s: float) -> None:
        self._is_stopping = True
        self._health.set_serving(False)
        await self._bridge.run(lambda: self._stop(grace_s))

    async def bind(self, address: str, handlers: Mapping[Method, Handler], credentials: grpc.ServerCredentials) -> None:
        """Take the address; nobody is answered before `start`. Raises OSError when it is in use."""
        port = await self._bridge.run(lambda: self._bind(address, handlers, credentials))
        self._address = f"{address.rpartition(':')[0]}:{port}"

    async def start(self, nursery: trio.Nursery) -> None:
        """Answer calls, each by a task in `nursery`."""
        self._nursery = nursery
        await self._bridge.run(self._start)

    # asyncio's side

    async def _bind(self, address: str, handlers: Mapping[Method, Handler], credentials: grpc.ServerCredentials) -> int:
        server = grpc.aio.server(options=server_options(self._link), maximum_concurrent_rpcs=CALLS_TOTAL_MAX)
        server.add_generic_rpc_handlers([_Routes({m.name: self._route(m, handlers[m]) for m in handlers})])
        try:
            port = server.add_secure_port(address, credentials)
        except RuntimeError as exc:
            raise _bind_error(address) from exc
        self._server = server
        return port

    async def _start(self) -> None:
        if self._server is not None:
            await self._server.start()

    async def _stop(self, grace_s: float) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.stop(grace_s)

    def _route(self, method: Method, handler: Handler) -> grpc.RpcMethodHandler[bytes, bytes]:
        """gRPC's side of one method. All kinds are one: on the wire a unary call is a stream of one message."""

        async def serve(_requests: object, context: ServicerContext) -> None:
            try:
                caller = self._callers.read(context.auth_context())
            except Rejected as exc:
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, exc.sentence)
            call = GrpcServerCall(self._bridge, caller, method, context)
            await call.run(lambda: self._accept(call, handler))

        return grpc.stream_stream_rpc_method_handler(serve)

    # trio's side

    def _accept(self, call: GrpcServerCall, handler: Handler) -> None:
        if self._is_stopping or self._nursery is None:
            call.turn_away("this node is stopping")
            return
        try:
            self._admission.admit(call.caller, call.method)
        except Rejected as exc:
            self._count(exc)
            call.end_at_once(exc)
        except Exception as exc:  # noqa: BLE001 - the access check's bug is a bug of the call
            call.end_at_once(self._bug(call, exc))
        else:
            slot = self._calls[call] = _Slot()
            call.when_left(lambda: self._free(call, slot, is_left=True))
            self._nursery.start_soon(self._run, call, handler, slot)

    async def _run(self, call: GrpcServerCall, handler: Handler, slot: _Slot) -> None:
        refusal: Rejected | None = None
        try:
            with call.scope:
                refusal = await self._answer(call, handler)
        except Exception as exc:  # noqa: BLE001 - what a task of the handler raised while the call was cancelled
            refusal = self._refusal(call, exc)
        finally:
            self._free(call, slot, is_answered=True)
        self._count(refusal)
        call.end(refusal)

    def _free(self, call: GrpcServerCall, slot: _Slot, *, is_left: bool = False, is_answered: bool = False) -> None:
        """Give the slot back once the handler is over and gRPC holds all that it sent.

        It is free before the status leaves: a caller that counts his calls himself must find it so.
        """
        slot.is_left |= is_left
        slot.is_answered |= is_answered
        if slot.is_left and slot.is_answered:
            del self._calls[call]
            self._admission.leave(call.caller, call.method)

    def _count(self, refusal: Rejected | None) -> None:
        if refusal is not None:
            self._metrics.add(Metric.REFUSALS, 1, refusal.code.name)

    async def _answer(self, call: GrpcServerCall, handler: Handler) -> Rejected | None:
        try:
            await handler(call)
            call.check_answered()
        except Exception as exc:  # noqa: BLE001 - a handler's failure ends its own call, never the server
            return self._refusal(call, exc)
        return None

    def _refusal(self, call: GrpcServerCall, failure: Exception) -> Rejected:
        return refusal_in(failure) or self._bug(call, failure)

    def _bug(self, call: GrpcServerCall, failure: Exception) -> Rejected:
        event_id = os.urandom(_EVENT_ID_BYTES).hex()
        self._log.error("handler failed", event_id=event_id, method=call.method.name, exc_info=failure)
        return internal_error(event_id)


class _Routes(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs only
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
        with socket.socket(family, kind, protocol) as attempt:
            attempt.bind(target)
    except OSError as exc:
        return OSError(exc.errno, f"cannot listen on {address}: {exc.strerror}")
    return OSError(errno.EADDRINUSE, f"cannot listen on {address}: it was in use")
