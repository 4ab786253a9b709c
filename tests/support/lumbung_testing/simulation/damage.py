"""What the nemesis has destroyed and nobody has repaired yet: the only excuse for a promise that does not hold."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import trio

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_testing.simulation.node import SimNode

__all__ = ["DamageBook", "Destroyed", "Harm"]


class Harm(Enum):
    GONE = "gone"  # wiped, or rolled back to a time before it
    ROTTEN = "rotten"  # its bytes changed, or no longer readable


@dataclass(frozen=True, slots=True)
class Destroyed:
    """`generation` is the node's when it happened, `wall_ms` the highest wall time that it had seen by then."""

    harm: Harm
    generation: int
    at: float
    wall_ms: int


class DamageBook:
    """By (node, origin, blob). An entry goes when the blob is seen intact there again."""

    def __init__(self) -> None:
        self._open: dict[tuple[NodeNumber, NodeNumber, BlobId], Destroyed] = {}
        self._gaps: dict[tuple[NodeNumber, NodeNumber, int], float] = {}
        self._let_go: dict[tuple[NodeNumber, NodeNumber, BlobId], Destroyed] = {}
        self._ever: dict[tuple[NodeNumber, NodeNumber, BlobId], int] = {}  # the highest generation of each harm
        self._signed_elsewhere: dict[tuple[NodeNumber, NodeNumber, BlobId], int] = {}

    def note(self, node: SimNode, origin: NodeNumber, blob: BlobId, harm: Harm, generation: int) -> None:
        now, key = trio.current_time(), (node.number, origin, blob)
        # An old machine may have signed in a later generation than that of the present one: its word is void with both.
        self._ever[key] = max(generation, self._ever.get(key, 0), self._signed_elsewhere.get(key, 0))
        self._open[key] = Destroyed(harm, self._ever[key], now, node.highest_wall_ms)

    def note_signed_elsewhere(self, node: NodeNumber, origin: NodeNumber, blob: BlobId, generation: int) -> None:
        """A machine that is not the present one has signed for it, in this generation of the node."""
        key = (node, origin, blob)
        self._signed_elsewhere[key] = max(generation, self._signed_elsewhere.get(key, 0))

    def note_let_go(self, node: SimNode, origin: NodeNumber, blob: BlobId) -> None:
        """Its operator lets it go, in a moment: it is still seen intact there until then."""
        self.note(node, origin, blob, Harm.GONE, node.generation)
        key = (node.number, origin, blob)
        self._let_go[key] = self._open[key]

    def repaired(self, node: NodeNumber, origin: NodeNumber, blob: BlobId) -> None:
        self._open.pop((node, origin, blob), None)

    def of(self, node: NodeNumber, origin: NodeNumber, blob: BlobId) -> Destroyed | None:
        key = (node, origin, blob)
        return self._open.get(key) or self._let_go.get(key)

    def rotten_before(self, node: NodeNumber, at: float) -> list[tuple[NodeNumber, BlobId]]:
        """What had rotted there by then and was not seen intact since, in the order in which it rotted."""
        rotten = [(key, harm) for key, harm in self._open.items() if key[0] == node and harm.harm is Harm.ROTTEN]
        return [(origin, blob) for (_, origin, blob), harm in rotten if harm.at < at]

    def is_rotten(self, node: NodeNumber, origin: NodeNumber, blob: BlobId) -> bool:
        found = self.of(node, origin, blob)
        return found is not None and found.harm is Harm.ROTTEN

    def note_gap(self, node: SimNode, origin: NodeNumber, number: int) -> None:
        """A row of a feed went, and nothing else of its blob."""
        self._gaps[node.number, origin, number] = trio.current_time()

    def gap_at(self, node: NodeNumber, origin: NodeNumber, number: int) -> float:
        """When that was; long ago for never."""
        return self._gaps.get((node, origin, number), float("-inf"))

    def has_gap(self, node: SimNode, origin: NodeNumber) -> bool:
        """Whether a row that went is not there again."""
        lost = [number for who, whose, number in self._gaps if (who, whose) == (node.number, origin)]
        return any(node.durable.feed_row(origin, number) is None for number in lost)

    def was_ever(self, node: NodeNumber, origin: NodeNumber, blob: BlobId) -> bool:
        return (node, origin, blob) in self._ever
