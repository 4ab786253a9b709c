"""Loopback between two processes: plain sockets, and gRPC with mutual TLS as grpcio gives it, without our transport.

Both send messages of 1 MiB one way for a while and end when the other side says that it has them all. The gRPC side
serves a method of raw bytes with the options of the node's server; the messages carry no header and nothing is hashed.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection

import grpc

from lumbung_cluster.limits import MIB
from lumbung_node.adapters.grpc_transport.credentials import server_credentials
from lumbung_node.adapters.grpc_transport.identity import TlsIdentity
from lumbung_node.adapters.grpc_transport.options import channel_options, server_options
from lumbung_node.ports.transport import LinkClass
from lumbung_tools.bench.limits.ends import (
    LOOPBACK,
    READY_S,
    SERVER,
    child,
    client_credentials,
    heard,
    parties,
    tell_cpu,
)

__all__ = ["WireRate", "grpc_rate", "tcp_rate"]

_MEGA = 1_000_000
_MESSAGE_BYTES = MIB
_METHOD = "/lumbung.bench/Sink"
_COUNT_BYTES = 8


@dataclass(frozen=True, slots=True)
class WireRate:
    """CPU seconds for each 10^9 bytes: of the sender, and of the receiver."""

    mb_s: float
    sender_cpu_s_per_gb: float
    receiver_cpu_s_per_gb: float


def tcp_rate(seconds: float) -> WireRate:
    """One connection, `sendall` to `recv_into`."""

    def send(port: int, begin: Callable[[], None]) -> int:
        with socket.create_connection((LOOPBACK, port)) as line:
            begin()
            for message in _messages(seconds):
                line.sendall(message)
            line.shutdown(socket.SHUT_WR)
            return int.from_bytes(line.recv(_COUNT_BYTES, socket.MSG_WAITALL), "big")

    return _measure(_sink_tcp, (), send)


def grpc_rate(seconds: float) -> WireRate:
    """One stream of raw messages in one connection with mutual TLS."""
    server, client = parties()

    def send(port: int, begin: Callable[[], None]) -> int:
        options = channel_options(LinkClass.LAN, SERVER.dns_name)
        with grpc.secure_channel(f"{LOOPBACK}:{port}", client_credentials(client), options=options) as channel:
            grpc.channel_ready_future(channel).result(timeout=READY_S)
            begin()
            call = channel.stream_unary(_METHOD, request_serializer=None, response_deserializer=None)
            return int.from_bytes(call(_messages(seconds)), "big")

    return _measure(_sink_grpc, (server,), send)


def _messages(seconds: float) -> Iterator[bytes]:
    message, started_at = os.urandom(_MESSAGE_BYTES), time.monotonic()
    yield message
    while time.monotonic() - started_at < seconds:
        yield message


def _measure(
    sink: Callable[..., None], words: tuple[TlsIdentity, ...], send: Callable[[int, Callable[[], None]], int]
) -> WireRate:
    """`send` calls what it is given once the connection stands: from then on it counts."""
    started_at = used_s = 0.0
    with child(sink, words) as told:

        def begin() -> None:
            nonlocal started_at, used_s
            told.send(b"")  # the child begins to count its own CPU
            started_at, used_s = time.monotonic(), time.process_time()

        received = send(int(heard(told)), begin)
        elapsed_s, sender_s = time.monotonic() - started_at, time.process_time() - used_s
        told.send(b"")
        receiver_s = heard(told)
    gigabytes = received / _MEGA / 1000
    return WireRate(received / elapsed_s / _MEGA, sender_s / gigabytes, receiver_s / gigabytes)


def _sink_tcp(told: Connection) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        told.send(listener.getsockname()[1])
        line, _ = listener.accept()
        with line:
            told.recv()
            used_s = time.process_time()
            buffer, received = memoryview(bytearray(_MESSAGE_BYTES)), 0
            while taken := line.recv_into(buffer):
                received += taken
            line.sendall(received.to_bytes(_COUNT_BYTES, "big"))
    tell_cpu(told, used_s)


def _sink_grpc(told: Connection, identity: TlsIdentity) -> None:
    def take(messages: Iterator[bytes], _: grpc.ServicerContext) -> bytes:
        return sum(len(message) for message in messages).to_bytes(_COUNT_BYTES, "big")

    server = grpc.server(ThreadPoolExecutor(1), options=server_options(LinkClass.LAN))
    service, method = _METHOD.strip("/").split("/")
    handler = grpc.stream_unary_rpc_method_handler(take)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_secure_port(f"{LOOPBACK}:0", server_credentials(lambda: identity))
    server.start()
    told.send(port)
    told.recv()
    used_s = time.process_time()
    tell_cpu(told, used_s)
    server.stop(0).wait()
