"""`make bench-lines`: a wiped office refilled over thin lines, and a backlog that goes out over poor ones.

    make bench-lines                          everything: about ten minutes
    make bench-lines ARGS="--only poor-128k"  one part

The office lives in a network namespace of its own, its peer and the DRC in another, and the relay of the chaos suite
carries packets between. Both holders are behind the one line, so every record crosses it twice when it goes out.
Where namespaces or TUN devices are not allowed, it says so and measures nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import trio
from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from lumbung_cluster.limits import KIB  # noqa: E402 (the path comes first)
from lumbung_node.ports.transport import LinkClass  # noqa: E402
from lumbung_proto.v1 import operations_pb2  # noqa: E402
from lumbung_testing.chaos.far_places import Places, two_places  # noqa: E402
from lumbung_testing.chaos.machine import Refused, enter_own_network, need_programs  # noqa: E402
from lumbung_testing.chaos.plain_tcp import measure_plain, receiver  # noqa: E402
from lumbung_testing.chaos.relay import FAR, Line  # noqa: E402
from lumbung_testing.chaos.stations import await_safe  # noqa: E402
from lumbung_testing.placed import command_at, found_apart  # noqa: E402
from lumbung_testing.real_clusters import open_office, real_cluster  # noqa: E402
from lumbung_tools.bench.load import Load, LoadFailed, make_load  # noqa: E402
from lumbung_tools.bench.rebuild import show_refill  # noqa: E402
from lumbung_tools.bench.refill import Refill, measure_refills  # noqa: E402
from lumbung_tools.client.answers import PutAnswer  # noqa: E402
from lumbung_tools.client.ask import status  # noqa: E402
from lumbung_tools.client.put import put_many  # noqa: E402
from lumbung_tools.client.put_frames import PutItem, PutTerms  # noqa: E402
from lumbung_tools.client.session import Session  # noqa: E402
from lumbung_tools.localcluster.disk import choose_place  # noqa: E402

_OFFICE, _PEER = "36.02", "34.04"
_HOLDERS = 2
_DURABLE = PutTerms(copies=1, wait_s=0.0, retry_s=20.0)
_PROBES = 20
_PROBE_BYTES = 2 * KIB
_PROBE_PAUSE_S = 1.0
_PATIENCE_S = 900.0
_PLAIN_S = 60.0
_MS = 1_000
_CONTROL = Path("/proc/sys/net/ipv4/tcp_congestion_control")


@dataclass(frozen=True, slots=True)
class ThinLine:
    """A refill over a line that is slower than the disk; `blobs` of 300 KiB take about half a minute."""

    rate_bit_s: float
    blobs: int


@dataclass(frozen=True, slots=True)
class PoorLine:
    """A satellite line with 600 ms there and back and 2 % loss; records so small that a run takes minutes."""

    rate_bit_s: float
    record_bytes: int
    records: int = 150


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a backlog did. Goodput counts bytes of blobs proven at the holders; `wire_bytes` is all that crossed.

    `plain_share` is what as many plain TCP connections as there are holders made of the same line just before.
    """

    rate_bit_s: float
    records: int
    record_bytes: int
    congestion_control: str
    plain_share: float
    elapsed_s: float
    payload_bytes: int
    wire_bytes: int
    probe_calm_s: list[float]
    probe_busy_s: list[float]

    @property
    def share(self) -> float:
        return self.payload_bytes * 8 / self.elapsed_s / self.rate_bit_s

    @property
    def wire_share(self) -> float:
        return self.wire_bytes * 8 / self.elapsed_s / self.rate_bit_s


