"""What any roster must fulfil by itself, whoever signed it; checked before it is signed and whenever one is read.

These rules keep a roster unambiguous (order, numbers, names, keys, masks). Whether its placement is a *good* one is
`weaknesses`: shown before signing, and never a reason for a node to disobey its custodians.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import UNITS, all_units
from lumbung_cluster.limits import ANSWER_NODES_MAX
from lumbung_cluster.roster import HolderAssignment, Quorum, Roster, Share
from lumbung_cluster.roster_node import Extension, KeyUse, NodeRecord, NodeState, Role

__all__ = ["FORMAT_LEVEL_MAX", "check", "tidy"]

K = TypeVar("K", int, str, bytes, tuple[int, str], tuple[int, int, bytes])

FORMAT_LEVEL_MAX = 1  # rises with what this code can write; a roster that asks for more is refused
HASH_SIZE_BYTES = 32
_NO_HASH = bytes(HASH_SIZE_BYTES)
_NAME_PATTERNS = {
    Role.OFFICE: re.compile(r"[0-9]{2}\.[0-9]{2}"),
    Role.DRC: re.compile(r"drc-[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?"),
    Role.VAN: re.compile(r"[0-9]{2}\.[0-9]{2}-van[0-9]{1,6}"),
    Role.OPS: re.compile(r"[a-z][a-z0-9.-]{0,62}"),
    Role.CENTRAL: re.compile(r"[a-z][a-z0-9.-]{0,62}"),
}
_ADDRESS = re.compile(r"(\[[0-9a-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}")
_ROLES_FOR_THEMSELVES = (Role.OFFICE, Role.DRC, Role.CENTRAL)


def tidy(roster: Roster) -> Roster:
    """The same roster with everything in canonical order."""
    return replace(
        roster,
        custodians=_tidy_quorum(roster.custodians),
        recovery=_tidy_quorum(roster.recovery),
        escrow=tuple(sorted(roster.escrow, key=lambda entry: (entry.first_epoch, entry.recipient))),
        trust_roots=tuple(sorted(roster.trust_roots, key=lambda root: (root.first_epoch, root.name))),
        nodes=tuple(sorted((_tidy_node(node) for node in roster.nodes), key=lambda node: node.number)),
        assignments=tuple(sorted((_tidy_assignment(a) for a in roster.assignments), key=lambda a: a.origin)),
        abandons=tuple(sorted(roster.abandons)),
        extensions=tuple(sorted(roster.extensions, key=lambda extension: extension.name)),
    )


def check(roster: Roster) -> None:
    """Raises Malformed with the first rule that the roster breaks."""
    if roster.epoch < 1:
        raise Malformed("roster epoch", "1 or more", str(roster.epoch))
    if (roster.predecessor_hash == _NO_HASH) != (roster.epoch == 1):
        raise Malformed("predecessor hash", "zeros in epoch 1 and only there", roster.predecessor_hash.hex())
    if roster.format_level > FORMAT_LEVEL_MAX:
        raise Malformed(
            "format level", f"at most {FORMAT_LEVEL_MAX} (this lumbung is too old: update it)", str(roster.format_level)
        )
    _check_quorum("custodians", roster.custodians)
    _check_quorum("recovery set", roster.recovery)
    _check_unique(
        "custodian or recovery key",
        (member.public_key.hex() for quorum in (roster.custodians, roster.recovery) for member in quorum.members),
    )
    _check_order("escrow recipients", [(entry.first_epoch, entry.recipient) for entry in roster.escrow])
    _check_order("trust roots", [(root.first_epoch, root.name) for root in roster.trust_roots])
    _check_unique("escrow recipient", (entry.recipient for entry in roster.escrow))
    for entry in roster.escrow:
        _check_epochs(roster, "escrow recipient", entry.first_epoch, entry.last_epoch)
    for root in roster.trust_roots:
        _check_epochs(roster, f"trust root {root.name}", root.first_epoch, root.last_epoch)
    _check_order("abandoned hashes", list(roster.abandons))
    _check_extensions("roster", roster.extensions)
    _check_nodes(roster)
    _check_order("assignments by origin", [assignment.origin for assignment in roster.assignments])
    for assignment in roster.assignments:
        _check_assignment(roster, assignment)


def _check_quorum(field: str, quorum: Quorum) -> None:
    _check_order(f"{field} by key", [member.public_key for member in quorum.members])
    if not 1 <= quorum.threshold <= len(quorum.members):
        raise Malformed(f"{field} threshold", f"1 to {len(quorum.members)} (their number)", str(quorum.threshold))


def _check_nodes(roster: Roster) -> None:
    _check_order("nodes by number", [node.number for node in roster.nodes])
    _check_unique("name of a present node", (node.name for node in roster.nodes if node.is_present))
    _check_unique("key", (key.key.hex() for node in roster.nodes for key in node.keys))
    for node in roster.nodes:
        _check_labels(roster, node)
        _check_belonging(roster, node)
        _check_keys(roster, node)
        _check_addresses(node)
        _check_departure(roster, node)
        _check_extensions(f"node {node.number}", node.extensions)
    _check_van_ranges(roster)


def _check_labels(roster: Roster, node: NodeRecord) -> None:
    if node.number < 1:
        raise Malformed("node number", "1 or more", str(node.number))
    before = 0
    for label in node.labels:
        if not _NAME_PATTERNS[node.role].fullmatch(label.name):
            expected = f"a name for {node.role.name.lower()} ({_NAME_PATTERNS[node.role].pattern})"
            raise Malformed(f"name of node {node.number}", expected, repr(label.name))
        if label.first_epoch <= before:
            raise Malformed(f"label {label.name}", f"a first epoch after {before}", str(label.first_epoch))
        _check_epochs(roster, f"label {label.name}", label.first_epoch, label.last_epoch)
        before = label.last_epoch or label.first_epoch
    if any(label.last_epoch is None for label in node.labels[:-1]):
        raise Malformed(f"labels of {node.name}", "only the newest open", "an older one without a last epoch")
    if node.is_present and node.labels[-1].last_epoch is not None:
        raise Malformed(f"label {node.name}", "open while the node is present", f"ended {node.labels[-1].last_epoch}")


def _check_belonging(roster: Roster, node: NodeRecord) -> None:
    office = roster.node(node.office)
    if node.role in _ROLES_FOR_THEMSELVES:
        if node.office != node.number:
            raise Malformed(f"office of {node.name}", f"itself ({node.number})", str(node.office))
    elif office is None or office.role not in _ROLES_FOR_THEMSELVES:
        raise Malformed(f"office of {node.name}", "an office, DRC or central node of the roster", str(node.office))
    elif node.role is Role.VAN and office.role is not Role.OFFICE:
        raise Malformed(f"office of {node.name}", "an office", f"{office.name} ({office.role.name.lower()})")


def _check_keys(roster: Roster, node: NodeRecord) -> None:
    where = f"keys of {node.name}"
    _check_order(where, [(key.use, key.first_epoch, key.key) for key in node.keys])
    for key in node.keys:
        _check_epochs(roster, f"{key.use.name.lower()} key of {node.name}", key.first_epoch, key.last_epoch)
        needs_bound = key.use is KeyUse.ENTRY and not key.is_open
        if needs_bound != (key.bound is not None):
            raise Malformed(where, "a bound at each retired entry key and only there", f"key {key.key.hex()[:16]}")
    needed = (KeyUse.TLS,) if node.role is Role.OPS else (KeyUse.TLS, KeyUse.ENTRY, KeyUse.RECEIPT)
    for use in needed:
        if node.is_present and not node.open_keys(use):
            raise Malformed(where, f"at least one {use.name.lower()} key in force", "none")
    _check_order(f"age recipients of {node.name}", [(entry.first_epoch, entry.recipient) for entry in node.recipients])
    for entry in node.recipients:
        _check_epochs(roster, f"age recipient of {node.name}", entry.first_epoch, entry.last_epoch)


def _check_addresses(node: NodeRecord) -> None:
    for address in node.addresses:
        if not _ADDRESS.fullmatch(address) or not 0 < int(address.rpartition(":")[2]) < 65536:
            raise Malformed(f"address of {node.name}", "host:port", repr(address))


def _check_departure(roster: Roster, node: NodeRecord) -> None:
    departure = node.departure
    if (departure is not None) != (node.state is NodeState.GONE):
        raise Malformed(f"departure of {node.name}", "one for a node that is gone and only there", node.state.name)
    if departure is None:
        return
    _check_epochs(roster, f"departure of {node.name}", departure.epoch, None)
    if departure.drain_proof is None and not (departure.override_by and departure.reason):
        raise Malformed(f"departure of {node.name}", "a drain proof, or a name and a reason to override it", "neither")


def _check_van_ranges(roster: Roster) -> None:
    behind = 0
    ranges = sorted((node.vans.first, node.vans.count, node.name) for node in roster.nodes if node.vans is not None)
    for first, count, name in ranges:
        if count < 1 or first < max(behind, 1) or first + count > 1 << 32:
            raise Malformed(f"van numbers of {name}", "a range of u32 of its own", f"{first} to {first + count - 1}")
        behind = first + count
    owners = [node for node in roster.nodes if node.vans is not None]
    for node in roster.nodes:
        if node.vans is not None and node.role is not Role.OFFICE:
            raise Malformed(f"van numbers of {node.name}", "none, it is not an office", str(node.vans.first))
        owner = next((other for other in owners if other.vans is not None and node.number in other.vans), None)
        if owner is not None and (node.role is not Role.VAN or node.office != owner.number):
            raise Malformed(f"number of {node.name}", "one outside of other nodes' van numbers", str(node.number))


def _check_assignment(roster: Roster, assignment: HolderAssignment) -> None:
    origin = roster.node(assignment.origin)
    if origin is None or origin.role is Role.OPS:
        raise Malformed("origin of an assignment", "a node of the roster that records", str(assignment.origin))
    staying = {share.node: share.units for share in assignment.holders}
    for field, shares in (("holders", assignment.holders), ("leaving", assignment.leaving)):
        where = f"{field} of {origin.name}"
        _check_order(f"{where} by number", [share.node for share in shares])
        for share in shares:
            _check_share(roster, where, origin, share)
            if field == "leaving" and staying.get(share.node, 0) & share.units:
                raise Malformed(where, "other units than those that stay", f"node {share.node} in both")
    most = max(len(roster.receivers_of(origin.number, unit)) for unit in range(UNITS))
    if most > ANSWER_NODES_MAX:
        raise Malformed(f"holders of {origin.name}", f"at most {ANSWER_NODES_MAX} for a unit", str(most))


def _check_share(roster: Roster, where: str, origin: NodeRecord, share: Share) -> None:
    holder = roster.node(share.node)
    if holder is None or holder.role is Role.OPS:
        raise Malformed(where, "nodes of the roster that store", str(share.node))
    if holder.number == origin.number:
        raise Malformed(where, "others than the origin, which holds all by itself", str(share.node))
    if not holder.is_present:
        raise Malformed(where, "nodes that are present", f"{holder.name}, which is gone")
    if not 0 < share.units <= all_units():
        raise Malformed(where, "a mask of 1 to 64 units", hex(share.units))


def _check_extensions(where: str, extensions: tuple[Extension, ...]) -> None:
    _check_order(f"extensions of {where}", [extension.name for extension in extensions])
    for extension in extensions:
        if extension.critical:
            # No critical extension exists yet; when the first comes, its name is known here.
            raise Malformed(
                f"extensions of {where}",
                "critical fields that this lumbung knows (update it)",
                f"the unknown critical field {extension.name!r}",
            )


def _check_epochs(roster: Roster, field: str, first: int, last: int | None) -> None:
    if not 1 <= first <= roster.epoch:
        raise Malformed(field, f"a first epoch from 1 to {roster.epoch}", str(first))
    if last is not None and not first <= last <= roster.epoch:
        raise Malformed(field, f"a last epoch from {first} to {roster.epoch}", str(last))


def _check_order(field: str, keys: Sequence[K]) -> None:
    for before, after in pairwise(keys):
        if not before < after:
            raise Malformed(field, "rising order without repeats", f"{after!r} after {before!r}")


def _check_unique(field: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise Malformed(field, "each one only once", f"{value} twice")
        seen.add(value)


def _tidy_quorum(quorum: Quorum) -> Quorum:
    return replace(quorum, members=tuple(sorted(quorum.members, key=lambda member: member.public_key)))


def _tidy_node(node: NodeRecord) -> NodeRecord:
    return replace(
        node,
        labels=tuple(sorted(node.labels, key=lambda label: label.first_epoch)),
        keys=tuple(sorted(node.keys, key=lambda key: (key.use, key.first_epoch, key.key))),
        recipients=tuple(sorted(node.recipients, key=lambda entry: (entry.first_epoch, entry.recipient))),
        extensions=tuple(sorted(node.extensions, key=lambda extension: extension.name)),
    )


def _tidy_assignment(assignment: HolderAssignment) -> HolderAssignment:
    return replace(
        assignment,
        holders=tuple(sorted(assignment.holders, key=lambda share: share.node)),
        leaving=tuple(sorted(assignment.leaving, key=lambda share: share.node)),
    )
