"""Figures of rounds and what becomes of them: medians with their least and greatest, latencies as percentiles."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Case", "Round", "Spread", "latencies_ms", "spread_rounds"]

Case = dict[str, float]
"""One case in one round: figures by name, units last in the names."""
Round = dict[str, Case]
"""Everything of one round, by the name of the case."""

_MS = 1_000


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over all rounds."""

    median: float
    min: float
    max: float


def latencies_ms(name: str, seconds: Sequence[float]) -> Case:
    """NAME_p50_ms and NAME_p99_ms."""
    rising = sorted(seconds)
    p99 = rising[min(len(rising) - 1, len(rising) * 99 // 100)]
    return {f"{name}_p50_ms": statistics.median(rising) * _MS, f"{name}_p99_ms": p99 * _MS}


def spread_rounds(rounds: Sequence[Round]) -> dict[str, dict[str, Spread]]:
    """What every round has. The rounds are of one kind: the first one names the cases and figures."""
    return {case: _spread_case([each[case] for each in rounds]) for case in rounds[0]}


def _spread_case(cases: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    return {name: _spread([case[name] for case in cases]) for name in cases[0]}


def _spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))
