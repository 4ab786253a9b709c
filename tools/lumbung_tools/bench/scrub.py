"""`make bench-scrub`: how fast an idle node reads and checks all it keeps, and what puts feel of it at its usual pace.

The first figure is held against one thread that reads the same bytes from plain files and hashes them; both find the
page cache emptied of their files before. The second puts one blob after the other, in many short turns with the scrub
paused and with it going round and round at its default pace; which of two turns comes first is drawn by lot, so that
whatever else the machine does falls on both. How far the ratio may be trusted is told by drawing pairs of turns again.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
import trio
from blake3 import blake3
from rich.console import Console

from lumbung_cluster.limits import KIB
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.config import Language
from lumbung_tools.bench.load import Load, LoadFailed, make_load
from lumbung_tools.bench.processes import cpu_s
from lumbung_tools.client.answers import PutAnswer
from lumbung_tools.client.over_grpc import open_grpc
from lumbung_tools.client.profile import load_profile
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.client.scrub import pause_scrub, scrub_status, start_scrub
from lumbung_tools.client.session import Session, open_session
from lumbung_tools.localcluster.disk import Place, choose_place, look_at
from lumbung_tools.localcluster.founding import found_cluster
from lumbung_tools.localcluster.processes import Death, node_command, run_cluster
from lumbung_tools.localcluster.sites import choose_sites

__all__ = ["main"]

_OFFICE = "36.02"
_ALONE = PutTerms(copies=1, wait_s=0.0, retry_s=10.0)
_LOADS = (("a300k", 300 * KIB, 2_000), ("a4k", 4 * KIB, 20_000))
_ROUNDS = 20
_PUTS_A_TURN = 150
_DRAWS = 500
_LIKELY = 0.9  # of the drawn ratios lie between the two that are told
_AGAIN_S = 0.5
_BATCH_FILES = 64
_MEGA = 1_000_000
_RATE_MARK, _LATENCY_MARK = 0.8, 1.2


@dataclass(slots=True)
class Figures:
    """MB/s are of blob bytes; latencies in seconds, of puts one at a time until they are durable."""

    files_mb_s: float = 0.0
    scrub_mb_s: float = 0.0
    scrub_cpu_s: float = 0.0
    read_bytes: int = 0
    without_s: list[list[float]] = field(default_factory=list)
    with_s: list[list[float]] = field(default_factory=list)
    read_during_puts_bytes: int = 0

    def ratios(self) -> dict[str, float]:
        without_s, with_s = _joined(self.without_s), _joined(self.with_s)
        return {
            "scrub / files + BLAKE3 in one thread": self.scrub_mb_s / self.files_mb_s,
            "put p50 with / without": statistics.median(with_s) / statistics.median(without_s),
            "put p99 with / without": _p99(with_s) / _p99(without_s),
        }

    def likely_p99_ratio(self) -> tuple[float, float]:
        """Between which two the ratio of p99 lies, as far as these turns tell: pairs of them drawn again and again."""
        luck, pairs = random.Random(_DRAWS), list(zip(self.without_s, self.with_s, strict=True))
        drawn = [luck.choices(pairs, k=len(pairs)) for _ in range(_DRAWS)]
        ratios = sorted(
            _p99(_joined([two for _, two in each])) / _p99(_joined([one for one, _ in each])) for each in drawn
        )
        beyond = round(_DRAWS * (1 - _LIKELY) / 2)
        return ratios[beyond], ratios[-1 - beyond]


@click.command()
@click.option("--scale", type=click.FloatRange(0.001, 1.0), default=1.0, help="Share of the files, for a smoke test.")
@click.option("--dir", "parent", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Disk to use.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("bench-results/scrub.json"))
def main(scale: float, parent: Path | None, out: Path) -> None:
    """Measure, print, write the figures as JSON."""
    place = choose_place() if parent is None else look_at(parent.resolve())
    screen = Console(file=sys.stdout)
    screen.print(f"measuring in {place.folder} ({place.file_system}{'' if place.is_disk else ', NOT A DISK'})")
    folder = Path(tempfile.mkdtemp(prefix="lumbung-bench-", dir=place.folder))
    try:
        loads = [make_load(folder / name, name, size, max(1, round(count * scale))) for name, size, count in _LOADS]
        rounds = max(4, round(_ROUNDS * scale))
        singles = make_load(folder / "singles", "singles", 300 * KIB, 2 * rounds * _PUTS_A_TURN)
        figures = trio.run(_measure, folder, loads, singles)
    finally:
        shutil.rmtree(folder)
    _show(screen, figures)
    _write(out, place, scale, figures)
    screen.print(f"figures written to {out}")


async def _measure(folder: Path, loads: Sequence[Load], singles: Load) -> Figures:
    sites = choose_sites((_OFFICE, "73.71"), ("batam",), None)
    founded = found_cluster(folder / "cluster", sites, Language.ENGLISH, now_ms=time.time_ns() // _MEGA)
    profile, figures = load_profile(founded.client_home(_OFFICE)), Figures()
    async with run_cluster(founded.folder, _complain, node_command) as cluster:
        await cluster.start([_OFFICE])  # alone: what others would fetch is not the scrub's
        async with open_session(profile, open_grpc, Ed25519Verifier()) as session:
            await pause_scrub(session.own)
            for load in loads:
                await _put(session, load.items, _BATCH_FILES, [])
        await cluster.restart(_OFFICE)  # everything is in tables, as after a day
        async with open_session(profile, open_grpc, Ed25519Verifier()) as session:
            files = [Path(item.path) for load in loads for item in load.items]
            figures.files_mb_s = await trio.to_thread.run_sync(_read_files, files)
            await _scrub_alone(session, founded.folder / "nodes" / _OFFICE / "data", cluster.pid(_OFFICE), figures)
            await _put_in_turns(session, singles, figures)
    return figures


def _read_files(files: Sequence[Path]) -> float:
    """MB/s of one thread that reads and hashes them, from the disk as far as the kernel lets go of them."""
    for file in files:
        _forget(file)
    read_bytes, begun = 0, time.monotonic()
    for file in files:
        content = file.read_bytes()
        blake3(content).digest()
        read_bytes += len(content)
    return read_bytes / (time.monotonic() - begun) / _MEGA


def _forget(file: Path) -> None:
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fdatasync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


async def _scrub_alone(session: Session, data: Path, pid: int, figures: Figures) -> None:
    for table in sorted((data / "rocks").glob("*.sst")):
        _forget(table)
    cpu_before_s = cpu_s(pid)
    await start_scrub(session.own)
    state = (await scrub_status(session.own, 0)).state
    while not state.ended_ms:
        await trio.sleep(_AGAIN_S)
        state = (await scrub_status(session.own, 0)).state
    if state.wrong:
        raise LoadFailed(f"the scrub found {state.wrong} blobs wrong")
    figures.scrub_cpu_s = cpu_s(pid) - cpu_before_s
    figures.scrub_mb_s, figures.read_bytes = state.rate_bytes_per_s / _MEGA, state.read_bytes


async def _put_in_turns(session: Session, singles: Load, figures: Figures) -> None:
    luck = random.Random(singles.name)
    turns = [singles.items[at : at + _PUTS_A_TURN] for at in range(0, len(singles.items), _PUTS_A_TURN)]
    for one, other in zip(turns[::2], turns[1::2], strict=True):
        is_paused_first = luck.random() < 0.5
        for items, is_paused in ((one, is_paused_first), (other, not is_paused_first)):
            waits: list[float] = []
            if is_paused:
                await pause_scrub(session.own)
                await _put(session, items, 1, waits)
                figures.without_s.append(waits)
            else:
                figures.read_during_puts_bytes += await _put_beside_scrub(session, items, waits)
                figures.with_s.append(waits)


async def _put_beside_scrub(session: Session, items: Sequence[PutItem], waits: list[float]) -> int:
    """The bytes that the last pass of the scrub has read meanwhile."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_round_and_round, session)
        await _put(session, items, 1, waits)
        nursery.cancel_scope.cancel()
    return (await scrub_status(session.own, 0)).state.read_bytes


