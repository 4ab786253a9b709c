"""Answers of one put stream on their way out: whatever is ready goes in one message.

A message costs its writer and its reader several wake-ups, an answer next to nothing. So whoever answers many blobs,
after a commit or a proof, adds them all without letting another task run in between, and one message carries them.
"""

from __future__ import annotations

import trio

from lumbung_cluster.limits import PUT_BLOBS_OPEN_MAX
from lumbung_node.ports.transport import ServerCall
from lumbung_node.store.state import Pulse
from lumbung_proto.v1 import blobs_pb2

__all__ = ["PutAnswers"]

_ANSWERS_AT_ONCE = 256


class PutAnswers:
    """`run` sends until `finish`, and what is there then. `received_bytes` goes with every message."""

    def __init__(self, call: ServerCall) -> None:
        self._call = call
        self._ready: list[blobs_pb2.PutAnswer] = []
        self._tells_count = False
        self._has_finished = False
        self._filled = trio.Event()
        self._taken = Pulse()
        self.received_bytes = 0

    async def add(self, answer: blobs_pb2.PutAnswer) -> None:
        """Hand one over; lets other tasks run only while too many wait for a client that does not read."""
        while len(self._ready) >= PUT_BLOBS_OPEN_MAX:
            await self._taken.wait()
        self._ready.append(answer)
        self._filled.set()

    def tell_count(self) -> None:
        """No answer may be due, but the client waits to hear that its bytes came."""
        self._tells_count = True
        self._filled.set()

    def finish(self) -> None:
        """Nothing is added any more."""
        self._has_finished = True
        self._filled.set()

    async def run(self) -> None:
        while not self._has_finished or self._ready:
            await self._filled.wait()
            self._filled = trio.Event()
            while self._ready or self._tells_count:
                await self._send()

    async def _send(self) -> None:
        answers, self._ready = self._ready[:_ANSWERS_AT_ONCE], self._ready[_ANSWERS_AT_ONCE:]
        self._tells_count = False
        self._taken.beat()
        response = blobs_pb2.PutResponse(answers=answers, received_bytes=self.received_bytes)
        await self._call.send(response.SerializeToString())
