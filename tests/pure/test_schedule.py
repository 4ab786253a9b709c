"""Bandwidth windows: which hours they hold, whose limit counts, and how frames keep to a rate."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.schedule import (
    FREE,
    Airtime,
    Allowance,
    Direction,
    Schedule,
    TimeZone,
    Weekday,
    Window,
)

_WORKDAYS = (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI)
_OFFICE = Window(7 * 60 + 30, 16 * 60, _WORKDAYS, (), 64_000.0, 32_000.0, 20)
_NIGHT = Window(22 * 60, 5 * 60, (Weekday.FRI,), ("drc-batam",), 1000.0, None, 100)


def _ms(zone: TimeZone, day: int, clock: str) -> int:
    """UTC milliseconds of a local time in November 2026; the 23rd is a Monday."""
    hour, minute = clock.split(":")
    local = timezone(timedelta(hours=zone.value))
    return int(datetime(2026, 11, day, int(hour), int(minute), tzinfo=local).timestamp() * 1000)


@pytest.mark.parametrize("zone", list(TimeZone))
@pytest.mark.parametrize(
    ("day", "clock", "limit"),
    [(23, "07:29", None), (23, "07:30", 64_000.0), (27, "15:59", 64_000.0), (27, "16:00", None), (28, "10:00", None)],
)
def test_office_hours_hold_in_local_time_on_working_days(
    zone: TimeZone, day: int, clock: str, limit: float | None
) -> None:
    schedule = Schedule(zone, (_OFFICE,))

    assert schedule.allowance("61.01", Direction.SEND, _ms(zone, day, clock)).all_bytes_per_s == limit


@pytest.mark.parametrize(
    ("day", "clock", "holds"),
    [(27, "21:59", False), (27, "22:00", True), (28, "04:59", True), (28, "05:00", False), (28, "23:00", False)],
)
def test_a_window_past_midnight_belongs_to_the_day_on_which_it_begins(day: int, clock: str, holds: bool) -> None:
    schedule = Schedule(TimeZone.WIB, (_NIGHT,))

    found = schedule.allowance("drc-batam", Direction.SEND, _ms(TimeZone.WIB, day, clock))

    assert (found != FREE) == holds


def test_a_window_with_names_leaves_other_links_free() -> None:
    schedule = Schedule(TimeZone.WIB, (_NIGHT,))

    assert schedule.allowance("61.01", Direction.SEND, _ms(TimeZone.WIB, 27, "23:00")) == FREE


def test_a_direction_without_a_rate_is_free() -> None:
    schedule = Schedule(TimeZone.WIB, (_NIGHT,))

    assert schedule.allowance("drc-batam", Direction.RECEIVE, _ms(TimeZone.WIB, 27, "23:00")) == FREE


def test_of_several_windows_the_smallest_limits_hold() -> None:
    narrow = Window(0, 24 * 60 - 1, tuple(Weekday), (), 50_000.0, None, 100)
    schedule = Schedule(TimeZone.WIB, (_OFFICE, narrow))

    found = schedule.allowance("61.01", Direction.SEND, _ms(TimeZone.WIB, 24, "09:00"))

    assert found == Allowance(50_000.0, 64_000.0 * 0.2)


def test_the_wish_of_the_peer_can_only_lower_a_limit() -> None:
    own = Allowance(100.0, None)

    assert own.with_limit(FREE) == own
    assert own.with_limit(Allowance(200.0, 30.0)) == Allowance(100.0, 30.0)
    assert own.with_limit(Allowance(40.0, 30.0)) == Allowance(40.0, 30.0)


@given(st.lists(st.integers(1, 1 << 20), min_size=1, max_size=60), st.integers(1, 1 << 20))
def test_frames_that_wait_for_their_turn_never_exceed_the_rate(sizes: list[int], rate: int) -> None:
    airtime, now = Airtime(), 1000.0
    for size in sizes:
        now += airtime.wait_s(now)
        airtime.occupy(now, size, rate)

    finished = now + airtime.wait_s(now)

    assert finished - 1000.0 == pytest.approx(sum(sizes) / rate)


def test_an_idle_line_saves_nothing_up() -> None:
    airtime = Airtime()
    airtime.occupy(0.0, 100, 100.0)

    airtime.occupy(50.0, 100, 100.0)

    assert airtime.wait_s(50.0) == pytest.approx(1.0)
