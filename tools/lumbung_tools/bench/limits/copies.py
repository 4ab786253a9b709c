"""What three copies cannot do without on this machine: the control beside lumbung's, by four bare processes.

A client, an office and two holders with grpcio, mutual TLS, BLAKE3 and RocksDB, as a node has them: blobs are durable
at the office before they go on, durable at a holder before it answers, and the client hears of a blob when three have
it. No ids on the wire, no signatures, feeds or offers, nothing read back, no event loop.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc

from lumbung_cluster.limits import PIECE_SIZE_BYTES_MAX
from lumbung_tools.bench.limits.copies_node import METHOD, STREAMS_MAX, Keeping, dial, hold
from lumbung_tools.bench.limits.copies_office import pass_on
from lumbung_tools.bench.limits.ends import READY_S, child, heard, parties

__all__ = ["Copies", "stream_copies", "waiting_copies"]

_MEGA = 1_000_000
_HOLDERS = 2
_STREAM_WAITING_MAX = 512  # messages: more than all queues between here and a holder take
_BLOB_S_MAX = 0.1  # 20 times what it takes on a slow machine: who needs more does not answer at all
_NUMBER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Copies:
    """From the first message to the last answer; CPU is of all four processes, `stored` of the office and the holders.

    `waits_s` has a wait for each blob: from the hand-over of its message to the answer that three have it.
    """

    size_bytes: int
    elapsed_s: float
    cpu_s: float
    waits_s: tuple[float, ...]
    stored: tuple[int, ...]

    @property
    def per_s(self) -> float:
        return len(self.waits_s) / self.elapsed_s

    @property
    def mb_s(self) -> float:
        return self.per_s * self.size_bytes / _MEGA

    @property
    def cpu_ms_a_blob(self) -> float:
        return self.cpu_s * 1000 / len(self.waits_s)


def stream_copies(folder: Path, size_bytes: int, count: int) -> Copies:
    """One stream that is kept full, of messages with as many blobs as fit."""
    load = _Load(size_bytes, count, 1, PIECE_SIZE_BYTES_MAX // size_bytes, _STREAM_WAITING_MAX)
    return _measure(folder, load)


def waiting_copies(folder: Path, size_bytes: int, count: int, clients: int) -> Copies:
    """Streams of one connection that each wait for their blob's answer before the next."""
    return _measure(folder, _Load(size_bytes, count, min(clients, count), 1, 1))


@dataclass(frozen=True, slots=True)
class _Load:
    size_bytes: int
    count: int
    clients: int
    blobs_a_message: int
    waiting_max: int

    def messages(self, client: int) -> Iterator[list[bytes]]:
        """The parts of each message, two a blob: no two blobs are equal."""
        body = os.urandom(self.size_bytes - _NUMBER_BYTES)
        numbers = range(client, self.count, self.clients)
        for at in range(0, len(numbers), self.blobs_a_message):
            group = numbers[at : at + self.blobs_a_message]
            yield [part for number in group for part in (number.to_bytes(_NUMBER_BYTES, "big"), body)]


def _measure(folder: Path, load: _Load) -> Copies:
    """Everything below a folder of its own, which is gone at the end. Raises TimeoutError, EOFError, grpc.RpcError."""
    assert load.clients <= STREAMS_MAX
    place = folder / "bare-copies"
    place.mkdir()
    try:
        return _among_processes(place, load)
    finally:
        shutil.rmtree(place)


def _among_processes(place: Path, load: _Load) -> Copies:
    server, client = parties()
    keeping = partial(Keeping, server, size_bytes=load.size_bytes)
    with ExitStack() as stack:
        holders = [
            stack.enter_context(child(hold, (keeping(path=place / f"holder-{number}", fills=True),)))
            for number in range(_HOLDERS)
        ]
        ports = [int(heard(told)) for told in holders]
        fills = load.waiting_max > 1
        office = stack.enter_context(child(pass_on, (keeping(path=place / "office", fills=fills), ports, client)))
        nodes = [office, *holders]
        with dial(int(heard(office)), client) as channel:
            for told in nodes:
                told.send(b"")
            begun_s, cpu_begun_s = time.monotonic(), time.process_time()
            waits_s = _put_all(channel, load)
            elapsed_s, cpu_s = time.monotonic() - begun_s, time.process_time() - cpu_begun_s
        for told in nodes:
            told.send(b"")
        cpu_s += sum(heard(told) for told in nodes)
        return Copies(load.size_bytes, elapsed_s, cpu_s, waits_s, tuple(int(heard(told)) for told in nodes))


def _put_all(channel: grpc.Channel, load: _Load) -> tuple[float, ...]:
    call = channel.stream_stream(METHOD, None, None)
    clients = [_Client(load.waiting_max, load.size_bytes) for _ in range(load.clients)]
    patience_s = READY_S + load.count * _BLOB_S_MAX
    with ThreadPoolExecutor(load.clients) as threads:
        waits = threads.map(lambda at: clients[at].put(call, load.messages(at), patience_s), range(load.clients))
        return tuple(wait_s for each in waits for wait_s in each)


class _Client:
    """One stream, with a bound on the messages that wait for their answer."""

    def __init__(self, waiting_max: int, size_bytes: int) -> None:
        self._free = threading.Semaphore(waiting_max)
        self._size_bytes = size_bytes
        self._handed: deque[tuple[float, int]] = deque()

    def put(
        self, call: grpc.StreamStreamMultiCallable[bytes, bytes], messages: Iterator[Sequence[bytes]], patience_s: float
    ) -> list[float]:
        """How long each blob waited. An answer is of one message; they come in order."""
        waits_s: list[float] = []
        try:
            for _ in call(self._hand_over(messages), timeout=patience_s):
                handed_s, blobs = self._handed.popleft()
                waits_s += [time.monotonic() - handed_s] * blobs
                self._free.release()
        finally:
            self._free.release()  # else the thread that sends would wait for an answer that does not come
        return waits_s

    def _hand_over(self, messages: Iterator[Sequence[bytes]]) -> Iterator[bytes]:
        for parts in messages:
            self._free.acquire()
            message = b"".join(parts)
            self._handed.append((time.monotonic(), len(message) // self._size_bytes))
            yield message
