"""Certificates, processes and crooked neighbours for the tests of the gRPC transport."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from subprocess import PIPE

import trio

from lumbung_cluster.identity_uri import NodeIdentity
from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_node.adapters.grpc_transport import TlsIdentity
from lumbung_node.adapters.keys.certificates import (
    Authority,
    make_authority,
    make_tls_key,
    public_key_of,
    read_certificate,
)
from lumbung_node.ports.transport import Caller, Endpoint

__all__ = ["Issued", "child_process", "issue", "new_authority", "relay", "tcp_server"]

CLUSTER = ClusterId(bytes(range(16)))
DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Issued:
    """A key with its certificate, and what others see of it."""

    tls: TlsIdentity
    caller: Caller

    def at(self, address: str) -> Endpoint:
        return Endpoint(address, self.caller.uri, (self.caller.key_pin,))


def new_authority() -> Authority:
    """Older than every certificate that it issues, as authorities are."""
    return make_authority(CLUSTER, "test", now_ms=_now_ms() - 60 * DAY_MS)


def issue(authority: Authority, number: int, *, roots: Authority | None = None, age_days: int = 0) -> Issued:
    """A new key for node `number`, certified `age_days` ago for 30 days; it believes `roots`, by default its issuer."""
    key_pem = make_tls_key()
    identity = NodeIdentity(CLUSTER, NodeNumber(number))
    issued_ms = _now_ms() - age_days * DAY_MS
    leaf_pem = authority.issue(identity, public_key_of(key_pem), now_ms=issued_ms, lifetime_days=30)
    tls = TlsIdentity(leaf_pem, key_pem, (roots or authority).certificate_pem)
    return Issued(tls, Caller(identity.uri, read_certificate(leaf_pem).pin))


@asynccontextmanager
async def child_process(issued: Issued, *arguments: str) -> AsyncIterator[tuple[trio.Process, str]]:
    """`lumbung_testing.grpc_child` with this identity, and the first line that it prints; killed at the end."""
    tls = issued.tls
    parts = (tls.certificate_chain_pem, tls.private_key_pem, tls.trust_roots_pem)
    command = [sys.executable, "-m", "lumbung_testing.grpc_child", *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    start = partial(trio.run_process, command, stdin=PIPE, stdout=PIPE, env=environment, check=False)
    async with trio.open_nursery() as nursery:
        child: trio.Process = await nursery.start(start)
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            await child.stdin.send_all(json.dumps([part.decode() for part in parts]).encode() + b"\n")
            said = b""
            while not said.endswith(b"\n") and (piece := await child.stdout.receive_some()):
                said += piece
            yield child, said.decode().strip()
        finally:
            child.kill()


@asynccontextmanager
async def tcp_server(handle: Callable[[trio.SocketStream], Awaitable[object]]) -> AsyncIterator[str]:
    """The address of a server that runs the coroutine function `handle` for each connection."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        yield f"127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def relay(choose: Callable[[int], str]) -> AsyncIterator[str]:
    """The address of a relay that passes its n-th connection on to the address `choose(n)`, n from 0."""
    counted = 0

    async def pump(source: trio.SocketStream, target: trio.SocketStream) -> None:
        try:
            async for piece in source:
                await target.send_all(piece)
            await target.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def handle(inner: trio.SocketStream) -> None:
        nonlocal counted
        number, counted = counted, counted + 1
        host, _, port = choose(number).rpartition(":")
        outer = await trio.open_tcp_stream(host, int(port))
        async with inner, outer, trio.open_nursery() as nursery:
            nursery.start_soon(pump, inner, outer)
            nursery.start_soon(pump, outer, inner)

    async with tcp_server(handle) as address:
        yield address


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
