"""`make sim`: run seeds of the simulation and print what they were; the same seed prints the same digest everywhere."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from lumbung_testing.simulation.scenario import Plan, run_scenario  # noqa: E402 (the path comes first)
from lumbung_testing.simulation.story import Violation  # noqa: E402

_SHOWN = (
    "stored",
    "repeated",
    "put failed",
    "got",
    "crash",
    "wipe",
    "rollback",
    "recovered",
    "two lives",
    "own history doubted",
    "messages",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many, from the first on")
    parser.add_argument("--hours", type=float, default=0.25, help="simulated hours of faults a seed")
    parser.add_argument("--nodes", type=int, default=4, help="nodes, the last one the DRC")
    parser.add_argument("--no-faults", action="store_true", help="only work")
    chosen = parser.parse_args()
    failed = 0
    for seed in range(chosen.seed, chosen.seed + chosen.seeds):
        plan = Plan(seed, chosen.hours * 3600, chosen.nodes, has_faults=not chosen.no_faults)
        try:
            outcome = run_scenario(plan)
        except Violation as violation:
            failed += 1
            print(f"seed {seed}: {violation}")
            continue
        counts = ", ".join(f"{outcome.counts.get(name, 0)} {name}" for name in _SHOWN)
        speed = outcome.simulated_s / outcome.wall_s
        print(f"seed {seed}: digest {outcome.digest[:32]}, {counts}; {outcome.simulated_s:.0f} s, {speed:.0f} x")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
