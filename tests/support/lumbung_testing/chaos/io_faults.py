"""The N-th write, sync, rename, unlink or truncate fails: at the office (the path of a put) and at the DRC (of a copy).

A sound run is recorded first: how often is each kind of call made on each kind of file? Then one run for each N, or an
even spread where there are more. The faulted node must come back in the same process, everything put must become
durable with its copy, no answer, offer or receipt may have left before a sync that *succeeded* covered it (asked of the
recorded calls, because the page cache hides a failed sync), and after a SIGKILL the disk must hold what was promised.
"""

from __future__ import annotations

import errno
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trio

from lumbung_testing import iorecord
from lumbung_testing.chaos.machine import need_programs
from lumbung_testing.chaos.oracle import lost_on_disk
from lumbung_testing.chaos.report import Order, Report, spread
from lumbung_testing.chaos.stations import Pace, Station, await_safe, missing_promises
from lumbung_testing.iorecord import Fault, IoCall
from lumbung_testing.marked_node import marked_command, promises
from lumbung_testing.real_clusters import DRC, found, open_office, real_cluster, with_environment
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.localcluster.processes import LocalCluster, NodeFailed, node_command

__all__ = ["run_io_faults"]

_OFFICE = "36.02"
_BLOBS = 12
_PACE = Pace(batch=3, pause_s=0.02, large_every=_BLOBS, copies=2, wait_s=2.0)
_PATIENCE_S = 90.0
_AGAIN_S = 0.2
_OPS = ("write", "fsync", "fdatasync", "rename", "unlink", "ftruncate")
# Kinds of files by a part of their path; RocksDB's own diary (LOG) is no promise of anybody.
_PARTS = ("rocks/0", "MANIFEST", "CURRENT", "OPTIONS", "identity.json")
_ERRORS = (errno.EIO, errno.ENOSPC)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a fault strikes: the node, and the nth call of an op on a kind of file."""

    node: str
    op: str
    part: str
    nth: int

    def __str__(self) -> str:
        return f"{self.op} {self.nth} on {self.part} of {self.node}"


class _Rig:
    """An office and its DRC; whichever is to fail runs under the recording layer, the other one plainly."""

    def __init__(self, folder: Path, layer: Path, luck: random.Random) -> None:
        self.founded = found(folder, (_OFFICE,))
        self.station = Station(self.founded, _OFFICE, folder / "files", random.Random(luck.random()), _PACE)
        self._log = folder / "calls.io"
        self._layer = layer
        self._shimmed: dict[str, Sequence[Fault]] = {}

    def command(self, config: Path) -> list[str]:
        name = config.parent.name
        if name not in self._shimmed:
            return node_command(config)
        # The home as a whole: the store and the identity.
        recorded = iorecord.recording(self._layer, self._log, f"nodes/{name}/", faults=self._shimmed[name])
        return with_environment(recorded, marked_command(config))

    def fail_at(self, node: str, faults: Sequence[Fault]) -> None:
        self._log.unlink(missing_ok=True)
        self._shimmed = {node: faults}

    def be_sound(self) -> None:
        self._shimmed = {}

    def is_shimmed(self, node: str) -> bool:
        return node in self._shimmed

    def calls(self) -> list[IoCall]:
        return iorecord.read_log(self._log)

    def lost(self, name: str, blobs: Sequence[bytes]) -> list[str]:
        numbers = {site.name: int(site.number) for site in self.founded.sites}
        wanted = [blob for blob in blobs if name == _OFFICE or numbers[name] in self.station.claims[blob]]
        return lost_on_disk(self.founded.folder / "nodes" / name, numbers[_OFFICE], wanted)


async def run_io_faults(order: Order) -> Report:
    folder, count, luck, tell = order.folder, order.count, order.luck, order.tell
    need_programs("gcc")
    report = Report("io-faults", count)
    layer = await trio.to_thread.run_sync(iorecord.build, folder)
    rig = _Rig(folder, layer, luck)
    back_s: list[float] = []
    places: list[_Place] = []
    rig.fail_at(_OFFICE, ())
    async with real_cluster(rig.founded, rig.command) as cluster:
        for name, share in ((_OFFICE, count - count // 2), (DRC, count // 2)):
            found_here = _places(name, await _record(cluster, rig, name))
            places += found_here
            for place in _even_spread(found_here, share):
                await _strike(cluster, rig, place, luck, report, back_s)
                report.run += 1
                tell(f"{report.run} of {count}: {place}")
            await _start_sound(cluster, rig, name)
        await _end_sound(cluster, rig, report)
    report.wanted = report.run
    report.figures |= {
        "places found": len(places),
        "of these by kind": _by_kind(places),
        "durable blobs": len(rig.station.durable),
        "everything durable and copied after": spread(back_s),
    }
    return report


async def _record(cluster: LocalCluster, rig: _Rig, name: str) -> list[IoCall]:
    """The same load without a fault, under the layer; the node is left down."""
    if not rig.is_shimmed(name):
        await cluster.kill(name)
        rig.fail_at(name, ())
        await cluster.start([name])
    with trio.fail_after(_PATIENCE_S):
        await rig.station.put(_BLOBS)
        await _copied(rig.founded)
    await cluster.kill(name)
    return await trio.to_thread.run_sync(rig.calls)


def _places(name: str, calls: Sequence[IoCall]) -> list[_Place]:
    counts = Counter((call.op, part) for call in calls for part in _PARTS if call.op in _OPS and part in call.path)
    return [_Place(name, op, part, nth) for (op, part), total in sorted(counts.items()) for nth in range(1, total + 1)]


def _even_spread(places: Sequence[_Place], count: int) -> list[_Place]:
    if len(places) <= count:
        return list(places)
    return [places[at * len(places) // count] for at in range(count)]


def _by_kind(places: Sequence[_Place]) -> str:
    kinds = Counter(f"{place.op} {place.part}" for place in places)
    return ", ".join(f"{total} {kind}" for kind, total in kinds.items())


async def _strike(
    cluster: LocalCluster, rig: _Rig, place: _Place, luck: random.Random, report: Report, back_s: list[float]
) -> None:
    """The node is left down: the next start, whatever is to fail in it, opens what this fault has left."""
    before = len(rig.station.durable)
    if cluster.is_up(place.node):
        await cluster.kill(place.node)
    rig.fail_at(place.node, [Fault(place.op, place.part, place.nth, luck.choice(_ERRORS))])
    begun = trio.current_time()
    try:
        await cluster.start([place.node])
    except NodeFailed as exc:
        report.broken.append(f"{place}: {exc}")
        await _start_sound(cluster, rig, place.node)
        return
    with trio.move_on_after(_PATIENCE_S) as scope:
        await _put_through(rig.station)
        await _copied(rig.founded)
    if scope.cancelled_caught:
        report.broken.append(f"{place}: not everything durable and copied after {_PATIENCE_S:.0f} s")
    back_s.append(trio.current_time() - begun)
    await cluster.kill(place.node)
    new = list(rig.station.durable)[before:]
    report.lost += await trio.to_thread.run_sync(_judge, rig, place, new)


async def _start_sound(cluster: LocalCluster, rig: _Rig, name: str) -> None:
    rig.be_sound()
    if not cluster.is_up(name):
        await cluster.start([name])


async def _put_through(station: Station) -> None:
    """New blobs, again after every refusal."""
    blobs = _BLOBS
    while await station.put(blobs) is not None or station.unanswered:
        blobs = 0
        await trio.sleep(_AGAIN_S)


def _judge(rig: _Rig, place: _Place, blobs: Sequence[bytes]) -> list[str]:
    early = [
        f"{place}: {kind} of {blob} before its sync" for kind, blob, covered in promises(rig.calls()) if not covered
    ]
    return early + [f"{place}: {sentence}" for sentence in rig.lost(place.node, blobs)]


async def _copied(founded: Founded) -> None:
    async with open_office(founded, _OFFICE) as session:
        await await_safe(session, _PATIENCE_S, copies=2)


async def _end_sound(cluster: LocalCluster, rig: _Rig, report: Report) -> None:
    """Nothing fails any more: everything must come back from both, over the wire."""
    async with open_office(rig.founded, _OFFICE) as session:
        report.lost += await missing_promises(session, rig.station)
