"""When to come again to a node whose disk is nearly full."""

from __future__ import annotations

import pytest

from lumbung_cluster.limits import RETRY_AFTER_S_MAX, RETRY_AFTER_S_MIN
from lumbung_cluster.retry_after import believed_s, retry_after_s


@pytest.mark.parametrize(
    ("refusing_for_s", "after_s"),
    [(0.0, RETRY_AFTER_S_MIN), (29.0, RETRY_AFTER_S_MIN), (61.5, 61.5), (86_400.0, RETRY_AFTER_S_MAX)],
)
def test_whoever_is_refused_waits_as_long_as_the_disk_has_been_full_within_bounds(
    refusing_for_s: float, after_s: float
) -> None:
    assert retry_after_s(refusing_for_s) == after_s


@pytest.mark.parametrize(("said_ms", "believed"), [(0, 0.0), (45_000, 45.0), (2**32 - 1, RETRY_AFTER_S_MAX)])
def test_a_stranger_cannot_make_us_wait_for_ever(said_ms: int, believed: float) -> None:
    assert believed_s(said_ms) == believed
