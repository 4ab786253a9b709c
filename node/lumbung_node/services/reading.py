"""Get, stat and list: every byte that leaves was checked, every copy that is named is proven."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from lumbung_cluster import limits
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.entry import entry_in
from lumbung_cluster.errors import BlobDamaged, Rejected, StatusCode
from lumbung_cluster.ids import BLOB_ID_SIZE_BYTES, BlobId, NodeNumber
from lumbung_node.ports.metrics import Metric
from lumbung_node.ports.transport import ServerCall
from lumbung_node.services.copies import CopyBook
from lumbung_node.services.core import Core
from lumbung_node.services.putting import TAG_SIZE_BYTES, copies_message
from lumbung_node.services.requests import read_request
from lumbung_node.store.covers import CoverRow
from lumbung_node.store.layout import BlobRow, CopyRow, RowState, TagVersion
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import blobs_pb2

__all__ = ["MayRead", "Reading"]

MayRead = Callable[[NodeNumber], None]
"""Raises Rejected when the caller may not read this origin."""

_PREFIX_BYTES_MIN = 4


@dataclass(frozen=True, slots=True)
class _Found:
    origin: NodeNumber
    blob: BlobId
    row: BlobRow
    versions: Sequence[TagVersion] = ()


class _Reply:
    """Where the frames of an answer go. `has_begun` when the caller may have had some."""

    def __init__(self, call: ServerCall) -> None:
        self._call = call
        self.has_begun = False

    async def send(self, message: bytes) -> None:
        self.has_begun = True
        await self._call.send(message)


@dataclass(frozen=True, slots=True)
class _Words:
    """A holder's last word on a blob, and the receipt to show for it: one that names the blob, where there is one."""

    last: CopyRow | CoverRow
    evidence: CopyRow | CoverRow
    is_withdrawn: bool = False


def _last_words(row: CopyRow | None, cover: CoverRow | None, *, is_proven: bool) -> _Words | None:
    """None for no word yet, or one of a life that the holder no longer leads. `cover` is one that covers the blob."""
    if not is_proven:
        return _Words(row, row, is_withdrawn=True) if row is not None and not row.proven else None
    if row is None or not row.proven or (cover is not None and row.generation != cover.generation):
        return _Words(cover, cover) if cover is not None else None
    return _Words(cover if cover is not None and cover.nonce > row.nonce else row, row)


