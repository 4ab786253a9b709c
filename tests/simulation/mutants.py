"""`make mutants`: plant each mistake and count the seeds until the simulation finds it, in two disjoint ranges.

Exit code 1 when one is not found in both.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from lumbung_testing.simulation.hunting import RANGES, Find  # noqa: E402 (the path comes first)
from lumbung_testing.simulation.mutants import ALL_MUTANTS  # noqa: E402
from lumbung_testing.simulation.pool import seed_pool  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose name has this text")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    chosen = parser.parse_args()
    mutants = [mutant for mutant in ALL_MUTANTS if chosen.only in mutant.name]
    missed = 0
    print(f"{'mutant':<50} {'seeds 1 to 50':<40} {'seeds 1001 to 1050':<40}", flush=True)
    with seed_pool(chosen.jobs) as pool:
        hunts = [[pool.hunt(mutant.name, place) for place in range(len(RANGES))] for mutant in mutants]
        for mutant, futures in zip(mutants, hunts, strict=True):
            finds = [future.result() for future in futures]
            missed += not all(find.invariant for find in finds)
            print(f"{mutant.name:<50} " + " ".join(f"{_tell(find):<40}" for find in finds), flush=True)
    print(f"{len(mutants) - missed} of {len(mutants)} found in both ranges")
    return 1 if missed else 0


def _tell(find: Find) -> str:
    return f"{find.tried} ({find.seed}): {find.invariant}" if find.invariant else f"not in {find.tried}"


if __name__ == "__main__":
    sys.exit(main())
