"""One office, a real process with mutual TLS, that takes a million small blobs and is then started again and again."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.limits import KIB, MIB
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.config import Language
from lumbung_tools.bench.limits import append_rate
from lumbung_tools.bench.processes import cpu_s, peak_memory_bytes, resident_memory_bytes
from lumbung_tools.bench.scale.filling import Filler
from lumbung_tools.bench.scale.proofs import prove_all
from lumbung_tools.client.ask import BlobName, list_blobs, stat, status
from lumbung_tools.client.over_grpc import open_grpc
from lumbung_tools.client.profile import load_profile
from lumbung_tools.client.scrub import pause_scrub
from lumbung_tools.client.session import Session, open_session
from lumbung_tools.localcluster.founding import Founded, found_cluster
from lumbung_tools.localcluster.processes import Death, LocalCluster, node_command, run_cluster
from lumbung_tools.localcluster.sites import choose_sites

__all__ = ["ONCE", "Calls", "Part", "Scale", "Start", "Turns", "measure_million"]

_OFFICE, _PEER, _DRC = "36.02", "73.71", "batam"
ONCE = "all proven at two holders under an earlier build"
"""The start that reads a row for each proof, because nothing was saved of them yet; it comes once in a store's life."""

_FEW = 1_000
_PARTS = 10
_TURNS = 16
_CALLS = 25
_APPEND_S = 0.3
_MS, _US = 1_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """A tenth of the blobs: how fast they came, and what they cost the node.

    `append_per_s` is what the disk did in appends of 4 KiB with an fdatasync each, just behind them: a machine that has
    other work changes by the minute, and a rate that falls with it says nothing of the node.
    """

    blobs: int
    elapsed_s: float
    per_s: float
    cpu_us: float
    resident_mib: float
    append_per_s: float


@dataclass(frozen=True, slots=True)
class Turns:
    """The last tenth of the blobs beside the first of a fresh office, in turn: seconds of each turn of `blobs` puts.

    Two minutes lie between the first tenth and the last, and in them the pace of a shared machine changes by more than
    the node's: only what was measured side by side tells whether a full store is slower. What a store does behind its
    turn (compactions, one after the other) falls into the other's; CPU is that of the whole time, both turns.
    """

    blobs: int
    young_s: Sequence[float]
    old_s: Sequence[float]
    young_cpu_us: float
    old_cpu_us: float

    @property
    def old_of_young(self) -> float:
        """The rate of the last tenth as a part of the rate of the first."""
        return sum(self.young_s) / sum(self.old_s)


@dataclass(frozen=True, slots=True)
class Calls:
    """Medians of calls at the node with so many blobs: milliseconds, and its processor time for a status."""

    blobs: int
    proven: bool
    status_ms: float
    status_cpu_ms: float
    stat_ms: float
    page_ms: float


@dataclass(frozen=True, slots=True)
class Start:
    """From the start of the process to its word "ready", and to the first answered status."""

    blobs: int
    how: str
    ready_s: float
    served_s: float
    cpu_s: float
    resident_mib: float


@dataclass(frozen=True, slots=True)
class Scale:
    """Everything; `peak_mib` is VmHWM of the process that took the blobs, `data_bytes` what its folder came to."""

    parts: Sequence[Part]
    turns: Turns
    calls: Sequence[Calls]
    starts: Sequence[Start]
    peak_mib: float
    peak_started_mib: float
    data_bytes: int


async def measure_million(folder: Path, blobs: int, say: Callable[[str], None]) -> Scale:
    """Raises LoadFailed, NodeFailed."""
    await trio.to_thread.run_sync(folder.mkdir)
    async with _office(folder / "old") as old, _office(folder / "young") as young:
        return await _Measurement(old, young, say).measure(blobs)


