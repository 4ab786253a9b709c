"""Wire versions: two nodes of different age speak the highest version that both know, for at least 24 months.

    0   sessions as they were when reconcile came
    1   a frame of a kind that the reader does not know is passed over; kinds that came later are sent under 1 only
    2   an offer may bring the bytes of its entries along, 1 MiB at most
    3   2 MiB of them

Under version 0 an unknown frame ends the session, so nothing new may ever be sent to a node that speaks it.
"""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_cluster.limits import OFFER_ALONG_BYTES_MAX, PIECE_SIZE_BYTES_MAX

__all__ = ["SPOKEN", "WireRange", "bytes_along_max", "may_send", "passes_over_unknown"]


@dataclass(frozen=True, slots=True)
class WireRange:
    """What one side speaks, both ends included."""

    low: int
    high: int

    def common(self, other: WireRange) -> int | None:
        """The version to speak with the other side; None when there is none."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return high if low <= high else None


SPOKEN = WireRange(0, 3)
_KINDS_OF_0 = frozenset(
    (
        "hello",
        "offer",
        "want",
        "pieces",
        "applied",
        "prove",
        "proof",
        "withdraw",
        "need",
        "roster",
        "access",
        "goodbye",
        "takes",
        "received",
        "reconcile_compare",
        "reconcile_compared",
        "reconcile_ask",
        "reconcile_tell",
        "reconcile_fetch",
        "reconcile_fetched",
        "reconcile_settle",
        "reconcile_settled",
        "inventory_ask",
        "inventory_word",
        "release",
        "stake_ask",
        "stake",
    )
)


def may_send(kind: str, wire: int) -> bool:
    """Whether a reader of that version knows frames of this kind, or passes over them."""
    return passes_over_unknown(wire) or kind in _KINDS_OF_0


def passes_over_unknown(wire: int) -> bool:
    return wire >= 1


def bytes_along_max(wire: int) -> int:
    """How many bytes may come with an offer. A reader of 1 skips them uncounted; for one of 2 a larger message is none
    of the protocol, and ends the session."""
    if wire < 2:
        return 0
    return PIECE_SIZE_BYTES_MAX if wire == 2 else OFFER_ALONG_BYTES_MAX