async def _round_and_round(session: Session) -> None:
    while True:
        await start_scrub(session.own)
        await trio.sleep(_AGAIN_S)


async def _put(session: Session, items: Sequence[PutItem], at_once: int, waits: list[float]) -> None:
    """Put these, so many at a time; with one at a time `waits` gets the seconds until each was durable."""
    handed: dict[str, float] = {}
    settled = trio.Event()
    durable = 0

    def answered(item: PutItem, answer: PutAnswer) -> None:
        nonlocal durable
        durable += answer.outcome.is_durable
        waits.append(time.monotonic() - handed[item.path])
        settled.set()

    async def batches() -> AsyncGenerator[Sequence[PutItem], None]:
        nonlocal settled
        for at in range(0, len(items), at_once):
            settled = trio.Event()
            batch = items[at : at + at_once]
            handed.update((item.path, time.monotonic()) for item in batch)
            yield batch
            if at_once == 1:
                await settled.wait()

    failure = await put_many(session.own, batches(), _ALONE, session.blocking, answered)
    if failure is not None or durable != len(items):
        raise LoadFailed(f"{durable} of {len(items)} blobs are durable; {failure or ''}")


def _joined(turns: Sequence[Sequence[float]]) -> list[float]:
    return [seconds for turn in turns for seconds in turn]


def _p99(seconds: Sequence[float]) -> float:
    rising = sorted(seconds)
    return rising[min(len(rising) - 1, len(rising) * 99 // 100)]


def _complain(death: Death) -> None:
    sys.stderr.write(f"{death}\n")


def _show(screen: Console, figures: Figures) -> None:
    screen.print(
        f"files + BLAKE3, one thread: {figures.files_mb_s:,.0f} MB/s; scrub of {figures.read_bytes / _MEGA:,.0f} MB:"
        f" {figures.scrub_mb_s:,.0f} MB/s, {figures.scrub_cpu_s:.1f} s of CPU"
    )
    for name, turns in (("paused", figures.without_s), ("going", figures.with_s)):
        waits = _joined(turns)
        p50_ms, p99_ms = statistics.median(waits) * 1000, _p99(waits) * 1000
        screen.print(f"puts of 300 KiB one at a time, scrub {name}: p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms")
    screen.print(f"read by the scrub meanwhile: {figures.read_during_puts_bytes / _MEGA:,.1f} MB")
    for name, ratio in figures.ratios().items():
        screen.print(f"{ratio:.2f} x {name}")
    low, high = figures.likely_p99_ratio()
    screen.print(
        f"p99 with / without lies between {low:.2f} and {high:.2f} ({_LIKELY:.0%} of {_DRAWS} draws of"
        f" {len(figures.with_s)} pairs of turns); load average {os.getloadavg()[0]:.1f}"
    )
    screen.print(f"marks: at least {_RATE_MARK} for the rate, at most {_LATENCY_MARK} for p99")


def _write(out: Path, place: Place, scale: float, figures: Figures) -> None:
    document = {
        "schema": "lumbung.bench.scrub/1",
        "file_system": place.file_system,
        "cores": os.cpu_count(),
        "scale": scale,
        "figures": asdict(figures),
        "ratios": figures.ratios(),
        "likely_p99_ratio": figures.likely_p99_ratio(),
        "load_average": os.getloadavg(),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
