"""When a read is waited for in place: only while nearly all of the last ones came at once."""

from __future__ import annotations

from lumbung_node.adapters.rocks.read_pace import ReadPace

QUICK_S, SLOW_S, STUCK_S = 0.0003, 0.012, 0.03


def _after(*took_s: float) -> bool:
    pace = ReadPace()
    for each in took_s:
        pace.took(each)
    return pace.is_quick


def test_nothing_is_known_at_first() -> None:
    assert not _after()
    assert not _after(*[QUICK_S] * 15)


def test_a_disk_that_answers_at_once_is_quick_in_spite_of_a_slow_read_or_two() -> None:
    assert _after(*[QUICK_S] * 16)
    assert _after(*[QUICK_S] * 16, SLOW_S, SLOW_S)
    assert not _after(*[QUICK_S] * 16, SLOW_S, SLOW_S, SLOW_S)


def test_a_turning_disk_is_not() -> None:
    assert not _after(*[SLOW_S] * 100)
    assert not _after(*[QUICK_S, SLOW_S] * 50)


def test_one_that_was_stuck_has_to_show_itself_anew() -> None:
    assert not _after(*[QUICK_S] * 16, STUCK_S)
    assert not _after(*[QUICK_S] * 16, STUCK_S, *[QUICK_S] * 15)
    assert _after(*[QUICK_S] * 16, STUCK_S, *[QUICK_S] * 16)
