"""`serve`, `dial` and `renew`, over one bridge and one TLS identity."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import trio

from lumbung_cluster.errors import KeyRefused
from lumbung_node.adapters.grpc_transport.bridge import Bridge, open_bridge
from lumbung_node.adapters.grpc_transport.client import GrpcChannel
from lumbung_node.adapters.grpc_transport.connection import Connection, OwnSide
from lumbung_node.adapters.grpc_transport.credentials import server_credentials
from lumbung_node.adapters.grpc_transport.health import Health
from lumbung_node.adapters.grpc_transport.identity import TlsIdentity
from lumbung_node.adapters.grpc_transport.probe import make_probe_context
from lumbung_node.adapters.grpc_transport.server import GrpcListener
from lumbung_node.ports.log import Log
from lumbung_node.ports.metrics import Metrics
from lumbung_node.ports.transport import AccessCheck, Endpoint, Handler, LinkClass, Method

__all__ = ["GrpcTransport", "check_tls", "grpc_transport"]


class GrpcTransport:
    """A `Transport` of the transport port."""

    def __init__(
        self,
        bridge: Bridge,
        tls: TlsIdentity,
        access_check: AccessCheck,
        link: LinkClass,
        log: Log,
        metrics: Metrics,
    ) -> None:
        self._bridge = bridge
        self._access_check = access_check
        self._link = link
        self._log = log
        self._metrics = metrics
        self._own = _own_side(tls)

    def renew(self, tls: TlsIdentity) -> None:
        """Use other certificates from the next handshake on; calls under way keep their connection. Raises KeyRefused
        for certificates that cannot be used, and keeps the old ones."""
        self._own = _own_side(tls)

    def serve(self, address: str, handlers: Mapping[Method, Handler]) -> AbstractAsyncContextManager[GrpcListener]:
        return self._serve(address, handlers)

    def dial(self, endpoint: Endpoint) -> GrpcChannel:
        return GrpcChannel(self._bridge, Connection(self._bridge, endpoint, lambda: self._own))

    @asynccontextmanager
    async def _serve(self, address: str, handlers: Mapping[Method, Handler]) -> AsyncIterator[GrpcListener]:
        health = Health(handlers)
        credentials = server_credentials(lambda: self._own.tls)
        listener = GrpcListener(self._bridge, self._access_check, health, self._link, self._log, self._metrics)
        await listener.bind(address, {**handlers, **health.handlers()}, credentials)
        async with trio.open_nursery() as nursery:
            try:
                await listener.start(nursery)
                yield listener
            finally:
                nursery.cancel_scope.cancel()
                with trio.CancelScope(shield=True):
                    await listener.stop(grace_s=0)


def check_tls(tls: TlsIdentity) -> None:
    """Whether certificate, key and trust roots can be used together. Raises KeyRefused."""
    _own_side(tls)


def _own_side(tls: TlsIdentity) -> OwnSide:
    try:
        return OwnSide(tls, make_probe_context(tls))
    except (ssl.SSLError, ValueError) as exc:
        reason = exc.reason.lower().replace("_", " ") if isinstance(exc, ssl.SSLError) and exc.reason else str(exc)
        raise KeyRefused(f"certificate, TLS key and trust roots do not fit together: {reason}") from exc


@asynccontextmanager
async def grpc_transport(
    tls: TlsIdentity, *, access_check: AccessCheck, link: LinkClass, log: Log, metrics: Metrics
) -> AsyncIterator[GrpcTransport]:
    """A transport that speaks as `tls`, for as long as the block lasts.

    `access_check` is asked before each handler. `link` is the class of our own line: how soon a caller that fell silent
    is let go.
    """
    async with open_bridge(log) as bridge:
        yield GrpcTransport(bridge, tls, access_check, link, log, metrics)
