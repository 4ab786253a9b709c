"""How many bytes of blobs a session keeps on its way: about three seconds of the link, whatever the link is.

The sender learns from the receiver's counts how long its bytes were under way. What a transport takes at once says
nothing: its windows hold megabytes, which are minutes on a line of 128 kbit/s. The window follows the rate at which
bytes come back counted. While it held us back and three seconds of that rate are more than it, what is counted widens
it by as much, so it doubles with each round; when bytes took longer and three seconds of the rate are less, it becomes
that.

The rate decides, and not how long single bytes took: on a line that loses 2 % of its packets every other piece waits
for a retransmission of 600 ms, and a window that only quick bytes widened and slow ones narrowed stayed too small.
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

__all__ = ["FLIGHT_S", "SHORT_FLIGHT_S", "Flight"]

FLIGHT_S: Final = 3.0  # with two, 1 Mbit/s with 2 % loss was used to 0.74 instead of 0.79: each stall narrows
# On a line of class lan that broke again and again: the keepalive of class lan waits 1.5 s behind these bytes.
SHORT_FLIGHT_S: Final = 0.75
_RATE_S: Final = 4.0  # over which the link's rate is measured: four retransmissions over a satellite
_PIECES_IN_WINDOW: Final = 8  # with two, a line that loses 2 % was half empty while one of them waited


class Flight:
    """Bytes sent and not yet counted by the receiver. Pure: every method takes the time in seconds."""

    def __init__(self, flight_s: float = FLIGHT_S) -> None:
        self.window_bytes = FLIGHT_BYTES_START if flight_s >= FLIGHT_S else FLIGHT_BYTES_MIN
        self._flight_s = flight_s
        self._sent = 0
        self._counted = 0
        # The count behind each send, when it went, and whether the window held us back then.
        self._sends: deque[tuple[int, float, bool]] = deque()
        self._counts: deque[tuple[float, int]] = deque()  # (when, count) of the last seconds, while bytes are under way
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
        """About a third of a second of the link: a piece counts when it is whole, and a lost packet holds it up."""
        return max(PIECE_SIZE_BYTES_MIN, min(PIECE_SIZE_BYTES_MAX, self.window_bytes // _PIECES_IN_WINDOW))

    def send(self, size_bytes: int, now: float) -> None:
        if not self.bytes_in_flight:  # an idle time says nothing about the link
            self._counts.clear()
            self._counts.append((now, self._counted))
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
        self._counts.append((now, total_bytes))
        while len(self._counts) > 2 and self._counts[1][0] <= now - _RATE_S:
            self._counts.popleft()
        self._adapt(news, now - went, now, was_full=was_full)
        return True

    def _adapt(self, news: int, taken_s: float, now: float, *, was_full: bool) -> None:
        begun, before = self._counts[0]
        elapsed_s = now - begun
        carried_bytes = (self._counted - before) * self._flight_s
        if was_full and self.window_bytes * elapsed_s < carried_bytes:
            self.window_bytes = min(FLIGHT_BYTES_MAX, self.window_bytes + news)
        elif (
            taken_s > self._flight_s
            and self.window_bytes * elapsed_s > carried_bytes
            and self._counted >= self._narrowed_at
        ):
            self.window_bytes = max(FLIGHT_BYTES_MIN, int(carried_bytes / elapsed_s))
            self._narrowed_at = self._sent
