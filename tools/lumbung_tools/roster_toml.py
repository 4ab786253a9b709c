"""Rosters as TOML and back, without loss: `parse_roster_toml(render_roster_toml(roster)) == roster`."""

from __future__ import annotations

import msgspec
import tomli_w

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import UNITS, ClusterId, Generation, NodeNumber, all_units, units_of_mask
from lumbung_cluster.roster import Custodian, HolderAssignment, Quorum, Roster, Share, TrustRoot
from lumbung_cluster.roster_checks import check, tidy
from lumbung_cluster.roster_node import (
    AgeRecipient,
    Departure,
    Extension,
    KeyRecord,
    KeyUse,
    Label,
    LinkClass,
    NodeRecord,
    NodeState,
    NumberRange,
    Reach,
    Role,
)
from lumbung_tools.roster_document import (
    AgeTable,
    AssignmentTable,
    BoundTable,
    CustodianTable,
    DepartureTable,
    ExtensionTable,
    KeyTable,
    LabelTable,
    NodeTable,
    QuorumTable,
    RosterDocument,
    ShareTable,
    TrustRootTable,
    VansTable,
)
from lumbung_tools.toml_document import hex_bytes, member_of, number_of, read_document

__all__ = ["parse_roster_toml", "render_roster_toml"]

_FORMAT = 1
_ALL = "all"
_ROLES = {role.name.lower(): role for role in Role}
_STATES = {state.name.lower(): state for state in NodeState}
_USES = {use.name.lower(): use for use in KeyUse}
_LINKS = {link.value: link for link in LinkClass}


def render_roster_toml(roster: Roster) -> str:
    """The roster for people; everything that gets signed stands in it."""
    document = RosterDocument(
        format=_FORMAT,
        cluster=str(roster.cluster),
        epoch=roster.epoch,
        predecessor_hash=roster.predecessor_hash.hex(),
        created_ms=roster.created_ms,
        format_level=roster.format_level,
        custodians=_quorum_table(roster.custodians),
        recovery=_quorum_table(roster.recovery),
        abandons=[value.hex() for value in roster.abandons],
        escrow=_age_tables(roster.escrow),
        trust_roots=[TrustRootTable(r.name, r.pem, r.first_epoch, r.last_epoch) for r in roster.trust_roots],
        nodes=[_node_table(node) for node in roster.nodes],
        assignments=[_assignment_table(roster, assignment) for assignment in roster.assignments],
        extensions=_extension_tables(roster.extensions),
    )
    values = msgspec.to_builtins(document)
    # TOML reads CR LF inside of a multi-line string as LF: whoever signed a certificate with CR LF gets it escaped.
    is_multiline_safe = not any("\r" in root.pem for root in roster.trust_roots)
    return tomli_w.dumps(values, multiline_strings=is_multiline_safe)


def parse_roster_toml(text: str) -> Roster:
    """The roster that a person wrote, in canonical order and checked. Raises Malformed with the place and the rule."""
    document = read_document(text, RosterDocument, "roster file", "the keys of docs/roster.md")
    if document.format != _FORMAT:
        raise Malformed("roster file format", f"{_FORMAT} (update lumbung for a newer one)", str(document.format))
    roster = tidy(_roster(document))
    check(roster)
    for assignment in document.assignments:
        for number, name in [(assignment.origin, assignment.name)] + [
            (share.node, share.name) for share in (*assignment.holders, *assignment.leaving)
        ]:
            node = roster.node(NodeNumber(number))
            if node is None or node.name != name:
                raise Malformed(f"name of node {number}", node.name if node else "a node of the roster", name)
    return roster


def _roster(document: RosterDocument) -> Roster:
    return Roster(
        cluster=ClusterId(hex_bytes("cluster", document.cluster, 16)),
        epoch=document.epoch,
        predecessor_hash=hex_bytes("predecessor_hash", document.predecessor_hash, 32),
        created_ms=document.created_ms,
        format_level=document.format_level,
        custodians=_quorum(document.custodians),
        recovery=_quorum(document.recovery),
        abandons=tuple(hex_bytes("abandons", value, 32) for value in document.abandons),
        escrow=_recipients(document.escrow),
        trust_roots=tuple(TrustRoot(r.name, r.pem, r.first_epoch, r.last_epoch) for r in document.trust_roots),
        nodes=tuple(_node(table) for table in document.nodes),
        assignments=tuple(
            HolderAssignment(NodeNumber(table.origin), _shares(table.holders), _shares(table.leaving))
            for table in document.assignments
        ),
        extensions=_extensions(document.extensions),
    )


def _node_table(node: NodeRecord) -> NodeTable:
    vans = node.vans
    return NodeTable(
        number=node.number,
        role=node.role.name.lower(),
        office=node.office,
        labels=[LabelTable(label.name, label.first_epoch, label.last_epoch) for label in node.labels],
        province=node.province,
        hazard_zone=node.hazard_zone,
        addresses=list(node.addresses),
        reach=node.reach.text,
        link=node.link.value,
        link_bytes_per_s=node.link_bytes_per_s,
        capacity_bytes=node.capacity_bytes,
        load_bytes=node.load_bytes,
        state=node.state.name.lower(),
        keys=[_key_table(key) for key in node.keys],
        recipients=_age_tables(node.recipients),
        vans=VansTable(vans.first, vans.count) if vans else None,
        departure=_departure_table(node.departure) if node.departure else None,
        extensions=_extension_tables(node.extensions),
    )


