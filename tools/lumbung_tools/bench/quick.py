"""`make bench-quick`: how fast blobs get three durable copies, beside what this machine can do at all.

Three nodes on loopback (owner, peer, DRC) with mutual TLS share this machine's cores and its one disk with the client,
so every byte is written three times. Nodes run with their usual configuration (`accept_unsealed = false`): the files
begin as sealed ones do. The figures of others are those that were measured on another machine of this kind, without
TLS; compare orders of magnitude, and what was measured in one run.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import trio
from rich.console import Console
from rich.table import Table

from lumbung_cluster.limits import KIB, MIB
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.config import Language
from lumbung_tools.bench.limits import MachineLimits, measure_machine
from lumbung_tools.bench.load import Load, LoadTimes, make_load, put_full, put_one_by_one
from lumbung_tools.bench.processes import cpu_s, peak_memory_bytes
from lumbung_tools.client.over_grpc import open_grpc
from lumbung_tools.client.profile import load_profile
from lumbung_tools.client.session import Session, open_session
from lumbung_tools.localcluster.disk import Place, choose_place, look_at
from lumbung_tools.localcluster.founding import found_cluster
from lumbung_tools.localcluster.processes import Death, LocalCluster, node_command, run_cluster
from lumbung_tools.localcluster.sites import choose_sites

__all__ = ["main"]

_OFFICES = ("36.02", "73.71")  # the first one owns, the other is its peer
_DRC = "batam"
_CLIENT = "client"
_LOADS = (("a300k", 300 * KIB, 2_000), ("a4k", 4 * KIB, 20_000))
_ALONE = 100  # puts, one at a time, for the latency
_MEGA = 1_000_000
_MS = 1_000
_CEPH_MB_S, _SWIFT_MB_S = 21.0, 4.4  # three copies of 300 KiB files; docs/benchmarks.md says how they were measured
_COPIES = 3
_LIMITS_SCALE = 0.25


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds."""

    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, seconds: list[float]) -> Percentiles:
        rising = sorted(seconds)
        return cls(statistics.median(rising) * _MS, rising[min(len(rising) - 1, len(rising) * 99 // 100)] * _MS)


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """One load. Rates count until the last blob's third copy is proven; CPU seconds are by process, within the load."""

    name: str
    files: int
    size_bytes: int
    elapsed_s: float
    files_per_s: float
    mb_s: float
    full_first: Percentiles
    full_safe: Percentiles
    alone_first: Percentiles
    alone_safe: Percentiles
    cpu_s: Mapping[str, float]
    peak_memory_bytes: Mapping[str, int]


@click.command()
@click.option("--scale", type=click.FloatRange(0.001, 1.0), default=1.0, help="Share of the files, for a smoke test.")
@click.option("--dir", "parent", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Disk to use.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("bench-results/quick.json"))
def main(scale: float, parent: Path | None, out: Path) -> None:
    """Measure, print a table, write the figures as JSON."""
    place = choose_place() if parent is None else look_at(parent.resolve())
    screen = Console(file=sys.stdout)
    screen.print(f"measuring in {place.folder} ({place.file_system}{'' if place.is_disk else ', NOT A DISK'})")
    folder = Path(tempfile.mkdtemp(prefix="lumbung-bench-", dir=place.folder))
    try:
        machine = measure_machine(folder, _LIMITS_SCALE)
        loads = [make_load(folder / name, name, size, max(1, round(count * scale))) for name, size, count in _LOADS]
        alone = [make_load(folder / f"{name}-alone", f"{name}-alone", size, _alone(scale)) for name, size, _ in _LOADS]
        figures = trio.run(_measure, folder, loads, alone)
    finally:
        shutil.rmtree(folder)
    _show(screen, machine, figures)
    _write(out, place, scale, machine, figures)
    screen.print(f"figures written to {out}")


def _alone(scale: float) -> int:
    return max(5, round(_ALONE * scale))


async def _measure(folder: Path, loads: list[Load], alone: list[Load]) -> list[LoadFigures]:
    sites = choose_sites(_OFFICES, (_DRC,), None)
    founded = found_cluster(folder / "cluster", sites, Language.ENGLISH, now_ms=time.time_ns() // 1_000_000)
    profile = load_profile(founded.client_home(_OFFICES[0]))
    async with run_cluster(founded.folder, _complain, node_command) as cluster:
        await cluster.start(cluster.names)
        async with open_session(profile, open_grpc, Ed25519Verifier()) as session:
            # The first puts find sessions still being made and caches cold; they belong to no figure.
            await put_one_by_one(session, await trio.to_thread.run_sync(_warm_up, folder))
            return [
                await _measure_load(cluster, session, load, single) for load, single in zip(loads, alone, strict=True)
            ]


def _warm_up(folder: Path) -> Load:
    return make_load(folder / "warm-up", "warm-up", 4 * KIB, 5)


async def _measure_load(cluster: LocalCluster, session: Session, load: Load, alone: Load) -> LoadFigures:
    alone_times = await put_one_by_one(session, alone)
    before = _cpu(cluster)
    times: LoadTimes = await put_full(session, load)
    after = _cpu(cluster)
    files = len(load.items)
    return LoadFigures(
        name=load.name,
        files=files,
        size_bytes=load.size_bytes,
        elapsed_s=times.elapsed_s,
        files_per_s=files / times.elapsed_s,
        mb_s=files * load.size_bytes / times.elapsed_s / _MEGA,
        full_first=Percentiles.of(times.first_s),
        full_safe=Percentiles.of(times.safe_s),
        alone_first=Percentiles.of(alone_times.first_s),
        alone_safe=Percentiles.of(alone_times.safe_s),
        cpu_s={name: after[name] - before[name] for name in after},
        peak_memory_bytes={name: peak_memory_bytes(pid) for name, pid in _pids(cluster).items()},
    )


def _cpu(cluster: LocalCluster) -> dict[str, float]:
    return {name: cpu_s(pid) for name, pid in _pids(cluster).items()}


def _pids(cluster: LocalCluster) -> dict[str, int]:
    return {**{name: cluster.pid(name) for name in cluster.names}, _CLIENT: os.getpid()}


def _complain(death: Death) -> None:
    sys.stderr.write(f"{death}\n")


def _show(screen: Console, machine: MachineLimits, figures: list[LoadFigures]) -> None:
    screen.print(
        f"this machine: append + fdatasync 4 KiB {machine.append_4k_per_s:,.0f}/s, 300 KiB"
        f" {machine.append_300k_per_s:,.0f}/s; sequential write {machine.sequential_write_mb_s:,.0f} MB/s;"
        f" BLAKE3 {machine.blake3_300k_mb_s:,.0f} MB/s"
    )
    screen.print(
        f"bare processes: a hop of 300 KiB from one to another's disk {machine.bare_hop_mb_s:,.0f} MB/s,"
        f" {machine.bare_hop_cpu_ms:.1f} ms of CPU; calls that bring one back {machine.bare_calls_per_s:,.0f}/s,"
        f" {machine.bare_call_cpu_ms:.1f} ms; three copies over one stream {machine.bare_copies_mb_s:,.0f} MB/s,"
        f" {machine.bare_copies_cpu_ms:.1f} ms; for 8 clients that wait, p50/p99 {machine.bare_waiting_p50_ms:,.1f}"
        f"/{machine.bare_waiting_p99_ms:,.1f} ms"
    )
    table = Table(title="until three durable, proven copies; mutual TLS; three nodes and the client on this machine")
    for head in (
        "load",
        "s",
        "files/s",
        "MB/s",
        "ack p50/p99 ms",
        "3 copies p50/p99 ms",
        "alone: ack",
        "alone: 3 copies",
    ):
        table.add_column(head, justify="right")
    for each in figures:
        latencies = (each.full_first, each.full_safe, each.alone_first, each.alone_safe)
        shown = [f"{found.p50_ms:,.1f}/{found.p99_ms:,.1f}" for found in latencies]
        rates = [f"{each.elapsed_s:.1f}", f"{each.files_per_s:,.0f}", f"{each.mb_s:,.1f}"]
        table.add_row(f"{each.files} x {each.size_bytes // KIB} KiB", *rates, *shown)
    screen.print(table)
    for each in figures:
        cpu = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in each.cpu_s.items())
        memory = ", ".join(f"{name} {size / MIB:.0f} MiB" for name, size in each.peak_memory_bytes.items())
        per_put_ms = sum(each.cpu_s.values()) / each.files * _MS
        screen.print(f"{each.name}: CPU {cpu} ({per_put_ms:.1f} ms a put in all); peak memory {memory}")
    for name, ratio in _ratios(machine, figures[0]).items():
        screen.print(f"{figures[0].name}: {ratio:.2f} x {name}")


def _ratios(machine: MachineLimits, large: LoadFigures) -> dict[str, float]:
    return {
        "Ceph RGW, 21 MB/s": large.mb_s / _CEPH_MB_S,
        "Swift, 4.4 MB/s": large.mb_s / _SWIFT_MB_S,
        "this disk's sequential write / 3 copies": large.mb_s * _COPIES / machine.sequential_write_mb_s,
        "this disk's append + fdatasync of 300 KiB": large.files_per_s / machine.append_300k_per_s,
    }


def _write(out: Path, place: Place, scale: float, machine: MachineLimits, figures: list[LoadFigures]) -> None:
    document = {
        "schema": "lumbung.bench.quick/1",
        "file_system": place.file_system,
        "cores": os.cpu_count(),
        "scale": scale,
        "machine": asdict(machine),
        "loads": [asdict(each) for each in figures],
        "ratios": _ratios(machine, figures[0]),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
