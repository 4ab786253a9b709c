"""The metrics port: what is counted adds up, and what is read is read when somebody asks. The book and its double."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import pytest
import trio

from lumbung_cluster.errors import StoreClosed
from lumbung_node.adapters.metrics.book import MetricBook
from lumbung_node.ports.metrics import Metric, Metrics, Sample
from lumbung_testing.counted import CountedMetrics
from lumbung_testing.world import ListLog

Told = Callable[[], Awaitable[dict[str, float]]]


@pytest.fixture(params=["book", "double"])
def counted(request: pytest.FixtureRequest) -> tuple[Metrics, Told]:
    """The metrics, and what they tell: values by the text that Prometheus' format has before them."""
    if request.param == "book":
        book = MetricBook(ListLog())

        async def told_by_page() -> dict[str, float]:
            lines = (await book.page()).decode().splitlines()
            return {key: float(value) for key, _, value in (x.rpartition(" ") for x in lines if x[0] != "#")}

        return book, told_by_page
    double = CountedMetrics()
    return double, lambda: _told_by_double(double)


async def _told_by_double(double: CountedMetrics) -> dict[str, float]:
    told = {_key(Metric.SERVING): 0.0}
    for metric in (Metric.PUTS, Metric.PUT_ACKS):
        for label in ("stored", "refused", "3"):
            if count := double.count(metric, label):
                told[_key(metric, label)] = count
    told.update({_key(sample.metric, *sample.labels): sample.value for sample in await double.read()})
    observed = double.observed(Metric.SYNC)
    if observed:
        told["lumbung_sync_duration_seconds_count"] = len(observed)
        told["lumbung_sync_duration_seconds_sum"] = sum(observed)
    return told


def _key(metric: Metric, *labels: str) -> str:
    pairs = ",".join(f'{name}="{value}"' for name, value in zip(metric.value.labels, labels, strict=False))
    return f"{metric.value.name}{{{pairs}}}" if pairs else metric.value.name


async def test_amounts_add_up_by_label(counted: tuple[Metrics, Told]) -> None:
    metrics, told = counted
    metrics.add(Metric.PUTS, 1, "stored")
    metrics.add(Metric.PUTS, 2, "stored")
    metrics.add(Metric.PUTS, 1, "refused")
    values = await told()
    assert values[_key(Metric.PUTS, "stored")] == 3
    assert values[_key(Metric.PUTS, "refused")] == 1


async def test_a_histogram_counts_and_sums(counted: tuple[Metrics, Told]) -> None:
    metrics, told = counted
    for value in (0.5, 0.25, 20.0):
        metrics.observe(Metric.SYNC, value)
    values = await told()
    assert values["lumbung_sync_duration_seconds_count"] == 3
    assert values["lumbung_sync_duration_seconds_sum"] == 20.75


async def test_what_is_read_is_told_only_while_somebody_can_tell(counted: tuple[Metrics, Told]) -> None:
    metrics, told = counted
    held = [1.0]

    async def read() -> Sequence[Sample]:
        await trio.lowlevel.checkpoint()
        return [Sample(Metric.SERVING, 1), Sample(Metric.DISK_FREE, held[0])]

    with metrics.reading(read):
        held[0] = 7.0
        values = await told()
        assert (values["lumbung_serving"], values["lumbung_disk_free_bytes"]) == (1, 7)
    values = await told()
    assert values["lumbung_serving"] == 0
    assert "lumbung_disk_free_bytes" not in values


async def test_a_wrong_kind_and_a_forgotten_label_are_bugs(counted: tuple[Metrics, Told]) -> None:
    metrics, _ = counted
    with pytest.raises(AssertionError):
        metrics.add(Metric.SERVING, 1)
    with pytest.raises(AssertionError):
        metrics.add(Metric.PUTS, 1)
    with pytest.raises(AssertionError):
        metrics.add(Metric.PUTS, -1, "stored")


async def test_the_counters_are_shown_while_the_store_has_just_failed() -> None:
    book = MetricBook(ListLog())
    book.add(Metric.PUTS, 1, "stored")

    async def read() -> Sequence[Sample]:
        await trio.lowlevel.checkpoint()
        raise StoreClosed("the store is closing")

    with book.reading(read):
        page = (await book.page()).decode()
    assert 'lumbung_puts_total{outcome="stored"} 1.0' in page
    assert "lumbung_serving 0.0" in page


@pytest.mark.parametrize(("value", "bound", "above"), [(0.001, "0.001", True), (0.0011, "0.001", False)])
async def test_a_bucket_holds_what_does_not_exceed_its_bound(value: float, bound: str, above: bool) -> None:
    book = MetricBook(ListLog())
    book.observe(Metric.SYNC, value)
    page = (await book.page()).decode()
    assert f'lumbung_sync_duration_seconds_bucket{{le="{bound}"}} {float(above)}' in page
    assert 'lumbung_sync_duration_seconds_bucket{le="+Inf"} 1.0' in page
