"""Which origins' offers the peer takes now: one whose disk is nearly full says when to come again.

It refuses what is not its own, so the hold is by origin: its own recordings that come home are offered all the time.
"""

from __future__ import annotations

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.retry_after import believed_s

__all__ = ["Welcome"]


class Welcome:
    """For one session."""

    def __init__(self) -> None:
        self._closed_until: dict[NodeNumber, float] = {}
        self._sentences: dict[NodeNumber, str] = {}

    def refused(self, origin: NodeNumber, retry_after_ms: int, sentence: str) -> None:
        """The peer has refused an offer; 0 when it did not say for how long."""
        until = trio.current_time() + believed_s(retry_after_ms)
        self._sentences[origin] = sentence
        self._closed_until[origin] = max(until, self._closed_until.get(origin, 0.0))

    def sentence(self, origin: NodeNumber) -> str:
        """What the peer said when it refused this origin last."""
        return self._sentences.get(origin, "")

    def is_open(self, origin: NodeNumber) -> bool:
        return trio.current_time() >= self._closed_until.get(origin, 0.0)

    async def until_open(self, origin: NodeNumber) -> None:
        """Wait as long as the peer has said."""
        await trio.sleep_until(max(trio.current_time(), self._closed_until.get(origin, 0.0)))
