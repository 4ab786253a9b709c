"""The demo from beginning to end: found, start, enroll, lose an office, get everything back, count."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import trio
from rich.console import Console as RichConsole

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.roster_node import Role
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_tools.client.profile import load_profile
from lumbung_tools.client.session import OpenTransport, Session, open_session
from lumbung_tools.demo.board import Board
from lumbung_tools.demo.enroll import PutTally, draw_enrollments, put_enrollments
from lumbung_tools.demo.recover import Recovery, get_everything_back
from lumbung_tools.localcluster.founding import Founded, found_cluster
from lumbung_tools.localcluster.processes import Death, LocalCluster, node_command, run_cluster
from lumbung_tools.localcluster.sites import Site, choose_sites
from lumbung_tools.output.console import Console
from lumbung_tools.output.refusals import reason_of

__all__ = ["DRCS", "OFFICES", "Show", "Summary"]

OFFICES = ("36.02", "34.04", "73.71")  # Lebak, Sleman, Makassar: three provinces, two island groups
DRCS = ("batam",)
_SEED = 1
_SAFE_S_MAX = 30.0  # after the last put: then the table says what is missing, and the demo goes on
_MEGA = 1_000_000


@dataclass(slots=True)
class Summary:
    """What was counted. `lost` names each file that did not come back byte by byte, with the reason."""

    records: int
    stored: int = 0
    safe: int = 0
    size_bytes: int = 0
    put_s: float = 0.0
    victim: str = ""
    victim_records: int = 0
    back_s: float = 0.0
    recovery: Recovery = field(default_factory=Recovery)
    problems: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Recordings of the lost office that did not come back whole; one that was never stored counts too."""
        return self.victim_records - self.recovery.recovered

    @property
    def is_good(self) -> bool:
        return self.lost == 0 and self.stored == self.safe == self.records and not self.problems


class Show:
    """One run in one folder; `screen` shows the table."""

    def __init__(
        self, console: Console, screen: RichConsole, open_transport: OpenTransport, folder: Path, records: int
    ) -> None:
        self._console = console
        self._screen = screen
        self._open_transport = open_transport
        self._folder = folder
        self.cluster_folder = folder / "cluster"
        self._summary = Summary(records)

    async def run(self) -> Summary:
        """Raises NodeFailed and other expected errors, in an exception group."""
        founded, drawn = await trio.to_thread.run_sync(self._prepare)
        async with run_cluster(self.cluster_folder, self._died, node_command) as cluster:
            started_at = time.monotonic()
            await cluster.start(cluster.names)
            self._console.say(
                "demo.started", nodes=len(cluster.names), seconds=self._number(time.monotonic() - started_at)
            )
            tallies = await self._enroll(founded, drawn)
            victim = founded.sites[0]
            await self._lose(cluster, victim)
            await self._get_back(founded, victim, drawn[victim.name], tallies[victim.name])
        return self._summary

    def _prepare(self) -> tuple[Founded, Mapping[str, Sequence[Path]]]:
        started_at = time.monotonic()
        founded = found_cluster(
            self.cluster_folder,
            choose_sites(OFFICES, DRCS, None),
            self._console.catalogue.language,
            now_ms=time.time_ns() // 1_000_000,
        )
        offices = [site for site in founded.sites if site.role is Role.OFFICE]
        drawn = draw_enrollments(self._folder / "enrollments", offices, self._summary.records, _SEED)
        (self._folder / "recovered").mkdir()
        size_bytes = sum(file.stat().st_size for files in drawn.values() for file in files)
        self._summary.size_bytes = size_bytes
        self._console.say(
            "demo.prepared",
            names=", ".join(f"{site.name} ({site.region.name})" for site in founded.sites),
            records=self._summary.records,
            size=self._console.catalogue.size(size_bytes),
            seconds=self._number(time.monotonic() - started_at),
        )
        return founded, drawn

    async def _enroll(self, founded: Founded, drawn: Mapping[str, Sequence[Path]]) -> Mapping[str, PutTally]:
        tallies = {name: PutTally() for name in drawn}
        async with AsyncExitStack() as stack:
            sessions = {name: await stack.enter_async_context(self._session(founded, name)) for name in drawn}
            board = Board(self._console, self._screen, sessions, {name: len(files) for name, files in drawn.items()})
            started_at = time.monotonic()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(board.watch)
                await self._put_all(sessions, drawn, tallies)
                nursery.cancel_scope.deadline = trio.current_time() + _SAFE_S_MAX
            self._summary.put_s = time.monotonic() - started_at
        self._summary.stored = sum(len(tally.stored) for tally in tallies.values())
        self._summary.safe = board.safe
        self._summary.problems += [problem for tally in tallies.values() for problem in tally.problems]
        self._say_enrolled()
        return tallies

    async def _put_all(
        self, sessions: Mapping[str, Session], drawn: Mapping[str, Sequence[Path]], tallies: Mapping[str, PutTally]
    ) -> None:
        async def put_one(name: str) -> None:
            failure: LumbungError | None = await put_enrollments(sessions[name], drawn[name], tallies[name])
            if failure is not None:
                self._summary.problems.append(f"{name}: {failure}")

        async with trio.open_nursery() as nursery:
            for name in sessions:
                nursery.start_soon(put_one, name)

    async def _lose(self, cluster: LocalCluster, victim: Site) -> None:
        await cluster.kill(victim.name)
        await trio.to_thread.run_sync(partial(cluster.wipe_data, victim.name))
        folder = cluster.configs[victim.name].data
        self._console.say("demo.lost_office", office=victim.name, name=victim.region.name, folder=folder)

    async def _get_back(self, founded: Founded, victim: Site, files: Sequence[Path], tally: PutTally) -> None:
        started_at = time.monotonic()
        async with self._session(founded, victim.name) as session:
            recovery = await get_everything_back(session, tally.stored, self._folder / "recovered")
        self._summary.back_s = time.monotonic() - started_at
        self._summary.recovery = recovery
        self._summary.victim, self._summary.victim_records = victim.name, len(files)
        self._summary.problems += [f"{file.name}: {why}" for file, why in recovery.lost.items()]
        self._console.say(
            "demo.recovered",
            count=recovery.recovered,
            total=len(files),
            sources=", ".join(f"{name} {count}" for name, count in sorted(recovery.sources.items())),
            seconds=self._number(time.monotonic() - started_at),
            rate=self._number(recovery.size_bytes / self._summary.back_s / _MEGA),
        )

    def _session(self, founded: Founded, name: str) -> AbstractAsyncContextManager[Session]:
        profile = load_profile(founded.client_home(name))
        return open_session(profile, self._open_transport, Ed25519Verifier())

    def _say_enrolled(self) -> None:
        summary = self._summary
        self._console.say(
            "demo.enrolled",
            stored=summary.stored,
            records=summary.records,
            safe=summary.safe,
            seconds=self._number(summary.put_s),
            files=f"{summary.safe / summary.put_s:.0f}",
            rate=self._number(summary.size_bytes / summary.put_s / _MEGA),
        )

    def _died(self, death: Death) -> None:
        self._summary.problems.append(str(death))
        self._console.warn("cluster.died", death=reason_of(self._console, death))

    def _number(self, number: float) -> str:
        """With one digit, as the reader's language writes it."""
        return self._console.catalogue.decimal(f"{number:.1f}")
