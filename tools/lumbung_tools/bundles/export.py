"""Export: the node's stream written to a disk until nothing is left or the disk is full."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import trio

from lumbung_cluster import limits
from lumbung_cluster.bundle import BUNDLE_ID_SIZE_BYTES, Batch, PartHead
from lumbung_cluster.bundle_manifest import Manifest, OriginSpan, SignedManifest
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.entry import SignedList
from lumbung_cluster.errors import PeerGone
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.signed import Signature
from lumbung_node.ports.transport import ClientStream
from lumbung_proto.codec import MalformedFrame, decode_frame, decode_message
from lumbung_proto.v1 import bundles_pb2, peer_pb2
from lumbung_tools.bundles.disk import DiskWriter, adopt_parts
from lumbung_tools.bundles.folder import BundleFolder, find_bundles, folder_name
from lumbung_tools.bundles.writer import Room
from lumbung_tools.client.methods import EXPORT, SEAL
from lumbung_tools.client.session import Session

__all__ = ["ExportOrder", "Exported", "asked", "beginning", "export"]

_FRAMES_WAITING = 4  # 4 MiB between the node and the disk
_BUNDLES_HERE_MAX = 64
_Frame = tuple[bundles_pb2.ExportResponse, memoryview]


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What a person asked for; `origins` empty is the node's own."""

    holder: NodeNumber
    origins: tuple[NodeNumber, ...]
    everything: bool
    after: int
    anew: bool
    limit_bytes: int | None
    part_bytes_max: int = limits.BUNDLE_PART_BYTES_MAX


@dataclass(slots=True)
class Exported:
    """What is on the disk when all is said: synced, and sealed by the node. `folder` is None when nothing was lacking.

    `entries_left` and `bytes_left` are the node's estimate of what another disk has to carry; `refused` is the size of
    the recording that did not fit.
    """

    bundle: bytes
    disk: int
    resumed: bool
    folder: Path | None = None
    entries: int = 0
    blob_bytes: int = 0
    parts: int = 0
    is_complete: bool = False
    entries_left: int = 0
    bytes_left: int = 0
    refused: int = 0
    unreadable: list[BlobId] = field(default_factory=list)


async def export(
    session: Session,
    order: ExportOrder,
    disk: Path,
    read_me: Callable[[bytes, int], str],
    on_progress: Callable[[int, int], None],
) -> Exported:
    """Fill `disk`. `on_progress` hears of entries written and expected.

    `read_me` words a text for people from bundle id and disk number.

    Raises Rejected, PeerUnreachable, TrustRefused, PeerGone, OSError: what was sealed before stays good, and the next
    export goes on behind it.
    """
    async with asked(session, order, disk, only_look=False) as stream:
        return await _Export(session, order, disk, read_me, on_progress).run(stream)


@asynccontextmanager
async def asked(session: Session, order: ExportOrder, disk: Path, *, only_look: bool) -> AsyncIterator[ClientStream]:
    """The node's stream for this disk; it begins with what `beginning` gives. Raises as `export`."""
    request = bundles_pb2.ExportRequest(
        holder=order.holder,
        origins=order.origins,
        everything=order.everything,
        after=order.after,
        anew=order.anew,
        bundles_here=await session.blocking.run(partial(_bundles_here, disk, order.holder)),
        only_look=only_look,
    )
    async with session.own.stream(EXPORT) as stream:
        await stream.send(request.SerializeToString())
        await stream.finish_sending()
        yield stream


async def beginning(stream: ClientStream) -> bundles_pb2.ExportBegin:
    """Which bundle it is, and about how much is to go. Raises PeerGone."""
    return _begin_of(await _receive(stream))


