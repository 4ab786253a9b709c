"""One endpoint's connection: probed, pinned, waited for, and probed again whenever it is not ready."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import grpc
import grpc.aio

from lumbung_cluster.errors import PeerGone, PeerUnreachable, TrustRefused
from lumbung_cluster.limits import DIAL_TIMEOUT_S
from lumbung_node.adapters.grpc_transport.bridge import Bridge
from lumbung_node.adapters.grpc_transport.identity import TlsIdentity, server_name_of
from lumbung_node.adapters.grpc_transport.options import channel_options
from lumbung_node.adapters.grpc_transport.probe import probe
from lumbung_node.ports.transport import Endpoint

__all__ = ["Connection", "OwnSide"]

# A node that stops between the probe and gRPC's own handshake is down. It does not distrust us: told so, a client would
# give its put up. The second probe tells which it is.
_HANDSHAKES: Final = 2
_DRAIN_S_MAX: Final = 24 * 3600.0  # calls on a replaced connection go on; a stream that outlives a day is remade


@dataclass(frozen=True, slots=True)
class OwnSide:
    """Our identity and the context made of it; another object after a renewal."""

    tls: TlsIdentity
    probe_context: ssl.SSLContext


@dataclass(frozen=True, slots=True)
class _Live:
    """A gRPC channel with what it was made of."""

    channel: grpc.aio.Channel
    leaf: bytes
    own: OwnSide


class Connection:
    """Lives in asyncio's thread."""

    def __init__(self, bridge: Bridge, endpoint: Endpoint, own_side: Callable[[], OwnSide]) -> None:
        self._bridge = bridge
        self._endpoint = endpoint
        self._server_name = server_name_of(endpoint.uri)
        self._own_side = own_side
        self._lock = asyncio.Lock()
        self._live: _Live | None = None
        self._closed = False

    async def ready(self, *, timeout_s: float | None) -> grpc.aio.Channel:
        """A connected channel. Raises PeerUnreachable and TrustRefused; PeerGone when closed."""
        live = self._usable()
        if live is not None and live.channel.get_state() is grpc.ChannelConnectivity.READY:
            return live.channel
        limit_s = DIAL_TIMEOUT_S if timeout_s is None else min(timeout_s, DIAL_TIMEOUT_S)
        try:
            async with asyncio.timeout(limit_s):
                return await self._connect(limit_s)
        except TimeoutError as exc:
            raise PeerUnreachable(f"{self._endpoint.address}: not connected within {limit_s:.1f} s") from exc

    async def close(self) -> None:
        self._closed = True
        if self._live is not None:
            live, self._live = self._live, None
            await live.channel.close(None)

    def _usable(self) -> _Live | None:
        """What we have, unless our own certificate has been renewed since."""
        if self._closed:
            raise PeerGone("the channel is closed")
        return self._live if self._live is not None and self._live.own is self._own_side() else None

    async def _connect(self, limit_s: float) -> grpc.aio.Channel:
        async with self._lock:
            live = self._usable()
            if live is not None and live.channel.get_state() is grpc.ChannelConnectivity.READY:
                return live.channel
            own = self._own_side()
            for _ in range(_HANDSHAKES):
                leaf = await probe(self._endpoint, own.probe_context, timeout_s=limit_s)
                # A channel that failed waits before it tries again; the probe knows that somebody is there now.
                live = self._replace(leaf, own)
                if await self._is_ready(live.channel):
                    return live.channel
            raise TrustRefused(f"{self._endpoint.address}: it answered, and then refused gRPC's handshake")

    def _replace(self, leaf: bytes, own: OwnSide) -> _Live:
        if self._live is not None:
            self._bridge.spawn(self._live.channel.close(_DRAIN_S_MAX))
        # The leaf itself is the trust root: gRPC connects to the key that was probed, or not at all.
        credentials = grpc.ssl_channel_credentials(leaf, own.tls.private_key_pem, own.tls.certificate_chain_pem)
        options = channel_options(self._endpoint.link, self._server_name)
        channel = grpc.aio.secure_channel(self._endpoint.address, credentials, options)
        self._live = _Live(channel, leaf, own)
        return self._live

    async def _is_ready(self, channel: grpc.aio.Channel) -> bool:
        """Wait until it is, or until its handshake has failed."""
        state = channel.get_state(try_to_connect=True)
        while state is not grpc.ChannelConnectivity.READY:
            if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                return False
            if state is grpc.ChannelConnectivity.SHUTDOWN:
                raise PeerGone("the channel is closed")
            await channel.wait_for_state_change(state)
            state = channel.get_state(try_to_connect=True)
        return True
