"""RocksDB alone, with the node's own options: batches of the shape of a group commit, one sync each, nothing else.

A blob is its chunks, its row, its feed row, the row that finds its number and its tag; a batch is as many blobs as the
committer puts into one group. Rows are of the right sizes and keys in the right order; what they say is of no matter.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rocksdict import ColumnFamily, WriteBatch

from lumbung_cluster.limits import CHUNK_SIZE_BYTES, COMMIT_BLOBS_MAX, COMMIT_BYTES_MAX
from lumbung_node.ports.keyvalue import Family
from lumbung_tools.bench.bare_store import open_bare

__all__ = ["EngineRate", "engine_rate"]

_MEGA = 1_000_000
_BLOB_ROW, _FEED_ROW, _TAG_ROW = bytes(83), bytes(93), bytes(73)
_TAG_PREFIX = b"\1"
_ID_BYTES = 32


@dataclass(frozen=True, slots=True)
class EngineRate:
    """From the first batch to the return of the last sync."""

    blobs_per_s: float
    mb_s: float
    syncs: int
    cpu_s: float


def engine_rate(folder: Path, size_bytes: int, count: int) -> EngineRate:
    """`count` blobs of `size_bytes` into a fresh database below `folder`, which is gone again at the end."""
    path = folder / "engine"
    database = open_bare(path)
    handles = {family: database.get_column_family_handle(family.value) for family in Family}
    body, syncs = os.urandom(size_bytes), 0
    started_at, used_s = time.monotonic(), time.process_time()
    for batch in _batches(handles, body, count):
        database.write(batch)
        database.flush_wal(True)
        syncs += 1
    elapsed_s, cpu_s = time.monotonic() - started_at, time.process_time() - used_s
    handles.clear()  # each of them would keep the database open
    database.close()
    shutil.rmtree(path)
    return EngineRate(count / elapsed_s, count * size_bytes / elapsed_s / _MEGA, syncs, cpu_s)


def _batches(handles: dict[Family, ColumnFamily], body: bytes, count: int) -> Iterator[WriteBatch]:
    """A blob that is larger than a group goes in several batches, each with a sync of its own."""
    batch, blobs, size_bytes, place = WriteBatch(raw_mode=True), 0, 0, 0
    for number in range(1, count + 1):
        for start in range(0, len(body), CHUNK_SIZE_BYTES):
            chunk = body[start : start + CHUNK_SIZE_BYTES]
            if size_bytes and size_bytes + len(chunk) > COMMIT_BYTES_MAX:
                yield batch
                batch, blobs, size_bytes = WriteBatch(raw_mode=True), 0, 0
            place += 1
            batch.put(place.to_bytes(8, "big"), chunk, handles[Family.CHUNKS])
            size_bytes += len(chunk)
        _put_rows(batch, handles, number)
        blobs += 1
        if blobs == COMMIT_BLOBS_MAX:
            yield batch
            batch, blobs, size_bytes = WriteBatch(raw_mode=True), 0, 0
    if size_bytes:
        yield batch


def _put_rows(batch: WriteBatch, handles: dict[Family, ColumnFamily], number: int) -> None:
    origin, blob = bytes(4), os.urandom(_ID_BYTES)
    batch.put(origin + blob, _BLOB_ROW, handles[Family.BLOBS])
    batch.put(origin + number.to_bytes(8, "big"), _FEED_ROW, handles[Family.FEEDS])
    batch.put(origin + origin + blob, number.to_bytes(8, "big"), handles[Family.FEEDS])
    batch.put(_TAG_PREFIX + blob, _TAG_ROW, handles[Family.TAGS])
