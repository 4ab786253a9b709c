"""`make bench-reconcile`, between two processes: what two DRC nodes say to each other over mutual TLS.

Both were filled while they were down, and each has a mark that says that nothing is missing: what differs is found by
the comparison that a node makes 2 s behind its Hello. Protocol bytes and round trips are what the asking node counts
itself, from its log; bytes on the wire are what two relays between the nodes count from the first dial until both are
equal, and they contain TLS, HTTP/2, the Hellos, offers and blobs (24 B each).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import trio

from lumbung_cluster.errors import LumbungError
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_proto.v1 import operations_pb2, reconcile_pb2
from lumbung_tools.bench.holders import Holders, agree, fill, found_holders
from lumbung_tools.bench.relay import LOOPBACK, CountingRelay, RelayLine, relaying
from lumbung_tools.client.ask import status
from lumbung_tools.client.over_grpc import open_grpc
from lumbung_tools.client.profile import load_profile
from lumbung_tools.client.reconcile import reconcile
from lumbung_tools.client.session import Session, open_session
from lumbung_tools.localcluster.disk import choose_place, look_at
from lumbung_tools.localcluster.processes import Death, LocalCluster, node_command, run_cluster

__all__ = ["main"]

_DIFFERENCES = (1, 10, 100, 1_000, 10_000)
_ORIGINS, _ORIGIN_IDS = 514, 100
_ORIGINS_DIFFERING = (1, 10, 100)
_LOOK_S = 0.1
_PATIENCE_S = 300.0
# Half of the round trip, and bytes a second: lines of offices.
_LINES = {
    "loopback": LOOPBACK,
    "10m": RelayLine(0.02, 10e6 / 8),
    "1m": RelayLine(0.3, 1e6 / 8),
    "128k": RelayLine(0.3, 128e3 / 8),
}
_WHOLE = (reconcile_pb2.RECONCILE_OUTCOME_EQUAL, reconcile_pb2.RECONCILE_OUTCOME_MENDED)


@dataclass(frozen=True, slots=True)
class Figure:
    """One comparison. `searches` are the round trips until all differences were known, `questions` all of them."""

    ids: int
    origins: int
    differ: int
    sides: int
    protocol_bytes: int
    searches: int
    questions: int
    elapsed_ms: int
    wire_bytes: int


@click.command()
@click.option(
    "--ids", multiple=True, type=int, default=(10_000, 100_000), help="Ids that both have; 1000000 takes minutes."
)
@click.option("--differ", multiple=True, type=int, default=_DIFFERENCES, help="How many of them differ.")
@click.option("--origins/--no-origins", default=True, help="Also two nodes with 514 origins.")
@click.option("--line", type=click.Choice(list(_LINES)), default="loopback", help="What lies between the two.")
@click.option("--dir", "parent", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Disk to use.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("bench-results/reconcile.json"))
def main(
    ids: tuple[int, ...], differ: tuple[int, ...], origins: bool, line: str, parent: Path | None, out: Path
) -> None:
    """Measure, print, write the figures as JSON."""
    place = choose_place() if parent is None else look_at(parent.resolve())
    folder = Path(tempfile.mkdtemp(prefix="lumbung-bench-", dir=place.folder))
    figures: list[Figure] = []
    heads = f"{'origins':>8} {'ids':>8} {'differ':>7} {'sides':>6} {'bytes':>9}"
    print(f"{heads} {'trips':>6} {'all':>5} {'ms':>8} {'on the wire':>12}")
    try:
        for count in ids:
            figures += trio.run(_pairs, folder / f"pair-{count}", count, differ, _LINES[line])
        if origins:
            figures += trio.run(_many_origins, folder / "origins", _LINES[line])
    finally:
        shutil.rmtree(folder)
    out.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "schema": "lumbung.bench.reconcile/1",
        "line": line,
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "figures": [asdict(figure) for figure in figures],
    }
    out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"figures written to {out}")


async def _pairs(folder: Path, count: int, differences: Sequence[int], line: RelayLine) -> list[Figure]:
    """One origin of so many ids at both, and then more at one or at each."""
    holders = found_holders(folder, 1, random.Random(count), line)
    begun = time.monotonic()
    await fill(holders, holders.names, {0: count})
    print(f"filled with {count:,} ids each in {time.monotonic() - begun:.0f} s", flush=True)
    base = _Base(holders)
    await agree(holders)
    figures = [await _compare_equal(holders, count)]
    _tell(figures[-1])
    for differ in differences:
        for sides in (1, 2):
            if sides == 2 and differ == 1:
                continue
            base.restore()
            there = differ // 2 if sides == 2 else 0
            await fill(holders, holders.names[:1], {0: differ - there})
            await fill(holders, holders.names[1:], {0: there})
            await agree(holders)
            figures.append(await _mend(holders, count, differ, sides))
            _tell(figures[-1])
    return figures


async def _many_origins(folder: Path, line: RelayLine) -> list[Figure]:
    """As many origins as the country has; in a few of them one node has one recording more."""
    holders = found_holders(folder, _ORIGINS, random.Random(_ORIGINS), line)
    await fill(holders, holders.names, dict.fromkeys(range(_ORIGINS), _ORIGIN_IDS))
    base = _Base(holders)
    await agree(holders)
    figures = [await _compare_equal(holders, _ORIGINS * _ORIGIN_IDS)]
    _tell(figures[-1])
    for differ in _ORIGINS_DIFFERING:
        base.restore()
        spread = range(0, _ORIGINS, _ORIGINS // differ)[:differ]
        await fill(holders, holders.names[:1], dict.fromkeys(spread, 1))
        await agree(holders)
        figures.append(await _mend(holders, _ORIGINS * _ORIGIN_IDS, differ, 1))
        _tell(figures[-1])
    return figures


class _Base:
    """The homes of both nodes as they are now, to come back to."""

    def __init__(self, holders: Holders) -> None:
        self._nodes = holders.founded.folder / "nodes"
        self._copy = holders.founded.folder / "base"
        self._names = holders.names
        for name in self._names:
            shutil.copytree(self._nodes / name, self._copy / name)
        self._histories = [(origin, origin.count, origin.running_hash) for origin in holders.origins]

    def restore(self) -> None:
        for name in self._names:
            shutil.rmtree(self._nodes / name)
            shutil.copytree(self._copy / name, self._nodes / name)
        for origin, count, running_hash in self._histories:
            origin.count, origin.running_hash = count, running_hash


async def _compare_equal(holders: Holders, ids: int) -> Figure:
    """Ask for a comparison of two that are equal."""
    async with _running(holders) as (_, session, relays):
        await _until_equal(session)
        ended = reconcile_pb2.ReconcileEnded()

        def take(response: reconcile_pb2.ReconcileResponse) -> None:
            ended.MergeFrom(response.ended)

        wire = sum(relay.passed_bytes for relay in relays)
        begun = trio.current_time()
        await reconcile(session.own, holders.number(holders.names[1]), None, is_all=True, on_response=take)
        elapsed_ms = round((trio.current_time() - begun) * 1000)
        wire = sum(relay.passed_bytes for relay in relays) - wire
    questions = ended.questions
    return Figure(ids, len(holders.origins), 0, 1, ended.protocol_bytes, questions, questions, elapsed_ms, wire)


async def _mend(holders: Holders, ids: int, differ: int, sides: int) -> Figure:
    async with _running(holders) as (cluster, session, relays):
        await _until_equal(session)
        wire = sum(relay.passed_bytes for relay in relays)
        log = cluster.log_file(holders.names[0]).read_text(encoding="utf-8", errors="replace")
    events = [json.loads(line) for line in log.splitlines() if '"reconcile ended"' in line]
    return Figure(
        ids,
        len(holders.origins),
        differ,
        sides,
        sum(event["protocol_bytes"] for event in events),
        events[0]["searches"],
        sum(event["questions"] for event in events),
        sum(event["elapsed_ms"] for event in events),
        wire,
    )


@asynccontextmanager
async def _running(holders: Holders) -> AsyncIterator[tuple[LocalCluster, Session, list[CountingRelay]]]:
    """Both nodes up, and an operator's session at the first; logs begin anew."""
    shutil.rmtree(holders.founded.folder / "logs", ignore_errors=True)
    async with AsyncExitStack() as stack:
        ports = [holders.ports[name] for name in holders.names]
        relays = [await stack.enter_async_context(relaying(*each, holders.line)) for each in ports]
        cluster = await stack.enter_async_context(run_cluster(holders.founded.folder, _complain, node_command))
        await cluster.start(holders.names)
        profile = load_profile(holders.founded.client_home(holders.names[0]))
        session = await stack.enter_async_context(open_session(profile, open_grpc, Ed25519Verifier()))
        yield cluster, session, relays


async def _until_equal(session: Session) -> operations_pb2.StatusResponse:
    """Until every origin was seen to be equal with the other node."""
    with trio.fail_after(_PATIENCE_S):
        while True:
            try:
                answer = await status(session.own)
            except LumbungError:  # it may have said "ready" and not listen on this channel yet
                await trio.sleep(_LOOK_S)
                continue
            met = [partner for partner in answer.reconciles if partner.last]
            if met and all(
                len(partner.last) == partner.origins and all(last.outcome in _WHOLE for last in partner.last)
                for partner in met
            ):
                return answer
            await trio.sleep(_LOOK_S)


def _tell(figure: Figure) -> None:
    print(
        f"{figure.origins:>8} {figure.ids:>8} {figure.differ:>7} {figure.sides:>6} {figure.protocol_bytes:>9}"
        f" {figure.searches:>6} {figure.questions:>5} {figure.elapsed_ms:>8} {figure.wire_bytes:>12}",
        flush=True,
    )


def _complain(death: Death) -> None:
    sys.stderr.write(f"{death}\n")


if __name__ == "__main__":
    main()
