"""What may be said at all: the disks of all nodes, what the nemesis destroyed, and what was promised so far."""

from __future__ import annotations

import trio

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.report_book import ReportBook
from lumbung_node.store.layout import blob_key
from lumbung_testing.simulation.damage import DamageBook, Harm
from lumbung_testing.simulation.misbehaviour import Misbehaviour
from lumbung_testing.simulation.node import SimNode
from lumbung_testing.simulation.story import Story

__all__ = ["UNDER_WAY_S", "Claims"]

UNDER_WAY_S = 5.0  # a message that was made before a row was lost has left by then


class Claims:
    """Shared by all invariants of one run.

    `acked` has for each acknowledged (origin, blob) the holders that were ever named for it; `withdrawn` the copies
    (holder, origin, blob) that their holder took back, until they are there again; `lied` the copies that a lying
    holder has signed for, until they are there. `asked` has the nonces that an origin has put to a holder;
    `struck_off` when a host (the first) was first seen to speak with a van that it knows to be gone;
    `signed_under` the highest nonce under which a machine (host) in a generation has signed for a blob of an origin,
    or for a whole unit of that origin (its number) with its inventory.
    `refused` has what a host has heard that a peer refused on the feed lane (host, peer, origin, blob).
    `reports_said` are the bodies of all reports that their nodes sent, `reports_held` the book and the order last
    seen, by host and reporter.
    """

    def __init__(
        self, story: Story, nodes: dict[NodeNumber, SimNode], damage: DamageBook, misbehaviour: Misbehaviour
    ) -> None:
        self.nodes = nodes
        self.damage = damage
        self.misbehaviour = misbehaviour
        self.acked: dict[tuple[NodeNumber, BlobId], dict[NodeNumber, None]] = {}
        self.withdrawn: set[tuple[NodeNumber, NodeNumber, BlobId]] = set()
        self.lied: set[tuple[NodeNumber, NodeNumber, BlobId]] = set()
        self.signed_under: dict[tuple[str, int, NodeNumber, BlobId | int], int] = {}
        self.reports_said: set[bytes] = set()
        self.reports_held: dict[tuple[str, NodeNumber], tuple[ReportBook, tuple[int, int]]] = {}
        self.struck_off: dict[tuple[str, NodeNumber], float] = {}
        self.refused: set[tuple[str, NodeNumber, NodeNumber, BlobId]] = set()
        self.asked: dict[tuple[NodeNumber, NodeNumber], set[int]] = {}
        self._story = story

    def ask(self, origin: NodeNumber, holder: NodeNumber, nonce: int) -> None:
        """An origin asks a holder for a receipt under this nonce."""
        if nonce:
            self.asked.setdefault((origin, holder), set()).add(nonce)

    def broken(self, invariant: str, sentence: str) -> None:
        self._story.broken(invariant, sentence)

    def holds(self, node: SimNode, origin: NodeNumber, blob: BlobId) -> bool:
        """Whether the blob is durable and intact there; seen intact again, its damage is no excuse any more."""
        if not node.durable.holds(origin, blob):
            return False
        if self.nodes[node.number] is node:
            self.damage.repaired(node.number, origin, blob)
            self.withdrawn.discard((node.number, origin, blob))
            self.lied.discard((node.number, origin, blob))
        return True

    def says_rightly(self, node: SimNode, origin: NodeNumber, blob: BlobId) -> bool:
        """Whether the node may say that it holds the blob: it does, or it has not noticed yet that the bytes rotted."""
        if self.holds(node, origin, blob):
            return True
        if node.durable.row(origin, blob) is None:
            return self._went_just_now(node, origin, blob)
        if self.nodes[node.number] is not node:  # an old machine took what had rotted by then along
            return self.damage.was_ever(node.number, origin, blob)
        return self.damage.is_rotten(node.number, origin, blob)

    def _went_just_now(self, node: SimNode, origin: NodeNumber, blob: BlobId) -> bool:
        """Its row was lost while the message was on its way out; one that is written anew waits for its sync."""
        if node.disk.visible.get(Family.BLOBS, blob_key(origin, blob)) is not None:
            return False
        harm = self.damage.of(node.number, origin, blob)
        return harm is not None and harm.harm is Harm.ROTTEN and trio.current_time() - harm.at < UNDER_WAY_S
