"""What a get cannot do without: calls of plain grpc.aio that each bring one message, some at a time, mutual TLS.

Two processes with an asyncio loop each and nothing of ours in them: no store, no bridge, nothing hashed.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import grpc
import grpc.aio

from lumbung_node.adapters.grpc_transport.credentials import server_credentials
from lumbung_node.adapters.grpc_transport.identity import TlsIdentity
from lumbung_node.adapters.grpc_transport.options import channel_options, server_options
from lumbung_node.ports.transport import LinkClass
from lumbung_tools.bench.limits.ends import LOOPBACK, SERVER, child, client_credentials, heard, parties, tell_cpu

__all__ = ["CallRate", "call_rate"]

_METHOD = "/lumbung.bench/Source"
_CALLERS = 8


@dataclass(frozen=True, slots=True)
class CallRate:
    """CPU of both ends."""

    calls_per_s: float
    cpu_ms: float


def call_rate(size_bytes: int, seconds: float) -> CallRate:
    """Eight at a time over one connection, an answer of `size_bytes` each."""
    server, client = parties()
    with child(_serve, (server, size_bytes)) as told:
        return asyncio.run(_call(int(heard(told)), client, told, seconds))


async def _call(port: int, identity: TlsIdentity, told: Connection, seconds: float) -> CallRate:
    credentials = client_credentials(identity)
    options = channel_options(LinkClass.LAN, SERVER.dns_name)
    calls = 0
    async with grpc.aio.secure_channel(f"{LOOPBACK}:{port}", credentials, options=options) as channel:
        invoke = channel.unary_stream(_METHOD, None, None)

        async def one_after_another() -> None:
            nonlocal calls
            while time.monotonic() - started_at < seconds:
                async for _ in invoke(b"?"):
                    calls += 1

        await channel.channel_ready()
        told.send(b"")
        started_at, used_s = time.monotonic(), time.process_time()
        async with asyncio.TaskGroup() as group:
            for _ in range(_CALLERS):
                group.create_task(one_after_another())
        elapsed_s, client_s = time.monotonic() - started_at, time.process_time() - used_s
    told.send(b"")
    return CallRate(calls / elapsed_s, (client_s + heard(told)) * 1000 / calls)


def _serve(told: Connection, identity: TlsIdentity, size_bytes: int) -> None:
    asyncio.run(_answer(told, identity, os.urandom(size_bytes)))


async def _answer(told: Connection, identity: TlsIdentity, answer: bytes) -> None:
    async def give(_: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        await context.write(answer)

    server = grpc.aio.server(options=server_options(LinkClass.LAN))
    service, method = _METHOD.strip("/").split("/")
    handler = grpc.unary_stream_rpc_method_handler(give)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_secure_port(f"{LOOPBACK}:0", server_credentials(lambda: identity))
    await server.start()
    told.send(port)
    await asyncio.to_thread(told.recv)
    used_s = time.process_time()
    await asyncio.to_thread(tell_cpu, told, used_s)
    await server.stop(0)
