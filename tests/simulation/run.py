"""`make sim`: run seeds of the simulation; the same seed prints the same digest everywhere.

Exit code 1 when a promise was broken, or (with --same) when two processes told two histories.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from lumbung_testing.simulation.pool import seed_pool  # noqa: E402 (the path comes first)
from lumbung_testing.simulation.scenario import Outcome, Plan  # noqa: E402

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
    chosen = _arguments()
    if chosen.same:
        return _compare_processes(chosen)
    plans = [_plan(chosen, seed) for seed in range(chosen.seed, chosen.seed + chosen.seeds)]
    begun, failed, totals = time.perf_counter(), 0, Counter[str]()
    node_hours = 0.0
    with seed_pool(chosen.jobs) as pool:
        running = {pool.run(plan): plan for plan in plans}
        for future in as_completed(running) if chosen.jobs > 1 else running:
            plan, result = running[future], future.result()
            if isinstance(result, str):
                failed += 1
                print(f"seed {plan.seed}: {result}", flush=True)
                continue
            totals.update(result.counts)
            node_hours += result.simulated_s / 3600
            print(f"seed {plan.seed}: {_tell(plan, result)}", flush=True)
    wall_s = time.perf_counter() - begun
    counts = ", ".join(f"{totals[name]} {name}" for name in _SHOWN)
    print(f"{len(plans) - failed} of {len(plans)} seeds kept every promise: {counts}")
    print(f"{node_hours:.1f} cluster-hours in {wall_s:.0f} s: {node_hours / wall_s:.3f} cluster-hours a second")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make sim", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many, from the first on")
    parser.add_argument("--hours", type=float, default=0.25, help="simulated hours of faults a seed")
    parser.add_argument("--nodes", type=int, default=5, help="nodes, the last one the DRC")
    parser.add_argument("--no-faults", action="store_true", help="only work")
    parser.add_argument("--rocks", action="store_true", help="on real RocksDB on a RAM disk, held against the double")
    parser.add_argument("--no-rocks", action="store_true", help="never on RocksDB; else every tenth seed is")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--same", action="store_true", help="run all in two processes with two hash seeds and compare")
    return parser.parse_args()


def _plan(chosen: argparse.Namespace, seed: int) -> Plan:
    on_rocks = chosen.rocks or (seed % 10 == 0 and not chosen.no_rocks)
    return Plan(seed, chosen.hours * 3600, chosen.nodes, has_faults=not chosen.no_faults, on_rocks=on_rocks)


def _tell(plan: Plan, outcome: Outcome) -> str:
    counts = ", ".join(f"{outcome.counts.get(name, 0)} {name}" for name in _SHOWN)
    speed = outcome.simulated_s / outcome.wall_s
    where = " on RocksDB" if plan.on_rocks else ""
    return f"digest {outcome.digest[:32]}, {counts}; {outcome.simulated_s:.0f} s, {speed:.0f} x{where}"


def _compare_processes(chosen: argparse.Namespace) -> int:
    """Every seed in two processes whose dictionaries and sets of strings are laid out differently."""
    command = [sys.executable, __file__, "--seed", str(chosen.seed), "--seeds", str(chosen.seeds), "--no-rocks"]
    command += ["--hours", str(chosen.hours), "--nodes", str(chosen.nodes)]
    children = [
        subprocess.Popen(command, env={**os.environ, "PYTHONHASHSEED": hash_seed}, stdout=subprocess.PIPE, text=True)
        for hash_seed in ("1", "2")
    ]
    outputs = [child.communicate()[0] for child in children]
    first, second = map(_digests, outputs)
    for line in dict.fromkeys(line for output in outputs for line in output.splitlines()):
        if line.startswith("seed ") and ": digest " not in line:
            print(line)  # a promise that was broken has no digest to compare
    equal = sum(digest == second.get(seed) for seed, digest in first.items())
    for seed in [seed for seed, digest in first.items() if digest != second.get(seed)]:
        print(f"seed {seed}: {first[seed]} and {second.get(seed)}")
    print(f"{equal} of {chosen.seeds} seeds told one history in two processes with two hash seeds")
    return 0 if equal == chosen.seeds else 1


def _digests(output: str) -> dict[str, str]:
    lines = [line for line in output.splitlines() if line.startswith("seed ") and ": digest " in line]
    return {line.split(":")[0].removeprefix("seed "): line.split("digest ")[1].split(",")[0] for line in lines}


if __name__ == "__main__":
    sys.exit(main())
