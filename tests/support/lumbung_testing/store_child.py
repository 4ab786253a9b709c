"""A process that stores blobs in RocksDB until it is killed: `python -m lumbung_testing.store_child FOLDER ...`.

Prints the number of each blob once it is durable. Several tasks work at once, so that syncs overlap other writes.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import trio

from lumbung_cluster.ids import BlobId
from lumbung_cluster.limits import KIB
from lumbung_node.adapters.rocks import RocksLimits, open_rocks
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue
from lumbung_testing import iorecord

__all__ = ["CHUNKS_PER_BLOB", "chunk_key", "content_of"]

CHUNKS_PER_BLOB = 3
CHUNK_SIZE_BYTES_MAX = 40_000


def content_of(number: int) -> list[bytes]:
    """The chunks of blob `number`: the same in the process and in the test that checks it."""
    luck = random.Random(number)
    return [luck.randbytes(luck.randint(1, CHUNK_SIZE_BYTES_MAX)) for _ in range(CHUNKS_PER_BLOB)]


def chunk_key(number: int, index: int) -> bytes:
    return (number * CHUNKS_PER_BLOB + index).to_bytes(8, "big")


async def _store_blob(store: KeyValue, number: int, options: argparse.Namespace) -> None:
    chunks = content_of(number)
    await store.write_chunks([(chunk_key(number, index), chunk) for index, chunk in enumerate(chunks)])
    batch = Batch()
    batch.put(Family.BLOBS, number.to_bytes(8, "big"), BlobId.of(b"".join(chunks)).raw)
    batch.put(Family.FEEDS, number.to_bytes(8, "big"), b"entry")
    await store.write(batch)
    if options.marks:
        iorecord.mark(f"written {number}")
    if not options.without_sync:
        await store.sync()
    if options.marks:
        iorecord.mark(f"promised {number}")
    print(number, flush=True)


async def _work(store: KeyValue, numbers: range, options: argparse.Namespace) -> None:
    for number in numbers:
        await _store_blob(store, number, options)


async def _main(options: argparse.Namespace) -> None:
    limits = RocksLimits(chunk_memtable_size_bytes=options.memtable_kib * KIB)
    store = await open_rocks(options.folder, create=True, limits=limits)
    behind = options.first + options.count
    async with trio.open_nursery() as nursery:
        for task in range(options.tasks):
            nursery.start_soon(_work, store, range(options.first + task, behind, options.tasks), options)
    await store.close()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--tasks", type=int, default=3)
    parser.add_argument("--memtable-kib", type=int, default=32 * KIB, help="small: the log changes files often")
    parser.add_argument("--marks", action="store_true", help="put marks into the recorded I/O")
    parser.add_argument("--without-sync", action="store_true", help="the control: promise what no sync covers")
    return parser.parse_args()


if __name__ == "__main__":
    trio.run(_main, _parse())
