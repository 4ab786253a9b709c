"""Bounded-load weighted rendezvous hashing: shares of origins are put on nodes, none far above its fair share.

Rendezvous (Thaler and Ravishankar 1998, weighted as Mosko 2013): every (origin, node) pair has a score, the highest
wins; a node that comes or goes changes nothing between the others. The bound is that of "Consistent hashing with
bounded loads" (Mirrokni et al. 2016): a node takes no more than `bound` times its fair share, which is the sum of all
loads x its capacity / the sum of capacities. Loads are in sixty-fourths of bytes, so that units add up exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from blake3 import blake3

from lumbung_cluster.ids import UNITS, NodeNumber, all_units, units_of_mask
from lumbung_cluster.roster_node import NodeRecord

__all__ = ["Board", "Seat", "score"]

_SCORE_BITS = 53  # as many as a float holds exactly
_RELIEF_ROUNDS_MAX = 4  # what moves away seldom makes room for another move; two rounds are usual
_SWAP_CANDIDATES_MAX = 16  # how many full nodes are asked to move one share; bounds the work at 514 offices


@dataclass(frozen=True, slots=True)
class Seat:
    """What an origin needs here: its load, and the nodes that may keep it, in tiers from best to worst."""

    origin: NodeNumber
    load_bytes: int
    tiers: tuple[tuple[NodeNumber, ...], ...]

    @property
    def unit_load(self) -> int:
        """Of one unit, in sixty-fourths of bytes. An origin without a known load still counts as something."""
        return max(self.load_bytes, 1)


@dataclass(slots=True)
class Board:
    """The loads so far. `limits` says how much each node may take, `placed` who keeps which units of which origin.

    `kept` are the origins that had a place before: nothing of theirs moves to make room for another.
    """

    seats: Mapping[NodeNumber, Seat]
    limits: dict[NodeNumber, float]
    spread_max: int
    loads: dict[NodeNumber, int] = field(default_factory=dict)
    placed: dict[NodeNumber, dict[NodeNumber, int]] = field(default_factory=dict)
    kept: set[NodeNumber] = field(default_factory=set)

    @classmethod
    def make(cls, seats: Sequence[Seat], nodes: Sequence[NodeRecord], bound: float, spread_max: int) -> Board:
        """An empty board; a node's limit is `bound` times its fair share of all seats."""
        total = sum(seat.unit_load for seat in seats) * UNITS
        capacity = sum(max(node.capacity_bytes, 1) for node in nodes)
        limits = {node.number: bound * total * max(node.capacity_bytes, 1) / capacity for node in nodes}
        ordered = {seat.origin: seat for seat in sorted(seats, key=lambda seat: seat.origin)}
        return cls(ordered, limits, spread_max, dict.fromkeys(limits, 0), {origin: {} for origin in ordered})

    def keep(self, seat: Seat, node: NodeNumber, units: int) -> None:
        """Leave at `node` what it keeps already, whatever its load: `relieve` looks at that afterwards."""
        self.kept.add(seat.origin)
        self._put(seat, node, units)

    def relieve(self, factor: float) -> None:
        """Move shares away from nodes above their limit times `factor`, where others have room below their limits."""
        for _ in range(_RELIEF_ROUNDS_MAX):
            moved = [node for node in sorted(self.loads) if self._relieve(node, factor)]
            if not moved:
                return

    def is_over(self, node: NodeNumber, factor: float) -> bool:
        return self.loads[node] > self.limits[node] * factor

    def missing(self, seat: Seat) -> int:
        """The units of this origin that nobody keeps yet."""
        mask = all_units()
        for units in self.placed[seat.origin].values():
            mask &= ~units
        return mask

    def place(self, seat: Seat) -> None:
        """Find a place for all missing units; when all are full, the least loaded node takes them beyond its limit.

        Better tiers first; inside a tier one node for all, then one node after it moved another share away, then
        several nodes. Nothing happens when there is no node at all.
        """
        missing = self.missing(seat)
        for last in range(len(seat.tiers)):
            # Worse tiers join the better ones, so that what is left of the better ones is used for a spread as well.
            nodes = [node for tier in seat.tiers[: last + 1] for node in tier]
            if self._place_whole(seat, nodes, missing) or self._place_by_swap(seat, nodes, missing):
                return
            if self._spread(seat, nodes, missing):
                return
        kept = self.placed[seat.origin]
        everybody = [node for tier in seat.tiers for node in tier if len(kept) < self.spread_max or node in kept]
        if everybody:
            self._put(seat, min(everybody, key=lambda node: (self.loads[node] / self.limits[node], node)), missing)

    def _relieve(self, node: NodeNumber, factor: float) -> bool:
        """Whether anything could be moved away from this node."""
        moved = False
        for seat in self.seats.values():
            units = self.placed[seat.origin].get(node, 0)
            if not units or not self.is_over(node, factor):
                continue
            excess = self.loads[node] - self.limits[node] * factor
            # A part is enough, except where an origin stays at one node.
            count = UNITS if self.spread_max == 1 else math.ceil(excess / seat.unit_load)
            if self._move_away(seat, node, _first_units(units, count)) or self._move_away(seat, node, units):
                moved = True
        return moved

    def _move_away(self, seat: Seat, node: NodeNumber, units: int) -> bool:
        self._take(seat, node, units)
        others = [other for tier in seat.tiers for other in tier if other != node]
        if self._place_whole(seat, others, units) or self._spread(seat, others, units):
            return True
        self._put(seat, node, units)
        return False

    def _place_whole(self, seat: Seat, nodes: Sequence[NodeNumber], missing: int) -> bool:
        kept = self.placed[seat.origin]
        # A node that keeps a part already is tried first: fewer peers, fewer links.
        for node in sorted(nodes, key=lambda node: node not in kept):
            if self._fits(node, seat.unit_load * missing.bit_count()) and self._may_add(seat, (node,)):
                self._put(seat, node, missing)
                return True
        return False

    def _place_by_swap(self, seat: Seat, nodes: Sequence[NodeNumber], missing: int) -> bool:
        needed = seat.unit_load * missing.bit_count()
        for node in nodes[:_SWAP_CANDIDATES_MAX]:
            for other in self._alone_at(node):
                freed = other.unit_load * UNITS
                target = self._room_elsewhere(other, node, freed)
                if target is not None and self._fits(node, needed - freed) and self._may_add(seat, (node,)):
                    self._take(other, node, all_units())
                    self._put(other, target, all_units())
                    self._put(seat, node, missing)
                    return True
        return False

    def _spread(self, seat: Seat, nodes: Sequence[NodeNumber], missing: int) -> bool:
        count = self.spread_max - len(self.placed[seat.origin])
        roomy = [node for node in nodes if self._units_fitting(seat, node)]
        largest = sorted(roomy, key=lambda node: -self._units_fitting(seat, node))
        for chosen in (roomy[:count], largest[:count]) if count > 0 else ():
            if sum(self._units_fitting(seat, node) for node in chosen) >= missing.bit_count():
                for node in chosen:
                    units = _first_units(missing, self._units_fitting(seat, node))
                    self._put(seat, node, units)
                    missing &= ~units
                return True
        return False

    def _alone_at(self, node: NodeNumber) -> Iterator[Seat]:
        """The newly placed origins that this node alone keeps, the lowest number first."""
        fresh = (origin for origin in self.placed if origin not in self.kept)
        return (self.seats[origin] for origin in fresh if list(self.placed[origin].items()) == [(node, all_units())])

    def _room_elsewhere(self, seat: Seat, node: NodeNumber, load: int) -> NodeNumber | None:
        """A node of the same tier as `node` that could keep this origin as well."""
        tier = next((tier for tier in seat.tiers if node in tier), ())
        return next((other for other in tier if other != node and self._fits(other, load)), None)

    def _may_add(self, seat: Seat, nodes: Sequence[NodeNumber]) -> bool:
        return len({*self.placed[seat.origin], *nodes}) <= self.spread_max

    def _fits(self, node: NodeNumber, load: int) -> bool:
        return self.loads[node] + load <= self.limits[node]

    def _units_fitting(self, seat: Seat, node: NodeNumber) -> int:
        return max(0, int((self.limits[node] - self.loads[node]) // seat.unit_load))

    def _put(self, seat: Seat, node: NodeNumber, units: int) -> None:
        if units:
            shares = self.placed[seat.origin]
            shares[node] = shares.get(node, 0) | units
            self.loads[node] += seat.unit_load * units.bit_count()

    def _take(self, seat: Seat, node: NodeNumber, units: int) -> None:
        shares = self.placed[seat.origin]
        left = shares.pop(node) & ~units
        if left:
            shares[node] = left
        self.loads[node] -= seat.unit_load * units.bit_count()


def score(purpose: str, origin: NodeNumber, node: NodeRecord) -> float:
    """The weighted rendezvous score of the pair: capacity / -ln(u) with u from a hash, between 0 and 1."""
    key = f"lumbung/placement/0 {purpose} {origin} {node.number}".encode()
    drawn = int.from_bytes(blake3(key).digest(8), "big") >> (64 - _SCORE_BITS)
    return max(node.capacity_bytes, 1) / -math.log((drawn + 1) / ((1 << _SCORE_BITS) + 1))


def _first_units(mask: int, count: int) -> int:
    """The lowest `count` units of the mask."""
    return sum(1 << unit for unit in units_of_mask(mask)[:count])
