"""How many bytes of blobs a session keeps on its way: about two seconds of the link, whatever the link is.

The sender learns from the receiver's counts how long its bytes were under way. What a transport takes at once says
nothing: its windows hold megabytes, which are minutes on a line of 128 kbit/s. Bytes that come back counted quickly
widen the window by as much, so it doubles with each round; bytes that took too long narrow it. A line's own delay of
600 ms stands well below the target (the idea is LEDBAT's, RFC 6817, with a target for people who wait for a put).
"""

from __future__ import annotations

from collections import deque
from typing import Final

from lumbung_cluster.limits import (
    FLIGHT_BYTES_MAX,
    FLIGHT_BYTES_MIN,
    FLIGHT_BYTES_START,
    PIECE_SIZE_BYTES_MAX,
    PIECE_SIZE_BYTES_MIN,
)

__all__ = ["Flight"]

_QUICK_S: Final = 1.0
_SLOW_S: Final = 2.0


class Flight:
    """Bytes sent and not yet counted by the receiver. Pure: every method takes the time in seconds."""

    def __init__(self) -> None:
        self.window_bytes = FLIGHT_BYTES_START
        self._sent = 0
        self._counted = 0
        # The count behind each send, when it went, and whether the window held us back then.
        self._sends: deque[tuple[int, float, bool]] = deque()
        self._narrowed_at = 0  # the count at which the window was last narrowed: once for what was under way then

    @property
    def sent_bytes(self) -> int:
        return self._sent

    @property
    def bytes_in_flight(self) -> int:
        return self._sent - self._counted

    def has_room(self, size_bytes: int) -> bool:
        """Whether so many more may go. One send may always go into an empty flight."""
        return not self.bytes_in_flight or self.bytes_in_flight + size_bytes <= self.window_bytes

    def piece_bytes(self) -> int:
        """About one second of the link."""
        return max(PIECE_SIZE_BYTES_MIN, min(PIECE_SIZE_BYTES_MAX, self.window_bytes // 2))

    def send(self, size_bytes: int, now: float) -> None:
        self._sent += size_bytes
        # A window that nobody fills says nothing about the link and must not grow: else a hundred lone puts on a slow
        # line would let the next backlog fill minutes of it.
        self._sends.append((self._sent, now, 2 * self.bytes_in_flight >= self.window_bytes))

    def count(self, total_bytes: int, now: float) -> bool:
        """The receiver has taken `total_bytes` since the session began. False when it claims more than was sent."""
        if total_bytes > self._sent:
            return False
        if total_bytes <= self._counted:
            return True
        news, self._counted = total_bytes - self._counted, total_bytes
        went, was_full = now, False
        while self._sends and self._sends[0][0] <= total_bytes:
            _, went, was_full = self._sends.popleft()
        self._adapt(news, now - went, was_full=was_full)
        return True

    def _adapt(self, news: int, taken_s: float, *, was_full: bool) -> None:
        if taken_s <= _QUICK_S and was_full:
            self.window_bytes = min(FLIGHT_BYTES_MAX, self.window_bytes + news)
        elif taken_s > _SLOW_S and self._counted >= self._narrowed_at:
            self.window_bytes = max(FLIGHT_BYTES_MIN, int(self.window_bytes * _SLOW_S / taken_s))
            self._narrowed_at = self._sent
