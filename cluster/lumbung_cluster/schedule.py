"""Bandwidth windows: what a link may carry at each hour of the office's week.

A window says from when to when it holds, for which links, how much may be sent and received, and how much of that the
backlog (what is not new and nobody waits for) may take. Of several windows that hold at once, each limit is the
smallest. Outside all windows a link is free. The wall clock decides, so a clock that jumped only shifts the hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["ALWAYS_FREE", "FREE", "Airtime", "Allowance", "Direction", "Schedule", "TimeZone", "Weekday", "Window"]

_MINUTE_MS = 60_000
_DAY_MINUTES = 24 * 60
_EPOCH_WEEKDAY = 3  # 1 January 1970 was a Thursday


class TimeZone(Enum):
    """Indonesia's three; none has summer time."""

    WIB = 7
    WITA = 8
    WIT = 9


class Weekday(Enum):
    MON = 0
    TUE = 1
    WED = 2
    THU = 3
    FRI = 4
    SAT = 5
    SUN = 6


class Direction(Enum):
    SEND = "send"
    RECEIVE = "receive"


@dataclass(frozen=True, slots=True)
class Window:
    """`first_minute` (included) and `behind_minute` (not) count from local midnight; the second may be the smaller
    one: the window then ends on the next day. `days` are those on which it begins. Empty `links`: every link.
    """

    first_minute: int
    behind_minute: int
    days: tuple[Weekday, ...]
    links: tuple[str, ...]
    send_bytes_per_s: float | None
    receive_bytes_per_s: float | None
    backlog_percent: int

    def holds(self, weekday: int, minute: int) -> bool:
        """Whether it is open on this weekday (0 is Monday) at this minute of the local day."""
        if self.first_minute < self.behind_minute:
            return Weekday(weekday) in self.days and self.first_minute <= minute < self.behind_minute
        if minute >= self.first_minute:
            return Weekday(weekday) in self.days
        return minute < self.behind_minute and Weekday((weekday - 1) % 7) in self.days

    def rate(self, direction: Direction) -> float | None:
        return self.send_bytes_per_s if direction is Direction.SEND else self.receive_bytes_per_s


@dataclass(frozen=True, slots=True)
class Allowance:
    """Bytes a second, all traffic together and for the backlog; None: as much as the line gives."""

    all_bytes_per_s: float | None
    backlog_bytes_per_s: float | None

    def with_limit(self, other: Allowance) -> Allowance:
        """The smaller of both, for each."""
        return Allowance(
            _smaller(self.all_bytes_per_s, other.all_bytes_per_s),
            _smaller(self.backlog_bytes_per_s, other.backlog_bytes_per_s),
        )


FREE = Allowance(None, None)


@dataclass(frozen=True, slots=True)
class Schedule:
    """All windows of a node, in its office's time zone."""

    zone: TimeZone
    windows: tuple[Window, ...]

    def allowance(self, link: str, direction: Direction, now_ms: int) -> Allowance:
        """What `link` (the partner's name) may carry now."""
        minutes = now_ms // _MINUTE_MS + self.zone.value * 60
        weekday, minute = (minutes // _DAY_MINUTES + _EPOCH_WEEKDAY) % 7, minutes % _DAY_MINUTES
        found = [
            (rate, window.backlog_percent)
            for window in self.windows
            if (not window.links or link in window.links)
            and window.holds(weekday, minute)
            and (rate := window.rate(direction)) is not None
        ]
        if not found:
            return FREE
        return Allowance(min(rate for rate, _ in found), min(rate * share / 100 for rate, share in found))


ALWAYS_FREE = Schedule(TimeZone.WIB, ())


class Airtime:
    """When the next frame may start, so that a rate is kept: each one occupies the line for its bytes' time.

    Nothing is saved up while the line is idle. A frame may start when the ones before it are through, so that a
    traffic class is late by at most one frame of each other one.
    """

    def __init__(self) -> None:
        self._free_at = float("-inf")

    def wait_s(self, now: float) -> float:
        """How long until the next frame may start."""
        return max(0.0, self._free_at - now)

    def occupy(self, now: float, size_bytes: int, bytes_per_s: float | None) -> None:
        """A frame of `size_bytes` starts now."""
        if bytes_per_s is not None:
            self._free_at = max(self._free_at, now) + size_bytes / bytes_per_s


def _smaller(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
