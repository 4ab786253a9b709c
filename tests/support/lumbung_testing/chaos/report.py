"""What one family of faults has done, and the table of all of them."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["SCHEMA", "Order", "Report", "Tell", "as_json", "spread", "table"]

SCHEMA = "lumbung/chaos/1"
_SHOWN_MAX = 5

Tell = Callable[[str], None]
"""Says a line of progress to whoever watches a long run."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a family is asked for: `count` faults, with `folder` to work in; `brief`: with waits as short as may be.

    A family returns its Report, or raises Refused when the machine does not let it.
    """

    folder: Path
    count: int
    luck: random.Random
    tell: Tell
    brief: bool


@dataclass(slots=True)
class Report:
    """`lost`: a sentence for each acknowledged blob or claimed copy that was not there; `broken`: for other promises.

    `skipped` counts what could not run here by reason. `figures` are for people; a name ends with its unit.
    """

    family: str
    wanted: int
    run: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    figures: dict[str, int | float | str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        return not self.lost and not self.broken

    def skip(self, reason: str) -> Report:
        """All that did not run yet is skipped."""
        self.skipped[reason] += self.wanted - self.run
        return self


def spread(values: Sequence[float]) -> str:
    """Middle, 95th of a hundred, and most; of seconds."""
    if not values:
        return "none"
    rising = sorted(values)
    parts = (rising[len(rising) // 2], rising[min(len(rising) - 1, len(rising) * 95 // 100)], rising[-1])
    return "median {:.2f} s, 95 % {:.2f} s, most {:.2f} s".format(*parts)


def table(reports: Sequence[Report]) -> str:
    """One line a family, then its figures and what went wrong, then the sums."""
    lines = [f"{'family':<12}{'run':>7}{'skipped':>9}{'lost':>6}{'broken':>8}{'seconds':>9}"]
    for report in reports:
        counts = f"{report.run:>7}{report.skipped.total():>9}{len(report.lost):>6}{len(report.broken):>8}"
        lines.append(f"{report.family:<12}{counts}{report.seconds:>9.0f}")
        lines += [f"    {name}: {value}" for name, value in report.figures.items()]
        lines += [f"    skipped {count}: {reason}" for reason, count in report.skipped.items()]
        lines += [f"    LOST {sentence}" for sentence in report.lost[:_SHOWN_MAX]]
        lines += [f"    BROKEN {sentence}" for sentence in report.broken[:_SHOWN_MAX]]
    run, skipped = sum(r.run for r in reports), sum(r.skipped.total() for r in reports)
    lost, broken = sum(len(r.lost) for r in reports), sum(len(r.broken) for r in reports)
    seconds = sum(r.seconds for r in reports)
    lines.append(f"{'total':<12}{run:>7}{skipped:>9}{lost:>6}{broken:>8}{seconds:>9.0f}")
    return "\n".join(lines)


def as_json(reports: Sequence[Report], *, seed: str) -> str:
    families = [
        {
            "family": report.family,
            "wanted": report.wanted,
            "run": report.run,
            "skipped": dict(report.skipped),
            "lost": report.lost,
            "broken": report.broken,
            "figures": report.figures,
            "seconds": round(report.seconds, 1),
        }
        for report in reports
    ]
    return json.dumps({"schema": SCHEMA, "seed": seed, "families": families}, indent=2)
