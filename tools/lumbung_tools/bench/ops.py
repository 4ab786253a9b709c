"""`make bench-ops`: the whole country in one view, from a real DRC node that holds a report of each of its 514 offices.

A cluster of the real offices is founded, their reports are signed with their own keys and put into the store of the DRC
node as it keeps them itself; then the node runs, and its operator asks over mutual TLS. The offices themselves do not
run, so the node dials 514 closed doors meanwhile, as it would after a night without power.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import click
import trio
from rich.console import Console as RichConsole

from lumbung_cluster import limits
from lumbung_cluster.health import Severity
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.report import (
    DiskReport,
    ForeignReport,
    LinkReport,
    LinkWord,
    NodeReport,
    OwnReport,
    ScrubReport,
    SignedReport,
    TroubleReport,
)
from lumbung_cluster.report_codec import sign_report
from lumbung_cluster.roster_node import Role
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer, Ed25519Verifier
from lumbung_node.adapters.rocks.keyvalue import open_rocks
from lumbung_node.config import Language
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.store.report_rows import pack_report, report_key
from lumbung_tools.catalogue.text import Catalogue
from lumbung_tools.client.over_grpc import open_grpc
from lumbung_tools.client.profile import load_profile
from lumbung_tools.client.reports import ClusterAnswer, ask_cluster
from lumbung_tools.client.session import open_session
from lumbung_tools.localcluster.disk import choose_place
from lumbung_tools.localcluster.founding import Founded, found_cluster
from lumbung_tools.localcluster.processes import Death, node_command, run_cluster
from lumbung_tools.localcluster.sites import Site, choose_sites
from lumbung_tools.output.cluster_page import NODE_HEADS, node_row, print_cluster
from lumbung_tools.output.console import Console
from lumbung_tools.output.screen import draw_screen
from lumbung_tools.regions import all_regions

__all__ = ["main"]

_DRC = "drc-batam"
_ENROLLMENT_BYTES = 300_000
_GIB = 1 << 30
_CAPACITY_BYTES_MIN = 500 * 10**9
_PORT_FIRST = 1024  # of the offices, where nobody listens
_ROUNDS = 9
_SETTLE_S = 20.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds: the first with a new connection, the others medians on an open one. `cpu_ms` is what the view
    costs the client's processor, whoever else uses the machine, and `command_cpu_ms` the whole command with its start.
    """

    offices: int
    answer_bytes: int
    first_ask_ms: float
    ask_ms: float
    status_ms: float
    nodes_ms: float
    screen_ms: float
    command_s: float
    cpu_ms: float
    command_cpu_ms: float

    @property
    def view_ms(self) -> float:
        """What a person waits for besides the start of the command: a connection, the answer, the page."""
        return self.first_ask_ms + self.status_ms


