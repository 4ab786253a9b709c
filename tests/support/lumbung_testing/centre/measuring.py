"""What one DRC node does with all offices of the country: standing by, taking in a peak day, and after a night."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import trio

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.limits import MIB
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_proto.v1 import operations_pb2, reconcile_pb2
from lumbung_testing.centre.country import DRC, Country, found_country
from lumbung_testing.centre.process import Offices, offices_running
from lumbung_tools.bench.limits import engine_rate, sequential_write_mb_s
from lumbung_tools.bench.processes import cpu_s, forget_peak, peak_memory_bytes, resident_memory_bytes
from lumbung_tools.client.ask import status
from lumbung_tools.client.over_grpc import open_grpc
from lumbung_tools.client.profile import load_profile
from lumbung_tools.client.session import Session, open_session
from lumbung_tools.localcluster.processes import Death, LocalCluster, node_command, run_cluster

__all__ = ["Figures", "Settings", "measure_centre"]

_FIRST_RECORDS = 3
_NIGHT_RECORDS = 2
_LOOK_S = 0.5
_STATUS_LOOK_S = 3.0  # a status with 514 links is work for the centre, and none of what is measured
_STATUSES = 5
_PATIENCE_S = 1800.0
_LIMIT_BYTES = 256 * MIB
_MEGA, _THOUSAND = 1_000_000, 1000
_EQUAL = (reconcile_pb2.RECONCILE_OUTCOME_EQUAL, reconcile_pb2.RECONCILE_OUTCOME_MENDED)


@dataclass(frozen=True, slots=True)
class Settings:
    """`records` are those of the peak day, `settle_s` the pause between "all are equal" and the idle `idle_s`."""

    offices: int
    processes: int
    records: int
    record_bytes: int
    settle_s: float
    idle_s: float

    @property
    def each(self) -> int:
        return max(1, round(self.records / self.offices))


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the DRC node's process alone, but for rates and times; the offices share the machine with it."""

    offices: int
    meet_s: float
    alone_mib: float
    idle_mib: float
    idle_kib_a_peer: float
    idle_cpu_s_a_1000_peers: float
    idle_cpu_alone: float
    status_ms: float
    status_cpu_ms: float
    day_records: int
    day_bytes: int
    day_s: float
    day_per_s: float
    day_mb_s: float
    day_cpu_ms_a_record: float
    day_peak_mib: float
    engine_mb_s: float
    sequential_mb_s: float
    night_s: float
    night_records: int
    night_cpu_s: float


async def measure_centre(folder: Path, settings: Settings, body: bytes, say: Callable[[str], None]) -> Figures:
    """Raises NodeFailed, TooSlowError of trio when offices do not come."""
    country = await trio.to_thread.run_sync(found_country, folder / "country", settings.offices)
    say(f"founded: {settings.offices} offices, a roster of {len(country.roster) / 1024:.0f} KiB")
    async with run_cluster(country.founded.folder, _complain, node_command) as cluster:
        await cluster.start([DRC])
        centre = _Centre(folder, cluster, country, settings, say)
        await trio.sleep(settings.settle_s)
        await centre.stand_alone()
        async with offices_running(country, settings.processes, body) as offices:
            return await centre.measure(offices, len(body))


