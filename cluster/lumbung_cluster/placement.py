"""Who should hold for whom: the plan that custodians look at before they sign it (DESIGN 6).

Each origin gets all its units at one DRC node and at one peer, an office in another province and, where possible, in
another hazard zone; a peer's units are spread over up to eight offices only when the load bound leaves no other way.
An origin that can meet no office at all (all of them behind NAT) gets a second DRC node, in another zone, as its peer.
What the roster already says is kept as long as it fulfils the rules, so a node that comes or goes moves little.
Pure and deterministic: equal rosters give equal plans. The roster is the truth; nobody else computes placement.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from lumbung_cluster.ids import UNITS, NodeNumber, all_units
from lumbung_cluster.placement_load import Board, Seat, score
from lumbung_cluster.roster import HolderAssignment, Roster, Share
from lumbung_cluster.roster_node import NodeRecord, NodeState, Role

__all__ = ["Move", "NodeLoad", "Plan", "plan"]

BOUND = 1.25  # new shares go only where the load stays below this multiple of the fair share
KEEP_FACTOR = 1.3 / BOUND  # what lies there stays up to 1.3: between the two nothing moves to and fro
PEERS_MAX = 8  # of one origin: each is a link, and a set of marks and receipts to keep
DRC_NODES_OF_ORIGIN = 1

_Tiers = Callable[[NodeRecord], tuple[tuple[NodeNumber, ...], ...]]


@dataclass(frozen=True, slots=True)
class Move:
    """Units that `target` must receive because of the plan, and how many bytes that is by the expected loads."""

    origin: NodeNumber
    target: NodeNumber
    units: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class NodeLoad:
    """What a node keeps for others after the plan, beside its fair share among its kind (peers or DRC nodes)."""

    node: NodeNumber
    load_bytes: int
    fair_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """New assignments with their movement. `notes` name each rule that could not be kept, and why."""

    assignments: tuple[HolderAssignment, ...]
    moves: tuple[Move, ...]
    loads: tuple[NodeLoad, ...]
    notes: tuple[str, ...]

    @property
    def units_moved(self) -> int:
        return sum(move.units.bit_count() for move in self.moves)

    @property
    def bytes_moved(self) -> int:
        return sum(move.size_bytes for move in self.moves)


def plan(roster: Roster, *, released: Collection[tuple[NodeNumber, NodeNumber]] = ()) -> Plan:
    """Assignments for all origins of the roster, from what it says now.

    Who held and holds no longer is `leaving`, except the pairs (origin, node) in `released`, for which every present
    holder has proven its copy. Origins that are gone keep holders: their blobs are still needed.
    """
    origins = [node for node in roster.nodes if _records(node)]
    centres = [node for node in roster.nodes if node.role is Role.DRC and node.state is NodeState.ACTIVE]
    offices = [node for node in roster.nodes if node.role is Role.OFFICE and node.state is NodeState.ACTIVE]
    notes: list[str] = []
    drc_board = _fill(roster, origins, centres, _drc_tiers(centres), DRC_NODES_OF_ORIGIN, notes)
    zones = {centre.number: centre.hazard_zone for centre in centres}
    zone_of_drc = {origin: zones[centre] for origin, shares in drc_board.placed.items() for centre in shares}
    peer_board = _fill(roster, origins, offices, _peer_tiers(offices, zone_of_drc), PEERS_MAX, notes)
    lonely = [origin for origin in origins if not peer_board.placed[origin.number]]
    second_board = _fill(roster, lonely, centres, _second_tiers(centres, zone_of_drc), DRC_NODES_OF_ORIGIN, notes)
    assignments = []
    for origin in origins:
        seconds = second_board.placed.get(origin.number, {})
        holders = {**drc_board.placed[origin.number], **peer_board.placed[origin.number], **seconds}
        assignments.append(_assignment(roster, origin.number, holders, released))
        notes.extend(_weaknesses(roster, origin, tuple(holders)))
    moves = tuple(move for assignment in assignments for move in _moves(roster, assignment))
    return Plan(tuple(assignments), moves, _loads(drc_board, peer_board, second_board), tuple(notes))


def _fill(
    roster: Roster,
    origins: list[NodeRecord],
    nodes: list[NodeRecord],
    tiers_of: _Tiers,
    spread_max: int,
    notes: list[str],
) -> Board:
    """Place every origin on some of `nodes`: first what is there already, then the rest, large origins first."""
    seats = [Seat(origin.number, origin.load_bytes, tiers_of(origin)) for origin in origins]
    board = Board.make(seats, nodes, BOUND, spread_max)
    held = {assignment.origin: assignment for assignment in roster.assignments}
    for seat in seats:
        fitting = {node for tier in seat.tiers for node in tier}
        for share in held[seat.origin].holders if seat.origin in held else ():
            if share.node in fitting and len(board.placed[seat.origin]) < spread_max:
                board.keep(seat, share.node, share.units & board.missing(seat))
    for seat in sorted(seats, key=lambda seat: (-seat.load_bytes, seat.origin)):
        if board.missing(seat):
            board.place(seat)
    board.relieve(KEEP_FACTOR)
    names = {node.number: node.name for node in nodes}
    for node in sorted(names):
        if board.is_over(node, KEEP_FACTOR):
            times = board.loads[node] / board.limits[node] * BOUND
            notes.append(f"{names[node]}: keeps {times:.2f} x its fair share, no other holder may take more")
    return board


def _records(node: NodeRecord) -> bool:
    """Offices and vans are origins by nature, DRC and central nodes only when the roster expects a load of them."""
    return node.role in (Role.OFFICE, Role.VAN) or (node.role is not Role.OPS and node.load_bytes > 0)


def _drc_tiers(centres: list[NodeRecord]) -> _Tiers:
    """For an origin: DRC nodes that it can meet, those of another zone first."""

    def tiers(origin: NodeRecord) -> tuple[tuple[NodeNumber, ...], ...]:
        found = _ranked("drc", origin, centres)
        return _tiers(found, [lambda node: node.hazard_zone != origin.hazard_zone, lambda node: True])

    return tiers


def _peer_tiers(offices: list[NodeRecord], zone_of_drc: dict[NodeNumber, str]) -> _Tiers:
    """For an origin: offices that it can meet. Its own province is no choice at all while there is another.

    A van's peer is its office: that is where it comes home to.
    """
    by_number = {office.number: office for office in offices}

    def tiers(origin: NodeRecord) -> tuple[tuple[NodeNumber, ...], ...]:
        if origin.role is Role.VAN and origin.office in by_number and _can_pair(origin, by_number[origin.office]):
            return ((origin.office,),)
        found = _ranked("peer", origin, offices)
        elsewhere = [node for node in found if node.province != origin.province]
        zones = {origin.hazard_zone, zone_of_drc.get(origin.number)}
        return _tiers(
            elsewhere or found,
            [
                lambda node: node.hazard_zone not in zones,
                lambda node: node.hazard_zone != origin.hazard_zone,
                lambda node: True,
            ],
        )

    return tiers


def _second_tiers(centres: list[NodeRecord], zone_of_drc: dict[NodeNumber, str]) -> _Tiers:
    """DRC nodes of another zone than the first: two in one zone burn together and count once."""

    def tiers(origin: NodeRecord) -> tuple[tuple[NodeNumber, ...], ...]:
        zone = zone_of_drc.get(origin.number)
        found = [node for node in _ranked("second drc", origin, centres) if zone not in (None, node.hazard_zone)]
        return _tiers(found, [lambda node: node.hazard_zone != origin.hazard_zone, lambda node: True])

    return tiers


def _ranked(purpose: str, origin: NodeRecord, nodes: list[NodeRecord]) -> list[NodeRecord]:
    """The others that the origin can meet, the highest score first."""
    others = [node for node in nodes if _can_pair(origin, node)]
    return sorted(others, key=lambda node: (-score(purpose, origin.number, node), node.number))


def _can_pair(origin: NodeRecord, node: NodeRecord) -> bool:
    return node.number != origin.number and origin.reach.can_meet(node.reach)


def _tiers(
    ranked: list[NodeRecord], conditions: list[Callable[[NodeRecord], bool]]
) -> tuple[tuple[NodeNumber, ...], ...]:
    """Each node in the first tier whose condition it fulfils; tiers without nodes are left out."""
    tiers: list[list[NodeNumber]] = [[] for _ in conditions]
    for node in ranked:
        first = next(at for at, condition in enumerate(conditions) if condition(node))
        tiers[first].append(node.number)
    return tuple(tuple(tier) for tier in tiers if tier)


def _assignment(
    roster: Roster,
    origin: NodeNumber,
    holders: dict[NodeNumber, int],
    released: Collection[tuple[NodeNumber, NodeNumber]],
) -> HolderAssignment:
    leaving = {}
    for node in {share.node for share in _receivers_now(roster, origin)}:
        units = roster.units_held(node, origin) & ~holders.get(node, 0)
        if units and roster.is_present(node) and (origin, node) not in released:
            leaving[node] = units
    return HolderAssignment(origin, _shares(holders), _shares(leaving))


def _shares(units_by_node: dict[NodeNumber, int]) -> tuple[Share, ...]:
    return tuple(Share(node, units_by_node[node]) for node in sorted(units_by_node))


def _receivers_now(roster: Roster, origin: NodeNumber) -> tuple[Share, ...]:
    found = next((assignment for assignment in roster.assignments if assignment.origin == origin), None)
    return (*found.holders, *found.leaving) if found else ()


def _moves(roster: Roster, assignment: HolderAssignment) -> Iterator[Move]:
    origin = roster.node(assignment.origin)
    assert origin is not None, "plan() makes assignments for nodes of the roster only"
    for share in assignment.holders:
        units = share.units & ~roster.units_held(share.node, assignment.origin) & all_units()
        if units:
            yield Move(assignment.origin, share.node, units, origin.load_bytes * units.bit_count() // UNITS)


def _weaknesses(roster: Roster, origin: NodeRecord, holders: tuple[NodeNumber, ...]) -> Iterator[str]:
    """What the plan could not give this origin, one sentence each."""
    nodes = [node for number in holders if (node := roster.node(number)) is not None]
    peers = [node for node in nodes if node.role is not Role.DRC]
    if len(peers) == len(nodes) and origin.role is not Role.DRC:
        yield f"{origin.name}: no DRC node that it can reach"
    if not peers and len(nodes) > DRC_NODES_OF_ORIGIN:
        yield f"{origin.name}: no office that it can reach, a second DRC node keeps its copy"
    elif not peers:
        yield f"{origin.name}: no peer that it can reach"
    elif origin.role is not Role.VAN:
        if any(peer.province == origin.province for peer in peers):
            yield f"{origin.name}: no peer in another province that it can reach"
        if any(peer.hazard_zone == origin.hazard_zone for peer in peers):
            yield f"{origin.name}: no room at a peer in another hazard zone than {origin.hazard_zone}"


def _loads(*boards: Board) -> tuple[NodeLoad, ...]:
    """By number; what a DRC node keeps in the place of a peer comes on top of its own kind's share."""
    loads: dict[NodeNumber, int] = {}
    limits: dict[NodeNumber, float] = {}
    for board in boards:
        for node, load in board.loads.items():
            loads[node] = loads.get(node, 0) + load
            limits[node] = limits.get(node, 0.0) + board.limits[node]
    return tuple(NodeLoad(node, loads[node] // UNITS, round(limits[node] / BOUND / UNITS)) for node in sorted(loads))