class Reading:
    """Handlers of one node; the server tells for each call which origins its caller may read."""

    def __init__(self, core: Core, copies: CopyBook) -> None:
        self._core = core
        self._copies = copies

    async def get(self, call: ServerCall, may_read: MayRead) -> None:
        request = await read_request(call, blobs_pb2.GetRequest)
        found = await self._find(request.origin, request.id, request.record_tag, may_read)
        if request.offset_bytes % limits.CHUNK_SIZE_BYTES or request.offset_bytes >= found.row.size_bytes:
            raise Rejected(
                StatusCode.OUT_OF_RANGE,
                f"offset: expected a multiple of 1 MiB below {found.row.size_bytes}, got {request.offset_bytes}",
            )
        reply = _Reply(call)
        while True:
            try:
                return await self._send_blob(reply, found, request.offset_bytes)
            except BlobDamaged as exc:
                await self._core.found_damage(found.origin, found.blob, place=found.row.place)
                mended = await self._mended(found)
                if mended is None or reply.has_begun:
                    sentence = "the stored bytes here are damaged: ask another holder"
                    raise Rejected(StatusCode.DATA_LOSS, sentence) from exc
                found = mended

    async def _mended(self, found: _Found) -> _Found | None:
        """The same blob at another place, where good bytes may have come to while these were read; None for none."""
        row = await self._core.store.reader.row(found.origin, found.blob)
        if row is None or row.state is not RowState.INTACT or row.place == found.row.place:
            return None
        return replace(found, row=row)

    async def _send_blob(self, call: _Reply, found: _Found, offset_bytes: int) -> None:
        self._core.activity.touch()
        if found.row.state is RowState.DAMAGED:
            raise BlobDamaged(f"blob {found.blob} is known to be damaged")
        header = blobs_pb2.GetResponse(
            start=blobs_pb2.GetStart(
                id=found.blob.raw,
                origin=found.origin,
                size_bytes=found.row.size_bytes,
                time_ms=found.row.time_ms,
                seal_epoch=await self._seal_epoch(found),
            )
        )
        if found.row.size_bytes <= limits.PIECE_SIZE_BYTES_MAX and offset_bytes == 0:
            content = await self._core.store.reader.read_whole(found.blob, found.row)
            await call.send(encode_frame(header, [content]))
            self._core.metrics.add(Metric.READ_BYTES, len(content))
            return
        stream = self._core.store.reader.stream(found.blob, found.row, offset_bytes=offset_bytes)
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                self._core.activity.touch()
                await call.send(encode_frame(header, [chunk]))
                self._core.metrics.add(Metric.READ_BYTES, len(chunk))
                header = blobs_pb2.GetResponse()

    async def _seal_epoch(self, found: _Found) -> int:
        """0 where the list that says so is lost or rotten: the bytes are right all the same. A scrub is called."""
        try:
            (signed,) = await self._core.store.reader.signed_bytes(found.origin, [found.row.signed])
            return entry_in(signed[0], found.row.signed.index).seal_epoch if signed is not None else 0
        except Malformed:
            self._core.store.state.suspected.beat()
            return 0

    async def stat(self, call: ServerCall, may_read: MayRead) -> None:
        request = await read_request(call, blobs_pb2.StatRequest)
        found = await self._find(request.origin, request.id, request.record_tag, may_read)
        response = blobs_pb2.StatResponse(blob=self._summary(found.origin, found.blob, found.row))
        response.versions.extend(version.blob.raw for version in found.versions)
        if found.origin == self._core.number:
            await self._add_proofs(response, found)
        await call.send(response.SerializeToString())

    async def _add_proofs(self, response: blobs_pb2.StatResponse, found: _Found) -> None:
        core = self._core
        response.proofs.add(
            holder=core.number,
            own=True,
            generation=core.store.state.generation,
            verified_since_ms=core.store.state.verified_ms(core.number, found.row),
            withdrawn=found.row.state is RowState.DAMAGED,
        )
        receivers = [n for n in core.rosters.roster.receivers_of(core.number, found.blob.unit) if n != core.number]
        proven = core.store.proofs.ledger.proven(found.row.number, receivers)
        rows = await core.store.proofs.copy_rows(found.row.number, receivers)
        for holder, row in zip(receivers, rows, strict=True):
            cover = core.store.covers.newest(holder) if holder in proven else None
            if cover is not None and not cover.covers(found.row.number, found.blob.unit):
                cover = None
            await self._add_proof(response, holder, _last_words(row, cover, is_proven=holder in proven))

    async def _add_proof(self, response: blobs_pb2.StatResponse, holder: NodeNumber, words: _Words | None) -> None:
        if words is None:
            return
        receipt = await self._core.store.proofs.receipt(words.evidence.receipt_serial)
        response.proofs.add(
            holder=holder,
            generation=words.last.generation,
            verified_since_ms=words.last.verified_since_ms,
            receipt=receipt.to_bytes() if receipt is not None else b"",
            withdrawn=words.is_withdrawn,
            received_ms=words.last.received_ms,
        )

    async def list(self, call: ServerCall, may_read: MayRead) -> None:
        request = await read_request(call, blobs_pb2.ListRequest)
        origin = NodeNumber(request.origin or self._core.number)
        may_read(origin)
        limit = min(request.limit or limits.LIST_ROWS_MAX, limits.LIST_ROWS_MAX)
        if request.copies_below and origin != self._core.number:
            raise Rejected(StatusCode.FAILED_PRECONDITION, f"copies are known to the origin: ask node {origin}")
        rows = await self._core.store.reader.feed(origin, request.after, limit)
        held = await self._core.store.reader.rows(origin, [row.blob for _, row in rows])
        response = blobs_pb2.ListResponse(next_after=rows[-1][0] if len(rows) == limit else 0)
        for (_, feed_row), row in zip(rows, held, strict=True):
            if row is None or row.state is RowState.DROPPED:
                continue
            summary = self._summary(origin, feed_row.blob, row)
            if not request.copies_below or summary.copies.count < request.copies_below:
                response.blobs.append(summary)
        await call.send(response.SerializeToString())

    def _summary(self, origin: NodeNumber, blob: BlobId, row: BlobRow) -> blobs_pb2.BlobSummary:
        summary = blobs_pb2.BlobSummary(
            id=blob.raw,
            origin=origin,
            size_bytes=row.size_bytes,
            time_ms=row.time_ms,
            number=row.number,
            damaged_here=row.state is RowState.DAMAGED,
        )
        if origin == self._core.number:
            summary.copies.CopyFrom(copies_message(self._copies.of(row.number, blob)))
        return summary

    async def _find(self, origin_asked: int, raw_id: bytes, record_tag: bytes, may_read: MayRead) -> _Found:
        """The blob that an id, a unique prefix or a record tag names. Raises Rejected."""
        origin = NodeNumber(origin_asked or self._core.number)
        may_read(origin)
        versions: Sequence[TagVersion] = ()
        if record_tag:
            if origin != self._core.number:
                raise Rejected(StatusCode.FAILED_PRECONDITION, f"records are known to their origin: ask node {origin}")
            if len(record_tag) != TAG_SIZE_BYTES:
                raise Rejected(
                    StatusCode.INVALID_ARGUMENT, f"record tag: expected {TAG_SIZE_BYTES} bytes, got {len(record_tag)}"
                )
            (versions,) = await self._core.store.reader.versions([record_tag])
            if not versions:
                raise Rejected(StatusCode.NOT_FOUND, "no recording under this record tag")
            blob = versions[-1].blob
        else:
            blob = await self._one_with_prefix(origin, raw_id)
        row = await self._core.store.reader.row(origin, blob)
        # What was let go is not here either: its bytes are missed by nobody, and no damage.
        if row is None or row.state is RowState.DROPPED:
            raise Rejected(StatusCode.NOT_FOUND, f"no blob {blob} of origin {origin} here")
        return _Found(origin, blob, row, versions)

    async def _one_with_prefix(self, origin: NodeNumber, raw_id: bytes) -> BlobId:
        if len(raw_id) == BLOB_ID_SIZE_BYTES:
            return BlobId(raw_id)
        if not _PREFIX_BYTES_MIN <= len(raw_id) < BLOB_ID_SIZE_BYTES:
            raise Rejected(
                StatusCode.INVALID_ARGUMENT, f"id: expected {_PREFIX_BYTES_MIN} to 32 bytes, got {len(raw_id)}"
            )
        found = await self._core.store.reader.ids_with_prefix(origin, raw_id, 2)
        if not found:
            raise Rejected(StatusCode.NOT_FOUND, f"no blob {raw_id.hex()}... of origin {origin} here")
        if len(found) > 1:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"{raw_id.hex()} begins more than one id: give more digits")
        return found[0]