@dataclass(frozen=True, slots=True)
class _Office:
    """An office of its own cluster, of which nobody else runs, and the folder of its founding."""

    cluster: LocalCluster
    founded: Founded

    @property
    def pid(self) -> int:
        return self.cluster.pid(_OFFICE)

    @property
    def holders(self) -> list[NodeNumber]:
        return [site.number for site in self.founded.sites if site.name != _OFFICE]

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        profile = load_profile(self.founded.client_home(_OFFICE))
        async with open_session(profile, open_grpc, Ed25519Verifier()) as session:
            yield session


@asynccontextmanager
async def _office(folder: Path) -> AsyncIterator[_Office]:
    """Founded, and not started."""
    sites = choose_sites((_OFFICE, _PEER), (_DRC,), None)
    founded = found_cluster(folder, sites, Language.ENGLISH, now_ms=time.time_ns() // _US)
    async with run_cluster(founded.folder, _complain, node_command) as cluster:
        yield _Office(cluster, founded)


class _Measurement:
    def __init__(self, old: _Office, young: _Office, say: Callable[[str], None]) -> None:
        self._old = old
        self._young = young
        self._say = say
        self._starts: list[Start] = []
        self._calls: list[Calls] = []

    async def measure(self, blobs: int) -> Scale:
        cluster = self._old.cluster
        await self._start(0, "empty, the first start")
        await cluster.stop([_OFFICE])
        await self._start(0, "empty")
        parts, turns = await self._fill(blobs)
        peak_mib = self._peak_mib()
        await cluster.stop([_OFFICE])
        await self._start(blobs, "after a clean stop")
        await cluster.kill(_OFFICE)
        await self._start(blobs, "after SIGKILL")
        await cluster.stop([_OFFICE])
        data = cluster.configs[_OFFICE].data
        await prove_all(data, self._old.holders, blobs, time.time_ns() // _US)
        await self._start(blobs, ONCE)
        await cluster.stop([_OFFICE])
        await self._start(blobs, "all proven at two holders")
        await self._ask(blobs, proven=True)
        peak_started_mib = self._peak_mib()
        await cluster.stop([_OFFICE])
        size_bytes = sum(file.stat().st_size for file in data.rglob("*") if file.is_file())
        return Scale(parts, turns, self._calls, self._starts, peak_mib, peak_started_mib, size_bytes)

    async def _start(self, blobs: int, how: str) -> None:
        begun = time.monotonic()
        await self._old.cluster.start([_OFFICE])
        ready_s = time.monotonic() - begun
        used_s, resident_mib = cpu_s(self._old.pid), resident_memory_bytes(self._old.pid) / MIB
        async with self._old.session() as session:
            await status(session.own)
        start = Start(blobs, how, ready_s, time.monotonic() - begun, used_s, resident_mib)
        self._starts.append(start)
        self._say(f"start with {blobs:,} blobs, {how}: ready after {ready_s:.2f} s, {used_s:.2f} s of CPU")

    async def _fill(self, blobs: int) -> tuple[list[Part], Turns]:
        async with self._old.session() as session:
            await pause_scrub(session.own)  # it would read all day what is being written
            filler = Filler(session.own, blobs)
            few = min(_FEW, blobs // (2 * _PARTS))
            await filler.put(few)
            await self._ask(few, proven=False, sample=filler.sample)
            parts: list[Part] = []
            done = few
            for at in range(1, _PARTS):
                parts.append(await self._fill_part(filler, blobs * at // _PARTS - done))
                done += parts[-1].blobs
                self._say_part(done, parts[-1])
            part, turns = await self._fill_in_turns(filler, blobs - done, few)
            parts.append(part)
            self._say_part(blobs, part)
            self._say(
                f"beside the first tenth of a fresh office, in turns of {turns.blobs:,}: {turns.old_of_young:.2f} of"
                f" its rate, {turns.young_cpu_us:.0f} and {turns.old_cpu_us:.0f} us of CPU each"
            )
            await self._ask(blobs, proven=False, sample=filler.sample)
        return parts, turns

    def _say_part(self, done: int, part: Part) -> None:
        self._say(
            f"{done:>10,} blobs: {part.per_s:,.0f}/s, {part.cpu_us:.0f} us of CPU each,"
            f" {part.resident_mib:.0f} MiB resident"
        )

    async def _fill_part(self, filler: Filler, blobs: int) -> Part:
        used_s, begun = cpu_s(self._old.pid), time.monotonic()
        await filler.put(blobs)
        elapsed_s, used_s = time.monotonic() - begun, cpu_s(self._old.pid) - used_s
        return await self._part(blobs, elapsed_s, used_s)

    async def _fill_in_turns(self, old: Filler, blobs: int, few: int) -> tuple[Part, Turns]:
        """The last tenth, beside the first of the young office."""
        turn = max(1, blobs // _TURNS)
        old_s: list[float] = []
        young_s: list[float] = []
        await self._young.cluster.start([_OFFICE])
        async with self._young.session() as session:
            await pause_scrub(session.own)
            young = Filler(session.own, blobs)
            await young.put(few)
            old_used_s, young_used_s = cpu_s(self._old.pid), cpu_s(self._young.pid)
            for at in range(_TURNS):
                turns = [(young, young_s), (old, old_s)]
                for filler, taken_s in turns if at % 2 == 0 else turns[::-1]:
                    begun = time.monotonic()
                    await filler.put(turn)
                    taken_s.append(time.monotonic() - begun)
            old_used_s = cpu_s(self._old.pid) - old_used_s
            young_used_s = cpu_s(self._young.pid) - young_used_s
        await self._young.cluster.stop([_OFFICE])
        rest = blobs - turn * _TURNS
        if rest:
            await old.put(rest)
        put = turn * _TURNS
        part = await self._part(put, sum(old_s), old_used_s)
        found = Turns(turn, young_s, old_s, young_used_s / put * _US, old_used_s / put * _US)
        return replace(part, blobs=blobs), found

    async def _part(self, blobs: int, elapsed_s: float, used_s: float) -> Part:
        resident_mib = resident_memory_bytes(self._old.pid) / MIB
        append_per_s = await trio.to_thread.run_sync(append_rate, self._old.founded.folder, 4 * KIB, _APPEND_S)
        return Part(blobs, elapsed_s, blobs / elapsed_s, used_s / blobs * _US, resident_mib, append_per_s)

    async def _ask(self, blobs: int, *, proven: bool, sample: Sequence[bytes] = ()) -> None:
        async with self._old.session() as session:
            used_s = cpu_s(self._old.pid)
            status_ms = await _median_ms(lambda: status(session.own))
            status_cpu_ms = (cpu_s(self._old.pid) - used_s) / _CALLS * _MS
            ids = list(sample) or [
                bytes(blob.id) async for blob in list_blobs(session.own, 0, copies_below=0, limit=_CALLS)
            ]
            names = iter([BlobName(blob.hex()) for blob in ids[:: max(1, len(ids) // _CALLS)]] * _CALLS)
            stat_ms = await _median_ms(lambda: stat(session.own, next(names), 0))
            page_ms = await _median_ms(lambda: _page(session))
        self._calls.append(Calls(blobs, proven, status_ms, status_cpu_ms, stat_ms, page_ms))
        self._say(
            f"with {blobs:,} blobs: status {status_ms:.1f} ms ({status_cpu_ms:.1f} ms of CPU), stat"
            f" {stat_ms:.1f} ms, a page of the list {page_ms:.1f} ms"
        )

    def _peak_mib(self) -> float:
        return peak_memory_bytes(self._old.pid) / MIB


async def _page(session: Session) -> None:
    async for _ in list_blobs(session.own, 0, copies_below=0, limit=_FEW):
        pass


async def _median_ms(call: Callable[[], Awaitable[object]]) -> float:
    taken = []
    for _ in range(_CALLS):
        begun = time.monotonic()
        await call()
        taken.append((time.monotonic() - begun) * _MS)
    return statistics.median(taken)


def _complain(death: Death) -> None:
    sys.stderr.write(f"{death}\n")
