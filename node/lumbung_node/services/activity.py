"""Whether somebody works at this node: puts, arrivals and reads say so, and the scrub makes room for them."""

from __future__ import annotations

import trio

from lumbung_cluster.limits import SCRUB_BUSY_S

__all__ = ["Activity"]


class Activity:
    """One for the node; trio time."""

    def __init__(self) -> None:
        self._last = float("-inf")

    def touch(self) -> None:
        """Bytes of a put, an arrival or a read moved just now."""
        self._last = trio.current_time()

    @property
    def is_busy(self) -> bool:
        return trio.current_time() - self._last < SCRUB_BUSY_S
