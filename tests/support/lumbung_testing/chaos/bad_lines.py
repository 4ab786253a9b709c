"""What can be wrong with the line between an office and its holders, one coroutine each.

Each makes the line bad, keeps it so for a while, and returns with it still bad: whoever called it heals it.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import trio

from lumbung_cluster.limits import MIB
from lumbung_testing.chaos.far_places import Places
from lumbung_testing.chaos.machine import Refused, call
from lumbung_testing.chaos.relay import Line
from lumbung_testing.chaos.report import Report
from lumbung_testing.chaos.stations import Station, await_safe
from lumbung_testing.real_clusters import open_office
from lumbung_testing.sealed_files import looking_sealed, write_item
from lumbung_tools.client.answers import PutAnswer
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.localcluster.founding import Founded

__all__ = ["CONDITIONS", "PATIENCE_S", "Condition", "Ground"]

PATIENCE_S = 150.0  # a partner's pause between two dials grows to a minute
_FLAP_S = 1.0
_LARGE_BYTES = 64 * MIB
_LARGE_RATE_BIT_S = 64e6  # two copies take 17 s
_CUT_S = 5.0
_RESENT_MAX = 1.25  # of what two holders need; a start from nothing after half would be 1.5
_LOOK_S = 0.1


class Ground:
    """The cluster over the line, with everything that a condition needs."""

    def __init__(
        self, founded: Founded, places: Places, station: Station, report: Report, folder: Path, bad_s: float
    ) -> None:
        self.founded = founded
        self.places = places
        self.station = station
        self.report = report
        self.folder = folder
        self.bad_s = bad_s
        self.luck = random.Random(report.wanted)

    async def line(self, line: Line) -> None:
        await trio.to_thread.run_sync(self.places.become, line)


async def _steady(line: Line, ground: Ground) -> None:
    await ground.line(line)
    await trio.sleep(ground.bad_s)


async def _flapping(ground: Ground) -> None:
    for turn in range(int(ground.bad_s / _FLAP_S)):
        await ground.line(Line(cut=(turn % 2 == 0, turn % 2 == 0)))
        await trio.sleep(_FLAP_S)


async def _by_kernel(add: Sequence[str], remove: str, ground: Ground) -> None:
    """The kernel's own shaper or filter, where it has one; these programs take the words of a line."""

    async def run(line: str) -> None:
        await trio.to_thread.run_sync(partial(call, *line.split()))

    try:
        for line in add:
            await run(line)
    except Refused as refused:
        ground.report.skipped[str(refused)] += 1
        return
    try:
        await trio.sleep(ground.bad_s)
    finally:
        with trio.CancelScope(shield=True):
            await run(remove)


_TBF = ("tc qdisc add dev lumbung0 root tbf rate 1mbit burst 32kbit latency 250ms",)
_DROPS = (
    "nft add table inet chaos",
    "nft add chain inet chaos back { type filter hook input priority 0 ; }",
    "nft add rule inet chaos back iifname lumbung0 numgen random mod 10 0 drop",
)


async def _cut_inside_a_blob(ground: Ground) -> None:
    """A large blob on a thin line, cut at about half: it must go on from there, not from its beginning."""
    await ground.line(Line(rate_bit_s=_LARGE_RATE_BIT_S))
    before = await _bytes_sent(ground)
    await _put_large(ground)
    while True:
        if await _bytes_sent(ground) - before > _LARGE_BYTES:  # half of two copies
            break
        await trio.sleep(_LOOK_S)
    await ground.line(Line(cut=(True, True)))
    await trio.sleep(_CUT_S)
    await ground.line(Line())
    async with open_office(ground.founded, ground.station.office) as session:
        if await await_safe(session, PATIENCE_S) is None:
            ground.report.broken.append(f"the large blob had not its copies {PATIENCE_S:.0f} s later")
    resent = (await _bytes_sent(ground) - before) / (2 * _LARGE_BYTES)
    ground.report.figures["bytes sent for a blob cut in the middle, of what is needed"] = round(resent, 2)
    if resent > _RESENT_MAX:
        ground.report.broken.append(f"a blob cut in the middle cost {resent:.2f} times its bytes")


async def _put_large(ground: Ground) -> None:
    content = looking_sealed(ground.luck.randbytes(_LARGE_BYTES))
    item = write_item(ground.folder, "large.age", content)
    station = ground.station

    async def one() -> AsyncGenerator[Sequence[PutItem], None]:
        yield [item]

    def take(_item: PutItem, answer: PutAnswer) -> None:
        if answer.outcome.is_durable:
            station.durable[item.id] = None
            station.claims.setdefault(item.id, set()).update(answer.copies.holders)

    async with open_office(ground.founded, ground.station.office) as session:
        terms = PutTerms(copies=1, wait_s=0.0, retry_s=PATIENCE_S)
        assert await put_many(session.own, one(), terms, session.blocking, take) is None


async def _bytes_sent(ground: Ground) -> int:
    return (await trio.to_thread.run_sync(ground.places.counters)).bytes[0]


Condition = Callable[[Ground], Awaitable[None]]
CONDITIONS: Sequence[tuple[str, Condition]] = (
    ("cut both ways", partial(_steady, Line(cut=(True, True)))),
    ("160 ms there and back", partial(_steady, Line(delay_ms=80, jitter_ms=10))),
    ("5 % loss", partial(_steady, Line(delay_ms=10, loss=0.05))),
    ("1 Mbit/s", partial(_steady, Line(delay_ms=20, rate_bit_s=1e6))),
    ("cut from the office", partial(_steady, Line(cut=(True, False)))),
    ("cut to the office", partial(_steady, Line(cut=(False, True)))),
    ("duplicates and reordering", partial(_steady, Line(delay_ms=30, jitter_ms=25, duplicates=0.1))),
    ("cut every second second", _flapping),
    ("1 Mbit/s by tc tbf", partial(_by_kernel, _TBF, "tc qdisc del dev lumbung0 root")),
    ("10 % loss by nft", partial(_by_kernel, _DROPS, "nft delete table inet chaos")),
    ("cut inside a large blob", _cut_inside_a_blob),
)
