"""When a link is given more patience than its class has."""

from __future__ import annotations

from lumbung_cluster.link_patience import LinkPatience


def after(*ends: tuple[float, bool]) -> LinkPatience:
    patience = LinkPatience()
    for lived_s, is_broken in ends:
        patience.ended(lived_s, is_broken=is_broken)
    return patience


def test_three_sessions_in_a_row_that_break_within_a_minute_ask_for_patience() -> None:
    assert not after((5.0, True), (5.0, True)).is_raised
    assert after((5.0, True), (5.0, True), (59.0, True)).is_raised


def test_sessions_that_end_in_order_or_live_long_ask_for_none() -> None:
    assert not after((5.0, True), (5.0, True), (5.0, False), (5.0, True)).is_raised
    assert not after((5.0, True), (5.0, True), (61.0, True), (5.0, True)).is_raised


def test_patience_stays_until_a_session_has_lived_for_an_hour() -> None:
    raised = [(5.0, True)] * 3
    assert after(*raised, (600.0, True)).is_raised
    assert not after(*raised, (3600.0, True)).is_raised