def _node(table: NodeTable) -> NodeRecord:
    vans = table.vans
    return NodeRecord(
        number=NodeNumber(table.number),
        role=member_of("role", _ROLES, table.role),
        office=NodeNumber(table.office),
        labels=tuple(Label(label.name, label.first_epoch, label.last_epoch) for label in table.labels),
        province=table.province,
        hazard_zone=table.hazard_zone,
        addresses=tuple(table.addresses),
        reach=Reach(table.reach),
        link=member_of("link", _LINKS, table.link),
        link_bytes_per_s=table.link_bytes_per_s,
        capacity_bytes=table.capacity_bytes,
        load_bytes=table.load_bytes,
        state=member_of("state", _STATES, table.state),
        keys=tuple(_key(key) for key in table.keys),
        recipients=_recipients(table.recipients),
        vans=NumberRange(NodeNumber(vans.first), vans.count) if vans else None,
        departure=_departure(table.departure) if table.departure else None,
        extensions=_extensions(table.extensions),
    )


def _departure_table(departure: Departure) -> DepartureTable:
    proof = departure.drain_proof.hex() if departure.drain_proof else None
    return DepartureTable(departure.epoch, proof, departure.override_by, departure.reason)


def _departure(table: DepartureTable) -> Departure:
    proof = hex_bytes("drain_proof", table.drain_proof, 32) if table.drain_proof else None
    return Departure(table.epoch, proof, table.override_by, table.reason)


def _key_table(key: KeyRecord) -> KeyTable:
    mark = key.bound
    bound = BoundTable(mark.generation, mark.number, mark.running_hash.hex()) if mark else None
    return KeyTable(key.use.name.lower(), key.key.hex(), key.first_epoch, key.last_epoch, bound)


def _key(table: KeyTable) -> KeyRecord:
    use, key = member_of("use", _USES, table.use), hex_bytes("key", table.key, 32)
    return KeyRecord(use, key, table.first_epoch, table.last_epoch, _mark(table.bound) if table.bound else None)


def _mark(table: BoundTable) -> Mark:
    return Mark(Generation(table.generation), table.number, hex_bytes("running_hash", table.running_hash, 32))


def _quorum_table(quorum: Quorum) -> QuorumTable:
    members = [CustodianTable(member.name, member.public_key.hex()) for member in quorum.members]
    return QuorumTable(quorum.threshold, members)


def _quorum(table: QuorumTable) -> Quorum:
    members = tuple(Custodian(member.name, hex_bytes("custodian key", member.key, 32)) for member in table.members)
    return Quorum(table.threshold, members)


def _age_tables(recipients: tuple[AgeRecipient, ...]) -> list[AgeTable]:
    return [AgeTable(entry.recipient, entry.first_epoch, entry.last_epoch) for entry in recipients]


def _recipients(tables: list[AgeTable]) -> tuple[AgeRecipient, ...]:
    return tuple(AgeRecipient(table.recipient, table.first_epoch, table.last_epoch) for table in tables)


def _extension_tables(extensions: tuple[Extension, ...]) -> list[ExtensionTable]:
    return [ExtensionTable(entry.name, entry.value.hex(), entry.critical) for entry in extensions]


def _extensions(tables: list[ExtensionTable]) -> tuple[Extension, ...]:
    return tuple(Extension(table.name, table.critical, hex_bytes("extension", table.value)) for table in tables)


def _assignment_table(roster: Roster, assignment: HolderAssignment) -> AssignmentTable:
    holders, leaving = (
        [ShareTable(share.node, _name(roster, share.node), _units_text(share.units)) for share in shares]
        for shares in (assignment.holders, assignment.leaving)
    )
    return AssignmentTable(assignment.origin, _name(roster, assignment.origin), holders, leaving)


def _name(roster: Roster, number: NodeNumber) -> str:
    node = roster.node(number)
    return node.name if node else ""


def _shares(tables: list[ShareTable]) -> tuple[Share, ...]:
    return tuple(Share(NodeNumber(table.node), _units(table.units)) for table in tables)


def _units_text(mask: int) -> str:
    if mask == all_units():
        return _ALL
    ranges: list[list[int]] = []
    for unit in units_of_mask(mask):
        if ranges and ranges[-1][-1] == unit - 1:
            ranges[-1][1:] = [unit]
        else:
            ranges.append([unit])
    return ",".join("-".join(str(unit) for unit in ends) for ends in ranges)


def _units(text: str) -> int:
    if text == _ALL:
        return all_units()
    mask = 0
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not (first.isascii() and first.isdigit() and (last or first).isascii() and (last or first).isdigit()):
            raise Malformed("units", "all, or ranges such as 0-31,40", repr(text))
        low, high = number_of("units", first), number_of("units", last or first)
        if not low <= high < UNITS:
            raise Malformed("units", f"rising units below {UNITS}", repr(part))
        mask |= sum(1 << unit for unit in range(low, high + 1))
    return mask
