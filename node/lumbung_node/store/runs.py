"""Runs: chunks of a large blob written ahead of its commit, so that 1 GiB streams through in a few MiB of memory."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from lumbung_cluster.ids import BlobId, NodeNumber, blob_hasher
from lumbung_cluster.limits import CHUNK_SIZE_BYTES
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue
from lumbung_node.store.committer import Committer
from lumbung_node.store.jobs import Content
from lumbung_node.store.layout import PendingRow, place_key
from lumbung_node.store.readable import get_readable
from lumbung_node.store.state import NO_END, StoreState, scan_all

__all__ = ["Run", "StoredRun", "chunk_count", "drop_runs", "foreign_runs", "open_run", "resume_run"]

StoredRun = tuple[bytes, PendingRow]  # a run that has come to the disk: the key of its row, and the row
_AHEAD_CHUNKS = 4  # written at once: 4 MiB


def chunk_count(size_bytes: int) -> int:
    return -(-size_bytes // CHUNK_SIZE_BYTES)


class Run:
    """Takes a blob's bytes in order. `finish` gives the content once the hash is right; `abandon` takes all away.

    A run of replication that is neither finished nor abandoned stays for a day and can be resumed; a run of a local
    put is cleared at the next start.
    """

    def __init__(
        self, committer: Committer, kv: KeyValue, first: int, row: PendingRow, ahead_chunks: int = _AHEAD_CHUNKS
    ) -> None:
        self._committer = committer
        self._kv = kv
        self._first = first
        self._row = row
        self._ahead_bytes = ahead_chunks * CHUNK_SIZE_BYTES
        self._announced = False
        self._written = 0
        self._hasher = blob_hasher()
        self._tail = bytearray()
        self._turn = trio.Lock()
        self._is_gone = False
        self.received_bytes = 0

    @property
    def key(self) -> bytes:
        """Its own for ever: places are given out once."""
        return place_key(self._first)

    async def append(self, piece: bytes | memoryview) -> None:
        """The next bytes; writes full chunks to disk as they come. Behind an `abandon` nothing is taken any more."""
        if self._is_gone:
            return
        self._hasher.update(piece)
        self._tail += piece
        self.received_bytes += len(piece)
        if len(self._tail) >= self._ahead_bytes:
            await self._flush(whole_chunks_only=True)

    async def finish(self) -> Content | None:
        """The content for the commit; None when the bytes do not hash to the id (the run is gone then)."""
        if self._hasher.digest() != self._row.blob.raw or self.received_bytes != self._row.size_bytes:
            await self.abandon()
            return None
        await self._flush(whole_chunks_only=False)
        return Content(self._row.size_bytes, [], self._first, self._row.chunks)

    async def keep(self) -> None:
        """The stream was cut: keep the whole chunks for a day."""
        await self._flush(whole_chunks_only=True)

    async def abandon(self) -> None:
        """Behind whatever is being written of it now: chunks that come to the disk later would be nobody's."""
        self._is_gone = True
        batch = Batch()
        batch.delete_range(Family.CHUNKS, place_key(self._first), place_key(self._first + self._row.chunks))
        batch.delete(Family.PENDING, place_key(self._first))
        async with self._turn:
            await self._kv.write(batch)

    def take_written(self, chunk: bytes) -> None:
        """A whole chunk that an earlier stream had written: hash it again and go on behind it."""
        self._hasher.update(chunk)
        self._announced = True
        self._written += 1
        self.received_bytes += len(chunk)

    async def _flush(self, *, whole_chunks_only: bool) -> None:
        async with self._turn:
            if not self._is_gone:
                await self._write(whole_chunks_only=whole_chunks_only)

    async def _write(self, *, whole_chunks_only: bool) -> None:
        rows = []
        while len(self._tail) >= CHUNK_SIZE_BYTES or (self._tail and not whole_chunks_only):
            rows.append((place_key(self._first + self._written), bytes(self._tail[:CHUNK_SIZE_BYTES])))
            del self._tail[:CHUNK_SIZE_BYTES]
            self._written += 1
        if not rows:
            return
        pending = None
        if not self._announced:
            pending = Batch()
            pending.put(Family.PENDING, place_key(self._first), self._row.pack())
            self._announced = True
        await self._committer.write_chunks(rows, pending)


def open_run(
    committer: Committer,
    kv: KeyValue,
    state: StoreState,
    *,
    origin: NodeNumber,
    blob: BlobId,
    size_bytes: int,
    foreign: bool,
    now_ms: int,
    ahead_chunks: int = _AHEAD_CHUNKS,
) -> Run:
    chunks = chunk_count(size_bytes)
    row = PendingRow(foreign, origin, blob, size_bytes, chunks, now_ms)
    return Run(committer, kv, state.take_places(chunks), row, ahead_chunks)


async def resume_run(committer: Committer, kv: KeyValue, stored: StoredRun) -> Run:
    """The run that a cut stream left, its chunks hashed again from disk, up to the first that cannot be read there."""
    key, row = stored
    first, written = int.from_bytes(key, "big"), 0
    run = Run(committer, kv, first, row)
    while written < row.chunks:
        (chunk,) = await get_readable(kv, Family.CHUNKS, [place_key(first + written)])
        if chunk is None or len(chunk) != CHUNK_SIZE_BYTES:
            break
        run.take_written(chunk)
        written += 1
    return run


async def foreign_runs(kv: KeyValue) -> list[StoredRun]:
    """All runs of replication that have come to the disk, with their keys."""
    rows = [(key, PendingRow.unpack(value)) for key, value in await scan_all(kv, Family.PENDING, b"", NO_END)]
    return [(key, row) for key, row in rows if row.foreign]


async def drop_runs(kv: KeyValue, runs: Sequence[StoredRun]) -> None:
    """Take these away with what was written of them."""
    batch = Batch()
    for key, row in runs:
        first = int.from_bytes(key, "big")
        batch.delete_range(Family.CHUNKS, key, place_key(first + row.chunks))
        batch.delete(Family.PENDING, key)
    if batch.deletes:
        await kv.write(batch)
