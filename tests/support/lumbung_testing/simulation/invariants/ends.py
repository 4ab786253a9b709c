"""What one side of one session has heard so far."""

from __future__ import annotations

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_proto.v1 import peer_pb2

__all__ = ["SessionEnds"]


class SessionEnds:
    """The peer's Hello, its open offers, and what it withdrew (with the time, until that must be recorded)."""

    def __init__(self, peer: NodeNumber) -> None:
        self.peer = peer
        self.generation = 0
        self.offers: dict[int, peer_pb2.Offer] = {}
        self.withdrawn: dict[BlobId, float] = {}
        self.has_offered = False
