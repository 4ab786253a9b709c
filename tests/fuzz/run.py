"""Hostile input at length: `make fuzz ARGS="--inputs 1000000 --seed 1"`.

Prints a line for each reader: inputs, how many of them were accepted, the slowest one, and how far memory grew. Ends
with 1 at the first input that a reader should have refused, or that made it raise what nobody expects, and prints it.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lumbung_testing.fuzzing.campaign import Tally, fuzz_live, fuzz_target, targets_of
from lumbung_testing.fuzzing.targets import Broken

LIVE_SHARE = 2000  # one run of sessions and calls, about a hundred mutated messages, for so many inputs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="over all readers together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="readers whose name holds this text")
    chosen = parser.parse_args()
    begun = time.perf_counter()
    try:
        total = _run(chosen.inputs, chosen.seed, chosen.only)
    except Broken as exc:
        print(f"BROKEN  {exc}", *getattr(exc, "__notes__", ()), sep="\n")
        return 1
    print(f"{total:,} inputs in {time.perf_counter() - begun:.0f} s, nothing broken")
    return 0


def _run(inputs: int, seed: int, only: str) -> int:
    targets = [target for target in targets_of(seed) if only in target.name]
    share = max(1, inputs // len(targets))
    print(f"{'reader':<24}{'inputs':>10}{'accepted':>10}{'slowest':>12}{'memory':>12}")
    for target in targets:
        _print(fuzz_target(target, share, seed))
    total = share * len(targets)
    if not only:
        seen = fuzz_live(max(1, inputs // LIVE_SHARE), seed)
        for name, count in sorted(seen.items()):
            print(f"{name:<24}{count:>10,}")
        total += sum(count for name, count in seen.items() if name.startswith("mutated"))
    return total


def _print(tally: Tally) -> None:
    slowest, grown = f"{tally.slowest_s * 1000:.1f} ms", f"{tally.growth_kib / 1024:.1f} MiB"
    print(f"{tally.name:<24}{tally.inputs:>10,}{tally.accepted:>10,}{slowest:>12}{grown:>12}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
