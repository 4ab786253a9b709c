"""How long a plan's movement takes on the lines of those who must carry it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.placement import Move
from lumbung_cluster.roster import Roster

__all__ = ["Carriage", "carriages"]


@dataclass(frozen=True, slots=True)
class Carriage:
    """What one node's line carries. `seconds` is None where the roster does not know the line's rate.

    Each origin sends its own blobs: others who hold them may help, so that this is the longest that it can take.
    A line carries both directions at once, as those of offices do, so the larger one counts.
    """

    node: NodeNumber
    received_bytes: int
    sent_bytes: int
    seconds: float | None


def carriages(roster: Roster, moves: Sequence[Move]) -> tuple[Carriage, ...]:
    """One for each node that moves anything, the slowest first, those of unknown rate behind."""
    received: dict[NodeNumber, int] = {}
    sent: dict[NodeNumber, int] = {}
    for move in moves:
        received[move.target] = received.get(move.target, 0) + move.size_bytes
        sent[move.origin] = sent.get(move.origin, 0) + move.size_bytes
    found = [_carriage(roster, node, received.get(node, 0), sent.get(node, 0)) for node in sorted({*received, *sent})]
    return tuple(sorted(found, key=lambda carriage: (carriage.seconds is None, -(carriage.seconds or 0))))


def _carriage(roster: Roster, number: NodeNumber, received_bytes: int, sent_bytes: int) -> Carriage:
    node = roster.node(number)
    rate = node.link_bytes_per_s if node is not None else 0
    seconds = max(received_bytes, sent_bytes) / rate if rate else None
    return Carriage(number, received_bytes, sent_bytes, seconds)