class _Export:
    """One disk of one bundle."""

    def __init__(
        self,
        session: Session,
        order: ExportOrder,
        disk: Path,
        read_me: Callable[[bytes, int], str],
        on_progress: Callable[[int, int], None],
    ) -> None:
        self._session = session
        self._order = order
        self._disk = disk
        self._read_me = read_me
        self._on_progress = on_progress
        self._writer: DiskWriter | None = None
        self._batch: bundles_pb2.ExportBatch | None = None
        self._taken = 0
        self._begin = bundles_pb2.ExportBegin()
        self._done = Exported(b"", 0, resumed=False)

    async def run(self, stream: ClientStream) -> Exported:
        self._begin = await beginning(stream)
        begin = self._begin
        self._done = Exported(begin.bundle_id, begin.disk, begin.resumed)
        self._on_progress(0, begin.entries_left)
        try:
            async with trio.open_nursery() as nursery:
                send, frames = trio.open_memory_channel[_Frame](_FRAMES_WAITING)
                nursery.start_soon(_read_ahead, stream, send)
                await self._write_all(frames)
                nursery.cancel_scope.cancel()  # a full disk: the rest of the stream is for another one
        finally:
            if self._writer is not None:
                self._writer.close()
        return self._done

    async def _write_all(self, frames: trio.MemoryReceiveChannel[_Frame]) -> None:
        async for header, payload in frames:
            match header.WhichOneof("kind"):
                case "batch":
                    took = await self._on_batch(header.batch, payload)
                case "bytes":
                    took = await self._on_bytes(header.bytes, payload)
                case "end":
                    await self._on_end(header.end)
                    return
                case other:
                    raise PeerGone(f"answer not understood: expected a frame of an export, got {other}")
            if not took:
                await self._stop_full()
                return
        raise PeerGone("the node ended the export before its end")

    async def _on_batch(self, header: bundles_pb2.ExportBatch, payload: memoryview) -> bool:
        """False when the disk is full."""
        if self._batch is not None:
            raise PeerGone("answer not understood: a batch inside another")
        self._done.unreadable += [BlobId(raw) for raw in header.unreadable]
        if not header.entries:
            if self._writer is not None:
                self._writer.cover(NodeNumber(header.origin), header.upto)
            return True
        batch = self._batch_of(header)
        writer = await self._opened()
        taken = await writer.begin_batch(batch)
        if taken < len(batch.places):
            self._done.refused = batch.entries[taken].size_bytes
        if not taken:
            return False
        self._batch, self._taken = header, taken
        return await self._on_payload(payload)

    async def _on_bytes(self, header: bundles_pb2.ExportBytes, payload: memoryview) -> bool:
        if self._batch is None or self._writer is None:
            raise PeerGone("answer not understood: bytes outside of a batch")
        if not header.failed:
            return await self._on_payload(payload)
        batch = self._batch_of(self._batch)
        self._done.unreadable += [entry.blob for entry in batch.entries]
        await self._writer.forget_batch()
        self._writer.cover(NodeNumber(self._batch.origin), self._batch.upto)
        self._batch = None
        return True

    async def _on_payload(self, payload: memoryview) -> bool:
        """False when the disk is full, with or without the first entries of this batch."""
        header, writer = self._batch, self._writer
        assert header is not None
        assert writer is not None
        is_whole = self._taken == len(header.entries)
        if is_whole and len(payload) > writer.batch_bytes_left:
            raise PeerGone("answer not understood: more bytes than the batch has")
        payload = payload[: writer.batch_bytes_left]
        if payload and not await writer.write(payload):
            return False
        if writer.batch_bytes_left:
            return True
        writer.end_batch()
        writer.cover(NodeNumber(header.origin), header.upto if is_whole else header.numbers[self._taken - 1])
        self._batch = None
        self._on_progress(writer.entries, max(self._begin.entries_left, writer.entries))
        return is_whole

    async def _on_end(self, end: bundles_pb2.ExportEnd) -> None:
        if self._writer is None:
            self._done.is_complete = True
            return
        for span in end.origins:
            self._writer.cover(NodeNumber(span.origin), span.upto)
        await self._writer.finish(is_complete=True)
        self._tell()

    async def _stop_full(self) -> None:
        assert self._writer is not None
        await self._writer.finish(is_complete=False)
        self._tell()
        self._done.entries_left = max(1, self._begin.entries_left - self._done.entries)
        mean_bytes = self._begin.size_bytes_left // max(1, self._begin.entries_left)
        self._done.bytes_left = max(self._done.refused, self._done.entries_left * mean_bytes)

    def _tell(self) -> None:
        writer, done = self._writer, self._done
        assert writer is not None
        done.folder, done.entries, done.blob_bytes = writer.path, writer.entries, writer.blob_bytes
        done.parts, done.is_complete = len(writer.manifest.parts), writer.manifest.is_complete

    # --- the folder --------------------------------------------------------------------------------------------

    async def _opened(self) -> DiskWriter:
        return self._writer or await self._open()

    async def _open(self) -> DiskWriter:
        """The bundle's folder, new or gone on with, and a manifest in it before the first recording.

        So a disk that is pulled out early still says whose it is and what its receipts must name.
        """
        blocking, begin, roster = self._session.blocking, self._begin, self._session.roster
        exporter = self._session.profile.node
        name = folder_name(roster.name(exporter), roster.name(self._order.holder), begin.bundle_id, begin.disk)
        folder = await blocking.run(partial(_make_folder, self._disk / name))
        manifest = self._first_manifest(exporter)
        head = PartHead(
            manifest.cluster, manifest.bundle, exporter, manifest.holder, manifest.disk, max(1, begin.next_part)
        )
        parts = await blocking.run(partial(adopt_parts, folder, head, begin.next_part))
        room = Room(folder, self._order.limit_bytes)
        room.entries = sum(part.entries for part in parts)
        writer = DiskWriter(folder, manifest, begin.next_part, room, self._seal, blocking, self._order.part_bytes_max)
        self._writer = writer
        await blocking.run(partial(folder.write_read_me, self._read_me(begin.bundle_id, begin.disk)))
        await writer.seal(tuple(parts), is_complete=False)
        return writer

    def _first_manifest(self, exporter: NodeNumber) -> Manifest:
        begin = self._begin
        return Manifest(
            cluster=self._session.roster.roster.cluster,
            bundle=begin.bundle_id,
            exporter=exporter,
            generation=Generation(begin.generation),
            roster_epoch=begin.roster_epoch,
            holder=self._order.holder,
            disk=begin.disk,
            created_ms=begin.created_ms,
            is_complete=False,
            origins=tuple(
                OriginSpan(NodeNumber(span.origin), span.nonce, span.after, span.upto) for span in begin.origins
            ),
            parts=(),
        )

    async def _seal(self, manifest: Manifest) -> SignedManifest:
        request = bundles_pb2.SealRequest(manifest=manifest.encode())
        raw = await self._session.own.call(SEAL, request.SerializeToString(), deadline_s=limits.DEADLINE_UNARY_S)
        try:
            words = decode_message(bundles_pb2.SealResponse, raw).manifest
            return SignedManifest(manifest, words.body, Signature(words.public_key, words.signature))
        except (MalformedFrame, Malformed) as exc:
            raise PeerGone(f"answer not understood: {exc}") from exc

    def _batch_of(self, header: bundles_pb2.ExportBatch) -> Batch:
        """As it is written; parsed again, so that nothing leaves on a disk that no import would understand."""
        try:
            batch = Batch(
                bundle=self._begin.bundle_id,
                part=1,
                batch=1,
                origin=NodeNumber(header.origin),
                lists=tuple(_list_of(words) for words in header.lists),
                places=tuple((entry.list, entry.index) for entry in header.entries),
            )
            if len(header.numbers) != len(batch.places):
                raise Malformed("export", f"{len(batch.places)} numbers", f"{len(header.numbers)}")
            return Batch.parse(batch.pack())
        except (Malformed, IndexError) as exc:
            raise PeerGone(f"answer not understood: {exc}") from exc


