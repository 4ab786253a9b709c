"""A disk that fills up under load, and has room again later: the node comes back in the same process.

Two ways in turn: to below the second mark (own puts are refused, with the reason) and to the last block (the engine's
own writes fail; the store is closed and opened again with the room that the ballast gave, or waits for more). Whatever
was answered must be there, and putting must go on by itself once there is room.
"""

from __future__ import annotations

import random
from collections import Counter

import trio

from lumbung_cluster.errors import PeerGone, PeerUnreachable, Rejected, StatusCode
from lumbung_cluster.ids import BlobId
from lumbung_cluster.limits import MIB
from lumbung_testing.chaos.disks import LoopDisk, loop_disk
from lumbung_testing.chaos.machine import need_programs, try_loop_disk
from lumbung_testing.chaos.report import Order, Report, spread
from lumbung_testing.chaos.stations import Pace, Station, missing_promises
from lumbung_testing.real_clusters import found, no_disk_marks, open_office, real_cluster
from lumbung_testing.sealed_files import fetch
from lumbung_tools.client.answers import Outcome
from lumbung_tools.client.ask import status
from lumbung_tools.localcluster.founding import Founded

__all__ = ["run_full_disk"]

_OFFICE = "36.02"
_DISK_BYTES = 640 * MIB
_FOREIGN_MARK_BYTES = 96 * MIB
_OWN_MARK_BYTES = 64 * MIB
_BELOW_MARKS_BYTES = 48 * MIB  # the load does not fill that before the node looks
_FULL_S = 12.0
_BRIEF_FULL_S = 6.0  # the disk is looked at every 5 s
_BACK_S = 60.0  # a store that could not open tries again after at most 30 s
_LOOK_S = 0.1
_ASK_S = 3.0
_PACE = Pace(batch=4, pause_s=0.1, size_bytes_max=200_000, large_every=40, copies=2, wait_s=1.0)


async def run_full_disk(order: Order) -> Report:
    folder, count, luck, tell = order.folder, order.count, order.luck, order.tell
    need_programs("mkfs.ext4")
    await trio.to_thread.run_sync(try_loop_disk)
    report = Report("full-disk", count)
    full_s = _BRIEF_FULL_S if order.brief else _FULL_S
    founded = found(folder, (_OFFICE,))
    no_disk_marks(founded, _OFFICE, _FOREIGN_MARK_BYTES, _OWN_MARK_BYTES)
    station = Station(founded, _OFFICE, folder / "files", random.Random(luck.random()), _PACE)
    back_s: list[float] = []
    said: Counter[str] = Counter()
    home = founded.folder / "nodes" / _OFFICE
    logs = founded.folder / "logs"
    logs.mkdir()
    (logs / f"{_OFFICE}.log").symlink_to(home / "log")  # an office has one disk for all
    with loop_disk(home, _DISK_BYTES) as disk:
        async with real_cluster(founded) as cluster, trio.open_nursery() as nursery:
            pid = cluster.pid(_OFFICE)
            nursery.start_soon(station.run)
            while report.run < count:
                await station.await_answer()
                to_the_brim = report.run % 2 == 1
                said.update(await _fill_and_give_back(founded, station, disk, to_the_brim, full_s, report, back_s))
                report.run += 1
                tell(f"{report.run} of {count}, {len(station.durable)} durable blobs")
            nursery.cancel_scope.cancel()
            if not cluster.is_up(_OFFICE) or cluster.pid(_OFFICE) != pid:
                report.broken.append("the node had to be started anew")
        async with real_cluster(founded), open_office(founded, _OFFICE) as session:
            report.lost += await missing_promises(session, station)
    report.figures |= {
        "durable blobs": len(station.durable),
        "refused while full": station.outcomes[Outcome.REFUSED],
        "takes puts again after": spread(back_s),
        **dict(said),
    }
    return report


async def _fill_and_give_back(
    founded: Founded,
    station: Station,
    disk: LoopDisk,
    to_the_brim: bool,
    full_s: float,
    report: Report,
    back_s: list[float],
) -> Counter[str]:
    """Fill under load, stay full for a while, give the room back and wait for the next blob to become durable."""
    said: Counter[str] = Counter()
    known = list(station.durable)[-1]
    await trio.to_thread.run_sync(disk.fill, 0 if to_the_brim else _BELOW_MARKS_BYTES)
    with trio.move_on_after(full_s):
        while True:
            if to_the_brim:  # what the node gave up to open again is taken, too
                await trio.to_thread.run_sync(disk.fill, 0)
            said[await _looks(founded, known, report)] += 1
            await trio.sleep(_LOOK_S)
    await trio.to_thread.run_sync(disk.give_back)
    begun = trio.current_time()
    with trio.move_on_after(_BACK_S) as scope:
        await station.await_answer()
    if scope.cancelled_caught:
        report.broken.append(f"no put was durable {_BACK_S:.0f} s after there was room again")
    back_s.append(trio.current_time() - begun)
    return said


async def _looks(founded: Founded, known: bytes, report: Report) -> str:
    """How the node stands, with the bytes of an older blob read and checked when it serves."""
    try:
        async with open_office(founded, _OFFICE) as session:
            with trio.fail_after(_ASK_S):
                takes = (await status(session.own)).takes_puts
                content = await fetch(session.own, known)
    except (PeerGone, PeerUnreachable, trio.TooSlowError):
        return "looks at a node that opens its store again"
    except Rejected as exc:
        if exc.code is StatusCode.UNAVAILABLE:
            return "looks at a node that opens its store again"
        report.lost.append(f"an old blob was refused on a full disk: {exc}")
        return "looks at a node that refuses an old blob"
    if BlobId.of(content).raw != known:
        report.lost.append("wrong bytes on a full disk")
    return "looks at a node that reads and takes puts" if takes else "looks at a node that reads and refuses puts"
