"""Which puts may overtake their feed: those that stand behind many entries that nobody waits for.

An office that catches up after weeks has a long feed, and a person at a station waits for one new recording: it jumps
the queue. In a bulk put everybody waits for everything in the same order; to jump then only offers each blob twice.
"""

from __future__ import annotations

from collections import deque

from lumbung_cluster.limits import OFFER_ENTRIES_MAX, PUT_BLOBS_WAITING_MAX

__all__ = ["Overtaking"]


class Overtaking:
    """Of one feed and one peer. Numbers are those of the feed, told nearly in their order."""

    def __init__(self) -> None:
        self._waited: deque[int] = deque(maxlen=PUT_BLOBS_WAITING_MAX)  # not offered yet; the oldest is let go first

    def may_overtake(self, number: int, offered: int) -> bool:
        """Somebody waits for `number`, and the feed is offered up to `offered`: whether it is worth its own offer."""
        while self._waited and self._waited[0] <= offered:
            self._waited.popleft()
        if number <= offered:
            return False
        nobodys = number - offered - 1 - len(self._waited)
        self._waited.append(number)
        return nobodys >= OFFER_ENTRIES_MAX
