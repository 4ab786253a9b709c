"""A bad line between an office and its holders: delay, loss, a thin line, cuts of both ways and of one, reordering.

The family runs in a process of its own (`python -m lumbung_testing.chaos.network FOLDER COUNT SEED`) that has a network
namespace of its own: the office and its station live there, its peer and the DRC far away, and a relay carries packets
between. Whatever the line does, the office's puts must be answered as ever; when it heals, the copies must come.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from lumbung_cluster.limits import MIB
from lumbung_node.config import Language
from lumbung_testing.chaos.far_places import Places, two_places
from lumbung_testing.chaos.machine import Refused, call, enter_own_network, need_programs
from lumbung_testing.chaos.relay import FAR, NEAR, Line
from lumbung_testing.chaos.report import Order, Report, Tell, spread
from lumbung_testing.chaos.stations import Pace, Station, await_safe, missing_promises
from lumbung_testing.real_clusters import DRC, now_ms, on_test_path, open_office, real_cluster
from lumbung_testing.sealed_files import looking_sealed, write_item
from lumbung_tools.client.answers import PutAnswer
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.localcluster.founding import Founded, found_cluster
from lumbung_tools.localcluster.processes import node_command
from lumbung_tools.localcluster.sites import Site, choose_sites

__all__ = ["run_network"]

_OFFICE = "36.02"
_PEER = "34.04"
_BAD_S = 8.0
_BRIEF_BAD_S = 3.0
_CALM_S = 2.0
_FLAP_S = 1.0
_ANSWER_S_MAX = 5.0  # a put waits for nobody; a busy machine may be slow
_PATIENCE_S = 150.0  # a partner's pause between two dials grows to a minute
_LARGE_BYTES = 64 * MIB
_LARGE_RATE_BIT_S = 64e6  # two copies take 17 s
_CUT_S = 5.0
_RESENT_MAX = 1.25  # of what two holders need; a start from nothing after half would be 1.5
_LOOK_S = 0.1
_PACE = Pace(large_every=0)  # the bytes of the one large blob are counted


@dataclass(frozen=True, slots=True)
class _Placed(Site):
    """A site at an address of one of the two places."""

    host: str

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


async def run_network(order: Order) -> Report:
    """Runs the family in its own process. Raises Refused."""
    folder, count, luck, tell = order.folder, order.count, order.luck, order.tell
    need_programs("ip", "unshare", "nsenter")
    bad_s = _BRIEF_BAD_S if order.brief else _BAD_S
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", __name__, str(folder), str(count), str(luck.random()), str(bad_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=on_test_path(),
        process_group=0,  # Ctrl-C reaches it as the end of its standard input, once
    )
    said = b""
    try:
        assert process.stdout is not None
        async for piece in process.stdout:
            said += piece
            _tell_last(piece, tell)
    finally:
        with trio.CancelScope(shield=True):
            assert process.stdin is not None
            await process.stdin.aclose()  # it ends by that
            await process.wait()
    return _parse(said, count)


def _tell_last(piece: bytes | bytearray, tell: Tell) -> None:
    """The newest line, but the report itself."""
    last = piece.decode("utf-8", "replace").splitlines()[-1]
    if not last.startswith("{"):
        tell(last)


def _parse(said: bytes, count: int) -> Report:
    lines = said.decode("utf-8", "replace").splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise AssertionError(f"the network family ended without a report: {lines[-1:]}")
    fields = json.loads(lines[-1])
    if "refused" in fields:
        raise Refused(fields["refused"])
    report = Report("network", count, fields["run"], Counter(fields["skipped"]))
    report.lost, report.broken, report.figures = fields["lost"], fields["broken"], fields["figures"]
    return report


# --- inside the process of its own ---------------------------------------------------------------------------------


class _Ground:
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


async def _steady(line: Line, ground: _Ground) -> None:
    await ground.line(line)
    await trio.sleep(ground.bad_s)


async def _flapping(ground: _Ground) -> None:
    for turn in range(int(ground.bad_s / _FLAP_S)):
        await ground.line(Line(cut=(turn % 2 == 0, turn % 2 == 0)))
        await trio.sleep(_FLAP_S)


async def _by_kernel(add: Sequence[str], remove: str, ground: _Ground) -> None:
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


async def _cut_inside_a_blob(ground: _Ground) -> None:
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
    async with open_office(ground.founded, _OFFICE) as session:
        if await await_safe(session, _PATIENCE_S) is None:
            ground.report.broken.append(f"the large blob had not its copies {_PATIENCE_S:.0f} s later")
    resent = (await _bytes_sent(ground) - before) / (2 * _LARGE_BYTES)
    ground.report.figures["bytes sent for a blob cut in the middle, of what is needed"] = round(resent, 2)
    if resent > _RESENT_MAX:
        ground.report.broken.append(f"a blob cut in the middle cost {resent:.2f} times its bytes")


async def _put_large(ground: _Ground) -> None:
    content = looking_sealed(ground.luck.randbytes(_LARGE_BYTES))
    item = write_item(ground.folder, "large.age", content)
    station = ground.station

    async def one() -> AsyncGenerator[Sequence[PutItem], None]:
        yield [item]

    def take(_item: PutItem, answer: PutAnswer) -> None:
        if answer.outcome.is_durable:
            station.durable[item.id] = None
            station.claims.setdefault(item.id, set()).update(answer.copies.holders)

    async with open_office(ground.founded, _OFFICE) as session:
        terms = PutTerms(copies=1, wait_s=0.0, retry_s=_PATIENCE_S)
        assert await put_many(session.own, one(), terms, session.blocking, take) is None


async def _bytes_sent(ground: _Ground) -> int:
    return (await trio.to_thread.run_sync(ground.places.counters)).bytes[0]


_Condition = Callable[[_Ground], Awaitable[None]]
_CONDITIONS: Sequence[tuple[str, _Condition]] = (
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


async def _run(folder: Path, count: int, luck: random.Random, bad_s: float, places: Places) -> Report:
    report = Report("network", count)
    founded = _found(folder)
    station = Station(founded, _OFFICE, folder / "files", luck, _PACE)
    ground = _Ground(founded, places, station, report, folder, bad_s)
    healed_s: list[float] = []

    def command(config: Path) -> list[str]:
        words = node_command(config)
        return words if config.parent.name == _OFFICE else places.far_away(words)

    async with real_cluster(founded, command), trio.open_nursery() as nursery:
        nursery.start_soon(station.run)
        await station.await_answer()
        while report.run + report.skipped.total() < count:
            name, condition = _CONDITIONS[(report.run + report.skipped.total()) % len(_CONDITIONS)]
            await _suffer(ground, name, condition, healed_s)
            print(f"{report.run} of {count}: {name}, {len(station.durable)} durable blobs", flush=True)
        nursery.cancel_scope.cancel()
    async with real_cluster(founded, command), open_office(founded, _OFFICE) as session:
        report.lost += await missing_promises(session, station)
    report.figures |= {
        "durable blobs": len(station.durable),
        "three copies again after": spread(healed_s),
    }
    return report


async def _suffer(ground: _Ground, name: str, condition: _Condition, healed_s: list[float]) -> None:
    """Calm, then the bad line, then calm again until everything has its copies."""
    report, station = ground.report, ground.station
    begun, skipped = len(station.answer_s), report.skipped.total()
    await trio.sleep(_CALM_S)
    calm = station.answer_s[begun:]
    begun = len(station.answer_s)
    await condition(ground)
    bad = station.answer_s[begun:]
    await ground.line(Line())
    if report.skipped.total() > skipped:
        return
    async with open_office(ground.founded, _OFFICE) as session:
        seconds = await await_safe(session, _PATIENCE_S)
    report.run += 1
    report.figures[f"answers, {name}"] = f"{spread(bad)} (before: {spread(calm)})"
    if not bad or max(bad) > _ANSWER_S_MAX:
        report.broken.append(f"{name}: puts were not answered by their own node as ever: {spread(bad)}")
    if seconds is None:
        report.broken.append(f"{name}: no three copies of everything {_PATIENCE_S:.0f} s after the line healed")
    else:
        healed_s.append(seconds)


def _found(folder: Path) -> Founded:
    sites = [
        _Placed(
            site.number,
            site.name,
            site.role,
            site.region,
            site.port,
            site.load_bytes,
            site.capacity_bytes,
            NEAR if site.name == _OFFICE else FAR,
        )
        for site in choose_sites((_OFFICE, _PEER), (DRC.removeprefix("drc-"),), None)
    ]
    return found_cluster(folder / "cluster", sites, Language.ENGLISH, now_ms=now_ms())


async def _run_while_wanted(folder: Path, count: int, luck: random.Random, bad_s: float, places: Places) -> Report:
    """Whoever started us holds our standard input open as long as the report is wanted."""
    report = Report("network", count)
    async with trio.open_nursery() as nursery:

        async def follow_parent() -> None:
            await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
            nursery.cancel_scope.cancel()

        nursery.start_soon(follow_parent)
        report = await _run(folder, count, luck, bad_s, places)
        nursery.cancel_scope.cancel()
    return report


def main() -> int:
    folder, count, seed, bad_s = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
    try:
        enter_own_network()
        with two_places() as places:
            report = trio.run(_run_while_wanted, folder, count, random.Random(seed), bad_s, places)
    except Refused as refused:
        print(json.dumps({"refused": str(refused)}))
        return 0
    fields = {"run": report.run, "skipped": report.skipped, "lost": report.lost, "broken": report.broken}
    print(json.dumps({**fields, "figures": report.figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
