"""`make bench-bundle`: recordings out to a disk and in at the other end, beside `cp` and `sync` of the same bytes.

The nodes are up one at a time, as two offices without a line are. "Disk" is a folder on the same file system as the
stores, so export reads and writes one disk, as `cp` does; import writes each byte twice (log and table) on it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
import trio
from rich.console import Console
from rich.table import Table

from lumbung_cluster.limits import KIB, MIB
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.config import Language
from lumbung_tools.bench.load import Load, LoadFailed, make_load
from lumbung_tools.bench.processes import peak_memory_bytes
from lumbung_tools.bundles.export import ExportOrder, export
from lumbung_tools.bundles.folder import BundleFolder, find_bundles
from lumbung_tools.bundles.importing import Imported, import_bundle
from lumbung_tools.bundles.inspect import inspect_bundle
from lumbung_tools.bundles.receipts import take_receipts
from lumbung_tools.client.answers import PutAnswer
from lumbung_tools.client.over_grpc import open_grpc
from lumbung_tools.client.profile import load_profile
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.client.session import Session, open_session
from lumbung_tools.localcluster.disk import Place, choose_place, look_at
from lumbung_tools.localcluster.founding import Founded, found_cluster
from lumbung_tools.localcluster.processes import Death, LocalCluster, node_command, run_cluster
from lumbung_tools.localcluster.sites import choose_sites

__all__ = ["main"]

T = TypeVar("T")

_OFFICE, _PEER, _DRC = "36.02", "73.71", "drc-batam"
_LOADS = (("a300k", 300 * KIB, 2_000), ("a4k", 4 * KIB, 20_000))
_ALONE = PutTerms(copies=1, wait_s=0.0, retry_s=10.0)
_BATCH_FILES = 64
_MEGA = 1_000_000


@dataclass(frozen=True, slots=True)
class BundleFigures:
    """Seconds of one load; peak memory is that of the node which exported and the one which imported."""

    name: str
    files: int
    size_bytes: int
    copy_s: float
    export_s: float
    inspect_s: float
    import_s: float
    import_again_s: float
    receipts_s: float
    exporter_peak_bytes: int
    importer_peak_bytes: int

    def mb_s(self, seconds: float) -> float:
        return self.files * self.size_bytes / seconds / _MEGA


@click.command()
@click.option("--scale", type=click.FloatRange(0.001, 1.0), default=1.0, help="Share of the files, for a smoke test.")
@click.option("--dir", "parent", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Disk to use.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("bench-results/bundle.json"))
def main(scale: float, parent: Path | None, out: Path) -> None:
    """Measure, print a table, write the figures as JSON."""
    place = choose_place() if parent is None else look_at(parent.resolve())
    screen = Console(file=sys.stdout)
    screen.print(f"measuring in {place.folder} ({place.file_system}{'' if place.is_disk else ', NOT A DISK'})")
    figures = []
    for name, size, count in _LOADS:
        folder = Path(tempfile.mkdtemp(prefix="lumbung-bench-", dir=place.folder))
        try:
            load = make_load(folder / name, name, size, max(1, round(count * scale)))
            figures.append(trio.run(_measure, folder, load))
        finally:
            shutil.rmtree(folder)
    _show(screen, figures)
    _write(out, place, scale, figures)
    screen.print(f"figures written to {out}")


async def _measure(folder: Path, load: Load) -> BundleFigures:
    sites = choose_sites((_OFFICE, _PEER), (_DRC.removeprefix("drc-"),), None)
    founded = found_cluster(folder / "cluster", sites, Language.ENGLISH, now_ms=time.time_ns() // 1_000_000)
    copy_s = await trio.to_thread.run_sync(_copy, folder / load.name, folder / "copied")
    disk = folder / "disk"
    disk.mkdir()
    async with run_cluster(founded.folder, _complain, node_command) as cluster:
        export_s, exporter_peak = await _at(cluster, founded, _OFFICE, partial(_put_and_export, load, founded, disk))
        (path,) = find_bundles(disk)
        inspect_s = await trio.to_thread.run_sync(_inspect, path, founded)
        (import_s, again_s), importer_peak = await _at(cluster, founded, _DRC, partial(_import_twice, load, path))
        receipts_s, _ = await _at(cluster, founded, _OFFICE, partial(_receipts, path))
    return BundleFigures(
        name=load.name,
        files=len(load.items),
        size_bytes=load.size_bytes,
        copy_s=copy_s,
        export_s=export_s,
        inspect_s=inspect_s,
        import_s=import_s,
        import_again_s=again_s,
        receipts_s=receipts_s,
        exporter_peak_bytes=exporter_peak,
        importer_peak_bytes=importer_peak,
    )


async def _at(
    cluster: LocalCluster, founded: Founded, name: str, work: Callable[[Session], Awaitable[T]]
) -> tuple[T, int]:
    """`work` at a node that is up only for it, and the node's peak memory."""
    await cluster.start([name])
    profile = load_profile(founded.client_home(name))
    async with open_session(profile, open_grpc, Ed25519Verifier()) as session:
        done = await work(session)
    peak = peak_memory_bytes(cluster.pid(name))
    await cluster.stop([name])
    return done, peak


