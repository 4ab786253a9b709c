"""A TLS handshake of our own before gRPC dials: it tells "down" from "not trusted", and reads the pin.

gRPC says UNAVAILABLE to everything and does not show a client the server's certificate. So we connect once, check the
chain, the name, the URI and the pin, and give gRPC exactly this leaf as its only trust root: what it connects to
afterwards has the key that was checked here, or does not connect.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import Final

from lumbung_cluster.errors import KeyRefused, PeerUnreachable, TrustRefused
from lumbung_node.adapters.grpc_transport.identity import TlsIdentity, server_name_of
from lumbung_node.adapters.keys.certificates import read_certificate
from lumbung_node.ports.transport import Endpoint

__all__ = ["make_probe_context", "probe"]

_GREETING_BYTES: Final = 9  # the header of the SETTINGS frame that every HTTP/2 server sends first


def make_probe_context(tls: TlsIdentity) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    context.load_verify_locations(cadata=tls.trust_roots_pem.decode("ascii"))
    # The ssl module takes a key from a path only. This file has no name and never reaches a disk.
    handle = os.memfd_create("lumbung-tls", os.MFD_CLOEXEC)
    with os.fdopen(handle, "wb") as file:
        file.write(tls.private_key_pem + b"\n" + tls.certificate_chain_pem)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{handle}")
    return context


async def probe(endpoint: Endpoint, context: ssl.SSLContext, *, timeout_s: float) -> bytes:
    """The leaf certificate (PEM) at `endpoint`, proven to be the one expected. Raises PeerUnreachable, TrustRefused."""
    host, _, port = endpoint.address.rpartition(":")
    try:
        async with asyncio.timeout(timeout_s):
            leaf = await _read_leaf(host.strip("[]"), int(port), server_name_of(endpoint.uri), context)
    except TimeoutError as exc:
        raise PeerUnreachable(f"{endpoint.address}: no answer within {timeout_s:.1f} s") from exc
    except ssl.SSLError as exc:
        raise TrustRefused(f"{endpoint.address}: {_reason(exc)}") from exc
    except OSError as exc:
        # Also who closes in the middle of the handshake without an alert: more often a dead end than a refusal.
        raise PeerUnreachable(f"{endpoint.address}: {exc.strerror or 'it closed during the handshake'}") from exc
    _check(endpoint, leaf)
    return leaf


async def _read_leaf(host: str, port: int, server_name: str, context: ssl.SSLContext) -> bytes:
    reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=server_name)
    try:
        # In TLS 1.3 our side is done before the server has looked at our certificate: its word is the first bytes. gRPC
        # refuses by closing, without an alert.
        if not await reader.read(_GREETING_BYTES):
            raise TrustRefused(f"{host}:{port}: it closed after our certificate")
        tls = writer.get_extra_info("ssl_object")
        return ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True)).encode("ascii")
    finally:
        writer.transport.abort()


def _check(endpoint: Endpoint, leaf: bytes) -> None:
    try:
        facts = read_certificate(leaf)
    except KeyRefused as exc:
        raise TrustRefused(f"{endpoint.address}: {exc}") from exc
    if facts.uri != endpoint.uri:
        raise TrustRefused(f"{endpoint.address}: expected {endpoint.uri}, got {facts.uri}")
    if endpoint.key_pins and facts.pin not in endpoint.key_pins:
        expected = " or ".join(pin.hex()[:16] for pin in endpoint.key_pins)
        raise TrustRefused(f"{endpoint.address}: expected a key pinned as {expected}, got {facts.pin.hex()[:16]}")


def _reason(exc: ssl.SSLError) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {exc.verify_message}"
    return f"TLS handshake failed: {(exc.reason or str(exc)).lower().replace('_', ' ')}"
