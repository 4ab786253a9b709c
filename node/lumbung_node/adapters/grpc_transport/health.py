"""The standard grpc.health.v1 service, so that any orchestrator can ask whether a node serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import trio
from google.protobuf.message import DecodeError
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_node.ports.transport import CallKind, Handler, Method, ServerCall

__all__ = ["Health"]

_CHECK: Final = Method("/grpc.health.v1.Health/Check", CallKind.UNARY)
_WATCH: Final = Method("/grpc.health.v1.Health/Watch", CallKind.SERVER_STREAM)


class Health:
    """Says SERVING for the whole node ("") and each of its services until told otherwise."""

    def __init__(self, served: Mapping[Method, Handler]) -> None:
        self._services = {"", *(method.name.split("/")[1] for method in served)}
        self._serving = True
        self._changed = trio.Event()

    def set_serving(self, serving: bool) -> None:
        if serving != self._serving:
            self._serving = serving
            changed, self._changed = self._changed, trio.Event()
            changed.set()

    def handlers(self) -> Mapping[Method, Handler]:
        return {_CHECK: self._check, _WATCH: self._watch}

    async def _check(self, call: ServerCall) -> None:
        service = await _asked_service(call)
        if service not in self._services:
            raise Rejected(StatusCode.NOT_FOUND, f"service: expected one of this node, got {service[:100]!r}")
        await call.send(self._word_on(service))

    async def _watch(self, call: ServerCall) -> None:
        service = await _asked_service(call)
        while True:
            changed = self._changed
            await call.send(self._word_on(service))
            await changed.wait()

    def _word_on(self, service: str) -> bytes:
        status = HealthCheckResponse.SERVING if self._serving else HealthCheckResponse.NOT_SERVING
        if service not in self._services:
            status = HealthCheckResponse.SERVICE_UNKNOWN
        return bytes(HealthCheckResponse(status=status).SerializeToString())


async def _asked_service(call: ServerCall) -> str:
    message = await call.receive()
    try:
        return str(HealthCheckRequest.FromString(message or b"").service)
    except DecodeError as exc:
        raise Rejected(StatusCode.INVALID_ARGUMENT, f"expected a HealthCheckRequest, got {exc}") from exc
