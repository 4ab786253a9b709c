"""Sending the bytes of wanted blobs: many small ones in a frame, a large one piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import BlobDamaged, Rejected, StatusCode
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.services.core import Core
from lumbung_node.services.pace import LinkPace
from lumbung_node.services.session.flow import FlowLink
from lumbung_node.store.layout import BlobRow
from lumbung_proto.v1 import peer_pb2

__all__ = ["PieceSender", "bits", "bits_of"]

_WANTS_WAITING_MAX = 2 * limits.OFFERS_OPEN_PER_LANE_MAX


@dataclass(frozen=True, slots=True)
class _Wanted:
    serial: int
    origin: NodeNumber
    blobs: list[tuple[int, BlobId]]
    offsets: dict[int, int]


class PieceSender:
    """One lane's sender. Pieces are about one second of the link. `is_open`: whether the peer still takes an offer."""

    def __init__(
        self,
        core: Core,
        link: FlowLink,
        pace: LinkPace,
        is_backlog: Callable[[NodeNumber], bool],
        is_open: Callable[[int], bool],
    ) -> None:
        self._core = core
        self._link = link
        self._is_open = is_open
        self._pace = pace
        self._is_backlog = is_backlog
        self._send, self._receive = trio.open_memory_channel[_Wanted](_WANTS_WAITING_MAX)
        self._frame: list[peer_pb2.Piece] = []
        self._payload: list[bytes | memoryview] = []
        self._payload_bytes = 0
        self._frame_bytes_max = 0
        self._sends_backlog = False

    def enqueue(self, serial: int, origin: NodeNumber, blobs: Sequence[BlobId], want: peer_pb2.Want) -> None:
        """Bounded by the offers that may be open. Raises Rejected: a peer that says "applied" to what it still wants
        makes room for offers without end, and its wants must not pile up.
        """
        wanted = bits_of(want.wanted, len(blobs))
        offsets = {item.entry: item.offset_bytes for item in want.resume}
        try:
            self._send.send_nowait(_Wanted(serial, origin, [(index, blobs[index]) for index in wanted], offsets))
        except trio.WouldBlock as exc:
            raise Rejected(
                StatusCode.RESOURCE_EXHAUSTED, f"expected at most {_WANTS_WAITING_MAX} wants under way, got more"
            ) from exc

    async def run(self) -> None:
        async for wanted in self._receive:
            self._sends_backlog = self._is_backlog(wanted.origin)
            rows = await self._core.store.reader.rows(wanted.origin, [blob for _, blob in wanted.blobs])
            batch: list[tuple[int, BlobId, BlobRow]] = []
            size_bytes = 0
            for (index, blob), row in zip(wanted.blobs, rows, strict=True):
                if row is not None and row.chunks == 1 and not wanted.offsets.get(index):
                    batch.append((index, blob, row))
                    size_bytes += row.size_bytes
                    if size_bytes >= limits.PIECE_SIZE_BYTES_MAX:
                        await self._send_batch(wanted, batch)
                        batch, size_bytes = [], 0
                    continue
                try:
                    await self._send_blob(wanted, index, blob, row)
                except BlobDamaged:
                    await self._fail(wanted, index, blob, row)
            await self._send_batch(wanted, batch)
            await self._flush(wanted.serial)

    async def _send_batch(self, wanted: _Wanted, batch: list[tuple[int, BlobId, BlobRow]]) -> None:
        """Small blobs that are read together, in one hop."""
        if not batch:
            return
        contents = await self._core.store.reader.small_contents([(blob, row.place) for _, blob, row in batch])
        for (index, blob, row), content in zip(batch, contents, strict=True):
            if content is None:
                await self._fail(wanted, index, blob, row)
            else:
                await self._send_bytes(wanted.serial, index, memoryview(content))

    async def _fail(self, wanted: _Wanted, index: int, blob: BlobId, row: BlobRow | None) -> None:
        """Our bytes are damaged: say so here and there."""
        await self._core.found_damage(wanted.origin, blob, place=row.place if row is not None else None)
        await self._add(wanted.serial, peer_pb2.Piece(entry=index, failed=True), b"")

    async def _send_blob(self, wanted: _Wanted, index: int, blob: BlobId, row: BlobRow | None) -> None:
        if row is None:
            raise BlobDamaged(f"blob {blob} was offered, and its row is gone")
        offset = wanted.offsets.get(index, 0)
        if row.size_bytes <= limits.MEMORY_BLOB_BYTES_MAX:
            content = memoryview(await self._core.store.reader.read_whole(blob, row))
            await self._send_bytes(wanted.serial, index, content[offset:])
            return
        async with aclosing(self._core.store.reader.stream(blob, row, offset_bytes=offset)) as chunks:
            async for chunk in chunks:
                await self._send_bytes(wanted.serial, index, memoryview(chunk))

    async def _send_bytes(self, serial: int, index: int, content: memoryview) -> None:
        if self._would_cut(len(content)):
            await self._flush(serial)
        while content and self._is_open(serial):  # once the peer has refused it, its bytes are in the others' way
            if not self._frame:
                self._frame_bytes_max = self._pace.frame_bytes_max(self._link.piece_bytes())
            room = max(1, self._frame_bytes_max - self._payload_bytes)
            if len(content) <= room:
                await self._add(serial, peer_pb2.Piece(entry=index, length_bytes=len(content)), content)
                return
            piece, content = content[:room], content[room:]
            await self._add(serial, peer_pb2.Piece(entry=index, length_bytes=len(piece)), piece)

    async def _add(self, serial: int, piece: peer_pb2.Piece, content: bytes | memoryview) -> None:
        self._frame.append(piece)
        self._payload.append(content)
        self._payload_bytes += len(content)
        if self._payload_bytes >= self._frame_bytes_max or len(self._frame) >= limits.FRAME_PARTS_MAX:
            await self._flush(serial)

    def _would_cut(self, size_bytes: int) -> bool:
        """Whether a blob that fits a frame would be cut by a frame that is half full: whole it is copied only once."""
        most = self._frame_bytes_max
        return bool(self._frame) and 2 * self._payload_bytes >= most >= size_bytes > most - self._payload_bytes

    async def _flush(self, serial: int) -> None:
        if not self._frame:
            return
        await self._pace.ready(is_backlog=self._sends_backlog)
        self._pace.occupy(self._payload_bytes, is_backlog=self._sends_backlog)
        frame = peer_pb2.SessionFrame(pieces=peer_pb2.Pieces(offer=serial, pieces=self._frame))
        payload, size_bytes = self._payload, self._payload_bytes
        self._frame, self._payload, self._payload_bytes = [], [], 0
        self._core.activity.touch()
        await self._link.send_pieces(frame, payload, size_bytes)


def bits(indexes: Sequence[int], count: int) -> bytes:
    """A bit string of `count` bits, least significant first, with these set."""
    raw = bytearray(-(-count // 8))
    for index in indexes:
        raw[index >> 3] |= 1 << (index & 7)
    return bytes(raw)


def bits_of(raw: bytes, count: int) -> list[int]:
    """The set bits below `count`, rising; bytes behind them are ignored."""
    return [index for index in range(min(count, len(raw) * 8)) if raw[index >> 3] >> (index & 7) & 1]
