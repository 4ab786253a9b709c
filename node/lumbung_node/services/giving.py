"""Blobs out: one in a call of its own (Get), or many over one stream (Read). Every byte that leaves was checked.

A call costs gRPC and both its ends more than 300 KiB do; so whoever wants more than one blob keeps a stream.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace

import trio

from lumbung_cluster import limits
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.entry import entry_in
from lumbung_cluster.errors import BlobDamaged, Rejected, StatusCode
from lumbung_node.ports.metrics import Metric
from lumbung_node.ports.transport import ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.finding import Finder, Found, MayRead, not_here
from lumbung_node.services.read_turns import ReadTurns
from lumbung_node.services.requests import parse_request, read_request
from lumbung_node.store.layout import RowState
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import blobs_pb2

__all__ = ["Giving"]

_Header = type[blobs_pb2.GetResponse] | type[blobs_pb2.ReadResponse]


class _Reply:
    """Where the frames of one blob go. `has_begun` when the caller may have had some."""

    def __init__(self, call: ServerCall, header: _Header) -> None:
        self._call = call
        self._header = header
        self.caller = call.caller.uri
        self.has_begun = False

    async def send(self, start: blobs_pb2.GetStart | None, content: bytes | memoryview) -> None:
        self.has_begun = True
        await self._call.send(encode_frame(self._header(start=start), [content]))


class Giving:
    """Handlers of one node; the server tells for each blob which origins its caller may read."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._finder = Finder(core)
        self._turns = ReadTurns(core.put_crowd)

    async def get(self, call: ServerCall, may_read: MayRead) -> None:
        request = await read_request(call, blobs_pb2.GetRequest)
        found = await self._find(call, request, may_read)
        if request.offset_bytes % limits.CHUNK_SIZE_BYTES or request.offset_bytes >= found.row.size_bytes:
            raise Rejected(
                StatusCode.OUT_OF_RANGE,
                f"offset: expected a multiple of 1 MiB below {found.row.size_bytes}, got {request.offset_bytes}",
            )
        await self._give(_Reply(call, blobs_pb2.GetResponse), found, request.offset_bytes)

    async def read(self, call: ServerCall, may_read_now: Callable[[], MayRead]) -> None:
        """Until the caller has finished asking. What one blob is refused for does not end the stream.

        `may_read_now` is asked again for each blob, because a stream may outlive a roster.
        """
        while (message := await call.receive()) is not None:
            request, may_read = parse_request(blobs_pb2.ReadRequest, message), may_read_now()
            try:
                found = await self._find(call, request, may_read)
                await self._give(_Reply(call, blobs_pb2.ReadResponse), found, 0)
            except Rejected as exc:
                if exc.code is StatusCode.INVALID_ARGUMENT:  # as a call of its own would wait
                    await trio.sleep(self._core.patience.erred(call.caller.uri, trio.current_time()))
                await self._refuse(call, exc)

    async def _find(
        self, call: ServerCall, request: blobs_pb2.GetRequest | blobs_pb2.ReadRequest, may_read: MayRead
    ) -> Found:
        wanted = request.origin, request.id, request.record_tag
        return await self._turns.run(call.caller.uri, lambda: self._finder.find(*wanted, may_read))

    async def _refuse(self, call: ServerCall, why: Rejected) -> None:
        refusal = blobs_pb2.ReadRefusal(status_code=why.code.value, sentence=why.sentence)
        await call.send(encode_frame(blobs_pb2.ReadResponse(refusal=refusal)))

    async def _give(self, reply: _Reply, found: Found, offset_bytes: int) -> None:
        while True:
            try:
                return await self._send_blob(reply, found, offset_bytes)
            except BlobDamaged as exc:
                await self._core.found_damage(found.origin, found.blob, place=found.row.place)
                mended = await self._mended(found)
                if mended is None or reply.has_begun:
                    sentence = "the stored bytes here are damaged: ask another holder"
                    raise Rejected(StatusCode.DATA_LOSS, sentence) from exc
                found = mended

    async def _mended(self, found: Found) -> Found | None:
        """The same blob at another place, where good bytes may have come to while these were read; None for none.

        Raises Rejected for one that was let go meanwhile: it is no damage.
        """
        row = await self._core.store.reader.row(found.origin, found.blob)
        if row is not None and row.state is RowState.DROPPED:
            raise not_here(found.origin, found.blob)
        if row is None or row.state is not RowState.INTACT or row.place == found.row.place:
            return None
        return replace(found, row=row)

    async def _send_blob(self, reply: _Reply, found: Found, offset_bytes: int) -> None:
        self._core.activity.touch()
        if found.row.state is RowState.DAMAGED:
            raise BlobDamaged(f"blob {found.blob} is known to be damaged")
        start: blobs_pb2.GetStart | None = blobs_pb2.GetStart(
            id=found.blob.raw,
            origin=found.origin,
            size_bytes=found.row.size_bytes,
            time_ms=found.row.time_ms,
            seal_epoch=await self._seal_epoch(found),
        )
        if found.row.size_bytes <= limits.PIECE_SIZE_BYTES_MAX and offset_bytes == 0:
            reader = self._core.store.reader
            content = await self._turns.run(reply.caller, lambda: reader.read_whole(found.blob, found.row))
            await reply.send(start, content)
            self._core.metrics.add(Metric.READ_BYTES, len(content))
            return
        stream = self._core.store.reader.stream(found.blob, found.row, offset_bytes=offset_bytes)
        async with aclosing(stream) as chunks:
            while (chunk := await self._turns.run(reply.caller, lambda: anext(chunks, None))) is not None:
                self._core.activity.touch()
                await reply.send(start, chunk)
                self._core.metrics.add(Metric.READ_BYTES, len(chunk))
                start = None

    async def _seal_epoch(self, found: Found) -> int:
        """0 where the list that says so is lost or rotten: the bytes are right all the same. A scrub is called."""
        try:
            (signed,) = await self._core.store.reader.signed_bytes(found.origin, [found.row.signed])
            return entry_in(signed[0], found.row.signed.index).seal_epoch if signed is not None else 0
        except Malformed:
            self._core.store.state.suspected.beat()
            return 0