@click.command()
@click.option("--offices", type=click.IntRange(2, 514), default=514, help="How many of the 514 offices.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("bench-results/ops.json"))
def main(offices: int, out: Path) -> None:
    """Measure, print, write the figures as JSON."""
    screen = RichConsole(file=sys.stdout)
    folder = Path(tempfile.mkdtemp(prefix="lumbung-bench-", dir=choose_place().folder))
    try:
        now_ms = time.time_ns() // 1_000_000
        founded = found_cluster(folder / "cluster", _sites(offices), Language.ENGLISH, now_ms=now_ms, joining=[_DRC])
        figures = trio.run(_measure, founded)
    finally:
        shutil.rmtree(folder)
    screen.print(f"{figures.offices} offices and {_DRC}; {figures.answer_bytes / 1024:,.0f} KiB of reports")
    screen.print(f"ask, with a new connection   {figures.first_ask_ms:8.1f} ms (signatures checked)")
    screen.print(f"ask again                    {figures.ask_ms:8.1f} ms")
    screen.print(f"status --cluster, the page   {figures.status_ms:8.1f} ms")
    screen.print(f"nodes, the table             {figures.nodes_ms:8.1f} ms")
    screen.print(f"top, one screen of 40 lines  {figures.screen_ms:8.1f} ms")
    screen.print(f"one view: ask and page       {figures.view_ms:8.1f} ms (mark 1,000)")
    screen.print(f"   of it on the client's processor {figures.cpu_ms:4.0f} ms; load average {os.getloadavg()[0]:.1f}")
    screen.print(
        f"the whole command, started from nothing {figures.command_s:.2f} s, "
        f"{figures.command_cpu_ms:.0f} ms of it on the processor"
    )
    document = {
        "schema": "lumbung.bench.ops/1",
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "view_ms": figures.view_ms,
        **{name: getattr(figures, name) for name in Figures.__slots__},
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    screen.print(f"figures written to {out}")


def _sites(count: int) -> list[Site]:
    """The first offices by code, with loads and capacities by population, and the DRC node on a free port."""
    found = []
    for number, region in enumerate(list(all_regions().values())[:count], start=1):
        load_bytes = region.population * _ENROLLMENT_BYTES
        capacity_bytes = max(_CAPACITY_BYTES_MIN, 4 * load_bytes)
        place = (NodeNumber(number), region.code, Role.OFFICE, region, _PORT_FIRST + number)
        found.append(Site(*place, load_bytes, capacity_bytes))
    *_, drc = choose_sites((found[0].name,), ("batam",), None)
    return [*found, replace(drc, number=NodeNumber(count + 1), capacity_bytes=10**16)]


# --- reports -------------------------------------------------------------------------------------------------------


def _reports(founded: Founded) -> list[SignedReport]:
    """What a country says on an ordinary day: one office in forty is yellow, one in a hundred red."""
    draws = random.Random(514)
    offices = [site for site in founded.sites if site.role is Role.OFFICE]
    signed = []
    for site in offices:
        key = Ed25519Signer.load(founded.folder / "nodes" / site.name / "keys" / "receipt.key.pem")
        signed.append(sign_report(_report(founded, site, draws), key))
    return signed


def _report(founded: Founded, site: Site, draws: random.Random) -> NodeReport:
    blobs = round(site.load_bytes / _ENROLLMENT_BYTES * draws.uniform(0.2, 0.7))
    short = draws.choice((0, 0, 0, 3, 40))
    partners = founded.roster.partners_of(site.number)[: limits.REPORT_LINKS_MAX]
    links = tuple(
        LinkReport(
            partner, LinkWord.UP, 80_000, 2, short, 60 if short else 0, blobs - short, 200_000, draws.randrange(90_000)
        )
        for partner in partners
    )
    troubles = tuple(_troubles(draws, partners[0]))
    return NodeReport(
        cluster=founded.roster.cluster,
        node=site.number,
        generation=Generation(1),
        sequence=(1 << 40) + draws.randrange(10_000),
        roster_epoch=1,
        roster_hash=bytes(32),
        access_version=1,
        software="0.1.0",
        wire_low=0,
        wire_high=0,
        disk_format=0,
        uptime_s=draws.randrange(10_000_000),
        clock_ms=time.time_ns() // 1_000_000,
        certificate_ends_ms=time.time_ns() // 1_000_000 + 10**11,
        takes_puts=True,
        own=OwnReport(blobs, blobs * _ENROLLMENT_BYTES, (0, short, blobs - short), 0, 60 if short else 0),
        foreign=ForeignReport(1, blobs, blobs * _ENROLLMENT_BYTES),
        disk=DiskReport(draws.randrange(50, 900) * _GIB, 1000 * _GIB),
        scrub=ScrubReport(500_000, 604_800, 200_000),
        link_counts=(len(links), 0, 0, 0),
        links=links,
        troubles=troubles,
    )


def _troubles(draws: random.Random, partner: NodeNumber) -> list[TroubleReport]:
    if draws.random() < 1 / 100:
        return [TroubleReport("DISK_LOW", Severity.CRITICAL, reason="own")]
    if draws.random() < 1 / 40:
        return [TroubleReport("LINK_DOWN", Severity.WARNING, partner)]
    return []


async def _fill(founded: Founded, reports: list[SignedReport]) -> None:
    """Into the store of the node that is down, as the node itself keeps them."""
    store = await open_rocks(founded.folder / "nodes" / _DRC / "data", create=False)
    batch, now_ms = Batch(), time.time_ns() // 1_000_000
    for signed in reports:
        batch.put(Family.SYSTEM, report_key(signed.content.node), pack_report(signed, now_ms))
    await store.write(batch)
    await store.sync()
    await store.close()


# --- asking --------------------------------------------------------------------------------------------------------


async def _measure(founded: Founded) -> Figures:
    def fail(death: Death) -> None:
        raise AssertionError(f"the node died: {death}")

    async with run_cluster(founded.folder, fail, node_command) as cluster:
        await cluster.start([_DRC])
        await cluster.stop([_DRC])
        reports = await trio.to_thread.run_sync(_reports, founded)
        await _fill(founded, reports)
        await cluster.start([_DRC])
        await trio.sleep(_SETTLE_S)  # until it has dialled everybody once
        return await _ask(founded, reports)


async def _ask(founded: Founded, reports: list[SignedReport]) -> Figures:
    profile = load_profile(founded.client_home(_DRC))
    async with open_session(profile, open_grpc, Ed25519Verifier()) as session:
        begun, used_s = time.monotonic(), time.process_time()
        answer = await ask_cluster(session)
        first_ms = _since_ms(begun)
        print_cluster(_console(), answer, answer.views(), session.roster.name)
        cpu_ms = (time.process_time() - used_s) * 1000
        again = []
        for _ in range(_ROUNDS):
            begun = time.monotonic()
            answer = await ask_cluster(session)
            again.append(_since_ms(begun))
        told = sum(view.report is not None for view in answer.views())
        if told < len(reports):
            raise AssertionError(f"expected {len(reports)} reports, got {told}")
        name = session.roster.name
    command_s, command_cpu_ms = await _run_command(founded)
    return Figures(
        offices=len(reports),
        answer_bytes=sum(len(signed.to_bytes()) for signed in reports),
        first_ask_ms=first_ms,
        ask_ms=statistics.median(again),
        status_ms=_median_ms(lambda: print_cluster(_console(), answer, answer.views(), name)),
        nodes_ms=_median_ms(lambda: _print_table(answer, name)),
        screen_ms=_median_ms(lambda: _print_screen(answer, name)),
        command_s=command_s,
        cpu_ms=cpu_ms,
        command_cpu_ms=command_cpu_ms,
    )


def _print_table(answer: ClusterAnswer, name: Callable[[int], str]) -> None:
    console = _console()
    console.table(NODE_HEADS, [node_row(console, view, name) for view in answer.views()])


def _print_screen(answer: ClusterAnswer, name: Callable[[int], str]) -> None:
    RichConsole(file=StringIO(), width=80).print(draw_screen(_console(), answer, name, {}, height=40))


def _console() -> Console:
    return Console(Catalogue(Language.ENGLISH), StringIO(), StringIO(), is_json=False)


async def _run_command(founded: Founded) -> tuple[float, float]:
    """Its seconds, and its milliseconds on the processor: the node, a child too, is counted only when it ends."""
    words = [sys.executable, "-m", "lumbung_tools", "status", "--cluster", "--home", str(founded.client_home(_DRC))]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    await trio.run_process(words, capture_stdout=True)
    taken_s, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken_s, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def _median_ms(work: Callable[[], None]) -> float:
    taken = []
    for _ in range(_ROUNDS):
        begun = time.monotonic()
        work()
        taken.append(_since_ms(begun))
    return statistics.median(taken)


def _since_ms(begun: float) -> float:
    return (time.monotonic() - begun) * 1000


if __name__ == "__main__":
    main()
