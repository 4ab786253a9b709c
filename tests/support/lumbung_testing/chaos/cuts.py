"""Power cuts under load: an office and its DRC lose power at the same moment, each with a disk of its own.

The disks are looked at before any node starts again (oracle.py), so that no peer can repair what was lost unseen. A
blob that was answered must lie whole on the office's disk, and on the DRC's when an answer has named the DRC.

The control is the same load with the syncs of the log turned into nothing (iorecord.c, "lie"): it must lose, else the
cuts prove nothing and the run is void.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

import trio

from lumbung_cluster.limits import MIB
from lumbung_testing import iorecord
from lumbung_testing.chaos.disks import LoopDisk, freeze, loop_disk
from lumbung_testing.chaos.machine import need_programs, try_loop_disk
from lumbung_testing.chaos.oracle import lost_on_disk
from lumbung_testing.chaos.report import Order, Report, Tell, spread
from lumbung_testing.chaos.stations import Pace, Station, missing_promises
from lumbung_testing.iorecord import Fault
from lumbung_testing.real_clusters import DRC, found, no_disk_marks, open_office, real_cluster, with_environment
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.localcluster.processes import LocalCluster, node_command

__all__ = ["run_cuts"]

_OFFICE = "36.02"
_NODES = (_OFFICE, DRC)
_DISK_BYTES = 4096 * MIB  # sparse; ballast, the log at its largest and the tables of a whole run
_LIFE_S = (0.3, 1.5)  # after the first answer of this life
_CONTROL_LOSSES = 0.1  # 5 of 50
_PATIENCE_S = 90.0
_PACE = Pace(batch=4, pause_s=0.05, large_every=60, copies=2)


async def run_cuts(order: Order) -> Report:
    """`count` cuts, and as many of the control. Raises Refused."""
    folder, count, luck, tell = order.folder, order.count, order.luck, order.tell
    need_programs("gcc", "mkfs.ext4")
    await trio.to_thread.run_sync(try_loop_disk)
    report = Report("cuts", count)
    layer = await trio.to_thread.run_sync(iorecord.build, folder)
    await _cut_real(folder / "real", count, luck, report, tell)
    controls = max(1, count)
    losing = await _cut_control(folder / "control", controls, luck, _lying(layer), tell)
    report.figures["controls without sync that lost"] = f"{losing} of {controls}"
    if losing < _CONTROL_LOSSES * controls:
        report.broken.append(f"void: only {losing} of {controls} controls lost, so the cuts prove nothing")
    return report


def _lying(layer: Path) -> Mapping[str, str]:
    """Every sync of RocksDB's log says yes and does nothing; all other files are synced as ever."""
    return iorecord.faults_only(layer, [Fault("lie", ".log", 0)])


async def _cut_real(folder: Path, count: int, luck: random.Random, report: Report, tell: Tell) -> None:
    founded = _found(folder)
    station = Station(founded, _OFFICE, folder / "files", random.Random(luck.random()), _PACE)
    serving_s: list[float] = []
    with ExitStack() as stack:
        disks = [stack.enter_context(loop_disk(founded.folder / "nodes" / name, _DISK_BYTES)) for name in _NODES]
        async with real_cluster(founded) as cluster:
            while report.run < count:
                try:
                    await _live_and_cut(cluster, station, disks, luck)
                except* trio.TooSlowError:
                    report.broken.append(f"no put was answered for {_PATIENCE_S:.0f} s after cut {report.run}")
                if report.broken:
                    break
                report.run += 1
                report.lost += await trio.to_thread.run_sync(_lost, founded, station)
                begun = trio.current_time()
                await cluster.start(_NODES)
                serving_s.append(trio.current_time() - begun)
                tell(f"{report.run} of {count} cuts, {len(station.durable)} durable blobs")
            async with open_office(founded, _OFFICE) as session:
                await station.put(0, retry_s=_PATIENCE_S)  # what the last cut left without an answer
                report.lost += await missing_promises(session, station)
                report.figures["bytes as promised at both nodes at the end"] = len(station.durable)
    drc = next(int(site.number) for site in founded.sites if site.name == DRC)
    report.figures |= {
        "durable blobs": len(station.durable),
        "claimed copies at the DRC": sum(drc in named for named in station.claims.values()),
        "both nodes serving again after": spread(serving_s),
    }


async def _cut_control(folder: Path, count: int, luck: random.Random, lying: Mapping[str, str], tell: Tell) -> int:
    """How many of the cuts without sync lost something. Each is a life of its own, on fresh disks."""
    founded = _found(folder)
    losing = 0
    with ExitStack() as stack:
        disks = [stack.enter_context(loop_disk(founded.folder / "nodes" / name, _DISK_BYTES)) for name in _NODES]
        for number in range(count):
            station = Station(founded, _OFFICE, folder / f"files{number}", random.Random(luck.random()), _PACE)
            async with real_cluster(founded, lambda config: with_environment(lying, node_command(config))) as cluster:
                await _live_and_cut(cluster, station, disks, luck)
            losing += bool(await trio.to_thread.run_sync(_lost, founded, station))
            for disk in disks:
                await trio.to_thread.run_sync(disk.detach)
                await trio.to_thread.run_sync(disk.renew)
            tell(f"{losing} of {number + 1} controls lost")
    return losing


def _found(folder: Path) -> Founded:
    folder.mkdir()
    founded = found(folder, (_OFFICE,))
    for name in _NODES:
        no_disk_marks(founded, name)
    return founded


async def _live_and_cut(
    cluster: LocalCluster, station: Station, disks: Iterable[LoopDisk], luck: random.Random
) -> None:
    """Load on nodes that are up (or start now), then stop, cut, kill, and disks mounted again."""
    if not cluster.is_up(_OFFICE):
        await cluster.start(_NODES)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(station.run)
        with trio.fail_after(_PATIENCE_S):
            await station.await_answer()
        await trio.sleep(luck.uniform(*_LIFE_S))
        await trio.to_thread.run_sync(freeze, [cluster.pid(name) for name in _NODES])
        for disk in disks:
            await trio.to_thread.run_sync(disk.cut)
        for name in _NODES:
            await cluster.kill(name)
        nursery.cancel_scope.cancel()
    for disk in disks:
        await trio.to_thread.run_sync(disk.detach)
        await trio.to_thread.run_sync(disk.attach)


def _lost(founded: Founded, station: Station) -> list[str]:
    """What the disks lack of what was answered."""
    origin = int(next(site.number for site in founded.sites if site.name == _OFFICE))
    lost = []
    for site in founded.sites:
        wanted = [blob for blob in station.durable if site.number == origin or site.number in station.claims[blob]]
        lost += lost_on_disk(founded.folder / "nodes" / site.name, origin, wanted)
    return lost
