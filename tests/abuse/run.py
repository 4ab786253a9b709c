"""Abuse of a real node, kind by kind, and what an honest station feels of it: `make abuse`.

Prints for each kind: tries, the statuses that ended them, the honest station's p99 beside the one without abuse of the
same run, and how far the node's memory grew. Ends with 1 when a status is not among the listed ones or the node died.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lumbung_testing.abuse import KINDS, LIAR
from lumbung_testing.abused import ALLOWED, abusing, honest_puts, percentile_99, resident_mib
from lumbung_testing.callers import admit_station, dial
from lumbung_testing.real_clusters import found, real_cluster

VICTIM = "36.02"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each kind of abuse")
    parser.add_argument("--puts", type=int, default=200, help="of the honest station, before and during each kind")
    parser.add_argument("--only", default="", help="kinds whose name holds this text")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".abuse-") as folder:
        return trio.run(_run, Path(folder), chosen.seconds, chosen.puts, chosen.only)


async def _run(folder: Path, seconds: float, puts: int, only: str) -> int:
    founded, draws, bad = found(folder), random.Random(1), 0
    async with real_cluster(founded) as cluster:
        await cluster.kill(LIAR)
        pid = cluster.pid(VICTIM)
        honest = await admit_station(founded, VICTIM, "honest")
        print(f"{'abuse':<20}{'tries':>8}{'p99 before':>12}{'during':>10}{'ratio':>8}{'memory':>12}  statuses")
        for kind in (kind for kind in KINDS if only in kind):
            async with dial(founded, honest, VICTIM) as channel:
                before = percentile_99(await honest_puts(channel, puts, draws))
                memory = resident_mib(pid)
                async with abusing(kind, founded, VICTIM, seconds) as ended:
                    during = percentile_99(await honest_puts(channel, puts, draws))
            statuses = dict(ended.statuses or {})
            unlisted = set(statuses) - ALLOWED[kind]
            bad += bool(unlisted) or not cluster.is_up(VICTIM)
            grown = resident_mib(pid) - memory
            print(
                f"{kind:<20}{ended.tries:>8,}{before * 1000:>9.1f} ms{during * 1000:>7.1f} ms{during / before:>8.1f}"
                f"{grown:>+8.1f} MiB  {statuses}{' UNLISTED' if unlisted else ''}",
                flush=True,
            )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
