"""SIGSTOP: a node that is there and says nothing, as a hung disk or a swapping machine makes it.

Each node in turn stands still for a while under load. Its partners must notice within their link class's time, the
other offices' puts must go on, and after SIGCONT every blob must reach its three copies.
"""

from __future__ import annotations

import os
import random
import signal
from collections import defaultdict
from collections.abc import Sequence

import trio

from lumbung_proto.v1 import operations_pb2
from lumbung_testing.chaos.kills import offices_of
from lumbung_testing.chaos.report import Order, Report, spread
from lumbung_testing.chaos.stations import Station, await_safe, missing_promises
from lumbung_testing.real_clusters import found, open_office, real_cluster
from lumbung_tools.client.ask import status
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.localcluster.processes import LocalCluster

__all__ = ["run_stops"]

_STOP_S = 30.0
_BRIEF_STOP_S = 6.0
_NOTICE_S = 3.0  # of link class "lan", which founded clusters have
_OTHERS_ANSWER_S = 5.0  # a put at another office waits for nobody; a busy machine may be slow
_SETTLE_S = 5.0
_BRIEF_SETTLE_S = 1.0
_PATIENCE_S = 150.0  # a partner's pause between two dials grows to a minute
_LOOK_S = 0.1


async def run_stops(order: Order) -> Report:
    folder, count, luck, tell = order.folder, order.count, order.luck, order.tell
    report = Report("stops", count)
    stop_s, settle_s = (_BRIEF_STOP_S, _BRIEF_SETTLE_S) if order.brief else (_STOP_S, _SETTLE_S)
    offices = offices_of(order)
    founded = found(folder, offices)
    stations = {
        office: Station(founded, office, folder / "files" / office, random.Random(luck.random())) for office in offices
    }
    noticed: defaultdict[str, list[float]] = defaultdict(list)
    healed_s: list[float] = []
    others_s: list[float] = []
    async with real_cluster(founded) as cluster, trio.open_nursery() as nursery:
        for station in stations.values():
            nursery.start_soon(station.run)
        while report.run < count:
            await trio.sleep(settle_s)
            victim = cluster.names[report.run % len(cluster.names)]
            before = {office: len(station.answer_s) for office, station in stations.items()}
            await _stop(cluster, founded, victim, stop_s, noticed, report)
            for office, station in stations.items():
                if office != victim:
                    others_s += station.answer_s[before[office] :]
            healed_s += await _heal(founded, offices, report, victim)
            report.run += 1
            tell(f"{report.run} of {count}: {victim}")
        nursery.cancel_scope.cancel()
    async with real_cluster(founded):
        for station in stations.values():
            async with open_office(founded, station.office) as session:
                report.lost += await missing_promises(session, station)
    if others_s and max(others_s) > _OTHERS_ANSWER_S:
        report.broken.append(f"a put at an office that was not stopped waited {max(others_s):.1f} s for its answer")
    report.figures |= {
        "durable blobs": sum(len(station.durable) for station in stations.values()),
        "puts answered at other offices meanwhile": len(others_s),
        "their answers after": spread(others_s),
        **{f"noticed by partners that {side}": spread(took) for side, took in sorted(noticed.items())},
        "three copies of everything again after": spread(healed_s),
    }
    return report


async def _stop(
    cluster: LocalCluster,
    founded: Founded,
    victim: str,
    stop_s: float,
    noticed: defaultdict[str, list[float]],
    report: Report,
) -> None:
    """Stand still for `stop_s`, while all partners are watched."""
    pid = cluster.pid(victim)
    number = next(int(site.number) for site in founded.sites if site.name == victim)
    async with trio.open_nursery() as nursery:
        os.kill(pid, signal.SIGSTOP)
        begun = trio.current_time()
        try:
            for site in founded.sites:
                if site.name != victim:
                    side = "dialled it" if int(site.number) < number else "were dialled by it"
                    nursery.start_soon(_watch, founded, site.name, number, side, noticed, report)
            await trio.sleep_until(begun + stop_s)
        finally:
            os.kill(pid, signal.SIGCONT)
        nursery.cancel_scope.cancel()


async def _watch(
    founded: Founded,
    name: str,
    victim: int,
    side: str,
    noticed: defaultdict[str, list[float]],
    report: Report,
) -> None:
    """Ask a partner how its link to the stopped node stands, until it says that it is down."""
    begun = trio.current_time()
    try:
        async with open_office(founded, name) as session:
            while True:
                links = {link.node: link.condition for link in (await status(session.own)).links}
                if victim not in links:
                    return  # they share no origin
                if links[victim] == operations_pb2.LINK_CONDITION_DOWN:
                    break
                await trio.sleep(_LOOK_S)
    except trio.Cancelled:
        took = trio.current_time() - begun
        noticed[side].append(took)
        report.broken.append(f"{name} did not notice in {took:.0f} s that node {victim} stands still")
        raise
    took = trio.current_time() - begun
    noticed[side].append(took)
    if took > _NOTICE_S:
        report.broken.append(
            f"{name}, which {side.removeprefix('were ')}, noticed node {victim} only after {took:.1f} s"
        )


async def _heal(founded: Founded, offices: Sequence[str], report: Report, victim: str) -> list[float]:
    """Seconds until each office counts three copies of everything (its station goes on meanwhile)."""
    took = []
    for office in offices:
        async with open_office(founded, office) as session:
            seconds = await await_safe(session, _PATIENCE_S)
        if seconds is None:
            report.broken.append(
                f"{office} had not three copies of everything {_PATIENCE_S:.0f} s after {victim} went on"
            )
        else:
            took.append(seconds)
    return took
