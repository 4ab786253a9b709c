"""The metrics port: services count what happens, and tell how things stand when somebody asks.

Numbers and the names of nodes only: no ids of blobs, no callers, nothing of a person. Labels are bounded: by the words
that the table names, or by the partners in the roster. `metric_table` has every metric.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from lumbung_node.ports.metric_table import Metric

__all__ = ["Metric", "Metrics", "ReadSamples", "Sample", "Uncounted"]


@dataclass(frozen=True, slots=True)
class Sample:
    """How a metric stands now; `labels` are the values of its label names, in their order."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()


ReadSamples = Callable[[], Awaitable[Sequence[Sample]]]


class Metrics(Protocol):
    def add(self, metric: Metric, amount: float, *labels: str) -> None:
        """Count up: a counter of the table, `amount` not negative, a value for each of its labels."""
        ...

    def observe(self, metric: Metric, value: float) -> None:
        """One more value of a histogram of the table."""
        ...

    def reading(self, read: ReadSamples) -> AbstractContextManager[None]:
        """While the block lasts `read` gives the other metrics, whenever somebody asks for all."""
        ...


class Uncounted:
    """For a process that serves nobody and is watched by nobody."""

    def add(self, metric: Metric, amount: float, *labels: str) -> None:
        """Nobody asks."""

    def observe(self, metric: Metric, value: float) -> None:
        """Nobody asks."""

    def reading(self, read: ReadSamples) -> AbstractContextManager[None]:
        return nullcontext()
