"""A put that somebody waits for overtakes a backlog, and nothing else."""

from __future__ import annotations

from lumbung_cluster.limits import OFFER_ENTRIES_MAX
from lumbung_cluster.overtaking import Overtaking


def test_a_put_overtakes_entries_that_nobody_waits_for() -> None:
    assert Overtaking().may_overtake(10_001, offered=0)


def test_a_put_that_comes_with_the_next_offer_waits_for_it() -> None:
    assert not Overtaking().may_overtake(OFFER_ENTRIES_MAX, offered=0)


def test_puts_of_a_bulk_do_not_overtake_each_other() -> None:
    overtaking = Overtaking()

    assert not any(overtaking.may_overtake(number, offered=0) for number in range(1, 5_000))


def test_puts_of_a_bulk_overtake_the_backlog_before_them() -> None:
    overtaking = Overtaking()

    assert all(overtaking.may_overtake(number, offered=0) for number in range(5_000, 6_000))


def test_what_was_offered_meanwhile_stands_before_nobody() -> None:
    overtaking = Overtaking()
    for number in range(1, 1_001):
        overtaking.may_overtake(number, offered=0)

    assert overtaking.may_overtake(2_000, offered=1_000)  # 999 entries are nobody's, though 1,000 were waited for once


def test_a_blob_that_is_offered_already_needs_no_offer() -> None:
    assert not Overtaking().may_overtake(7, offered=7)
