"""When to come again to a node whose disk is nearly full: as long as it has been full so far, within bounds.

So a disk that was full for a moment is asked again soon, and one that stays full for days is left in peace, without
either side remembering how often it was asked. Both sides keep to the bounds: what a peer says is a stranger's word.
"""

from __future__ import annotations

from lumbung_cluster.limits import RETRY_AFTER_S_MAX, RETRY_AFTER_S_MIN

__all__ = ["believed_s", "retry_after_s"]


def retry_after_s(refusing_for_s: float) -> float:
    """What to tell somebody who is refused."""
    return min(max(refusing_for_s, RETRY_AFTER_S_MIN), RETRY_AFTER_S_MAX)


def believed_s(said_ms: int) -> float:
    """What to make of it; 0 when nothing was said."""
    return min(said_ms / 1000, RETRY_AFTER_S_MAX)
