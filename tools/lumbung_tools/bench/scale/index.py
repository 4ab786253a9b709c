"""Ten million rows in the index alone: how fast they are written, and what the store makes of them at each step.

Rows are those of commits (id row, feed row, the row that finds a number), without blobs. Ids are spread over the whole
range, so that every write goes everywhere, as in life. After each step a fresh process opens the store as a node does.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import trio
from blake3 import blake3

from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.limits import MIB
from lumbung_node.adapters.allocator import bound_allocator
from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.store.layout import (
    BlobRow,
    FeedRow,
    ListPlace,
    OriginCounts,
    RowState,
    blob_key,
    counts_key,
    feed_key,
    number_key,
)
from lumbung_node.store.store import Store
from lumbung_tools.bench.opened import Silent, opened_store
from lumbung_tools.bench.processes import peak_memory_bytes, resident_memory_bytes

__all__ = ["IndexStep", "Seen", "measure_index"]

_ORIGIN = NodeNumber(1000)
_BATCH_ROWS = 1000
_SYNC_BATCHES = 16
_LOOKUPS, _LOOKUP_IDS = 40, 50
_PATIENCE_S = 1800.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What a fresh process saw: seconds until the store was open, ids looked up in a second (50 at a time, all there
    and none there), microseconds to fold a row of the step into the inventory, seconds until the inventory of all rows
    was there at the next start, memory. `_cpu_` figures are the process's own, whoever else used the machine."""

    open_s: float
    open_cpu_s: float
    hits_per_s: float
    hit_cpu_us: float
    misses_per_s: float
    fold_us: float
    inventory_s: float
    resident_mib: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class IndexStep:
    """At `rows`: rows a second of this step, what lies on disk, and what was seen then."""

    rows: int
    per_s: float
    data_bytes: int
    seen: Seen


def measure_index(folder: Path, rows: int, steps: int, say: Callable[[str], None]) -> list[IndexStep]:
    """So many rows in so many steps."""
    found: list[IndexStep] = []
    done = 0
    for at in range(1, steps + 1):
        target = rows * at // steps
        elapsed_s = trio.run(_fill, folder, done + 1, target)
        seen = _in_fresh_process(folder, done, target)
        size_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        found.append(IndexStep(target, (target - done) / elapsed_s, size_bytes, seen))
        say(
            f"{target:>12,} rows: {found[-1].per_s:,.0f}/s, open {seen.open_s:.2f} s, found {seen.hits_per_s:,.0f}/s,"
            f" not found {seen.misses_per_s:,.0f}/s, inventory {seen.inventory_s:.3f} s, {seen.peak_mib:.0f} MiB"
        )
        done = target
    return found


async def _fill(folder: Path, first: int, last: int) -> float:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    store = await open_rocks(folder / "data", create=True)
    begun = time.monotonic()
    for at, batch in enumerate(_rows(first, last)):
        await store.write(batch)
        if at % _SYNC_BATCHES == 0:
            await store.sync()
    await store.sync()
    elapsed_s = time.monotonic() - begun
    await store.close()
    return elapsed_s


def _rows(first: int, last: int) -> Iterator[Batch]:
    place = ListPlace(Generation(1), 1, 0, 0)
    for start in range(first, last + 1, _BATCH_ROWS):
        batch = Batch()
        end = min(start + _BATCH_ROWS - 1, last)
        for number in range(start, end + 1):
            blob = _id(number)
            row = BlobRow(RowState.INTACT, 1, number, 0, number, 0, 0, place)
            batch.put(Family.BLOBS, blob_key(_ORIGIN, blob), row.pack())
            feed_row = FeedRow(blob, blob.raw, place, _ORIGIN, Generation(1))
            batch.put(Family.FEEDS, feed_key(_ORIGIN, number), feed_row.pack())
            batch.put(Family.FEEDS, number_key(_ORIGIN, blob), number.to_bytes(8, "big"))
        batch.put(Family.SYSTEM, counts_key(_ORIGIN), OriginCounts(blobs=end).pack())
        yield batch


def _id(number: int) -> BlobId:
    return BlobId(blake3(number.to_bytes(8, "big")).digest())


def _in_fresh_process(folder: Path, before: int, rows: int) -> Seen:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_look, args=(theirs, folder, before, rows), daemon=True)
    child.start()
    theirs.close()
    try:
        if not ours.poll(_PATIENCE_S):
            raise TimeoutError(f"expected the store to be looked at within {_PATIENCE_S:.0f} s")
        told: Seen = ours.recv()
        return told
    finally:
        child.kill()
        child.join()


def _look(told: Connection, folder: Path, before: int, rows: int) -> None:
    bound_allocator()
    told.send(trio.run(_look_at_store, folder, before, rows))


async def _look_at_store(folder: Path, before: int, rows: int) -> Seen:
    begun, used_s = time.monotonic(), time.process_time()
    async with opened_store(folder) as store:
        open_s, open_cpu_s = time.monotonic() - begun, time.process_time() - used_s
        used_s = time.process_time()
        hits_per_s = await _lookups(store, partial(_known, rows))
        hit_cpu_us = (time.process_time() - used_s) / (_LOOKUPS * _LOOKUP_IDS) * 1_000_000
        misses_per_s = await _lookups(store, partial(_unknown, rows))
        begun = time.monotonic()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.inventories.run, Silent())
            while store.inventories.rows_behind:  # noqa: ASYNC110 (nobody else waits for this)
                await trio.sleep(0.05)
            fold_us = (time.monotonic() - begun) / (rows - before) * 1_000_000
            nursery.cancel_scope.cancel()
    async with opened_store(folder) as store:
        begun = time.monotonic()
        await store.inventories.snapshot(_ORIGIN)
        inventory_s = time.monotonic() - begun
        pid = multiprocessing.current_process().pid
        assert pid is not None
        resident, peak = resident_memory_bytes(pid) / MIB, peak_memory_bytes(pid) / MIB
    return Seen(open_s, open_cpu_s, hits_per_s, hit_cpu_us, misses_per_s, fold_us, inventory_s, resident, peak)


def _known(rows: int, at: int) -> list[BlobId]:
    """Ids of rows that are spread over all of them."""
    step = max(1, rows // (_LOOKUPS * _LOOKUP_IDS))
    return [_id((at * _LOOKUP_IDS + number) * step % rows + 1) for number in range(_LOOKUP_IDS)]


def _unknown(rows: int, at: int) -> list[BlobId]:
    return [_id(rows + 1 + at * _LOOKUP_IDS + number) for number in range(_LOOKUP_IDS)]


async def _lookups(store: Store, ids_of: Callable[[int], list[BlobId]]) -> float:
    """Ids a second; making them is not counted."""
    asked = [ids_of(at) for at in range(_LOOKUPS)]
    begun = time.monotonic()
    for ids in asked:
        await store.reader.rows(_ORIGIN, ids)
    return _LOOKUPS * _LOOKUP_IDS / (time.monotonic() - begun)
