"""Disks whose recordings rot at the holder: what it has signed for on one way it takes back on the other.

on a disk     the line is away; a recording that came by the line rots, and only the next disk can tell
over a line   the disk's receipts are on their way home; what they speak for rots, and the line tells first
"""

from __future__ import annotations

import random
import shutil

import trio

from lumbung_cluster.ids import BlobId
from lumbung_testing.simulation.content import draw_delivery
from lumbung_testing.simulation.faults.carrying import Road, rot_at_holder, set_out
from lumbung_testing.simulation.faults.stage import Fault, Stage

__all__ = ["FAULTS"]

_ARRIVES_S_MAX = 20.0
_ROAD_S_MAX = 10.0
_LOOK_S = 0.1


async def _on_a_disk(stage: Stage, draws: random.Random) -> None:
    """The disk is older than what the holder has signed over the line, for it was written before."""
    road = set_out(stage, draws)
    if road is None:
        return
    try:
        _stop(road, is_stopped=True)
        await _put(road)
        is_written = await road.export()
        _stop(road, is_stopped=False)
        later = await _put(road)
        if is_written and later is not None and await _arrives(road, later):
            await trio.sleep(draws.uniform(0.0, 1.0))
            _stop(road, is_stopped=True)
            if await rot_at_holder(road, later):
                await _taken_in_and_home(road)
    finally:
        _stop(road, is_stopped=False)
        shutil.rmtree(road.disk, ignore_errors=True)


async def _over_a_line(stage: Stage, draws: random.Random) -> None:
    """The session has seen no nonce as high as the disk's: it was asked for before the disk was written."""
    road = set_out(stage, draws)
    if road is None:
        return
    try:
        _stop(road, is_stopped=True)
        blob = await _put(road)
        if blob is None or not await road.export():
            return
        await road.take_in(road.disk)
        _stop(road, is_stopped=False)
        await trio.sleep(draws.choice((0.0, 0.0, 0.05, 2.0)))
        if await rot_at_holder(road, blob):
            await trio.sleep(draws.uniform(0.0, _ROAD_S_MAX))
            await road.receipts()
    finally:
        _stop(road, is_stopped=False)
        shutil.rmtree(road.disk, ignore_errors=True)


async def _taken_in_and_home(road: Road) -> None:
    await road.take_in(road.disk)
    await trio.sleep(road.draws.uniform(0.0, _ROAD_S_MAX))
    if road.draws.random() < 0.5:  # else the disk's word comes home before the line's
        _stop(road, is_stopped=False)
        await trio.sleep(road.draws.uniform(0.0, _ROAD_S_MAX))
    await road.receipts()


def _stop(road: Road, *, is_stopped: bool) -> None:
    road.stage.cluster.network.stop(f"n{road.home}", road.holder.host, is_stopped=is_stopped)


async def _put(road: Road) -> BlobId | None:
    """A new recording at home; None when it was not stored."""
    delivery = draw_delivery(road.draws)
    road.stage.cluster.deliveries.append((road.home, delivery))
    answers = await road.stage.cluster.stations[road.home].put([delivery], 1, 0)
    return delivery.blob if answers else None


async def _arrives(road: Road, blob: BlobId) -> bool:
    with trio.move_on_after(_ARRIVES_S_MAX):
        while not road.holder.durable.holds(road.home, blob):  # noqa: ASYNC110 (polled)
            await trio.sleep(_LOOK_S)
        return True
    return False


FAULTS = (Fault("taken back on a disk", 30, _on_a_disk), Fault("taken back over a line", 30, _over_a_line))
