"""A day of an office in a quarter of a minute: puts and gets at times of their own, beside a scrub and comparisons."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

import trio

from lumbung_proto.v1 import reconcile_pb2
from lumbung_tools.bench.load import Load, put_in_turn
from lumbung_tools.bench.suite.figures import Case, latencies_ms
from lumbung_tools.bench.suite.putting import terms_for
from lumbung_tools.bench.suite.reading import get_one
from lumbung_tools.client.put_frames import PutItem
from lumbung_tools.client.reconcile import reconcile
from lumbung_tools.client.scrub import pause_scrub, scrub_status, start_scrub
from lumbung_tools.client.session import Session

__all__ = ["DAY_GETS", "DAY_PUTS", "DAY_S", "live_a_day"]

DAY_PUTS, DAY_GETS, DAY_S = 150, 50, 15.0
_COPIES = 3
_SCRUB_AGAIN_S, _COMPARE_AGAIN_S = 0.5, 2.0


class _Day:
    """One day under way; tasks end when `office_hours` is over."""

    def __init__(self, operator: Session, station: Session) -> None:
        self.operator = operator
        self.station = station
        self.ack_s: list[float] = []
        self.safe_s: list[float] = []
        self.get_s: list[float] = []
        self.compared = 0

    async def put_at(self, delay_s: float, item: PutItem) -> None:
        await trio.sleep(delay_s)
        times = await put_in_turn(self.station, iter([item]), terms_for(_COPIES))
        self.ack_s += times.first_s
        self.safe_s += times.safe_s

    async def get_at(self, delay_s: float, blob: bytes) -> None:
        await trio.sleep(delay_s)
        begun = time.monotonic()
        await get_one(self.operator.own, 0, blob)
        self.get_s.append(time.monotonic() - begun)

    async def scrub(self) -> None:
        while True:
            await start_scrub(self.operator.own)
            await trio.sleep(_SCRUB_AGAIN_S)

    async def compare(self) -> None:
        while True:
            await reconcile(self.operator.own, None, None, is_all=True, on_response=self._count)
            await trio.sleep(_COMPARE_AGAIN_S)

    def _count(self, response: reconcile_pb2.ReconcileResponse) -> None:
        self.compared += response.WhichOneof("kind") == "ended"


async def live_a_day(operator: Session, station: Session, load: Load, known: Sequence[bytes], day_s: float) -> Case:
    """Put every item of the load at a moment of its own, get as many of the `known` blobs, within `day_s`."""
    draws, day = random.Random(150), _Day(operator, station)
    async with trio.open_nursery() as background:
        background.start_soon(day.scrub)
        background.start_soon(day.compare)
        async with trio.open_nursery() as nursery:
            for item in load.items:
                nursery.start_soon(day.put_at, draws.uniform(0, day_s), item)
            for blob in known:
                nursery.start_soon(day.get_at, draws.uniform(0, day_s), blob)
        background.cancel_scope.cancel()
    read_bytes = (await scrub_status(operator.own, 0)).state.read_bytes
    await pause_scrub(operator.own)
    return {
        "files": len(load.items),
        "gets": len(day.get_s),
        **latencies_ms("ack", day.ack_s),
        **latencies_ms("safe", day.safe_s),
        **latencies_ms("get", day.get_s),
        "compared": day.compared,
        "scrub_read_bytes": read_bytes,
    }
