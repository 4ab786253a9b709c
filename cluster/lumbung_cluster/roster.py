"""The roster: the signed truth about nodes and about who holds for whom, with the questions that services ask of it.

A roster object is immutable; its indexes are built once, so that every question costs O(1) or the size of its answer.
What a roster must fulfil is `roster_checks`, its bytes are `roster_codec`, when to obey one is `roster_rules`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lumbung_cluster.ids import UNITS, ClusterId, NodeNumber, all_units
from lumbung_cluster.limits import KEY_LIVES_MAX
from lumbung_cluster.roster_node import (
    AgeRecipient,
    Extension,
    KeyRecord,
    KeyUse,
    NodeRecord,
    NodeState,
    Role,
)

__all__ = ["COPIES_REQUIRED", "Custodian", "HolderAssignment", "Quorum", "Roster", "Share", "TrustRoot"]

COPIES_REQUIRED = 3  # owner, a peer in another province, the DRC: any two of them may be lost


@dataclass(frozen=True, slots=True)
class Custodian:
    """Somebody who may sign rosters; the name is for people, the key (Ed25519, 32 B) decides."""

    name: str
    public_key: bytes


@dataclass(frozen=True, slots=True)
class Quorum:
    """m of n: `threshold` different members must sign. Members stand in the order of their keys."""

    threshold: int
    members: tuple[Custodian, ...]


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """The PEM certificate of an issuing CA, accepted in TLS while it is open."""

    name: str
    pem: str
    first_epoch: int
    last_epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """The units of an origin (a mask of 64 bits, bit n for unit n) that one node keeps."""

    node: NodeNumber
    units: int


@dataclass(frozen=True, slots=True)
class HolderAssignment:
    """Who keeps an origin's blobs besides the origin itself, which keeps all; shares in the order of node numbers.

    `leaving` nodes get new blobs too, until a later roster lets them go after proof.
    """

    origin: NodeNumber
    holders: tuple[Share, ...]
    leaving: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True)
class _Index:
    """Built once per roster: lookups by number and name, units by (node, origin), partners by node."""

    by_number: dict[NodeNumber, NodeRecord]
    by_name: dict[str, NodeRecord]
    holders: dict[NodeNumber, tuple[tuple[NodeNumber, ...], ...]]
    receivers: dict[NodeNumber, tuple[tuple[NodeNumber, ...], ...]]
    units: dict[NodeNumber, dict[NodeNumber, int]]
    partners: dict[NodeNumber, tuple[NodeNumber, ...]]


@dataclass(frozen=True, slots=True)
class Roster:
    """One epoch. Nodes and assignments stand in the order of numbers, everything else as `roster_checks.tidy` sorts it.

    `abandons` names the hashes of rosters that the custodians declare void: a node that obeys one of them (a fork)
    takes this roster without comparing histories.
    """

    cluster: ClusterId
    epoch: int
    predecessor_hash: bytes
    created_ms: int
    format_level: int
    custodians: Quorum
    recovery: Quorum
    escrow: tuple[AgeRecipient, ...]
    trust_roots: tuple[TrustRoot, ...]
    nodes: tuple[NodeRecord, ...]
    assignments: tuple[HolderAssignment, ...]
    abandons: tuple[bytes, ...] = ()
    extensions: tuple[Extension, ...] = ()
    _index: _Index = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", _build_index(self.nodes, self.assignments))

    def node(self, number: NodeNumber) -> NodeRecord | None:
        return self._index.by_number.get(number)

    def name_of(self, number: NodeNumber) -> str:
        """What people call the node; its number for one that the roster does not know."""
        record = self.node(number)
        return record.name if record is not None else str(int(number))

    def by_name(self, name: str) -> NodeRecord | None:
        """The node that has this name now (a gone node's last name counts while nobody else bears it)."""
        return self._index.by_name.get(name)

    def is_active(self, number: NodeNumber) -> bool:
        node = self.node(number)
        return node is not None and node.state is NodeState.ACTIVE

    def is_present(self, number: NodeNumber) -> bool:
        """Active or draining."""
        node = self.node(number)
        return node is not None and node.is_present

    def holders_of(self, origin: NodeNumber, unit: int) -> tuple[NodeNumber, ...]:
        """Who must keep this unit, the origin first, then by number, without those that leave. () for strangers."""
        units = self._index.holders.get(origin)
        return units[unit] if units else ()

    def receivers_of(self, origin: NodeNumber, unit: int) -> tuple[NodeNumber, ...]:
        """Who gets new blobs of this unit: the holders, then those that leave."""
        units = self._index.receivers.get(origin)
        return units[unit] if units else ()

    def units_held(self, node: NodeNumber, origin: NodeNumber) -> int:
        """The mask of units of `origin` that `node` receives (as holder or leaving); all 64 for the origin itself."""
        return self._index.units.get(node, {}).get(origin, 0)

    def units_leaving(self, node: NodeNumber, origin: NodeNumber) -> int:
        """The mask of units of `origin` that `node` may let go of once the other holders have proven them."""
        found = next((each for each in self.assignments if each.origin == origin), None)
        if found is None:
            return 0
        leaving = next((share.units for share in found.leaving if share.node == node), 0)
        return leaving & ~next((share.units for share in found.holders if share.node == node), 0)

    def origins_held(self, node: NodeNumber) -> tuple[NodeNumber, ...]:
        """The origins of which `node` receives some unit, its own among them, rising."""
        return tuple(sorted(self._index.units.get(node, {})))

    def origins_shared(self, a: NodeNumber, b: NodeNumber) -> tuple[NodeNumber, ...]:
        """The origins of which both receive some same unit, rising. Costs the smaller of the two nodes' origins."""
        of_a, of_b = self._index.units.get(a, {}), self._index.units.get(b, {})
        small, large = (of_a, of_b) if len(of_a) <= len(of_b) else (of_b, of_a)
        return tuple(sorted(origin for origin, mask in small.items() if mask & large.get(origin, 0)))

    def partners_of(self, node: NodeNumber) -> tuple[NodeNumber, ...]:
        """Whom `node` exchanges blobs with, rising: present nodes with which it shares a unit of some origin."""
        return self._index.partners.get(node, ())

    def entry_keys(self, origin: NodeNumber) -> tuple[KeyRecord, ...]:
        """Every entry key that the origin ever had; `KeyRecord.covers` says for which entries each one is good."""
        return self._keys(origin, KeyUse.ENTRY)

    def receipt_keys(self, node: NodeNumber) -> tuple[KeyRecord, ...]:
        """Every receipt key that the node ever had; `KeyRecord.holds_in` says for which roster epochs."""
        return self._keys(node, KeyUse.RECEIPT)

    def former_generation_max(self, node: NodeNumber) -> int:
        """How high a life under a retired receipt key of the node may be: its thief must not use the generations up."""
        return KEY_LIVES_MAX * sum(not key.is_open for key in self.receipt_keys(node))

    def access_keys(self, office: NodeNumber) -> tuple[KeyRecord, ...]:
        """Every access-list key that the office ever had."""
        return self._keys(office, KeyUse.ACCESS)

    def tls_pins(self, node: NodeNumber) -> tuple[bytes, ...]:
        """The pins accepted from the node now: current and next."""
        record = self.node(node)
        return record.open_keys(KeyUse.TLS) if record else ()

    def seal_recipients(self, origin: NodeNumber) -> tuple[str, ...]:
        """To whom stations of `origin` seal: its own and its office's open age recipients, then the escrow's."""
        record = self.node(origin)
        if record is None:
            return ()
        office = self.node(record.office) or record
        found = [*record.recipients, *office.recipients, *self.escrow]
        return tuple(dict.fromkeys(entry.recipient for entry in found if entry.last_epoch is None))

    def trust_roots_pem(self) -> str:
        """The open trust roots as one PEM text."""
        return "".join(root.pem for root in self.trust_roots if root.last_epoch is None)

    def copies_required(self) -> int:
        """How many proven copies make a blob safe."""
        return COPIES_REQUIRED

    def office_of(self, number: NodeNumber) -> NodeNumber | None:
        """The office that `number` belongs to; also for a van that its office named in its own number range."""
        record = self.node(number)
        if record is not None:
            return record.office
        return next((node.number for node in self.nodes if node.vans is not None and number in node.vans), None)

    def drc_numbers(self) -> tuple[NodeNumber, ...]:
        """The present DRC nodes."""
        return tuple(node.number for node in self.nodes if node.role is Role.DRC and node.is_present)

    def _keys(self, number: NodeNumber, use: KeyUse) -> tuple[KeyRecord, ...]:
        record = self.node(number)
        return record.keys_of(use) if record else ()


def _build_index(nodes: tuple[NodeRecord, ...], assignments: tuple[HolderAssignment, ...]) -> _Index:
    by_number = {node.number: node for node in nodes}
    by_name = {node.name: node for node in nodes if not node.is_present}
    by_name.update((node.name, node) for node in nodes if node.is_present)
    given = {assignment.origin: assignment for assignment in assignments}
    holders: dict[NodeNumber, tuple[tuple[NodeNumber, ...], ...]] = {}
    receivers: dict[NodeNumber, tuple[tuple[NodeNumber, ...], ...]] = {}
    units: dict[NodeNumber, dict[NodeNumber, int]] = {number: {} for number in by_number}
    for number in by_number:
        assignment = given.get(number, HolderAssignment(number, ()))
        own = Share(number, all_units())
        holders[number] = _by_unit((own, *assignment.holders))
        receivers[number] = _by_unit((own, *assignment.holders, *assignment.leaving))
        for share in (own, *assignment.holders, *assignment.leaving):
            of_node = units.setdefault(share.node, {})
            of_node[number] = of_node.get(number, 0) | share.units
    partners = {number: tuple(sorted(set(_partners(number, by_number, receivers, units)))) for number in by_number}
    return _Index(by_number, by_name, holders, receivers, units, partners)


def _by_unit(shares: tuple[Share, ...]) -> tuple[tuple[NodeNumber, ...], ...]:
    """For each unit the nodes whose share has it, in the order of the shares."""
    if all(share.units == all_units() for share in shares):  # the common case, one tuple for all units
        return (tuple(share.node for share in shares),) * UNITS
    return tuple(tuple(share.node for share in shares if share.units >> unit & 1) for unit in range(UNITS))


def _partners(
    number: NodeNumber,
    by_number: dict[NodeNumber, NodeRecord],
    receivers: dict[NodeNumber, tuple[tuple[NodeNumber, ...], ...]],
    units: dict[NodeNumber, dict[NodeNumber, int]],
) -> Iterator[NodeNumber]:
    if not by_number[number].is_present:
        return
    for origin, mask in units[number].items():
        for others in {receivers[origin][unit] for unit in range(UNITS) if mask >> unit & 1}:
            for other in others:
                if other != number and other in by_number and by_number[other].is_present:
                    yield other
