"""When the roster's format level may rise: once every node that stores has said that its lumbung can write that format.

A node's word is its report: the wire versions that it speaks tell which lumbung it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import Role

__all__ = ["WIRE_OF_LEVEL", "not_ready"]

WIRE_OF_LEVEL = {0: 0, 1: 1}
"""For each format level the first wire version whose lumbung can write it."""


def not_ready(roster: Roster, level: int, wire_high: Mapping[NodeNumber, int]) -> tuple[NodeNumber, ...]:
    """The present nodes that have not said that they can write `level`, rising; one that said nothing is among them.

    `wire_high`: the highest wire version that each node has reported. An ops node stores nothing and is not asked.
    """
    needed = WIRE_OF_LEVEL[level]
    storing = [node.number for node in roster.nodes if node.is_present and node.role is not Role.OPS]
    return tuple(number for number in storing if wire_high.get(number, -1) < needed)
