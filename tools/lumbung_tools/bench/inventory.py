"""`make bench-inventory`: what the state costs from which two nodes tell whether they hold the same.

One store on a real disk, no network: the cost of keeping the state for each blob, of making it anew for a million, of a
restart, and its memory. Marks are those of the design; times of this machine's minute stand beside them.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import trio
from blake3 import blake3
from rich.console import Console
from rich.table import Table

from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.limits import INVENTORY_CHECKPOINT_ROWS, MIB
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue
from lumbung_node.store.inventory_rows import sums_key, table_key
from lumbung_node.store.jobs import Content, Job, OwnBlob
from lumbung_node.store.layout import BlobRow, FeedRow, ListPlace, OriginCounts, RowState, blob_key, feed_key
from lumbung_node.store.store import Store
from lumbung_tools.bench.opened import Silent, opened_store
from lumbung_tools.localcluster.disk import Place, choose_place, look_at

__all__ = ["main"]

_FIRST_ORIGIN = 1000
_BATCH_ROWS = 1000
_PUTS, _GROUP = 20_000, 64
_SMALL_ORIGINS, _SMALL_IDS = 100, 100
_US, _KIB = 1_000_000, 1024


@dataclass(frozen=True, slots=True)
class Figures:
    """`put_cpu_us` is processor time a small put, with the state kept and without; the rest is elapsed time."""

    ids: int
    fold_us: float
    put_cpu_us_with: float
    put_cpu_us_without: float
    rebuild_feed_s: float
    rebuild_ids_s: float
    rebuild_extra_mib: float
    restart_clean_s: float
    restart_crash_s: float
    audit_unit_s: float
    memory_origin_kib: float


@click.command()
@click.option("--ids", type=click.IntRange(1000, 10_000_000), default=1_000_000, help="Ids of the large origin.")
@click.option("--dir", "parent", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Disk to use.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("bench-results/inventory.json"))
def main(ids: int, parent: Path | None, out: Path) -> None:
    """Measure, print a table, write the figures as JSON."""
    place = choose_place() if parent is None else look_at(parent.resolve())
    screen = Console(file=sys.stdout)
    screen.print(f"measuring in {place.folder} ({place.file_system}{'' if place.is_disk else ', NOT A DISK'})")
    folder = Path(tempfile.mkdtemp(prefix="lumbung-bench-", dir=place.folder))
    try:
        figures = trio.run(_measure, folder, ids)
    finally:
        shutil.rmtree(folder)
    _show(screen, figures)
    _write(out, place, figures)
    screen.print(f"figures written to {out}")


async def _measure(folder: Path, ids: int) -> Figures:
    put_without = await _put_cost(folder / "without", folds=False)
    put_with = await _put_cost(folder / "with", folds=True)
    large = NodeNumber(_FIRST_ORIGIN)
    await _fill(folder / "large", [(large, ids)])
    async with _opened(folder / "large", folds=False) as store:
        await _forget(store.kv, large, with_sums=True)
    async with _opened(folder / "large", folds=False) as store:
        await _read_once(store.kv, large)  # what the engine's cache takes is not the inventory's
        gc.collect()
        before = _resident_bytes()
        feed_s = await _timed_snapshot(store, large)
        started_at = time.monotonic()
        await store.inventories.rebuild(large)
        ids_s = time.monotonic() - started_at
        extra_mib = (_resident_bytes() - before) / MIB
        started_at = time.monotonic()
        assert await store.inventories.audit(large, 0)
        audit_s = time.monotonic() - started_at
    async with _opened(folder / "large", folds=True) as store:
        await _until_folded(store)
    async with _opened(folder / "large", folds=False) as store:
        clean_s = await _timed_snapshot(store, large)
    crash_s = await _restart_after_crash(folder / "crash", min(ids, INVENTORY_CHECKPOINT_ROWS))
    memory_kib = await _memory(folder / "small")
    return Figures(
        ids, feed_s / ids * _US, put_with, put_without, feed_s, ids_s, extra_mib, clean_s, crash_s, audit_s, memory_kib
    )


async def _put_cost(folder: Path, *, folds: bool) -> float:
    """Microseconds of processor time for each of many small puts in groups."""
    async with _opened(folder, folds=folds) as store:
        started_at = time.process_time()
        for first in range(0, _PUTS, _GROUP):
            own = [_own(f"{number}".encode()) for number in range(first, min(first + _GROUP, _PUTS))]
            await store.committer.commit(Job(own=own))
        if folds:
            await _until_folded(store)
        return (time.process_time() - started_at) / _PUTS * _US


def _own(content: bytes) -> OwnBlob:
    return OwnBlob(BlobId.of(content), Content(len(content), [content]), 1, 0, b"", b"")


async def _restart_after_crash(folder: Path, rows: int) -> float:
    """The longest replay there is: no table, and as many rows as a checkpoint waits for."""
    origin = NodeNumber(_FIRST_ORIGIN)
    await _fill(folder, [(origin, rows)])
    async with _opened(folder, folds=True) as store:
        await _until_folded(store)
    async with _opened(folder, folds=False) as store:
        await _forget(store.kv, origin, with_sums=False)
    async with _opened(folder, folds=False) as store:
        return await _timed_snapshot(store, origin)


async def _memory(folder: Path) -> float:
    """KiB of resident memory for each of many small origins."""
    origins = [NodeNumber(_FIRST_ORIGIN + number) for number in range(_SMALL_ORIGINS)]
    await _fill(folder, [(origin, _SMALL_IDS) for origin in origins])
    async with _opened(folder, folds=False) as store:
        await store.inventories.snapshot(origins[0])
        gc.collect()
        before = _resident_bytes()
        for origin in origins[1:]:
            await store.inventories.snapshot(origin)
        return (_resident_bytes() - before) / (len(origins) - 1) / _KIB


async def _until_folded(store: Store) -> None:
    while store.inventories.rows_behind:  # noqa: ASYNC110 (nobody else waits for this)
        await trio.sleep(0.05)


async def _timed_snapshot(store: Store, origin: NodeNumber) -> float:
    started_at = time.monotonic()
    snapshot = await store.inventories.snapshot(origin)
    assert snapshot.doubted == 0
    return time.monotonic() - started_at


async def _read_once(kv: KeyValue, origin: NodeNumber) -> None:
    for family in (Family.FEEDS, Family.BLOBS):
        first, behind = origin.to_bytes(4, "big"), (origin + 1).to_bytes(4, "big")
        while page := await kv.scan(family, first, behind, _BATCH_ROWS):
            first = page[-1][0] + b"\0"


async def _forget(kv: KeyValue, origin: NodeNumber, *, with_sums: bool) -> None:
    keys = [table_key(origin), *([sums_key(origin)] if with_sums else [])]
    await kv.write(Batch(deletes=[(Family.INVENTORY, key) for key in keys]))


async def _fill(folder: Path, origins: list[tuple[NodeNumber, int]]) -> None:
    """Id rows and feed rows as commits leave them, without the blobs."""
    async with _opened(folder, folds=False) as store:
        for origin, count in origins:
            for batch in _rows(origin, count):
                await store.kv.write(batch)
        await store.kv.sync()


def _rows(origin: NodeNumber, count: int) -> Iterator[Batch]:
    place = ListPlace(Generation(1), 1, 0, 0)
    for first in range(1, count + 1, _BATCH_ROWS):
        batch = Batch()
        for number in range(first, min(first + _BATCH_ROWS, count + 1)):
            blob = BlobId(blake3(f"{origin}/{number}".encode()).digest())
            row = BlobRow(RowState.INTACT, 1, number, 0, number, 0, 0, place)
            batch.put(Family.BLOBS, blob_key(origin, blob), row.pack())
            feed_row = FeedRow(blob, blob.raw, place, origin, Generation(1))
            batch.put(Family.FEEDS, feed_key(origin, number), feed_row.pack())
        counts = OriginCounts(blobs=first + len(batch.puts) // 2 - 1)
        batch.put(Family.SYSTEM, b"n" + origin.to_bytes(4, "big"), counts.pack())
        yield batch


@asynccontextmanager
async def _opened(folder: Path, *, folds: bool) -> AsyncIterator[Store]:
    async with opened_store(folder) as store, trio.open_nursery() as nursery:
        nursery.start_soon(store.committer.run)
        if folds:
            nursery.start_soon(store.inventories.run, Silent())
        yield store
        nursery.cancel_scope.cancel()


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _show(screen: Console, found: Figures) -> None:
    table = Table(title=f"inventories: one origin of {found.ids:,} ids")
    for head in ("figure", "measured", "mark"):
        table.add_column(head, justify="left" if head == "figure" else "right")
    kept_us = found.put_cpu_us_with - found.put_cpu_us_without
    for name, measured, mark in (
        ("fold of the feed, each id", f"{found.fold_us:.2f} us", "8 us"),
        (f"processor time of a put, {found.put_cpu_us_without:.0f} us without", f"+{kept_us:.1f} us", "8 us"),
        ("folded anew from the feed", f"{found.rebuild_feed_s:.2f} s", "6 s"),
        ("made anew, feed and id rows compared", f"{found.rebuild_ids_s:.2f} s", "6 s"),
        ("memory that both took beside the engine's cache", f"{found.rebuild_extra_mib:.1f} MiB", "20 MB"),
        ("restart after a clean stop", f"{found.restart_clean_s:.3f} s", "0.3 s"),
        (f"restart with {INVENTORY_CHECKPOINT_ROWS:,} rows to replay", f"{found.restart_crash_s:.3f} s", "0.3 s"),
        ("audit of one unit", f"{found.audit_unit_s:.3f} s", "0.1 s"),
        ("memory of an origin", f"{found.memory_origin_kib:.0f} KiB", "150 KB"),
    ):
        table.add_row(name, measured, mark)
    screen.print(table)


def _write(out: Path, place: Place, found: Figures) -> None:
    document = {
        "schema": "lumbung.bench.inventory/1",
        "file_system": place.file_system,
        "cores": os.cpu_count(),
        "figures": asdict(found),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
