"""When a read is waited for in place: only while nearly all of the last ones came at once."""

from __future__ import annotations

import pytest

from lumbung_node.adapters.rocks.read_pace import ReadPace, VainLooks

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


def test_looks_in_vain_are_cheap_until_one_got_stuck_and_again_a_minute_later() -> None:
    times = iter([0.0, 100.0, 100.0 + SLOW_S, 101.0, 102.0, 102.0 + STUCK_S, 102.1, 162.0, 162.2])
    looks = VainLooks(lambda: next(times))
    with looks.timed():
        pass
    seen = [looks.is_cheap]
    with pytest.raises(OSError, match="EIO"), looks.timed():  # one that fails counts as well
        raise OSError("EIO")
    seen += [looks.is_cheap for _ in range(2)]
    assert seen == [True, False, True]
