"""What one side of one session has said and heard so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.life import Life
from lumbung_cluster.receipt import Statement
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.simulation.node import SimNode

__all__ = ["SessionEnds"]


@dataclass(slots=True)
class SessionEnds:
    """`heard` is the peer's Hello, `said` our own.

    `offers` are the peer's open ones, `asked` the nonces of our open offers and questions, `questions` the nonces of
    the peer's. `words` are statements that came, with the time, the blobs that we knew and what was on record of each:
    they must be on record a while later. `feeding` are the blobs of our open offers of the feed lane; `fed` is how far
    that lane has come, by origin; `settles` are the marks that the peer's settlements name, `settles_said` those of
    ours, `agreed` where our feed goes on after one.
    """

    peer: NodeNumber
    heard: peer_pb2.Hello = field(default_factory=peer_pb2.Hello)
    said: peer_pb2.Hello = field(default_factory=peer_pb2.Hello)
    offers: dict[int, peer_pb2.Offer] = field(default_factory=dict)
    asked: dict[tuple[str, int], int] = field(default_factory=dict)
    questions: dict[int, int] = field(default_factory=dict)
    words: list[tuple[float, Statement, list[tuple[BlobId, Statement | None]]]] = field(default_factory=list)
    feeding: dict[int, tuple[NodeNumber, list[BlobId]]] = field(default_factory=dict)
    fed: dict[NodeNumber, int] = field(default_factory=dict)
    settles: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    settles_said: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    agreed: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    has_counted: bool = False

    @property
    def generation(self) -> int:
        """The peer's; 0 before its Hello."""
        return self.heard.generation

    def is_with(self, present: SimNode) -> bool:
        """Whether the peer is the present machine in its present life: not an old one, nor a life that has ended."""
        record = present.identity.record
        if record is None or not self.generation:
            return False
        return Life.parse(self.heard.life.body).order == (record.generation, record.life_id)
