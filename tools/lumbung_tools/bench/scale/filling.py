"""Very many small blobs over one put stream, made in memory: files for a million of them would be the benchmark.

Two frames of 256 blobs are under way, the most that a stream may have open; the next one goes out when all blobs of an
earlier one are durable.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import trio

from lumbung_cluster.ids import BlobId
from lumbung_cluster.limits import FRAME_PARTS_MAX, PUT_BLOBS_OPEN_MAX
from lumbung_node.ports.transport import Channel, ClientStream
from lumbung_proto.codec import decode_message, encode_frame
from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_tools.bench.load import LoadFailed
from lumbung_tools.client.answers import read_answer
from lumbung_tools.client.methods import PUT
from lumbung_tools.sealing import AGE_MAGIC
from lumbung_tools.tags import TAG_SECRET_SIZE_BYTES, TagSecret

__all__ = ["Filler"]

_BODY_BYTES = 64
_FRAMES_OPEN = PUT_BLOBS_OPEN_MAX // FRAME_PARTS_MAX


class Filler:
    """`put` as often as there are parts of the whole; `sample` keeps the ids of some blobs."""

    def __init__(self, channel: Channel, seed: int) -> None:
        self._channel = channel
        self._luck = random.Random(seed)
        self._secret = TagSecret(bytes(TAG_SECRET_SIZE_BYTES))
        self._count = 0
        self.sample: list[bytes] = []

    async def put(self, count: int) -> None:
        """Return when all are durable. Raises LoadFailed, and what the channel raises."""
        open_frames = trio.Semaphore(_FRAMES_OPEN)
        async with self._channel.stream(PUT) as stream, trio.open_nursery() as nursery:
            nursery.start_soon(_take_answers, stream, count, open_frames.release)
            for first in range(0, count, FRAME_PARTS_MAX):
                await open_frames.acquire()
                await stream.send(self._frame(first + 1, min(FRAME_PARTS_MAX, count - first)))
            await stream.finish_sending()

    def _frame(self, first_ticket: int, count: int) -> bytes:
        header, bodies = wire.PutRequest(), []
        for ticket in range(first_ticket, first_ticket + count):
            body = AGE_MAGIC + self._luck.randbytes(_BODY_BYTES - len(AGE_MAGIC))
            hasher = self._secret.content_hasher()
            hasher.update(body)
            self._count += 1
            tags = self._secret.tags(str(self._count), self._secret.content_tag(hasher))
            part = header.parts.add(ticket=ticket, length_bytes=len(body))
            part.start.size_bytes, part.start.id = len(body), BlobId.of(body).raw
            part.start.record_tag, part.start.content_tag = tags.record, tags.content
            part.start.copies = 1
            bodies.append(body)
        self.sample.append(header.parts[0].start.id)
        return encode_frame(header, bodies)


async def _take_answers(stream: ClientStream, count: int, frame_done: Callable[[], None]) -> None:
    taken = 0
    while taken < count:
        message = await stream.receive()
        if message is None:
            raise LoadFailed(f"put: expected {count} answers, the stream ended after {taken}")
        for raw in decode_message(wire.PutResponse, message).answers:
            answer = read_answer(raw)
            if not answer.outcome.is_durable:
                raise LoadFailed(f"put: expected a durable blob, got {answer.outcome.value}: {answer.sentence}")
            taken += 1
            if taken % FRAME_PARTS_MAX == 0:
                frame_done()
