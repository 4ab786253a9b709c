"""`make mutants`: plant each mistake and count the seeds until the simulation finds it, in two disjoint ranges.

The ranges were fixed before the mutants were written. Exit code 1 when one is not found in both.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from lumbung_testing.simulation.hunting import Find, hunt  # noqa: E402 (the path comes first)
from lumbung_testing.simulation.mutants import ALL_MUTANTS  # noqa: E402

RANGES = (range(1, 51), range(1001, 1051))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose name has this text")
    chosen = parser.parse_args()
    missed = 0
    print(f"{'mutant':<48} {'seeds 1 to 50':<38} {'seeds 1001 to 1050':<38}")
    for mutant in ALL_MUTANTS:
        if chosen.only in mutant.name:
            finds = [hunt(mutant, seeds) for seeds in RANGES]
            missed += not all(find.invariant for find in finds)
            print(f"{mutant.name:<48} " + " ".join(f"{_tell(find):<38}" for find in finds), flush=True)
    return 1 if missed else 0


def _tell(find: Find) -> str:
    return f"{find.tried} ({find.seed}): {find.invariant}" if find.invariant else f"not in {find.tried}"


if __name__ == "__main__":
    sys.exit(main())
