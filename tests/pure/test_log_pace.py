"""A partner that is refused without end fills no disk with lines about it, and hides none about others."""

from __future__ import annotations

import pytest
import structlog

from lumbung_cluster.limits import LOG_LINES_BURST, LOG_LINES_PER_S, LOG_SOURCES_MAX
from lumbung_node.adapters.stderr_log import LinePace


class _Lines:
    """What a log with a pace has let through, at times of the test's making."""

    def __init__(self) -> None:
        self.now = 0.0
        self.said: list[dict[str, object]] = []
        self._pace = LinePace(lambda: self.now)

    def say(self, event: str, **values: object) -> None:
        try:
            self.said.append(dict(self._pace(None, "warning", {"event": event, **values})))
        except structlog.DropEvent:
            return


def test_one_partner_refused_a_hundred_times_a_second_is_told_of_now_and_then() -> None:
    lines = _Lines()
    for _ in range(100 * 3600):
        lines.say("statement refused", peer=2)
        lines.now += 0.01
    assert len(lines.said) == pytest.approx(LOG_LINES_BURST + 3600 * LOG_LINES_PER_S, abs=2)
    left_out = [int(str(each.get("left_out", 0))) for each in lines.said]
    assert sum(left_out) + len(lines.said) == pytest.approx(100 * 3600, abs=1000)


def test_what_is_said_of_others_and_of_other_things_is_all_there() -> None:
    lines = _Lines()
    for _ in range(10 * LOG_LINES_BURST):
        lines.say("statement refused", peer=2)
    before = len(lines.said)
    lines.say("statement refused", peer=3)
    lines.say("roster refused", peer=2)
    lines.say("handler failed", caller="lumbung://x/access/1/loket")
    assert len(lines.said) == before + 3


def test_what_is_kept_of_sources_is_bounded() -> None:
    lines = _Lines()
    for number in range(2 * LOG_SOURCES_MAX):
        lines.say("call revoked", caller=f"caller {number}")
    assert len(lines._pace._sources) == LOG_SOURCES_MAX
