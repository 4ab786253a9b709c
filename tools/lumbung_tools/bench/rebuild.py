"""`make bench-rebuild`: an office with an empty disk gets its recordings back from its peer and the DRC.

Three nodes on loopback with mutual TLS, on this machine's cores and its one disk: the two holders read what the office
writes. Its figure stands beside the sequential write of the same disk and beside a control of two bare processes that
do only what no refill can avoid (see `refill_limit`), both measured just before and just after.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import click
import trio
from rich.console import Console

from lumbung_cluster.limits import KIB, PIECE_SIZE_BYTES_MAX
from lumbung_node.config import Language
from lumbung_tools.bench.limits import sequential_write_mb_s
from lumbung_tools.bench.load import make_load
from lumbung_tools.bench.refill import Refill, measure_refills
from lumbung_tools.bench.refill_limit import Limit, measure_limit
from lumbung_tools.localcluster.disk import choose_place, look_at
from lumbung_tools.localcluster.founding import found_cluster
from lumbung_tools.localcluster.processes import node_command
from lumbung_tools.localcluster.sites import choose_sites

__all__ = ["main", "show_refill"]

_OFFICE, _PEER, _DRC = "36.02", "73.71", "batam"
_SIZE_BYTES = 300 * KIB
_BLOBS = 2_000
_MARK = 0.7


@click.command()
@click.option("--scale", type=click.FloatRange(0.001, 1.0), default=1.0, help="Share of the files, for a smoke test.")
@click.option("--dir", "parent", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Disk to use.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("bench-results/rebuild.json"))
def main(scale: float, parent: Path | None, out: Path) -> None:
    """Measure, print, write the figures as JSON."""
    place = choose_place() if parent is None else look_at(parent.resolve())
    screen = Console(file=sys.stdout)
    screen.print(f"measuring in {place.folder} ({place.file_system}{'' if place.is_disk else ', NOT A DISK'})")
    folder = Path(tempfile.mkdtemp(prefix="lumbung-bench-", dir=place.folder))
    busy_before = os.getloadavg()[0]
    try:
        load = make_load(folder / "files", "rebuild", _SIZE_BYTES, max(2, round(_BLOBS * scale)))
        sites = choose_sites((_OFFICE, _PEER), (_DRC,), None)
        founded = found_cluster(folder / "cluster", sites, Language.ENGLISH, now_ms=time.time_ns() // 1_000_000)
        files = [Path(item.path) for item in load.items]
        before, limit_before = sequential_write_mb_s(folder), measure_limit(folder / "limit-before", files)
        refills = trio.run(measure_refills, founded, _OFFICE, load, node_command, trio.lowlevel.checkpoint)
        after, limit_after = sequential_write_mb_s(folder), measure_limit(folder / "limit-after", files)
    finally:
        shutil.rmtree(folder)
    disk, limit_mb_s = (before + after) / 2, (limit_before.mb_s + limit_after.mb_s) / 2
    busy = (busy_before, os.getloadavg()[0])
    screen.print(
        f"sequential write {before:,.0f} MB/s before, {after:,.0f} after; load average {busy[0]:.1f}, {busy[1]:.1f}"
    )
    show_limits(screen, limit_before, limit_after)
    for refill in refills:
        show_refill(screen, refill)
    ratio = refills[0].mb_s / disk
    screen.print(
        f"undisturbed: {ratio:.2f} x this disk's sequential write (mark {_MARK}); {refills[0].mb_s / limit_mb_s:.2f} x"
        f" the control, {refills[0].flowing_mb_s / limit_mb_s:.2f} from the first blob on; CPU a blob"
        f" {refills[0].cpu_ms_a_blob:.2f} ms, of the control {limit_before.cpu_ms_a_blob:.2f} and"
        f" {limit_after.cpu_ms_a_blob:.2f} ms"
    )
    document = {
        "schema": "lumbung.bench.rebuild/1",
        "file_system": place.file_system,
        "cores": os.cpu_count(),
        "scale": scale,
        "load_average": busy,
        "sequential_write_mb_s": (before, after),
        "limits": [asdict(each) for each in (limit_before, limit_after)],
        "refills": [asdict(each) for each in refills],
        "ratios": {
            "disk": ratio,
            "disk, from the first blob on": refills[0].flowing_mb_s / disk,
            "control": refills[0].mb_s / limit_mb_s,
            "control, from the first blob on": refills[0].flowing_mb_s / limit_mb_s,
            "control / disk": limit_mb_s / disk,
        },
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    screen.print(f"figures written to {out}")


def show_limits(screen: Console, before: Limit, after: Limit) -> None:
    """The control, as a line for a person."""
    screen.print(
        "control, two bare processes (grpcio with mutual TLS, BLAKE3, rocksdict):"
        f" {before.mb_s:,.0f} MB/s before, {after.mb_s:,.0f} after; CPU a blob: sender"
        f" {before.sender_cpu_s * 1000 / before.blobs:.2f} and {after.sender_cpu_s * 1000 / after.blobs:.2f} ms, taker"
        f" {before.taker_cpu_s * 1000 / before.blobs:.2f} and {after.taker_cpu_s * 1000 / after.blobs:.2f} ms"
    )


def show_refill(screen: Console, refill: Refill) -> None:
    """A few lines for a person."""
    name = f"SIGKILL at {refill.killed_at} of {refill.blobs} blobs" if refill.killed_at else "undisturbed"
    used = ", ".join(f"{node} {seconds:.1f} s" for node, seconds in refill.cpu_s.items())
    blob_bytes = refill.needed_bytes / refill.blobs
    screen.print(
        f"{name}: {refill.blobs} x {blob_bytes / KIB:.0f} KiB in {refill.elapsed_s:.1f} s, {refill.mb_s:,.1f} MB/s; the"
        f" first blob after {refill.first_s:.1f} s, {refill.flowing_mb_s:,.1f} MB/s from there on; CPU {used}"
    )
    screen.print(
        f"{name}: {refill.resent_bytes / KIB:,.0f} KiB sent again = {refill.resent_bytes / blob_bytes:.1f} blobs"
        f" (a piece is at most {PIECE_SIZE_BYTES_MAX // KIB} KiB)"
    )


if __name__ == "__main__":
    main()
