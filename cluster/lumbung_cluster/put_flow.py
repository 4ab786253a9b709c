"""How large the frames of a put stream are, and how many may be under way: about a second of the line each.

A station learns from the node's counts how long a frame took to arrive. How fast its own transport takes bytes says
nothing: that fills megabytes of buffers, which are minutes on a line of 128 kbit/s, and a node ends a stream on which
no whole frame came for 30 s. A frame that was counted within a second doubles the next ones, one that took longer than
2.5 s halves them; few are under way at once, so that waiting behind the others is most of what a slow one tells.

Not `flow.Flight`: its window grows only when it is full, and a node next door counts each frame before the next is cut.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from lumbung_cluster.limits import FLIGHT_BYTES_START, PIECE_SIZE_BYTES_MAX, PIECE_SIZE_BYTES_MIN

__all__ = ["PutFlight"]

_FRAMES_MAX: Final = 4  # four of 1 MiB keep a local network full
_QUICK_S: Final = 1.0  # above the 600 ms that a satellite takes for nothing
_SLOW_S: Final = 2.5


class PutFlight:
    """Frames sent and not yet counted by the node. Pure: every method takes the time in seconds."""

    def __init__(self) -> None:
        self.frame_bytes = FLIGHT_BYTES_START
        self._sent = 0
        self._counted = 0
        self._sends: deque[tuple[int, float]] = deque()  # the count behind each frame, and when it went
        self._is_trusting = False  # sends without counts
        self._narrowed_at = 0  # the count at which frames last became smaller: once for what was under way then

    @property
    def is_counted(self) -> bool:
        """Whether the node has ever counted; one of an earlier build never does."""
        return self._counted > 0

    def has_room(self) -> bool:
        """Whether another frame may go. The first one goes alone: nothing is known of the line yet."""
        if not self.is_counted:
            return self._is_trusting or not self._sends
        return len(self._sends) < _FRAMES_MAX

    def send(self, size_bytes: int, now: float) -> None:
        self._sent += size_bytes
        self._sends.append((self._sent, now))

    def count(self, total_bytes: int, now: float) -> bool:
        """The node has taken `total_bytes` of this stream. False when it claims more than was sent."""
        if total_bytes > self._sent:
            return False
        if total_bytes <= self._counted:
            return True
        self._counted = total_bytes
        while self._sends and self._sends[0][0] <= total_bytes:
            _, went = self._sends.popleft()
            self._adapt(now - went)
        return True

    def give_up_counting(self) -> None:
        """Nothing was counted for long: send on without, until a count comes, in frames that fit the slowest line."""
        self._is_trusting = True

    def _adapt(self, taken_s: float) -> None:
        if taken_s < _QUICK_S:
            self.frame_bytes = min(self.frame_bytes * 2, PIECE_SIZE_BYTES_MAX)
        elif taken_s > _SLOW_S and self._counted > self._narrowed_at:
            self.frame_bytes = max(self.frame_bytes // 2, PIECE_SIZE_BYTES_MIN)
            self._narrowed_at = self._sent
