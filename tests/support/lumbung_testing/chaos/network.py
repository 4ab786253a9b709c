"""A bad line between an office and its holders: delay, loss, a thin line, cuts of both ways and of one, reordering.

The family runs in a process of its own (`python -m lumbung_testing.chaos.network FOLDER COUNT SEED SECONDS`) that has a
network namespace of its own: the office and its station live there, its peer and the DRC far away, and a relay carries
packets between. Whatever the line does, the office's puts must be answered as ever; when it heals, the copies come.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import trio

from lumbung_node.ports.transport import LinkClass
from lumbung_testing.chaos.bad_lines import CONDITIONS, PATIENCE_S, Condition, Ground
from lumbung_testing.chaos.far_places import Places, two_places
from lumbung_testing.chaos.machine import Refused, enter_own_network, need_programs
from lumbung_testing.chaos.relay import Line
from lumbung_testing.chaos.report import Order, Report, Tell, spread
from lumbung_testing.chaos.stations import Pace, Station, await_safe, missing_promises
from lumbung_testing.placed import command_at, found_apart
from lumbung_testing.real_clusters import on_test_path, open_office, real_cluster

__all__ = ["run_network"]

_OFFICE = "36.02"
_PEER = "34.04"
_BAD_S = 8.0
_BRIEF_BAD_S = 3.0
_CALM_S = 2.0
_ANSWER_S_MAX = 5.0  # a put waits for nobody; a busy machine may be slow
_PACE = Pace(large_every=0)  # the bytes of the one large blob are counted


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


async def _run(folder: Path, count: int, luck: random.Random, bad_s: float, places: Places) -> Report:
    report = Report("network", count)
    founded = found_apart(folder, _OFFICE, _PEER, LinkClass.LAN)
    station = Station(founded, _OFFICE, folder / "files", luck, _PACE)
    ground = Ground(founded, places, station, report, folder, bad_s)
    healed_s: list[float] = []

    command = command_at(places, _OFFICE)
    async with real_cluster(founded, command), trio.open_nursery() as nursery:
        nursery.start_soon(station.run)
        await station.await_answer()
        while report.run + report.skipped.total() < count:
            name, condition = CONDITIONS[(report.run + report.skipped.total()) % len(CONDITIONS)]
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


async def _suffer(ground: Ground, name: str, condition: Condition, healed_s: list[float]) -> None:
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
        seconds = await await_safe(session, PATIENCE_S)
    report.run += 1
    report.figures[f"answers, {name}"] = f"{spread(bad)} (before: {spread(calm)})"
    if not bad or max(bad) > _ANSWER_S_MAX:
        report.broken.append(f"{name}: puts were not answered by their own node as ever: {spread(bad)}")
    if seconds is None:
        report.broken.append(f"{name}: no three copies of everything {PATIENCE_S:.0f} s after the line healed")
    else:
        healed_s.append(seconds)


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
