"""Export: a stream of what a holder lacks, for a disk; and the seal under what has become durable on it.

The node never sees the disk. It remembers, durably and only when a disk's files are synced (`Seal`), how far a bundle
has come, so that the next disk goes on there; and the nonce that the holder's receipts must name.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

import trio

from lumbung_cluster import limits
from lumbung_cluster.bundle import BUNDLE_ID_SIZE_BYTES
from lumbung_cluster.bundle_manifest import Manifest, sign_manifest
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import BlobDamaged, Rejected, StatusCode
from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.transport import ServerCall
from lumbung_node.services.bundles.batches import Lacking, LackingBatch
from lumbung_node.services.core import Core
from lumbung_node.services.requests import read_request
from lumbung_node.store.exports import ExportRow, Exports
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import bundles_pb2, peer_pb2

__all__ = ["Exporting", "MayExport"]

MayExport = Callable[[NodeNumber], None]
"""Raises Rejected when the caller may not take this origin away on a disk."""

_BUNDLES_HERE_MAX = 64
_READ_AHEAD_BATCHES = 1  # one is read while the other leaves: at most 16 MiB of an export in memory


@dataclass(frozen=True, slots=True)
class _Opened:
    """The bundle that this stream goes on with."""

    row: ExportRow
    disk: int
    resumed: bool


class Exporting:
    """Handlers of one node."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._exports = Exports(core.store.kv, core.store.committer)
        self._turn = trio.Lock()
        self._open_now = 0

    async def export(self, call: ServerCall, may_export: MayExport) -> None:
        request = await read_request(call, bundles_pb2.ExportRequest)
        holder, origins = self._whom_and_what(request, may_export)
        if not request.only_look:  # no manifest would be signed for what is written
            self._core.condition.check_may_sign()
        if self._open_now >= limits.BUNDLE_EXPORTS_OPEN_MAX:
            raise Rejected(
                StatusCode.RESOURCE_EXHAUSTED, f"expected at most {limits.BUNDLE_EXPORTS_OPEN_MAX} exports at a time"
            )
        self._open_now += 1
        try:
            await self._export(call, request, holder, origins)
        finally:
            self._open_now -= 1

    async def _export(
        self,
        call: ServerCall,
        request: bundles_pb2.ExportRequest,
        holder: NodeNumber,
        origins: tuple[NodeNumber, ...],
    ) -> None:
        async with self._turn:
            opened = await self._open(request, holder, origins)
        lacking = [Lacking(self._core, holder, origin, upto) for origin, _, upto in opened.row.cursors]
        begin = self._begin(opened, lacking)
        if request.only_look:
            weighed = [await part.weigh() for part in lacking]
            begin.entries_left = sum(entries for entries, _ in weighed)
            begin.size_bytes_left = sum(size_bytes for _, size_bytes in weighed)
        await call.send(encode_frame(bundles_pb2.ExportResponse(begin=begin)))
        if request.only_look:
            await call.send(encode_frame(bundles_pb2.ExportResponse(end=bundles_pb2.ExportEnd())))
            return
        if not await self._stream(call, lacking):
            # Nothing to carry: the next export looks at everything again.
            async with self._turn:
                if await self._exports.under(opened.row.nonce) == opened.row:
                    await self._exports.save(replace(opened.row, is_complete=True))
        end = bundles_pb2.ExportEnd()
        for (origin, after, _), part in zip(opened.row.cursors, lacking, strict=True):
            end.origins.add(origin=origin, nonce=self._nonce(opened.row, origin), after=after, upto=part.end)
        await call.send(encode_frame(bundles_pb2.ExportResponse(end=end)))

    async def seal(self, call: ServerCall, may_export: MayExport) -> None:
        request = await read_request(call, bundles_pb2.SealRequest)
        try:
            manifest = Manifest.decode(request.manifest)
        except Malformed as exc:
            raise Rejected(StatusCode.INVALID_ARGUMENT, str(exc)) from exc
        self._core.condition.check_may_sign()
        async with self._turn:
            row = await self._exports.of_bundle(manifest.bundle)
            if row is None:
                raise Rejected(StatusCode.NOT_FOUND, f"no bundle {manifest.bundle.hex()} was exported here")
            for origin in row.origins:
                may_export(origin)
            sealed = self._sealed(row, manifest)
            if sealed != row:
                await self._exports.save(sealed)
        self._core.condition.check_may_sign()  # it may have been told meanwhile
        signed = sign_manifest(manifest, self._core.receipt_signer)
        words = peer_pb2.SignedBytes(
            body=signed.body, public_key=signed.signature.key_public, signature=signed.signature.signature
        )
        await call.send(bundles_pb2.SealResponse(manifest=words).SerializeToString())

    # --- which bundle ------------------------------------------------------------------------------------------

    def _whom_and_what(
        self, request: bundles_pb2.ExportRequest, may_export: MayExport
    ) -> tuple[NodeNumber, tuple[NodeNumber, ...]]:
        """The holder and the origins. Raises Rejected."""
        roster, own = self._core.rosters.roster, self._core.number
        holder = NodeNumber(request.holder)
        record = roster.node(holder)
        if record is None or not record.is_present or holder == own:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"expected another present node of the roster, got {holder}")
        if request.everything:
            origins = roster.origins_shared(own, holder)
        else:
            origins = tuple(sorted({NodeNumber(origin) for origin in request.origins})) or (own,)
        if not 1 <= len(origins) <= limits.BUNDLE_ORIGINS_MAX:
            raise Rejected(StatusCode.FAILED_PRECONDITION, f"{record.name} shares no origin with this node")
        for origin in origins:
            may_export(origin)
            if not roster.units_held(holder, origin):
                raise Rejected(
                    StatusCode.FAILED_PRECONDITION, f"{record.name} keeps nothing of origin {roster.name_of(origin)}"
                )
        if request.after and (len(origins) != 1 or origins[0] == own):
            raise Rejected(StatusCode.INVALID_ARGUMENT, "a first number goes with one origin that is not our own")
        return holder, origins

    async def _open(
        self, request: bundles_pb2.ExportRequest, holder: NodeNumber, origins: tuple[NodeNumber, ...]
    ) -> _Opened:
        """Go on with the newest bundle for this holder while it is not complete; else begin one."""
        core = self._core
        row = await self._exports.newest_for(holder, origins)
        is_live = row is not None and not row.is_complete and row.generation == core.store.state.generation
        if row is not None and is_live and not request.anew and not request.after:
            # On the disk that it was last written to it goes on in the same folder.
            here = [(found.bundle_id, found.disk) for found in request.bundles_here[:_BUNDLES_HERE_MAX]]
            is_here = (row.bundle, row.disks) in here
            return _Opened(row, row.disks if is_here else row.disks + 1, resumed=True)
        looks = request.only_look
        row = ExportRow(
            nonce=0 if looks else core.store.state.take_nonce(),
            bundle=bytes(BUNDLE_ID_SIZE_BYTES) if looks else core.randomness.bytes(BUNDLE_ID_SIZE_BYTES),
            holder=holder,
            generation=core.store.state.generation,
            created_ms=core.clock.now_ms(),
            disks=0,
            parts=0,
            is_complete=False,
            cursors=tuple((origin, request.after, request.after) for origin in origins),
        )
        if not looks:  # durable before anything leaves: a receipt must find the nonce that it names
            await self._exports.save(row)
        return _Opened(row, 1, resumed=False)

    def _begin(self, opened: _Opened, lacking: list[Lacking]) -> bundles_pb2.ExportBegin:
        row, core = opened.row, self._core
        begin = bundles_pb2.ExportBegin(
            bundle_id=row.bundle,
            disk=opened.disk,
            next_part=row.parts + 1,
            generation=row.generation,
            roster_epoch=core.rosters.roster.epoch,
            entries_left=sum(part.count_left() for part in lacking),
            size_bytes_left=sum(part.count_left() * part.mean_size_bytes() for part in lacking),
            resumed=opened.resumed,
            created_ms=row.created_ms,
        )
        for origin, _, upto in row.cursors:
            begin.origins.add(origin=origin, nonce=self._nonce(row, origin), after=upto, upto=upto)
        return begin

    def _nonce(self, row: ExportRow, origin: NodeNumber) -> int:
        """Only an origin counts receipts, so only its own blobs are asked for."""
        return row.nonce if origin == self._core.number else 0

    def _sealed(self, row: ExportRow, manifest: Manifest) -> ExportRow:
        """The row after this manifest. Raises Rejected for one that does not follow on what is sealed."""
        core = self._core
        expected = (core.cluster, core.number, row.generation, row.holder, row.origins)
        origins = tuple(span.origin for span in manifest.origins)
        got = (manifest.cluster, manifest.exporter, manifest.generation, manifest.holder, origins)
        if got != expected or row.generation != core.store.state.generation:
            raise Rejected(StatusCode.FAILED_PRECONDITION, f"manifest: expected {expected}, got {got}")
        last = manifest.parts[-1].part if manifest.parts else row.parts
        if row.is_complete or manifest.disk not in (row.disks, row.disks + 1) or not row.parts <= last:
            raise Rejected(
                StatusCode.FAILED_PRECONDITION,
                f"manifest: expected disk {row.disks} or the next and parts from {row.parts} on, "
                f"got disk {manifest.disk} and part {last}: another export goes on with this bundle",
            )
        cursors = []
        for (origin, after, upto), span in zip(row.cursors, manifest.origins, strict=True):
            end = core.store.state.end(origin).number
            if span.nonce != self._nonce(row, origin) or not upto <= span.upto <= max(end, upto):
                raise Rejected(StatusCode.FAILED_PRECONDITION, f"manifest: origin {origin} from {upto} on, got {span}")
            cursors.append((origin, after, span.upto))
        return replace(row, disks=manifest.disk, parts=last, is_complete=manifest.is_complete, cursors=tuple(cursors))

    # --- the stream --------------------------------------------------------------------------------------------

    async def _stream(self, call: ServerCall, lacking: list[Lacking]) -> int:
        """All batches, each read while the one before it leaves; how many entries."""
        entries = 0
        send, receive = trio.open_memory_channel[LackingBatch](_READ_AHEAD_BATCHES)

        async def read() -> None:
            async with send:
                for part in lacking:
                    async with aclosing(part.batches()) as batches:  # the caller may hang up
                        async for batch in batches:
                            await send.send(batch)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            async for batch in receive:
                await self._send(call, batch)
                entries += len(batch.items)
        return entries

    async def _send(self, call: ServerCall, batch: LackingBatch) -> None:
        frames = _Frames(call, bundles_pb2.ExportResponse(batch=_header(batch)))
        for content in batch.contents:
            await frames.add(content)
        await frames.flush()
        if batch.large is not None:
            await self._send_large(call, batch)

    async def _send_large(self, call: ServerCall, batch: LackingBatch) -> None:
        assert batch.large is not None
        blob = batch.items[0][1]
        try:
            async with aclosing(self._core.store.reader.stream(blob, batch.large)) as chunks:  # the caller may hang up
                async for chunk in chunks:
                    header = bundles_pb2.ExportResponse(bytes=bundles_pb2.ExportBytes())
                    await call.send(encode_frame(header, [chunk]))
        except BlobDamaged:
            await self._core.found_damage(batch.origin, blob, place=batch.large.place)
            failed = bundles_pb2.ExportResponse(bytes=bundles_pb2.ExportBytes(failed=True))
            await call.send(encode_frame(failed))


