"""What keeps blobs in the bare copies: a server of grpcio, a bounded queue and one thread that writes.

Every stream puts its messages into the queue. The writer hashes and writes whatever is there as one group, one sync
covers the group, and only then does anybody hear of it. An answer is a number of blobs, in the order in which they
came. A message of no bytes says that nothing follows for now.

The allocator stays as it comes, since the control shall be the limit: told to give memory back, as a node's is, it cost
these processes 8.0 ms of CPU a blob of 300 KiB instead of 6.4. A process ends when a thread of it fails: whoever waits
for it finds the line cut.
"""

from __future__ import annotations

import os
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import grpc

from lumbung_cluster.limits import COMMIT_BYTES_MAX, PIECE_SIZE_BYTES_MAX
from lumbung_node.adapters.grpc_transport.credentials import server_credentials
from lumbung_node.adapters.grpc_transport.identity import TlsIdentity
from lumbung_node.adapters.grpc_transport.options import channel_options, server_options
from lumbung_node.ports.transport import LinkClass
from lumbung_tools.bench.bare_store import BareStore, bare_store
from lumbung_tools.bench.limits.ends import LOOPBACK, READY_S, SERVER, client_credentials, tell_cpu

__all__ = [
    "COUNT_BYTES",
    "MESSAGES_WAITING_MAX",
    "METHOD",
    "PAUSE",
    "STREAMS_MAX",
    "Answers",
    "Arrived",
    "Group",
    "Keeping",
    "dial",
    "hold",
    "keep",
    "start",
]

METHOD = "/lumbung.bench/Copies"
COUNT_BYTES = 8
PAUSE = b""
STREAMS_MAX = 32  # each takes a thread of the server
MESSAGES_WAITING_MAX = 2 * COMMIT_BYTES_MAX // PIECE_SIZE_BYTES_MAX  # a group that is being handed on, and the next

Answers = queue.SimpleQueue[int]
"""Numbers of blobs on their way to a caller; 0 ends the call."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message, and where its answer goes."""

    content: bytes
    answers: Answers


Group = Sequence[Arrived]


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a process keeps: blobs of one size in a new store at `path`.

    `fills`: its callers send on without waiting, so that a group is only written when it is full or they pause.
    """

    identity: TlsIdentity
    path: Path
    size_bytes: int
    fills: bool


def hold(told: Connection, keeping: Keeping) -> None:
    """The process of a holder."""

    def answer(group: Group) -> None:
        for arrived in group:
            if arrived.content:
                arrived.answers.put(len(arrived.content) // keeping.size_bytes)

    keep(told, keeping, answer)


def keep(told: Connection, keeping: Keeping, committed: Callable[[Group], None]) -> None:
    """Tell the port; count CPU from the next word to the one after it, tell it and the blobs kept; until let go."""
    arriving: queue.Queue[Arrived] = queue.Queue(MESSAGES_WAITING_MAX)
    server = grpc.server(ThreadPoolExecutor(STREAMS_MAX), options=server_options(LinkClass.LAN))
    service, method = METHOD.strip("/").split("/")
    handler = grpc.stream_stream_rpc_method_handler(_taking(arriving))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_secure_port(f"{LOOPBACK}:0", server_credentials(lambda: keeping.identity))
    with bare_store(keeping.path, keeping.size_bytes) as store:
        start(_commit, store, arriving, keeping.fills, committed)
        server.start()
        try:
            told.send(port)
            told.recv()
            tell_cpu(told, time.process_time())
            told.send(store.count())
        except (EOFError, OSError):
            os._exit(1)  # who measured has given up: the writer may be at work, and nobody needs what it keeps
        with suppress(EOFError):
            told.recv()
        server.stop(0).wait()


def dial(port: int, identity: TlsIdentity) -> grpc.Channel:
    """A channel that stands. Raises grpc.FutureTimeoutError."""
    options = channel_options(LinkClass.LAN, SERVER.dns_name)
    channel = grpc.secure_channel(f"{LOOPBACK}:{port}", client_credentials(identity), options=options)
    grpc.channel_ready_future(channel).result(timeout=READY_S)
    return channel


def start(target: Callable[..., None], *words: object) -> None:
    """Run it in a thread of its own, whose failure is the end of the process."""

    def run() -> None:
        failed = True
        try:
            target(*words)
            failed = False
        finally:
            if failed:
                traceback.print_exc()
                os._exit(1)

    threading.Thread(target=run, daemon=True).start()


def _taking(arriving: queue.Queue[Arrived]) -> Callable[[Iterator[bytes], grpc.ServicerContext], Iterator[bytes]]:
    def take(messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        answers = Answers()
        context.add_callback(lambda: answers.put(0))  # the caller is gone
        start(_read, messages, arriving, answers)
        while blobs := answers.get():
            yield blobs.to_bytes(COUNT_BYTES, "big")

    return take


def _read(messages: Iterator[bytes], arriving: queue.Queue[Arrived], answers: Answers) -> None:
    with suppress(grpc.RpcError):  # the caller is gone
        for message in messages:
            arriving.put(Arrived(message, answers))
        arriving.put(Arrived(PAUSE, answers))


def _commit(store: BareStore, arriving: queue.Queue[Arrived], fills: bool, committed: Callable[[Group], None]) -> None:
    while True:
        group: list[Arrived] = []
        complete = False
        while not complete:
            arrived = arriving.get()
            store.add(arrived.content)
            group.append(arrived)
            more_follows = fills and arrived.content != PAUSE
            complete = store.is_full or (arriving.empty() and not more_follows)
        store.sync()
        committed(group)
