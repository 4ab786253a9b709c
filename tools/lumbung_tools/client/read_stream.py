"""Many blobs over one stream: asked for one after the other, given in that order.

A call of its own for each blob costs gRPC and both its ends more than 300 KiB do (docs/performance.md, "gets").
Whoever asks ahead must not ask for more than a few blobs while none is taken: the node stops reading then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lumbung_cluster import limits
from lumbung_cluster.errors import PeerGone, Rejected, StatusCode
from lumbung_cluster.ids import BLOB_ID_SIZE_BYTES
from lumbung_node.ports.transport import Channel, ClientStream
from lumbung_proto.codec import MalformedFrame, decode_frame
from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_tools.client.ask import BlobName
from lumbung_tools.client.methods import GET, READ

__all__ = ["BlobRefused", "ReadStream", "open_get", "open_reads"]


class BlobRefused(Rejected):
    """The node's word on one blob; the stream goes on behind it."""


@asynccontextmanager
async def open_reads(channel: Channel, *, deadline_s: float | None = None) -> AsyncIterator[ReadStream]:
    """A stream to one node; leaving the block ends it."""
    async with channel.stream(READ, deadline_s=deadline_s) as stream:
        yield ReadStream(stream)


@asynccontextmanager
async def open_get(channel: Channel, wanted: BlobName, origin: int) -> AsyncIterator[ReadStream]:
    """One blob over a call of its own, asked for already; its refusal is the call's: Rejected, not BlobRefused.

    Get and Read have the same questions and frames, but that only Read's frames can hold a refusal.
    """
    async with channel.stream(GET) as stream:
        reads = ReadStream(stream)
        await reads.ask(wanted, origin)
        await reads.finish_asking()
        yield reads


class ReadStream:
    """`ask` for blobs; then for each in turn `begin`, and `piece` until it gives None.

    Bytes are not checked here but for their count: whoever takes them hashes them. After PeerGone nothing more comes.
    """

    def __init__(self, stream: ClientStream) -> None:
        self._stream = stream
        self._first: memoryview | None = None
        self._left_bytes = 0

    @property
    def left_bytes(self) -> int:
        """Of the blob that was begun; they must be taken before the next one begins."""
        return self._left_bytes

    async def ask(self, wanted: BlobName, origin: int) -> None:
        """One more; `origin` is 0 where the blob is the node's own. Raises PeerGone, and the stream's Rejected."""
        request = wire.ReadRequest(origin=origin, id=wanted.prefix, record_tag=wanted.record_tag)
        await self._stream.send(request.SerializeToString())

    async def finish_asking(self) -> None:
        await self._stream.finish_sending()

    async def begin(self) -> wire.GetStart:
        """The next blob's start. Raises BlobRefused where it does not come; PeerGone and Rejected end the stream."""
        header, self._first = await self._frame()
        _check_start(header.start)
        self._left_bytes = header.start.size_bytes
        return header.start

    async def piece(self) -> memoryview | None:
        """The blob's next bytes; None behind the last. Raises as `begin`."""
        if not self._left_bytes:
            return None
        piece, self._first = self._first, None
        if piece is None:
            header, piece = await self._frame()
            if header.HasField("start"):
                raise PeerGone(f"answer not understood: expected {self._left_bytes} more bytes, got another blob")
        if not 0 < len(piece) <= self._left_bytes:
            raise PeerGone(f"answer not understood: expected 1 to {self._left_bytes} bytes, got {len(piece)}")
        self._left_bytes -= len(piece)
        return piece

    async def end(self) -> None:
        """The node's own end, behind the last blob that was asked for. Raises PeerGone, Rejected."""
        if await self._stream.receive() is not None:
            raise PeerGone("answer not understood: expected the end of the stream, got more")

    async def _frame(self) -> tuple[wire.ReadResponse, memoryview]:
        message = await self._stream.receive()
        if message is None:
            raise PeerGone("the node ended the stream without a word")
        try:
            header, payload = decode_frame(
                wire.ReadResponse, message, header_bytes_max=limits.FRAME_HEADER_SIZE_BYTES_MAX
            )
        except MalformedFrame as exc:
            raise PeerGone(f"answer not understood: {exc}") from exc
        if header.HasField("refusal"):
            self._left_bytes = 0
            raise BlobRefused(_status(header.refusal.status_code), header.refusal.sentence)
        return header, payload


def _check_start(start: wire.GetStart) -> None:
    """Raises PeerGone for an id or a size that no blob has."""
    if len(start.id) != BLOB_ID_SIZE_BYTES or not 0 < start.size_bytes <= limits.BLOB_SIZE_BYTES_MAX:
        raise PeerGone(f"answer not understood: id of {len(start.id)} bytes, blob of {start.size_bytes} bytes")


def _status(number: int) -> StatusCode:
    try:
        code = StatusCode(number)
    except ValueError:
        code = StatusCode.UNKNOWN
    return StatusCode.UNKNOWN if code is StatusCode.OK else code
