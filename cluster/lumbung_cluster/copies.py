"""Copies are counted by proof and constraint, never by slot (DESIGN 6).

A copy is a present node that proved it. Several DRC nodes in one hazard zone burn together and count once. Without a
DRC, or without a second province, N stops at 2; *safe* means N = 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster import COPIES_REQUIRED, Roster
from lumbung_cluster.roster_node import Role

__all__ = ["Copies", "Missing", "proven_copies"]


class Missing(Enum):
    """What stands between a blob and safety; the values stand in JSON."""

    COPY = "copy"
    DRC = "drc"
    SECOND_PROVINCE = "second-province"


@dataclass(frozen=True, slots=True)
class Copies:
    """N (0 to 3), whether that is safe, and what is missing; `holders` are the proven nodes that were looked at."""

    count: int
    safe: bool
    missing: tuple[Missing, ...]
    holders: tuple[NodeNumber, ...]


def proven_copies(roster: Roster, origin: NodeNumber, proven: Sequence[NodeNumber]) -> Copies:
    """How many copies count, given the nodes with a proof for a blob of `origin` (itself among them once durable).

    Nodes that are gone, unknown or only for watching (ops) count nothing; one that no longer holds for the origin but
    proves that it still has the blob does count. The origin comes first in `holders`, the rest by number.
    """
    nodes = [node for number in sorted(set(proven)) if (node := roster.node(number)) is not None]
    counted = [node for node in nodes if node.is_present and node.role is not Role.OPS]
    drc_zones = {node.hazard_zone for node in counted if node.role is Role.DRC}
    count = sum(node.role is not Role.DRC for node in counted) + len(drc_zones)
    missing = []
    if not drc_zones:
        missing.append(Missing.DRC)
    if len({node.province for node in counted}) < 2:
        missing.append(Missing.SECOND_PROVINCE)
    count = min(count, COPIES_REQUIRED - 1 if missing else COPIES_REQUIRED)
    if count < COPIES_REQUIRED and not missing:
        missing.append(Missing.COPY)
    holders = sorted((node.number for node in counted), key=lambda number: (number != origin, number))
    return Copies(count, count == COPIES_REQUIRED, tuple(missing), tuple(holders))
