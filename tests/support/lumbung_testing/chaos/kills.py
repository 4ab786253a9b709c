"""SIGKILL at random moments under load: one node, two, or all at once, some of them while they are only starting.

A node must serve again in under 5 s. Of the seconds that are judged, those are taken off in which its main thread stood
in the queue for a processor, because a machine with other work is no fault of the node; both are told.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import trio

from lumbung_cluster.errors import LumbungError
from lumbung_testing.chaos.machine import waited_for_processor_s
from lumbung_testing.chaos.report import Order, Report, spread
from lumbung_testing.chaos.stations import Station, await_safe, missing_promises
from lumbung_testing.real_clusters import OFFICES, found, open_office, real_cluster
from lumbung_tools.client.ask import status
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.localcluster.processes import LocalCluster, NodeFailed

__all__ = ["offices_of", "run_kills"]

_OFFICES = (*OFFICES, "51.71")  # and Denpasar
_OFFICES_BRIEF = 2
_LIFE_S = (0.1, 1.0)
_START_S = (0.2, 1.2)
_STARTS_KILLED = 0.1
_TWO_AT_ONCE = 0.15
_ALL_AT_ONCE = 0.05
_SERVING_S = 5.0
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class _Start:
    """From the start of the process to its first answer."""

    name: str
    wall_s: float
    queued_s: float

    @property
    def own_s(self) -> float:
        return self.wall_s - self.queued_s


def offices_of(order: Order) -> tuple[str, ...]:
    """Four, and with the DRC five nodes; half of them where it has to be short."""
    return _OFFICES[:_OFFICES_BRIEF] if order.brief else _OFFICES


async def run_kills(order: Order) -> Report:
    folder, count, luck, tell = order.folder, order.count, order.luck, order.tell
    report = Report("kills", count)
    offices = offices_of(order)
    founded = found(folder, offices)
    stations = [Station(founded, office, folder / "files" / office, random.Random(luck.random())) for office in offices]
    starts: list[_Start] = []
    async with real_cluster(founded) as cluster:
        async with trio.open_nursery() as nursery:
            for station in stations:
                nursery.start_soon(station.run)
            while report.run < count:
                await trio.sleep(luck.uniform(*_LIFE_S))
                await _strike(cluster, founded, luck, report, starts)
                tell(f"{report.run} of {count} kills, {sum(len(s.durable) for s in stations)} durable blobs")
            nursery.cancel_scope.cancel()
        for station in stations:
            async with open_office(founded, station.office) as session:
                if await await_safe(session, _PATIENCE_S) is None:
                    report.broken.append(f"{station.office} did not reach three copies in {_PATIENCE_S:.0f} s")
                report.lost += await missing_promises(session, station)
    answers = [took for station in stations for took in station.answer_s]
    late = [start for start in starts if start.own_s > _SERVING_S]
    report.broken += [f"{start.name} served {start.own_s:.1f} s after its start only" for start in late]
    report.figures |= {
        "durable blobs": sum(len(station.durable) for station in stations),
        "claimed copies": sum(len(named) for station in stations for named in station.claims.values()),
        "serving again after": spread([start.wall_s for start in starts]),
        f"of these over {_SERVING_S:.0f} s": sum(start.wall_s > _SERVING_S for start in starts),
        "the same without the wait for a processor": spread([start.own_s for start in starts]),
        "first answer after (own node dead included)": spread(answers),
    }
    return report


def _victims(cluster: LocalCluster, luck: random.Random) -> list[str]:
    draw = luck.random()
    size = len(cluster.names) if draw < _ALL_AT_ONCE else 2 if draw < _ALL_AT_ONCE + _TWO_AT_ONCE else 1
    return luck.sample(cluster.names, size)


async def _strike(
    cluster: LocalCluster, founded: Founded, luck: random.Random, report: Report, starts: list[_Start]
) -> None:
    victims = _victims(cluster, luck)[: report.wanted - report.run]
    for name in victims:
        await cluster.kill(name)
        report.run += 1
    for name in victims:
        if report.run < report.wanted and luck.random() < _STARTS_KILLED:
            await _kill_while_starting(cluster, name, luck.uniform(*_START_S))
            report.run += 1

    async def come_back(name: str) -> None:
        begun = trio.current_time()
        await cluster.start([name])
        await _await_status(founded, name)
        starts.append(_Start(name, trio.current_time() - begun, waited_for_processor_s(cluster.pid(name))))

    async with trio.open_nursery() as nursery:
        for name in victims:
            nursery.start_soon(come_back, name)


async def _kill_while_starting(cluster: LocalCluster, name: str, life_s: float) -> None:
    async def start() -> None:
        try:
            await cluster.start([name])
        except NodeFailed:
            return

    async with trio.open_nursery() as nursery:
        nursery.start_soon(start)
        await trio.sleep(life_s)
        await cluster.kill(name)


async def _await_status(founded: Founded, name: str) -> None:
    async with open_office(founded, name) as session:
        with trio.fail_after(_PATIENCE_S):
            while True:
                try:
                    await status(session.own)
                except LumbungError:
                    await trio.sleep(0.02)
                else:
                    return