class _Frames:
    """Cuts contents into messages of at most 1 MiB; the first one carries the batch's header."""

    def __init__(self, call: ServerCall, header: bundles_pb2.ExportResponse) -> None:
        self._call = call
        self._header: bundles_pb2.ExportResponse | None = header
        self._payload: list[memoryview] = []
        self._size_bytes = 0

    async def add(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            room = limits.PIECE_SIZE_BYTES_MAX - self._size_bytes
            self._payload.append(view[:room])
            self._size_bytes += len(view[:room])
            view = view[room:]
            if self._size_bytes == limits.PIECE_SIZE_BYTES_MAX:
                await self._send()

    async def flush(self) -> None:
        if self._header is not None or self._payload:
            await self._send()

    async def _send(self) -> None:
        header = self._header or bundles_pb2.ExportResponse(bytes=bundles_pb2.ExportBytes())
        payload, self._header, self._payload, self._size_bytes = self._payload, None, [], 0
        await self._call.send(encode_frame(header, payload))


def _header(batch: LackingBatch) -> bundles_pb2.ExportBatch:
    header = bundles_pb2.ExportBatch(
        origin=batch.origin, upto=batch.upto, unreadable=[blob.raw for blob in batch.unreadable]
    )
    places: dict[tuple[int, int, int], int] = {}
    for number, _, signed in batch.items:
        header.numbers.append(number)
        at = places.setdefault(signed.list, len(places))
        header.entries.add(list=at, index=signed.index)
    for found in batch.lists:
        header.lists.add(body=found.body, public_key=found.signature.key_public, signature=found.signature.signature)
    return header