def _copy(source: Path, target: Path) -> float:
    """What a person does: copy the files and sync."""
    os.sync()
    started_at = time.monotonic()
    subprocess.run(["cp", "-r", str(source), str(target)], check=True)
    subprocess.run(["sync", "-f", str(target)], check=True)
    return time.monotonic() - started_at


async def _put_and_export(load: Load, founded: Founded, disk: Path, session: Session) -> float:
    """Seconds of the export alone."""
    await _put(session, load)
    (holder,) = (site.number for site in founded.sites if site.name == _DRC)
    order = ExportOrder(holder, (), everything=False, after=0, anew=False, limit_bytes=None)
    os.sync()
    started_at = time.monotonic()
    done = await export(session, order, disk, lambda bundle, number: "benchmark\n", lambda at, total: None)
    elapsed_s = time.monotonic() - started_at
    if done.entries != len(load.items) or not done.is_complete:
        raise LoadFailed(f"exported {done.entries} of {len(load.items)}")
    return elapsed_s


async def _put(session: Session, load: Load) -> None:
    durable = 0

    def answered(item: PutItem, answer: PutAnswer) -> None:
        nonlocal durable
        durable += answer.final and answer.outcome.is_durable

    async def batches() -> AsyncGenerator[Sequence[PutItem], None]:
        for start in range(0, len(load.items), _BATCH_FILES):
            yield load.items[start : start + _BATCH_FILES]

    failure = await put_many(session.own, batches(), _ALONE, session.blocking, answered)
    if failure is not None or durable != len(load.items):
        raise LoadFailed(f"{durable} of {len(load.items)} blobs are durable; {failure or ''}")


def _inspect(path: Path, founded: Founded) -> float:
    folder = BundleFolder(path)
    started_at = time.monotonic()
    found = inspect_bundle(folder, founded.roster, Ed25519Verifier(), lambda: None)
    elapsed_s = time.monotonic() - started_at
    folder.close()
    if found.problems.found:
        raise LoadFailed(f"inspect: {found.problems.found[:3]}")
    return elapsed_s


async def _import_twice(load: Load, path: Path, session: Session) -> tuple[float, float]:
    os.sync()
    first_s, first = await _import(path, session)
    again_s, again = await _import(path, session)
    if first.stored != len(load.items) or again.present != len(load.items):
        raise LoadFailed(f"imported {first.stored}, then {again.present} of {len(load.items)}")
    return first_s, again_s


async def _import(path: Path, session: Session) -> tuple[float, Imported]:
    folder = BundleFolder(path)
    started_at = time.monotonic()
    done = await import_bundle(session, folder, lambda at, total: None)
    elapsed_s = time.monotonic() - started_at
    folder.close()
    return elapsed_s, done


async def _receipts(path: Path, session: Session) -> float:
    folder = BundleFolder(path)
    started_at = time.monotonic()
    done = await take_receipts(session, folder, lambda at, total: None)
    elapsed_s = time.monotonic() - started_at
    folder.close()
    if not done.counted:
        raise LoadFailed("no receipt counted")
    return elapsed_s


def _complain(death: Death) -> None:
    sys.stderr.write(f"{death}\n")


def _show(screen: Console, figures: list[BundleFigures]) -> None:
    table = Table(title="MB/s; all on one disk, each step ends with its syncs")
    for head in (
        "load",
        "cp + sync",
        "export",
        "x cp",
        "import",
        "x cp",
        "again s",
        "receipts s",
        "inspect",
        "peak MiB",
    ):
        table.add_column(head, justify="right")
    for each in figures:
        table.add_row(
            f"{each.files} x {each.size_bytes // KIB} KiB",
            f"{each.mb_s(each.copy_s):,.0f}",
            f"{each.mb_s(each.export_s):,.0f}",
            f"{each.copy_s / each.export_s:.2f}",
            f"{each.mb_s(each.import_s):,.0f}",
            f"{each.copy_s / each.import_s:.2f}",
            f"{each.import_again_s:.1f}",
            f"{each.receipts_s:.1f}",
            f"{each.mb_s(each.inspect_s):,.0f}",
            f"{each.exporter_peak_bytes / MIB:.0f}/{each.importer_peak_bytes / MIB:.0f}",
        )
    screen.print(table)


def _write(out: Path, place: Place, scale: float, figures: list[BundleFigures]) -> None:
    document = {
        "schema": "lumbung.bench.bundle/1",
        "file_system": place.file_system,
        "cores": os.cpu_count(),
        "scale": scale,
        "loads": [asdict(each) for each in figures],
        "ratios": {
            each.name: {"export": each.copy_s / each.export_s, "import": each.copy_s / each.import_s}
            for each in figures
        },
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
