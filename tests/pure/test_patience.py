"""Patience with callers who break the protocol."""

from __future__ import annotations

from lumbung_cluster.patience import Bucket, Patience


def _patience() -> Patience:
    return Patience(burst=3, refill_per_s=1.0, wait_s_max=5.0, callers_max=2)


def test_the_first_errors_wait_for_nothing_and_later_ones_longer_and_longer_up_to_the_bound() -> None:
    patience = _patience()

    assert [patience.erred("a", 0.0) for _ in range(10)] == [0, 0, 0, 1, 2, 3, 4, 5, 5, 5]


def test_a_costly_error_counts_for_several_and_what_is_owed_is_paid_before_the_next() -> None:
    patience = _patience()

    assert patience.erred("a", 0.0, 2.5) == 0
    assert patience.owed_s("a", 0.0) == patience.owed_s("b", 0.0) == 0
    assert patience.erred("a", 0.0, 4.5) == 4
    assert [patience.owed_s("a", now) for now in (1.0, 3.0, 4.0, 9.0)] == [3, 1, 0, 0]


def test_a_caller_that_was_mended_is_served_at_once_within_the_bound() -> None:
    patience = _patience()
    for _ in range(100):
        patience.erred("a", 0.0)

    assert patience.erred("a", 6.0) == 0


def test_callers_do_not_wait_for_each_other() -> None:
    patience = _patience()
    for _ in range(10):
        patience.erred("a", 0.0)

    assert patience.erred("b", 0.0) == 0


def test_only_so_many_callers_are_remembered_and_the_one_that_erred_longest_ago_is_forgotten() -> None:
    patience = _patience()
    for caller in ("a", "b", "a", "c"):
        for _ in range(5):
            patience.erred(caller, 0.0)

    assert patience.erred("b", 0.0) == 0
    assert patience.erred("c", 0.0) > 0


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = Bucket(2, 10.0)
    bucket.take(0.0)

    assert [bucket.take(1000.0) for _ in range(3)] == [0, 0, 0.1]
