"""A double of the metrics port: keeps what was counted, and holds callers to the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lumbung_node.ports.metric_table import Kind
from lumbung_node.ports.metrics import Metric, ReadSamples, Sample

__all__ = ["CountedMetrics"]


class CountedMetrics:
    """`count` and `observed` look at one metric, `read` asks whoever tells the others now."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[Metric, tuple[str, ...]]] = Counter()
        self._observed: dict[Metric, list[float]] = {}
        self._read: ReadSamples | None = None

    def add(self, metric: Metric, amount: float, *labels: str) -> None:
        assert metric.value.kind is Kind.COUNTER, metric
        assert len(labels) == len(metric.value.labels), (metric, labels)
        assert amount >= 0, (metric, amount)
        self._counts[metric, labels] += int(amount)

    def observe(self, metric: Metric, value: float) -> None:
        assert metric.value.kind is Kind.HISTOGRAM, metric
        self._observed.setdefault(metric, []).append(value)

    @contextmanager
    def reading(self, read: ReadSamples) -> Iterator[None]:
        assert self._read is None, "one store is open at a time"
        self._read = read
        try:
            yield
        finally:
            self._read = None

    def count(self, metric: Metric, *labels: str) -> int:
        return self._counts[metric, labels]

    def observed(self, metric: Metric) -> list[float]:
        return self._observed.get(metric, [])

    async def read(self) -> Sequence[Sample]:
        """Nothing while nobody tells."""
        return await self._read() if self._read is not None else ()
