"""How the link to one partner stands: what the replicator keeps of it, and everybody may read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.link_patience import LinkPatience
from lumbung_node.services.session.session import Session

__all__ = ["Link", "LinkState"]


class LinkState(Enum):
    UP = "up"
    DOWN = "down"
    REFUSED = "refused"


@dataclass(slots=True)
class Link:
    """How the link to one partner stands. `since` and `heard_at`, when its last session heard of it, are trio time; the
    bytes of blobs are those of ended sessions.
    """

    peer: NodeNumber
    state: LinkState = LinkState.DOWN
    since: float = 0.0
    sentence: str = ""
    session: Session | None = None
    is_dialled: bool = False
    sent_bytes: int = 0
    received_bytes: int = 0
    roster_asked: float = -math.inf
    patience: LinkPatience = field(default_factory=LinkPatience)
    has_lost_call: bool = False  # the peer dialled again before we noticed that its last call was gone
    heard_at: float | None = None

    @property
    def last_heard_at(self) -> float | None:
        """When the last frame from the partner came; None when there was none since the start."""
        heard_at = self.session.heard_at if self.session is not None else None
        return heard_at if heard_at is not None else self.heard_at

    def become(self, state: LinkState, sentence: str) -> None:
        if state is not self.state:
            self.since = trio.current_time()
        self.state, self.sentence = state, sentence

    def carried_bytes(self) -> tuple[int, int]:
        """Bytes of blobs sent and received, of the session under way too."""
        sent_bytes, received_bytes = self.session.blob_bytes if self.session is not None else (0, 0)
        return self.sent_bytes + sent_bytes, self.received_bytes + received_bytes
