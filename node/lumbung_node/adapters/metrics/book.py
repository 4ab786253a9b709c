"""What a node counts, and its page in Prometheus' text format.

Of prometheus-client only the writing is used, never its process-wide registry: a node owns its numbers. All calls come
from trio's thread; only the writing of a page has one of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import trio
from prometheus_client import ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.limits import METRICS_READ_S
from lumbung_node.ports.log import Log
from lumbung_node.ports.metric_table import Kind
from lumbung_node.ports.metrics import Metric, ReadSamples, Sample

__all__ = ["MetricBook"]

# How many labels each counter has; an enum's `value` costs more than all the rest of a count.
_COUNTERS = {metric: len(metric.value.labels) for metric in Metric if metric.value.kind is Kind.COUNTER}


class _Histogram:
    """Values by the first bound that they do not exceed; the last place is for those above all bounds."""

    def __init__(self, buckets: Sequence[float]) -> None:
        self.buckets = buckets
        self.counts = [0] * (len(buckets) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.buckets, value)] += 1
        self.total += value

    def cumulative(self) -> Iterator[tuple[str, float]]:
        below = 0
        for bound, count in zip((*self.buckets, float("inf")), self.counts, strict=True):
            below += count
            yield ("+Inf" if bound == float("inf") else repr(bound)), below


class _Families(Collector):
    """What one page shows, in the form that prometheus-client writes."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterable[Family]:
        return self._families


class MetricBook:
    """Implements ports.Metrics."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._amounts: dict[tuple[Metric, tuple[str, ...]], float] = {}
        self._histograms = {
            metric: _Histogram(metric.value.buckets) for metric in Metric if metric.value.kind is Kind.HISTOGRAM
        }
        self._read: ReadSamples | None = None
        self._process = ProcessCollector(registry=None)

    def add(self, metric: Metric, amount: float, *labels: str) -> None:
        assert _COUNTERS.get(metric) == len(labels), (metric, labels)
        assert amount >= 0, (metric, amount)
        self._amounts[metric, labels] = self._amounts.get((metric, labels), 0.0) + amount

    def observe(self, metric: Metric, value: float) -> None:
        self._histograms[metric].observe(value)

    @contextmanager
    def reading(self, read: ReadSamples) -> Iterator[None]:
        assert self._read is None, "one store is open at a time"
        self._read = read
        try:
            yield
        finally:
            self._read = None

    async def page(self) -> bytes:
        """All metrics. Those that are read are missing while the node opens its store, or has no time to tell."""
        samples = [Sample(metric, amount, labels) for (metric, labels), amount in self._amounts.items()]
        samples += await self._read_samples()
        if not any(sample.metric is Metric.SERVING for sample in samples):
            samples.append(Sample(Metric.SERVING, 0))
        histograms = [_histogram_family(*item) for item in self._histograms.items()]
        # In a thread: 514 partners are 5,700 series and 100 ms, and the event loop has puts to answer.
        return await trio.to_thread.run_sync(self._written, samples, histograms)

    def _written(self, samples: Sequence[Sample], histograms: Sequence[Family]) -> bytes:
        return generate_latest(_Families([*_families(samples), *histograms, *self._process.collect()]))

    async def _read_samples(self) -> Sequence[Sample]:
        read = self._read
        if read is None:
            return ()
        with trio.move_on_after(METRICS_READ_S):
            try:
                return await read()
            except LumbungError as exc:  # the store failed a moment ago: it is opened again, and the counters go on
                self._log.warning("metrics not read", reason=str(exc))
        return ()


def _families(samples: Sequence[Sample]) -> Iterator[Family]:
    """In the order of the table, each family with all its samples."""
    by_metric: dict[Metric, list[Sample]] = {}
    for sample in samples:
        by_metric.setdefault(sample.metric, []).append(sample)
    for metric in Metric:
        described = metric.value
        if metric not in by_metric or described.kind is Kind.HISTOGRAM:
            continue
        kind = CounterMetricFamily if described.kind is Kind.COUNTER else GaugeMetricFamily
        family = kind(described.name, described.help, labels=described.labels)
        for sample in by_metric[metric]:
            family.add_metric(sample.labels, float(sample.value))
        yield family


def _histogram_family(metric: Metric, histogram: _Histogram) -> Family:
    family = HistogramMetricFamily(metric.value.name, metric.value.help, labels=())
    family.add_metric((), buckets=list(histogram.cumulative()), sum_value=histogram.total)
    return family
