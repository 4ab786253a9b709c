"""Stations as calls of a put stream: their frames are given, and what they were answered is kept."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from lumbung_cluster.ids import BlobId
from lumbung_node.ports.transport import Caller, CallKind, ClientStream, Method
from lumbung_node.services.copies import CopyBook
from lumbung_node.services.core import Core
from lumbung_node.services.putting import PutStream
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import blobs_pb2

__all__ = ["PutStation", "next_put_answers", "put_frame", "put_pieces", "put_start"]


class PutStation:
    """A call of the station `name`: its frames, a pause before each, and what it was answered."""

    method = Method("/lumbung.v1.BlobService/Put", CallKind.BIDI)
    request_id = bytes(16)

    def __init__(self, name: str, frames: Sequence[bytes], pause_s: float = 0.0) -> None:
        self.caller = Caller(f"lumbung://00/access/1/{name}", bytes(32))
        self._frames = list(frames)
        self._pause_s = pause_s
        self.responses: list[blobs_pb2.PutResponse] = []

    @property
    def answers(self) -> list[blobs_pb2.PutAnswer]:
        return [answer for response in self.responses for answer in response.answers]

    async def receive(self) -> bytes | None:
        await trio.sleep(self._pause_s)
        return self._frames.pop(0) if self._frames else None

    async def send(self, message: bytes) -> None:
        self.responses.append(blobs_pb2.PutResponse.FromString(message))

    async def put(self, core: Core) -> None:
        await PutStream(core, CopyBook(core), lambda blob, number: None, self).run()

    def outcomes(self) -> list[blobs_pb2.PutOutcome.ValueType]:
        return [answer.outcome for answer in self.answers]


def put_start(ticket: int, content: bytes, length: int) -> blobs_pb2.PutPart:
    """The first part of a blob, of which `length` bytes come in its frame."""
    start = blobs_pb2.PutStart(size_bytes=len(content), id=BlobId.of(content).raw, copies=1)
    return blobs_pb2.PutPart(ticket=ticket, start=start, length_bytes=length)


def put_frame(content: bytes) -> bytes:
    """One whole blob."""
    return encode_frame(blobs_pb2.PutRequest(parts=[put_start(1, content, len(content))]), [content])


def put_pieces(content: bytes, size: int, upto: int | None = None) -> list[bytes]:
    """One blob in frames of `size` bytes, as far as `upto`."""
    frames = [encode_frame(blobs_pb2.PutRequest(parts=[put_start(1, content, size)]), [content[:size]])]
    for at in range(size, len(content) if upto is None else upto, size):
        part = blobs_pb2.PutPart(ticket=1, length_bytes=len(content[at : at + size]))
        frames.append(encode_frame(blobs_pb2.PutRequest(parts=[part]), [content[at : at + size]]))
    return frames


async def next_put_answers(stream: ClientStream) -> list[blobs_pb2.PutAnswer]:
    """Those of the next message that has some; none at the end."""
    while (received := await stream.receive()) is not None:
        if answers := blobs_pb2.PutResponse.FromString(received).answers:
            return list(answers)
    return []
