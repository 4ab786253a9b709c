"""Abuse of a real node, kind by kind, and what an honest station feels of it: `make abuse`.

In turns an honest station puts without abuse and beside it, so that whatever else the machine does falls on both.
Prints for each kind: tries, the statuses that ended them, the p99 of all turns without and with, their ratio, and how
far the node's memory grew. Ends with 1 when a status is not among the listed ones, the ratio is not under 2, memory
grew past its bound, a copy was counted that nobody keeps, or the node died.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lumbung_node.ports.transport import Channel
from lumbung_testing.abuse import KINDS
from lumbung_testing.abused import (
    ALLOWED,
    GROWTH_MIB_MAX,
    abusing,
    copies_of_liar,
    honest_puts,
    let_retire,
    percentile_99,
    resident_mib,
)
from lumbung_testing.abuser import LIAR, RETIRED
from lumbung_testing.callers import admit_station, dial
from lumbung_testing.real_clusters import found, real_cluster
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.localcluster.processes import LocalCluster

VICTIM = "36.02"
RATIO_MAX = 2.0
TURNS = 4


@dataclass(slots=True)
class Felt:
    """What one kind of abuse did."""

    tries: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    without_s: list[float] = field(default_factory=list)
    beside_s: list[float] = field(default_factory=list)
    grown_mib: float = 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each kind of abuse, over all turns")
    parser.add_argument("--puts", type=int, default=400, help="of the honest station without abuse, over all turns")
    parser.add_argument("--only", default="", help="kinds whose name holds this text")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".abuse-") as folder:
        return trio.run(_run, Path(folder), chosen.seconds, chosen.puts, chosen.only)


async def _run(folder: Path, seconds: float, puts: int, only: str) -> int:
    founded, draws, bad = found(folder), random.Random(1), 0
    async with real_cluster(founded) as cluster:
        for name in (LIAR, RETIRED):
            await cluster.kill(name)
        await let_retire(founded, VICTIM)
        honest = await admit_station(founded, VICTIM, "honest")
        print(f"{'abuse':<20}{'tries':>8}{'p99 without':>13}{'beside':>11}{'ratio':>7}{'memory':>12}  statuses")
        for kind in (kind for kind in KINDS if only in kind):
            felt = Felt()
            async with dial(founded, honest, VICTIM) as channel:
                for _ in range(TURNS):
                    await _turn(kind, founded, cluster, channel, draws, seconds / TURNS, puts // TURNS, felt)
            bad += _tell(kind, felt) or not cluster.is_up(VICTIM)
        if await copies_of_liar(founded, VICTIM):
            print(f"copies counted that {LIAR} never kept")
            bad += 1
    return 1 if bad else 0


async def _turn(
    kind: str,
    founded: Founded,
    cluster: LocalCluster,
    channel: Channel,
    draws: random.Random,
    seconds: float,
    puts: int,
    felt: Felt,
) -> None:
    pid = cluster.pid(VICTIM)
    felt.without_s += await honest_puts(channel, puts, draws)
    memory = resident_mib(pid)
    async with abusing(kind, founded, VICTIM, seconds) as ended:
        until = trio.current_time() + seconds
        while trio.current_time() < until:
            felt.beside_s += await honest_puts(channel, 10, draws)
    felt.grown_mib = max(felt.grown_mib, resident_mib(pid) - memory)
    felt.tries += ended.tries
    felt.statuses.update(ended.statuses)


def _tell(kind: str, felt: Felt) -> bool:
    """One line; True when something is not as it must be."""
    without, beside = percentile_99(felt.without_s), percentile_99(felt.beside_s)
    faults = {
        "UNLISTED": bool(set(felt.statuses) - ALLOWED[kind]),
        "SLOW": beside >= RATIO_MAX * without,
        "LARGE": felt.grown_mib >= GROWTH_MIB_MAX,
    }
    print(
        f"{kind:<20}{felt.tries:>8,}{without * 1000:>10.1f} ms{beside * 1000:>8.1f} ms{beside / without:>7.1f}"
        f"{felt.grown_mib:>+8.1f} MiB  {dict(felt.statuses)}",
        *(name for name, is_so in faults.items() if is_so),
        flush=True,
    )
    return any(faults.values())


if __name__ == "__main__":
    sys.exit(main())