_PARTS: Mapping[str, ThinLine | PoorLine] = {
    "rebuild-8m": ThinLine(8e6, 100),
    "rebuild-100m": ThinLine(100e6, 600),
    "poor-128k": PoorLine(128e3, 8 * KIB),
    "poor-1m": PoorLine(1e6, 60 * KIB),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="make bench-lines"
    )
    parser.add_argument("--only", action="append", choices=sorted(_PARTS), help="this part; may be repeated")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the records, for a smoke test")
    parser.add_argument("--control", default="", help="the kernel's congestion control, such as cubic or bbr")
    parser.add_argument("--json", type=Path, default=ROOT / "bench-results" / "lines.json")
    chosen = parser.parse_args()
    screen = Console(file=sys.stdout, soft_wrap=True)
    try:
        need_programs("ip", "unshare", "nsenter")
        enter_own_network()
        with two_places() as places:
            figures = _measure_all(screen, chosen, places)
    except Refused as refused:
        screen.print(f"skipped, because this machine does not let us: {refused}")
        return 0
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps({"schema": "lumbung.bench.lines/1", **figures}, indent=1) + "\n")
    screen.print(f"figures written to {chosen.json}")
    return 0


def _measure_all(screen: Console, chosen: argparse.Namespace, places: Places) -> dict[str, object]:
    if chosen.control:
        _control_both(places, chosen.control)
    figures: dict[str, object] = {}
    for name in chosen.only or _PARTS:
        screen.print(
            f"{name}: load average {os.getloadavg()[0]:.1f}, congestion control {_CONTROL.read_text().strip()}"
        )
        with tempfile.TemporaryDirectory(prefix="lumbung-lines-", dir=choose_place().folder) as folder:
            part = _PARTS[name]
            if isinstance(part, ThinLine):
                figures[name] = _rebuild(screen, part, chosen.scale, Path(folder), places)
            else:
                backlog = trio.run(_backlog, part, max(2, round(part.records * chosen.scale)), Path(folder), places)
                _show_backlog(screen, backlog)
                figures[name] = asdict(backlog) | {"share": backlog.share, "wire_share": backlog.wire_share}
    return figures | {"load_average": os.getloadavg()[0], "cores": os.cpu_count()}


def _control_both(places: Places, control: str) -> None:
    """For the connections that both sides open from now on. Raises Refused."""
    write = ["sh", "-c", f"echo {control} > {_CONTROL}"]
    for words in (write, places.far_away(write)):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refused(done.stderr.strip())


def _rebuild(screen: Console, part: ThinLine, scale: float, folder: Path, places: Places) -> dict[str, object]:
    places.become(Line())
    load = make_load(folder / "files", "rebuild", 300 * KIB, max(2, round(part.blobs * scale)))
    founded = found_apart(folder, _OFFICE, _PEER, LinkClass.WAN)

    async def thin() -> None:
        line = Line(delay_ms=10, rate_bit_s=part.rate_bit_s)
        await trio.to_thread.run_sync(partial(places.become, line))

    refills = trio.run(measure_refills, founded, _OFFICE, load, command_at(places, _OFFICE), thin)
    for refill in refills:
        show_refill(screen, refill)
    share, flowing = (rate * 8e6 / part.rate_bit_s for rate in (refills[0].mb_s, refills[0].flowing_mb_s))
    screen.print(f"undisturbed: {share:.2f} of the line's rate, {flowing:.2f} from the first blob on (mark 0.7)")
    return {"rate_bit_s": part.rate_bit_s, "refills": [_as_dict(each) for each in refills], "share": share}


def _as_dict(refill: Refill) -> dict[str, object]:
    return {**asdict(refill), "resent_bytes": refill.resent_bytes}


