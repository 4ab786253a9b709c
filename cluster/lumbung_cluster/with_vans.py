"""The roster as a node obeys it: the signed one, and the vans that offices name in their access lists.

A van's copies lie at its office and at the office's DRC nodes; where it cannot meet its office, at the office's peers
that it can meet. A van counts only while the key that signed its list is in force, as callers on the list do.

Each list is judged alone, so that no office's list can keep another's from being in force. Two offices may name one
key: it is each one's under its own number. Whatever a key signs, and the certificate that it stands in, names the
number, so a copied key speaks for nobody but him who has it (decision 0026).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from lumbung_cluster.access import SignedAccess
from lumbung_cluster.ids import NodeNumber, all_units
from lumbung_cluster.roster import HolderAssignment, Roster, Share
from lumbung_cluster.roster_node import (
    Departure,
    KeyRecord,
    KeyUse,
    Label,
    NodeRecord,
    NodeState,
    Role,
)
from lumbung_cluster.van import VanRecord

__all__ = ["van_doubts", "with_vans"]

_FIRST_EPOCH = 1  # of a van's keys: receipts name the roster's epoch, and no epoch is before the van's own


def with_vans(roster: Roster, access_lists: Mapping[NodeNumber, SignedAccess]) -> Roster:
    """The signed roster with every van that counts; the same object when there is none.

    Its nodes' keys go before a list's, so it must have no vans of lists yet: else one list would go before another.
    """
    vans = sorted(_counting(roster, access_lists), key=lambda found: found[1].number)
    if not vans:
        return roster
    nodes = [_node(roster, office, van) for office, van in vans]
    assignments = [_assignment(roster, office, node) for (office, _), node in zip(vans, nodes, strict=True)]
    return replace(
        roster,
        nodes=tuple(sorted((*roster.nodes, *nodes), key=lambda node: node.number)),
        assignments=tuple(sorted((*roster.assignments, *assignments), key=lambda assignment: assignment.origin)),
    )


def van_doubts(roster: Roster, access_lists: Mapping[NodeNumber, SignedAccess]) -> tuple[str, ...]:
    """A sentence for each van that is nobody, or has a key of another one, by number: for people, it decides nothing.

    A key that two offices name harms neither of them, but one of the two did not make it.
    """
    named = sorted(_named(roster, access_lists), key=lambda found: found[1].number)
    taken = _keys_of(roster)
    bearers: defaultdict[bytes, list[str]] = defaultdict(list)
    doubts = []
    for _, van in named:
        others = dict.fromkeys(name for key in van.keys for name in bearers[key])
        if _is_nobody(roster, taken, van):
            doubts.append(f"{van.name} is nobody: its key, number or name is that of another node of the roster")
        elif others:
            doubts.append(f"{van.name} has a key that {', '.join(others)} has too")
        for key in van.keys:
            bearers[key].append(van.name)
    return tuple(doubts)


def _counting(
    roster: Roster, access_lists: Mapping[NodeNumber, SignedAccess]
) -> Iterator[tuple[NodeRecord, VanRecord]]:
    taken = _keys_of(roster)
    return (found for found in _named(roster, access_lists) if not _is_nobody(roster, taken, found[1]))


def _named(roster: Roster, access_lists: Mapping[NodeNumber, SignedAccess]) -> Iterator[tuple[NodeRecord, VanRecord]]:
    """The vans of lists whose key is in force, in the numbers of their office."""
    for number, signed in sorted(access_lists.items()):
        office = roster.node(number)
        if office is None or not office.is_present or office.vans is None:
            continue
        if office.has_open_key(KeyUse.ACCESS, signed.signature.key_public):
            yield from ((office, van) for van in signed.content.vans if van.number in office.vans)


def _is_nobody(roster: Roster, taken: frozenset[bytes], van: VanRecord) -> bool:
    """What custodians have signed stands: an office's word takes nobody's number, name or key from the roster."""
    is_there = roster.node(van.number) is not None or roster.by_name(van.name) is not None
    return is_there or not taken.isdisjoint(van.keys)


def _keys_of(roster: Roster) -> frozenset[bytes]:
    return frozenset(key.key for node in roster.nodes for key in node.keys)


def _node(roster: Roster, office: NodeRecord, van: VanRecord) -> NodeRecord:
    uses = zip((KeyUse.TLS, KeyUse.ENTRY, KeyUse.RECEIPT), van.keys, strict=True)
    departure = Departure(roster.epoch, None, office.name, "access list") if van.is_gone else None
    return NodeRecord(
        number=van.number,
        role=Role.VAN,
        office=office.number,
        labels=(Label(van.name, _FIRST_EPOCH),),
        province=office.province,
        hazard_zone=office.hazard_zone,
        addresses=van.addresses,
        reach=van.reach,
        link=van.link,
        link_bytes_per_s=van.link_bytes_per_s,
        capacity_bytes=van.capacity_bytes,
        load_bytes=van.load_bytes,
        state=NodeState.GONE if van.is_gone else NodeState.ACTIVE,
        keys=tuple(_key(roster, van, use, key) for use, key in uses),
        recipients=(),
        departure=departure,
    )


def _key(roster: Roster, van: VanRecord, use: KeyUse, key: bytes) -> KeyRecord:
    """A lost van's entry key is retired with its bound; its receipts end with its presence."""
    if use is KeyUse.ENTRY and van.bound is not None:
        return KeyRecord(use, key, _FIRST_EPOCH, roster.epoch, van.bound)
    return KeyRecord(use, key, _FIRST_EPOCH)


def _assignment(roster: Roster, office: NodeRecord, van: NodeRecord) -> HolderAssignment:
    """Whole origins only: what a van records is little."""
    of_office = next((each for each in roster.assignments if each.origin == office.number), None)
    holders = [node for share in (of_office.holders if of_office else ()) if (node := roster.node(share.node))]
    centres = [node for node in holders if node.role is Role.DRC and van.reach.can_meet(node.reach)]
    if office.state is NodeState.ACTIVE and van.reach.can_meet(office.reach):
        peers = [office]
    else:
        peers = [node for node in holders if node.role is not Role.DRC and van.reach.can_meet(node.reach)][:1]
    numbers = sorted({node.number for node in (*centres, *peers) if node.is_present})
    return HolderAssignment(van.number, tuple(Share(number, all_units()) for number in numbers))
