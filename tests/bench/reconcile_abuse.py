"""The abused sessions of `make bench-reconcile`: how many of them end with two equal holders, and what time it took."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import trio
import trio.testing

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from lumbung_testing.abused_reconciles import ABUSES, Story, live


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first")
    parser.add_argument("--seeds", type=int, default=150, help="how many")
    chosen = parser.parse_args()
    lived, equal, begun = Counter[str](), Counter[str](), time.perf_counter()
    for seed in range(chosen.seed, chosen.seed + chosen.seeds):
        told = trio.run(live, Story.of(seed), clock=trio.testing.MockClock(autojump_threshold=0))
        lived[told.story.abuse] += 1
        equal[told.story.abuse] += not told.wrong
        if told.wrong:
            print(f"{told.story}: {told.wrong}", flush=True)
    for abuse in ABUSES:
        if lived[abuse]:
            print(f"{abuse:>20}: {equal[abuse]} of {lived[abuse]} equal")
    total = sum(equal.values())
    print(f"{total} of {chosen.seeds} abused sessions end equal, in {time.perf_counter() - begun:.0f} s")
    return 0 if total == chosen.seeds else 1


if __name__ == "__main__":
    sys.exit(main())
