"""How fast a scrub goes: everything is read within the period, and it makes room for whatever people do.

A pass reads every byte once. The next one begins half a period after the one before began, so that half of the period
is left for a node that is busy all day. Nobody works: full pace. Somebody does: the scrub works a share of the time,
what is needed to end within the period and never more than `BUSY_SHARE_MAX`. What then cannot be done in time is not
hurried: the true period is longer, and it is said (SCRUB_LATE).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lumbung_cluster.limits import (
    SCRUB_BUSY_SHARE_MAX,
    SCRUB_BUSY_SHARE_MIN,
    SCRUB_NAP_S_MAX,
    SCRUB_PERIOD_S,
    SCRUB_START_DELAY_S,
)
from lumbung_cluster.scrub_brake import BrakeSettings

__all__ = ["PassTimes", "ScrubSettings", "nap_s", "next_pass_in_s", "true_period_s"]

_AHEAD = 1.25  # plan to be done a fifth of the time early: a store grows while it is read
_KNOWN_SHARE_MIN = 0.01  # before a hundredth is read the rate of a pass says little


@dataclass(frozen=True, slots=True)
class ScrubSettings:
    """`period_s`: every byte is to be read once in it. `start_delay_s`: how long after a start a scrub waits."""

    period_s: float = SCRUB_PERIOD_S
    start_delay_s: float = SCRUB_START_DELAY_S
    brake: BrakeSettings = field(default_factory=BrakeSettings)

    @property
    def pass_interval_s(self) -> float:
        """From the begin of one pass to the begin of the next."""
        return self.period_s / 2


@dataclass(frozen=True, slots=True)
class PassTimes:
    """How a pass goes: of `total_bytes` it has read `read_bytes` in `active_s`, naps included, rest and stops not."""

    total_bytes: int
    read_bytes: int
    active_s: float

    @property
    def rate_bytes_s(self) -> float:
        """0 while nothing is known."""
        return self.read_bytes / self.active_s if self.active_s > 0 else 0.0

    @property
    def is_telling(self) -> bool:
        """Whether enough was read for a forecast."""
        return self.read_bytes > 0 and self.read_bytes >= _KNOWN_SHARE_MIN * self.total_bytes

    def whole_s(self) -> float:
        """How long the whole pass takes at this rate; 0 when there is no rate, or nothing to read."""
        return self.total_bytes / self.rate_bytes_s if self.rate_bytes_s else 0.0

    def left_s(self) -> float:
        """How long the rest takes at this rate."""
        left_bytes = max(0, self.total_bytes - self.read_bytes)
        return left_bytes / self.rate_bytes_s if self.rate_bytes_s else 0.0


def nap_s(worked_s: float, *, is_busy: bool, left_bytes: int, work_rate_bytes_s: float, left_s: float) -> float:
    """How long to leave the disk alone after `worked_s` of work.

    `work_rate_bytes_s` is how fast the work itself goes (naps not counted); `left_s` is what is left of the period.
    """
    if not is_busy:
        return 0.0
    needed = 1.0
    if work_rate_bytes_s > 0 and left_s > 0:
        needed = _AHEAD * left_bytes / work_rate_bytes_s / left_s
    share = min(SCRUB_BUSY_SHARE_MAX, max(SCRUB_BUSY_SHARE_MIN, needed))
    return min(SCRUB_NAP_S_MAX, worked_s * (1 / share - 1))


def true_period_s(times: PassTimes, settings: ScrubSettings) -> float:
    """How long it truly is between two reads of a byte at this rate; 0 while nothing is known.

    Passes that are short begin half a period apart; a long one is followed at once by the next.
    """
    if not times.is_telling:
        return 0.0
    return max(settings.pass_interval_s, times.whole_s())


def next_pass_in_s(begun_ms: int, now_ms: int, settings: ScrubSettings) -> float:
    """How long until the next pass is due, from wall times. A clock that jumped makes it at most one interval."""
    waited_s = (now_ms - begun_ms) / 1000
    return min(settings.pass_interval_s, max(0.0, settings.pass_interval_s - waited_s))
