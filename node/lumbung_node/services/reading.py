"""Stat and list: every copy that is named is proven."""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.transport import ServerCall
from lumbung_node.services.copies import CopyBook
from lumbung_node.services.core import Core
from lumbung_node.services.finding import Finder, Found, MayRead
from lumbung_node.services.putting import copies_message
from lumbung_node.services.requests import read_request
from lumbung_node.store.covers import CoverRow
from lumbung_node.store.layout import BlobRow, CopyRow, RowState
from lumbung_proto.v1 import blobs_pb2

__all__ = ["Reading"]


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
        self._finder = Finder(core)

    async def stat(self, call: ServerCall, may_read: MayRead) -> None:
        request = await read_request(call, blobs_pb2.StatRequest)
        found = await self._finder.find(request.origin, request.id, request.record_tag, may_read)
        response = blobs_pb2.StatResponse(blob=self._summary(found.origin, found.blob, found.row))
        response.versions.extend(version.blob.raw for version in found.versions)
        if found.origin == self._core.number:
            await self._add_proofs(response, found)
        await call.send(response.SerializeToString())

    async def _add_proofs(self, response: blobs_pb2.StatResponse, found: Found) -> None:
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