async def _read_ahead(stream: ClientStream, send: trio.MemorySendChannel[_Frame]) -> None:
    async with send:
        while (frame := await _receive(stream)) is not None:
            await send.send(frame)


async def _receive(stream: ClientStream) -> _Frame | None:
    message = await stream.receive()
    if message is None:
        return None
    try:
        return decode_frame(bundles_pb2.ExportResponse, message, header_bytes_max=limits.FRAME_HEADER_SIZE_BYTES_MAX)
    except MalformedFrame as exc:
        raise PeerGone(f"answer not understood: {exc}") from exc


def _begin_of(frame: _Frame | None) -> bundles_pb2.ExportBegin:
    if frame is None or frame[0].WhichOneof("kind") != "begin":
        raise PeerGone("answer not understood: expected the beginning of an export")
    begin = frame[0].begin
    if len(begin.bundle_id) != BUNDLE_ID_SIZE_BYTES or not (begin.disk and begin.next_part and begin.origins):
        raise PeerGone("answer not understood: expected a bundle with disk, part and origins")
    return begin


def _list_of(words: peer_pb2.SignedBytes) -> SignedList:
    return SignedList.parse(words.body, Signature(words.public_key, words.signature))


def _make_folder(path: Path) -> BundleFolder:
    path.mkdir(exist_ok=True)
    above = BundleFolder(path.parent)
    try:
        above.sync()
    finally:
        above.close()
    return BundleFolder(path)


def _bundles_here(disk: Path, holder: NodeNumber) -> list[bundles_pb2.BundleHere]:
    """Unfinished bundles for this holder on the disk: the node knows with which one it goes on. Raises OSError."""
    here = []
    for path in find_bundles(disk)[:_BUNDLES_HERE_MAX]:
        folder = BundleFolder(path)
        try:
            signed = folder.manifest()
        except (Malformed, OSError):
            continue  # a damaged one is left alone, a new folder is made beside it
        finally:
            folder.close()
        if signed is not None and signed.content.holder == holder and not signed.content.is_complete:
            here.append(bundles_pb2.BundleHere(bundle_id=signed.content.bundle, disk=signed.content.disk))
    return here
