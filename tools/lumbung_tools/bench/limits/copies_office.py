"""The office of the bare copies: what one sync covers goes on to all holders, and a client hears when all have it."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection

import grpc

from lumbung_cluster.limits import PIECE_SIZE_BYTES_MAX
from lumbung_node.adapters.grpc_transport.identity import TlsIdentity
from lumbung_tools.bench.limits.copies_node import (
    MESSAGES_WAITING_MAX,
    METHOD,
    PAUSE,
    Answers,
    Group,
    Keeping,
    dial,
    keep,
    start,
)

__all__ = ["Ledger", "pass_on"]


def pass_on(told: Connection, keeping: Keeping, ports: Sequence[int], dials_as: TlsIdentity) -> None:
    """The process of the office in front of the holders at these ports."""
    with ExitStack() as stack:
        lines = [_Line(stack.enter_context(dial(port, dials_as))) for port in ports]
        ledger = Ledger(len(lines), keeping.size_bytes)
        for holder, line in enumerate(lines):
            start(line.listen, ledger.confirm, holder)

        def committed(group: Group) -> None:
            ledger.expect(group)
            # The bytes that came are those that go on: they stay in memory until both holders' lines have taken them.
            messages = list(_packed([arrived.content for arrived in group if arrived.content]))
            for line in lines:
                line.send(messages)

        keep(told, keeping, committed)


class Ledger:
    """Whose blobs, in the order of the groups, wait for which number of answers of every holder."""

    def __init__(self, holders: int, size_bytes: int) -> None:
        self._lock = threading.Lock()
        self._size_bytes = size_bytes
        self._confirmed = [0] * holders
        self._expected = 0
        self._waiting: deque[tuple[int, int, Answers]] = deque()

    def expect(self, group: Group) -> None:
        """The end of a client's stream counts no blobs: the answer 0, behind all others, ends its call."""
        with self._lock:
            for arrived in group:
                blobs = len(arrived.content) // self._size_bytes
                self._expected += blobs
                self._waiting.append((self._expected, blobs, arrived.answers))
            self._answer()

    def confirm(self, holder: int, blobs: int) -> None:
        with self._lock:
            self._confirmed[holder] += blobs
            self._answer()

    def _answer(self) -> None:
        safe = min(self._confirmed)
        while self._waiting and self._waiting[0][0] <= safe:
            _, blobs, answers = self._waiting.popleft()
            answers.put(blobs)


class _Line:
    """The call to one holder: a bounded queue of messages, and its answers."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._waiting: queue.Queue[bytes | None] = queue.Queue(MESSAGES_WAITING_MAX)
        self._call = channel.stream_stream(METHOD, None, None)(iter(self._waiting.get, None))

    def send(self, messages: Sequence[bytes]) -> None:
        for message in messages:
            self._waiting.put(message)
        if messages:
            self._waiting.put(PAUSE)

    def listen(self, confirm: Callable[[int, int], None], holder: int) -> None:
        try:
            for answer in self._call:
                confirm(holder, int.from_bytes(answer, "big"))
        except grpc.RpcError as exc:
            if exc.code() is not grpc.StatusCode.CANCELLED:  # which is our own end
                raise


def _packed(messages: Sequence[bytes]) -> Iterator[bytes]:
    """The same bytes in as few messages as their bound allows."""
    waiting: list[bytes] = []
    for message in messages:
        if waiting and sum(map(len, waiting)) + len(message) > PIECE_SIZE_BYTES_MAX:
            yield b"".join(waiting)
            waiting = []
        waiting.append(message)
    if waiting:
        yield b"".join(waiting)
