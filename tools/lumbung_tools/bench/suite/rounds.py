"""One round: the machine's limits, an office alone, a cluster of three, and rsync, each in fresh folders."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path

import trio

from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.config import Language
from lumbung_node.ports.transport import Channel
from lumbung_tools.bench.limits import measure_machine
from lumbung_tools.bench.load import Load, Stock
from lumbung_tools.bench.suite.cases import A4K, A300K, PUT_CASES, STREAM, WORKLOADS, PutCase, Workload
from lumbung_tools.bench.suite.day import DAY_GETS, DAY_PUTS, DAY_S, live_a_day
from lumbung_tools.bench.suite.figures import Case, Round
from lumbung_tools.bench.suite.meter import Meter
from lumbung_tools.bench.suite.progress import Progress
from lumbung_tools.bench.suite.putting import put_load, put_sealing
from lumbung_tools.bench.suite.ratios import LIMITS
from lumbung_tools.bench.suite.reading import GetSome, get_all, list_all, over_calls, over_one_stream
from lumbung_tools.bench.suite.rsync import measure_rsync
from lumbung_tools.bench.suite.stations import open_stations
from lumbung_tools.client.over_grpc import open_grpc
from lumbung_tools.client.profile import load_profile
from lumbung_tools.client.scrub import pause_scrub
from lumbung_tools.client.session import Session, open_session
from lumbung_tools.localcluster.founding import Founded, found_cluster
from lumbung_tools.localcluster.processes import Death, LocalCluster, node_command, run_cluster
from lumbung_tools.localcluster.sites import choose_sites

__all__ = ["Suite", "round_expected_s"]

_OFFICE, _PEER, _DRC = "36.02", "73.71", "drc-batam"
_ROLES = {_OFFICE: "office", _PEER: "peer", _DRC: "drc"}
_COPIES = 3
_WARM_UP = 16
_GETS, _GET_CLIENTS = 1_000, 8
_SEALED = 400
_RSYNC = ((A300K, 2_000, 14.0), (A4K, 2_000, 7.0))
_LIMITS_S, _START_S, _GETS_S, _LIST_S, _SEALED_S = 40.0, 8.0, 4.0, 2.0, 8.0


def round_expected_s(*, with_rsync: bool) -> float:
    """What one round of full size should need on an idle machine of two cores."""
    rsync_s = sum(expected_s for *_, expected_s in _RSYNC) if with_rsync else 0.0
    puts_s = sum(case.expected_s for case in PUT_CASES)
    return _LIMITS_S + 2 * _START_S + puts_s + 3 * _GETS_S + _LIST_S + _SEALED_S + DAY_S + rsync_s


class Suite:
    """Everything is below `folder`. The files of all loads are written once; a round makes other blobs of them."""

    def __init__(self, folder: Path, scale: float, progress: Progress, *, with_rsync: bool) -> None:
        self._folder = folder
        self._scale = scale
        self._progress = progress
        self._with_rsync = with_rsync
        self._stocks = {each: Stock(folder / each.name, each.name, each.size_bytes) for each in WORKLOADS}

    def measure(self) -> Round:
        """One round. Raises LoadFailed, NodeFailed."""
        found: Round = {}
        with self._step("limits of this machine", _LIMITS_S):
            found[LIMITS] = asdict(measure_machine(self._folder, self._scale))
        trio.run(self._measure_office_alone, found)
        trio.run(self._measure_three, found)
        if self._with_rsync:
            for workload, files, expected_s in _RSYNC:
                load = trio.run(self._fresh, workload, self._scaled(files))
                with self._step(f"rsync/{workload.name}", expected_s):
                    found[f"rsync/{workload.name}"] = measure_rsync(self._folder / "rsync", load)
        return found

    async def _measure_office_alone(self, found: Round) -> None:
        async with self._cluster([_OFFICE]) as (_, cluster, _, stations):
            for case in PUT_CASES:
                if case.nodes == 1:
                    found[case.name] = await self._put(case, cluster, stations)

    async def _measure_three(self, found: Round) -> None:
        async with self._cluster(list(_ROLES)) as (founded, cluster, operator, stations):
            for case in PUT_CASES:
                if case.nodes == len(_ROLES):
                    found[case.name] = await self._put(case, cluster, stations)
            known = await self._read(found, founded, cluster, operator, stations[0])
            found["sealed/a300k"] = await self._put_sealing(cluster, operator)
            found["day"] = await self._live_a_day(cluster, operator, stations[0], known)

    async def _put(self, case: PutCase, cluster: LocalCluster, stations: list[Session]) -> Case:
        load = await self._fresh(case.workload, case.files_at(self._scale))
        with self._step(case.name, case.expected_s):
            meter = Meter(cluster, _ROLES)
            figures = await put_load(stations, load, case.clients, case.nodes)
            return {**figures, **meter.figures(len(load.items))}

    async def _read(
        self, found: Round, founded: Founded, cluster: LocalCluster, operator: Session, station: Session
    ) -> list[bytes]:
        """Of blobs put for it: each is read once before it counts, so that "warm" is true. Returns their ids."""
        load = await self._fresh(A300K, self._scaled(_GETS))
        await put_load([station], load, STREAM, _COPIES)
        ids = [item.id for item in load.items]
        (peer,) = (site.number for site in founded.sites if site.name == _PEER)
        at_peer = operator.channels(peer)[0]
        ways: dict[str, tuple[Channel, int, GetSome]] = {
            "get/own": (operator.own, 0, over_one_stream),
            "get/peer": (at_peer, int(operator.profile.node), over_one_stream),
            "get/calls": (operator.own, 0, over_calls),
        }
        for name, (channel, origin, get_some) in ways.items():
            with self._step(name, _GETS_S):
                await get_all(channel, origin, ids, load.size_bytes, _GET_CLIENTS, get_some)
                meter = Meter(cluster, _ROLES)
                figures = await get_all(channel, origin, ids, load.size_bytes, _GET_CLIENTS, get_some)
                found[name] = {**figures, **meter.figures(len(ids))}
        with self._step("list", _LIST_S):
            found["list"] = await list_all(operator.own)
        return ids

    async def _put_sealing(self, cluster: LocalCluster, operator: Session) -> Case:
        load = await self._fresh(A300K, self._scaled(_SEALED))
        with self._step("sealed/a300k", _SEALED_S):
            meter = Meter(cluster, _ROLES)
            figures = await put_sealing(operator, load, self._folder / "outbox", _COPIES)
            return {**figures, **meter.figures(len(load.items))}

    async def _live_a_day(self, cluster: LocalCluster, operator: Session, station: Session, known: list[bytes]) -> Case:
        load = await self._fresh(A300K, self._scaled(DAY_PUTS))
        gets = known[: self._scaled(DAY_GETS)]
        with self._step("day of an office", DAY_S):
            meter = Meter(cluster, _ROLES)
            figures = await live_a_day(operator, station, load, gets, DAY_S * self._scale)
            return {**figures, **meter.figures(len(load.items))}

    @asynccontextmanager
    async def _cluster(self, names: list[str]) -> AsyncIterator[tuple[Founded, LocalCluster, Session, list[Session]]]:
        """A fresh cluster of which these nodes run; its folder is gone at the end."""
        folder = self._folder / "cluster"
        sites = choose_sites((_OFFICE, _PEER), (_DRC.removeprefix("drc-"),), None)
        founded = found_cluster(folder, sites, Language.ENGLISH, now_ms=time.time_ns() // 1_000_000)
        async with run_cluster(folder, _complain, node_command) as cluster, AsyncExitStack() as stack:
            with self._step(f"start of {len(names)} of {len(sites)} nodes", _START_S):
                await cluster.start(names)
                await _pause_scrubs(founded, names)
                operator, stations = await stack.enter_async_context(open_stations(founded, _OFFICE))
                for station in stations:
                    # The first puts find sessions still being made and caches cold; they belong to no figure.
                    await put_load([station], await self._fresh(A4K, _WARM_UP), STREAM, len(names))
            yield founded, cluster, operator, stations
        shutil.rmtree(folder)

    async def _fresh(self, workload: Workload, count: int) -> Load:
        def write() -> Load:
            load = self._stocks[workload].fresh(count)
            os.sync()  # what was just written must not be the disk's work while something is measured
            return load

        return await trio.to_thread.run_sync(write)

    def _scaled(self, count: int) -> int:
        return max(1, round(count * self._scale))

    @contextmanager
    def _step(self, name: str, expected_s: float) -> Iterator[None]:
        with self._progress.step(name, expected_s * self._scale):
            yield


async def _pause_scrubs(founded: Founded, names: Sequence[str]) -> None:
    """A new node's first pass begins after a minute, and idle nodes go through it at full pace: gets from one were
    measured beside two that read and hashed all they had, on the same cores."""
    for name in names:
        profile = load_profile(founded.client_home(name))
        async with open_session(profile, open_grpc, Ed25519Verifier()) as session:
            await pause_scrub(session.own)


def _complain(death: Death) -> None:
    sys.stderr.write(f"{death}\n")