async def _backlog(part: PoorLine, records: int, folder: Path, places: Places) -> Backlog:
    founded = found_apart(folder, _OFFICE, _PEER, LinkClass.SATELLITE)
    load = make_load(folder / "files", "backlog", part.record_bytes, records)
    probes = make_load(folder / "probes", "probes", _PROBE_BYTES, 2 * _PROBES)
    # Before the connections are made: what the kernel has learnt of a quick line would spoil the first minutes.
    line = Line(delay_ms=300, loss=0.02, rate_bit_s=part.rate_bit_s)
    await trio.to_thread.run_sync(places.become, line)
    words = places.far_away(receiver(_HOLDERS, _PLAIN_S))
    plain = await trio.to_thread.run_sync(measure_plain, FAR, words, _HOLDERS, _PLAIN_S)
    async with (
        real_cluster(founded, command_at(places, _OFFICE)),
        open_office(founded, _OFFICE) as session,
    ):
        await _until_linked(session)
        calm = await _probe(session, probes.items[:_PROBES])
        await _safe(session)
        before, begun = await _crossed(places), trio.current_time()
        await _put_at_once(session, load)
        busy = await _probe(session, probes.items[_PROBES:])
        await _safe(session)
        elapsed_s = trio.current_time() - begun
        wire_bytes = await _crossed(places) - before
    control = await trio.to_thread.run_sync(_CONTROL.read_text)
    return Backlog(
        rate_bit_s=part.rate_bit_s,
        records=records,
        record_bytes=part.record_bytes,
        congestion_control=control.strip(),
        plain_share=plain.share(part.rate_bit_s),
        elapsed_s=elapsed_s,
        payload_bytes=_HOLDERS * (records * part.record_bytes + _PROBES * _PROBE_BYTES),
        wire_bytes=wire_bytes,
        probe_calm_s=calm,
        probe_busy_s=busy,
    )


async def _until_linked(session: Session) -> None:
    with trio.fail_after(_PATIENCE_S):
        while True:
            links = (await status(session.own)).links
            if len(links) == _HOLDERS and all(each.condition == operations_pb2.LINK_CONDITION_UP for each in links):
                return
            await trio.sleep(_PROBE_PAUSE_S)


async def _crossed(places: Places) -> int:
    """Bytes that left the office so far."""
    return (await trio.to_thread.run_sync(places.counters)).bytes[0]


async def _safe(session: Session) -> None:
    if await await_safe(session, _PATIENCE_S) is None:
        raise LoadFailed(f"expected three copies of everything within {_PATIENCE_S:.0f} s")


async def _put_at_once(session: Session, load: Load) -> None:
    """All records, durable at the office; their copies go out behind."""
    durable = await _put(session, load.items)
    if len(durable) != len(load.items):
        raise LoadFailed(f"{len(durable)} of {len(load.items)} are durable")


async def _probe(session: Session, items: Sequence[PutItem]) -> list[float]:
    """Seconds until each of these, put alone, is durable at the office; a pause between."""
    taken_s = []
    for item in items:
        begun = trio.current_time()
        await _put(session, [item])
        taken_s.append(trio.current_time() - begun)
        await trio.sleep(_PROBE_PAUSE_S)
    return taken_s


async def _put(session: Session, items: Sequence[PutItem]) -> list[PutItem]:
    durable: list[PutItem] = []

    async def batch() -> AsyncGenerator[Sequence[PutItem], None]:
        yield items

    def take(item: PutItem, answer: PutAnswer) -> None:
        if answer.final and answer.outcome.is_durable:
            durable.append(item)

    failure = await put_many(session.own, batch(), _DURABLE, session.blocking, take)
    if failure is not None:
        raise failure
    return durable


def _show_backlog(screen: Console, backlog: Backlog) -> None:
    calm, busy = (statistics.median(each) * _MS for each in (backlog.probe_calm_s, backlog.probe_busy_s))
    screen.print(
        f"{backlog.rate_bit_s / 1e3:,.0f} kbit/s, 600 ms, 2 % loss:"
        f" {backlog.records} x {backlog.record_bytes // KIB} KiB"
        f" to two holders in {backlog.elapsed_s:.0f} s; goodput {backlog.share:.2f} of the line (mark 0.85), with"
        f" headers, answers and what was lost {backlog.wire_share:.2f}"
    )
    screen.print(
        f"plain TCP, {_HOLDERS} connections kept full for {_PLAIN_S:.0f} s on the same line: {backlog.plain_share:.2f};"
        f" lumbung {backlog.share / backlog.plain_share:.2f} x that"
    )
    screen.print(f"a put alone, durable at the office: p50 {calm:.1f} ms before, {busy:.1f} ms beside the backlog")


if __name__ == "__main__":
    sys.exit(main())
