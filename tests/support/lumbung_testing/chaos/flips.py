"""One flipped bit in a file of a closed node: noticed, or every blob reads right and a full scrub is clean.

The node starts alone on the damaged files. It may set the store aside and go on with a fresh one, refuse single blobs,
know that it has lost something (a new generation), or find it in a scrub of everything: all of that is *noticed*. Or
rows are missing and it does not know: then its peer must tell it; that is counted apart. Nothing else may happen, wrong
bytes are never served and recording goes on in each case; in every fifth, and wherever the peer must tell, the peer is
started too and every blob must come back.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import trio

from lumbung_cluster.errors import LumbungError, Rejected, StatusCode
from lumbung_cluster.ids import BlobId
from lumbung_node.ports.transport import Channel
from lumbung_proto.v1 import operations_pb2
from lumbung_testing.chaos.report import Order, Report
from lumbung_testing.chaos.stations import Pace, Station, await_safe, missing_promises
from lumbung_testing.real_clusters import DRC, found, open_office, real_cluster
from lumbung_testing.sealed_files import fetch
from lumbung_tools.client.ask import status
from lumbung_tools.client.scrub import scrub_status, start_scrub
from lumbung_tools.client.session import Session
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.localcluster.processes import LocalCluster, NodeFailed, node_command, run_cluster

__all__ = ["run_flips"]

_OFFICE = "36.02"
_PACE = Pace(batch=4, pause_s=0.01, size_bytes_max=20_000, large_every=0, copies=2)
_LIVES = 3  # each start writes the log of the life before into tables
_BLOBS_A_LIFE = 24
_OPEN_S = 60.0
_RECORD_S = 60.0
_SCRUB_S = 120.0
_HEAL_S = 120.0
_LOOK_S = 0.05
_EVENTS_MAX = 100
_HEALED_EVERY = 5
_TAIL_BITS = 8 * 700  # the last records
_SET_ASIDE = "store set aside"
# Of seven flips: files of one kind weigh by what they hold, not by their number.
_KINDS: Mapping[str, tuple[str, int]] = {
    "sst": ("*.sst", 3),
    "WAL": ("*.log", 2),
    "MANIFEST": ("MANIFEST-*", 1),
    "CURRENT": ("CURRENT", 1),
}


class _Verdict(Enum):
    SET_ASIDE = "noticed: the store was set aside"
    BLOB_REFUSED = "noticed: a blob was refused"
    NEW_GENERATION = "noticed: a new generation began"
    FOUND_BY_SCRUB = "noticed: a full scrub found it"
    ALL_RIGHT = "every blob read right, a full scrub was clean"
    TOLD_BY_PEER = "rows missing, noticed with the peer"


@dataclass(frozen=True, slots=True)
class _Flip:
    kind: str
    file: Path
    bit: int

    def __str__(self) -> str:
        return f"bit {self.bit} of {self.file.name}"

    def strike(self) -> None:
        with self.file.open("r+b") as file:
            file.seek(self.bit // 8)
            (old,) = file.read(1)
            file.seek(self.bit // 8)
            file.write(bytes([old ^ 1 << self.bit % 8]))


async def run_flips(order: Order) -> Report:
    folder, count, luck, tell = order.folder, order.count, order.luck, order.tell
    report = Report("flips", count)
    founded = found(folder, (_OFFICE,))
    station = Station(founded, _OFFICE, folder / "files", random.Random(luck.random()), _PACE)
    await _fill(founded, station)
    sound = folder / "sound"
    await trio.to_thread.run_sync(_copy, founded, founded.folder / "nodes", sound)
    verdicts: Counter[str] = Counter()
    healed = 0
    while report.run < count:
        await trio.to_thread.run_sync(_copy, founded, sound, founded.folder / "nodes")
        flip = _draw(founded.folder / "nodes" / _OFFICE / "data" / "rocks", luck)
        await trio.to_thread.run_sync(flip.strike)
        async with run_cluster(founded.folder, _ignore, node_command) as cluster:
            verdict = await _judge(cluster, founded, station, flip, report)
            if verdict is _Verdict.TOLD_BY_PEER or (verdict is not None and report.run % _HEALED_EVERY == 0):
                await cluster.start([DRC])
                healed += 1
                if not await _is_healed(founded, station):
                    report.lost.append(f"{flip}: {verdict.value}, and not every blob was back in {_HEAL_S:.0f} s")
            for name in cluster.names:
                if cluster.is_up(name):
                    await cluster.kill(name)  # no need to close what is thrown away
        report.run += 1
        if verdict is not None:
            verdicts[f"{flip.kind}, {verdict.value}"] += 1
        tell(f"{report.run} of {count}: {flip}: {verdict.value if verdict else 'FAILED'}")
    report.figures |= {
        "blobs read after each": len(station.durable),
        **dict(sorted(verdicts.items())),
        "of these started with the peer afterwards, every blob back": healed,
    }
    return report


def _ignore(_death: object) -> None:
    """A node that ends by itself is told by the start that fails."""


async def _fill(founded: Founded, station: Station) -> None:
    """Blobs in tables of several starts, and the last of them only in the log."""
    async with real_cluster(founded) as cluster:
        for life in range(_LIVES):
            if life:
                await cluster.kill(_OFFICE)
                await cluster.start([_OFFICE])
            await station.put(_BLOBS_A_LIFE)
        async with open_office(founded, _OFFICE) as session:
            assert await await_safe(session, _HEAL_S, copies=2) is not None
        for name in (_OFFICE, DRC):
            await cluster.kill(name)


def _copy(founded: Founded, source: Path, target: Path) -> None:
    """Data and identity of both nodes; the ballast is laid down anew."""
    for site in founded.sites:
        for part in ("data", "identity"):
            shutil.rmtree(target / site.name / part, ignore_errors=True)
            shutil.copytree(source / site.name / part, target / site.name / part, ignore=_no_ballast)


def _no_ballast(_folder: str, _names: Sequence[str]) -> list[str]:
    return ["ballast"]


def _draw(rocks: Path, luck: random.Random) -> _Flip:
    """Half of the files are drawn by size, half each like the other; half of the bits lie near the end of the file.

    Else nearly all would hit the bytes of blobs, and hardly one a small table of rows or the last record of a log.
    """
    (kind,) = luck.choices(list(_KINDS), [weight for _, weight in _KINDS.values()])
    files = [file for file in sorted(rocks.glob(_KINDS[kind][0])) if file.stat().st_size]
    by_size = luck.random() < 0.5
    sizes = [file.stat().st_size if by_size else 1 for file in files]
    (file,) = luck.choices(files, sizes)
    bits = file.stat().st_size * 8
    first = max(0, bits - _TAIL_BITS) if luck.random() < 0.5 else 0
    return _Flip(kind, file, luck.randrange(first, bits))


async def _judge(
    cluster: LocalCluster, founded: Founded, station: Station, flip: _Flip, report: Report
) -> _Verdict | None:
    """The verdict, or None with a sentence in the report."""
    log = cluster.log_file(_OFFICE)
    behind = log.stat().st_size if log.exists() else 0
    try:
        await cluster.start([_OFFICE])
    except NodeFailed as exc:
        report.broken.append(f"{flip}: recording does not go on: {exc}")
        return None
    async with open_office(founded, _OFFICE) as session:
        verdict = await _look(session, station, _SET_ASIDE in _since(log, behind))
        if verdict is None:
            report.lost.append(f"{flip}: a blob was served with wrong bytes")
            return None
        if not await _records(founded, station):
            report.broken.append(f"{flip}: no new recording was durable in {_RECORD_S:.0f} s")
            return None
    return verdict


async def _look(session: Session, station: Station, is_aside: bool) -> _Verdict | None:
    """What the node makes of it alone; None for wrong bytes."""
    generation = (await _until_it_serves(session)).generation
    seen = Counter([await _read(session.own, blob) for blob in station.durable])
    if seen["wrong"]:
        return None
    if is_aside:
        return _Verdict.SET_ASIDE
    if seen["refused"]:
        return _Verdict.BLOB_REFUSED
    if generation > 1:
        return _Verdict.NEW_GENERATION
    if await _scrub_finds(session):
        return _Verdict.FOUND_BY_SCRUB
    return _Verdict.TOLD_BY_PEER if seen["missing"] else _Verdict.ALL_RIGHT


async def _until_it_serves(session: Session) -> operations_pb2.StatusResponse:
    """A store that is found damaged while the node serves is opened again."""
    with trio.fail_after(_OPEN_S):
        while True:
            try:
                return await status(session.own)
            except LumbungError:
                await trio.sleep(_LOOK_S)


async def _scrub_finds(session: Session) -> bool:
    """Whether a pass over everything, begun now, finds anything wrong."""
    with trio.fail_after(_SCRUB_S):
        going = await start_scrub(session.own)
        begun = going.begun_ms
        while True:
            said = await scrub_status(session.own, _EVENTS_MAX)
            if said.state.ended_ms or said.state.begun_ms != begun:
                return bool(said.events or said.state.wrong or said.state.damaged)
            await trio.sleep(_LOOK_S)


async def _records(founded: Founded, station: Station) -> bool:
    """Whether a new recording becomes durable at the node as it stands."""
    later = Station(founded, _OFFICE, station.folder / "later", random.Random(len(station.durable)), _PACE)
    with trio.move_on_after(_RECORD_S):
        await later.put(1)
    return len(later.durable) == 1


def _since(log: Path, behind: int) -> str:
    with log.open("rb") as file:
        file.seek(behind)
        return file.read().decode("utf-8", "replace")


async def _read(channel: Channel, blob: bytes) -> str:
    try:
        content = await fetch(channel, blob)
    except Rejected as exc:
        return "missing" if exc.code is StatusCode.NOT_FOUND else "refused"
    except LumbungError:
        return "refused"
    return "right" if BlobId.of(content).raw == blob else "wrong"


async def _is_healed(founded: Founded, station: Station) -> bool:
    """Whether every blob is back, with the peer's help, in time."""
    with trio.move_on_after(_HEAL_S):
        async with open_office(founded, _OFFICE) as session:
            while True:
                if not await missing_promises(session, station):
                    return True
                await trio.sleep(_LOOK_S)
    return False
