"""Mutes: an operator's word that a trouble is known and need not call anybody, with an end.

A muted trouble is shown as muted and changes no colour and no exit code; it is never left out. A mute without a node is
for the node's own troubles of that code, whomever they are about; one with a node is for what concerns that node: own
troubles about it, and at a DRC node what it reports itself.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lumbung_cluster.ids import NodeNumber

__all__ = ["MUTES_MAX", "MUTE_MS_MAX", "Mute", "own_mute", "reported_mutes"]

MUTE_MS_MAX = 30 * 24 * 3600 * 1000  # longer is not a mute but a trouble that nobody wants to end
MUTES_MAX = 256  # an operator who mutes more has another trouble


@dataclass(frozen=True, slots=True)
class Mute:
    """`node` is 0 for a mute without a node. Times are UTC milliseconds by the node's clock."""

    code: str
    node: NodeNumber
    until_ms: int

    def is_active(self, now_ms: int) -> bool:
        """A clock that was set back must not make a mute longer than any may be."""
        return now_ms < self.until_ms <= now_ms + MUTE_MS_MAX


def own_mute(mutes: Collection[Mute], code: str, about: NodeNumber, now_ms: int) -> Mute | None:
    """The mute that a trouble of this node itself falls under; of several the one that ends last."""
    found = [mute for mute in mutes if mute.code == code and mute.node in (0, about) and mute.is_active(now_ms)]
    return max(found, key=lambda mute: mute.until_ms, default=None)


def reported_mutes(mutes: Collection[Mute], reporter: NodeNumber, now_ms: int) -> dict[str, int]:
    """Held at a DRC node: the codes that are muted in `reporter`'s report, and for how many seconds still."""
    active = [mute for mute in mutes if mute.node == reporter and mute.is_active(now_ms)]
    return {mute.code: max(1, (mute.until_ms - now_ms) // 1000) for mute in active}