class _Centre:
    def __init__(
        self, folder: Path, cluster: LocalCluster, country: Country, settings: Settings, say: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._cluster = cluster
        self._country = country
        self._settings = settings
        self._say = say
        self._alone_mib = 0.0
        self._alone_cpu = 0.0

    @property
    def _pid(self) -> int:
        return self._cluster.pid(DRC)

    async def stand_alone(self) -> None:
        """Before the first office calls."""
        self._alone_mib = resident_memory_bytes(self._pid) / MIB
        self._alone_cpu = await self._idle_cpu()
        self._say(f"alone: {self._alone_mib:.0f} MiB, {self._alone_cpu * 100:.2f} % of a core")

    async def measure(self, offices: Offices, body_bytes: int) -> Figures:
        count = self._settings.offices
        while await offices.ready() < count:  # noqa: ASYNC110 (they are in other processes)
            await trio.sleep(_LOOK_S)
        begun = trio.current_time()
        await offices.record(_FIRST_RECORDS)
        await self._until_equal(offices, _FIRST_RECORDS)
        meet_s = trio.current_time() - begun
        self._say(f"all {count} sessions equal {meet_s:.0f} s after the last office was up")
        await trio.sleep(self._settings.settle_s)
        idle_cpu, idle_mib = await self._idle_cpu(), resident_memory_bytes(self._pid) / MIB
        status_ms, status_cpu_ms = await self._status_cost()
        kib_a_peer = (idle_mib - self._alone_mib) * 1024 / count
        cpu_a_1000 = (idle_cpu - self._alone_cpu) / count * _THOUSAND
        self._say(
            f"idle: {idle_mib:.0f} MiB, {kib_a_peer:.0f} KiB and {cpu_a_1000 * 100 / _THOUSAND:.3f} % of a core a peer"
        )
        day_s, day_cpu_s, day_peak_mib = await self._day(offices)
        records = self._settings.each * count
        night_s, night_cpu_s = await self._night(offices)
        engine = await trio.to_thread.run_sync(
            engine_rate, self._folder, body_bytes, max(1, _LIMIT_BYTES // body_bytes)
        )
        sequential = await trio.to_thread.run_sync(sequential_write_mb_s, self._folder, _LIMIT_BYTES)
        return Figures(
            offices=count,
            meet_s=meet_s,
            alone_mib=self._alone_mib,
            idle_mib=idle_mib,
            idle_kib_a_peer=kib_a_peer,
            idle_cpu_s_a_1000_peers=cpu_a_1000,
            idle_cpu_alone=self._alone_cpu,
            status_ms=status_ms,
            status_cpu_ms=status_cpu_ms,
            day_records=records,
            day_bytes=records * body_bytes,
            day_s=day_s,
            day_per_s=records / day_s,
            day_mb_s=records * body_bytes / day_s / _MEGA,
            day_cpu_ms_a_record=day_cpu_s / records * _THOUSAND,
            day_peak_mib=day_peak_mib,
            engine_mb_s=engine.mb_s,
            sequential_mb_s=sequential,
            night_s=night_s,
            night_records=_NIGHT_RECORDS * count,
            night_cpu_s=night_cpu_s,
        )

    async def _day(self, offices: Offices) -> tuple[float, float, float]:
        """All offices record their peak day at once: until the last of them has the proof of its last record."""
        forget_peak(self._pid)
        used_s, begun = cpu_s(self._pid), trio.current_time()
        await offices.record(self._settings.each)
        await self._until_proven(offices)
        day_s, used_s = trio.current_time() - begun, cpu_s(self._pid) - used_s
        self._say(f"a peak day: {self._settings.each * self._settings.offices} records proven in {day_s:.0f} s")
        return day_s, used_s, peak_memory_bytes(self._pid) / MIB

    async def _night(self, offices: Offices) -> tuple[float, float]:
        """The centre is down and every office records; from its word "ready" until all are proven and found equal."""
        await self._cluster.stop([DRC])
        await offices.record(_NIGHT_RECORDS)
        await self._cluster.start([DRC])
        used_s, begun = cpu_s(self._pid), trio.current_time()
        await self._until_equal(offices, _FIRST_RECORDS + self._settings.each + _NIGHT_RECORDS)
        night_s = trio.current_time() - begun
        self._say(f"after a night: all caught up {night_s:.0f} s after the centre was back")
        return night_s, cpu_s(self._pid) - used_s

    async def _until_proven(self, offices: Offices) -> None:
        with trio.fail_after(_PATIENCE_S):
            while await offices.lacking():  # noqa: ASYNC110 (they are in other processes)
                await trio.sleep(_LOOK_S)

    async def _until_equal(self, offices: Offices, each: int) -> None:
        """Until every office has all its proofs, the centre counts all, and every comparison has found equal sets."""
        await self._until_proven(offices)
        async with self._session() as session:
            with trio.fail_after(_PATIENCE_S):
                while not self._is_equal(await _status(session), each):  # noqa: ASYNC110 (a node that is asked)
                    await trio.sleep(_STATUS_LOOK_S)

    def _is_equal(self, answer: operations_pb2.StatusResponse | None, each: int) -> bool:
        if answer is None:
            return False
        count = self._settings.offices
        blobs = sum(origin.blobs for origin in answer.origins if origin.origin != answer.node)
        up = sum(link.condition == operations_pb2.LINK_CONDITION_UP for link in answer.links)
        equal = sum(
            bool(partner.last) and all(last.outcome in _EQUAL for last in partner.last) for partner in answer.reconciles
        )
        return (blobs, up, equal) == (each * count, count, count)

    async def _idle_cpu(self) -> float:
        """Share of one core."""
        used_s = cpu_s(self._pid)
        await trio.sleep(self._settings.idle_s)
        return (cpu_s(self._pid) - used_s) / self._settings.idle_s

    async def _status_cost(self) -> tuple[float, float]:
        """Milliseconds of one status, elapsed and of the centre's CPU."""
        async with self._session() as session:
            await _status(session)
            begun, used_s = trio.current_time(), cpu_s(self._pid)
            for _ in range(_STATUSES):
                await _status(session)
            elapsed_s, used_s = trio.current_time() - begun, cpu_s(self._pid) - used_s
            return elapsed_s / _STATUSES * _THOUSAND, used_s / _STATUSES * _THOUSAND

    def _session(self) -> AbstractAsyncContextManager[Session]:
        return open_session(load_profile(self._country.founded.client_home(DRC)), open_grpc, Ed25519Verifier())


async def _status(session: Session) -> operations_pb2.StatusResponse | None:
    try:
        return await status(session.own)
    except LumbungError:  # it may have said "ready" and not listen on this channel yet
        return None


def _complain(death: Death) -> None:
    sys.stderr.write(f"{death}\n")
