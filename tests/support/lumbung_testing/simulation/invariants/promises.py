"""The invariants: whatever a node says is held against the disks at that very moment, before the message leaves.

Each module has those of one topic, named in its docstring, and says when they are to be looked at:

    HEARD           kind of frame -> remembers what a peer said
    SAYS            kind of frame -> judges what a node is about to say
    SAYS_ANYTHING   judges every frame that a node is about to send
    SWEEPS          judges all nodes at once, from time to time

A new topic is a module with some of these, named in `_TOPICS`. What the nemesis destroyed, and nobody repaired yet, is
excused (damage.py).
"""

from __future__ import annotations

from collections.abc import Callable

from lumbung_cluster.errors import Rejected
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.receipt import Statement
from lumbung_node.ports.transport import Method
from lumbung_node.services.core import Core
from lumbung_proto.v1 import blobs_pb2, bundles_pb2, peer_pb2
from lumbung_testing.simulation.invariants import (
    answers,
    bounds,
    carried,
    copies,
    equality,
    feeds,
    inventories,
    lives,
    records,
    reports,
    scrubs,
    stores,
    strangers,
    words,
)
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.invariants.ends import SessionEnds
from lumbung_testing.simulation.node import SimNode

__all__ = ["Promises"]

_TOPICS = (
    strangers,
    lives,
    words,
    carried,
    inventories,
    feeds,
    equality,
    copies,
    bounds,
    reports,
    stores,
    records,
    scrubs,
)

_OnFrame = Callable[[Claims, SimNode, SessionEnds, peer_pb2.SessionFrame], None]
_Sweep = Callable[[Claims], None]


class Promises:
    """Holds every message of every node against the disks of all."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._hears: dict[str, list[_OnFrame]] = {}
        self._says: dict[str, list[_OnFrame]] = {}
        self._says_anything: list[_OnFrame] = []
        self._sweeps: list[_Sweep] = []
        for topic in _TOPICS:
            names = vars(topic)
            for kind, hear in names.get("HEARD", {}).items():
                self._hears.setdefault(kind, []).append(hear)
            for kind, say in names.get("SAYS", {}).items():
                self._says.setdefault(kind, []).append(say)
            self._says_anything += names.get("SAYS_ANYTHING", ())
            self._sweeps += names.get("SWEEPS", ())

    @property
    def acked(self) -> dict[tuple[NodeNumber, BlobId], dict[NodeNumber, None]]:
        return self._claims.acked

    def was_refused(self, node: SimNode, peer: NodeNumber, origin: NodeNumber, blob: BlobId) -> bool:
        """Whether the node has heard that the peer refused an offer of its feed lane with this blob."""
        return (node.host, peer, origin, blob) in self._claims.refused

    def put_answer(self, node: SimNode, begun: float, answer: blobs_pb2.PutAnswer) -> None:
        """`begun` is when the put's stream was opened: the bytes were verified since."""
        copies.put_answer(self._claims, node, begun, answer)

    def answer(self, node: SimNode, method: Method, message: bytes) -> None:
        """What leaves a node for an operator or a station, puts apart."""
        answers.check_answer(self._claims, node, method, message)

    def says_on_disk(self, node: SimNode, nonce: int, said: bundles_pb2.ImportResponse) -> None:
        """What leaves a node for a disk; `nonce` is the one that the disk's manifest has for its exporter."""
        carried.says_on_disk(self._claims, node, nonce, said)

    def came_home(
        self, node: SimNode, words: list[peer_pb2.SignedBytes], said: bundles_pb2.TakeReceiptsResponse
    ) -> None:
        """The node has just taken words from a disk: they are on record, and whatever it counts now is there."""
        carried.came_home(self._claims, node, words, said)
        copies.check_counted(self._claims, node, tuple(self._claims.nodes))

    def signs(self, core: Core, statement: Statement) -> None:
        """A node signs a word of its own."""
        words.check_signed(self._claims, core, statement)

    def refuses(self, core: Core, peer: NodeNumber, refusal: Rejected) -> None:
        """A session with the peer ends because one of the two has refused what the other said."""
        bounds.check_refusal(self._claims, core.number, peer, refusal.code.value, refusal.sentence)

    def heard(self, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
        for hear in self._hears.get(frame.WhichOneof("kind") or "", ()):
            hear(self._claims, node, ends, frame)

    def says(self, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
        for say in (*self._says_anything, *self._says.get(frame.WhichOneof("kind") or "", ())):
            say(self._claims, node, ends, frame)

    def sweep(self) -> None:
        """Look at all disks and all nodes at once."""
        for sweep in self._sweeps:
            sweep(self._claims)
