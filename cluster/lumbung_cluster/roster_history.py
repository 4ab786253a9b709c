"""What a later roster may not change about an earlier one: numbers, names, keys and departures are for ever.

Entries and receipts of twenty years must be judged by the keys of their time. So nothing is removed and nothing is
backdated: what is new begins after the roster that is held, what ends had held at least until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lumbung_cluster.ids import all_units, units_of_mask
from lumbung_cluster.roster import HolderAssignment, Roster
from lumbung_cluster.roster_node import AgeRecipient, KeyRecord, NodeRecord, NodeState

__all__ = ["contradictions"]


@dataclass(frozen=True, slots=True)
class _Span:
    """A thing with a first and a last epoch; `identity` tells whether two rosters speak of the same one."""

    what: str = field(compare=False)
    identity: tuple[object, ...]
    first_epoch: int
    last_epoch: int | None
    detail: object = None


def contradictions(held: Roster, later: Roster, *, is_direct_successor: bool) -> Iterator[str]:
    """One sentence for each way in which `later` denies the history in `held`; nothing when it may follow it.

    Whether holders were let go without having been `leaving` can only be seen from one epoch to the very next.
    """
    if later.format_level < held.format_level:
        yield f"format level: expected at least {held.format_level}, got {later.format_level}"
    yield from _span_contradictions(held.epoch, _cluster_spans(held), _cluster_spans(later))
    for before in held.nodes:
        after = later.node(before.number)
        if after is None:
            yield f"node {before.number} ({before.name}): expected to stay in the roster (gone at most), got removed"
        else:
            yield from _node_contradictions(held.epoch, before, after)
    for node in later.nodes:
        if held.node(node.number) is None and node.labels[0].first_epoch <= held.epoch:
            yield f"new node {node.name}: expected a first epoch after {held.epoch}, got {node.labels[0].first_epoch}"
    if is_direct_successor:
        yield from _dropped_holders(held, later)


def _node_contradictions(epoch: int, before: NodeRecord, after: NodeRecord) -> Iterator[str]:
    where = f"node {before.number} ({before.name})"
    if after.role is not before.role:
        yield f"role of {where}: expected {before.role.name.lower()} for ever, got {after.role.name.lower()}"
    if after.office != before.office:
        yield f"office of {where}: expected {before.office} for ever, got {after.office}"
    if before.vans is not None and after.vans != before.vans:
        yield f"van numbers of {where}: expected the range from {before.vans.first} for ever, got another"
    if before.state is NodeState.GONE and after.departure != before.departure:
        yield f"departure of {where}: expected as in epoch {epoch} for ever, got {after.state.name.lower()} or altered"
    if before.state is not NodeState.GONE and after.departure is not None and after.departure.epoch <= epoch:
        yield f"departure of {where}: expected an epoch after {epoch}, got {after.departure.epoch}"
    # Names of a node are no different from its keys here; a gone node's last label may be closed later.
    yield from _span_contradictions(epoch, _node_spans(before), _node_spans(after))


def _span_contradictions(epoch: int, before: Iterable[_Span], after: Iterable[_Span]) -> Iterator[str]:
    left = {span.identity: span for span in after}
    for old in before:
        new = left.pop(old.identity, None)
        if new is None:
            yield f"{old.what}: expected to be kept for ever, got removed"
        elif old.last_epoch is not None and new != old:
            yield f"{old.what}: expected as it ended in epoch {old.last_epoch}, got altered"
        elif new.first_epoch != old.first_epoch:
            yield f"{old.what}: expected its first epoch {old.first_epoch} for ever, got {new.first_epoch}"
        elif old.last_epoch is None and new.last_epoch is not None and new.last_epoch < epoch:
            yield f"{old.what}: expected to hold at least until epoch {epoch}, got {new.last_epoch}"
    for span in left.values():
        if span.first_epoch <= epoch:
            yield f"{span.what}: expected a first epoch after {epoch} for what is new, got {span.first_epoch}"


def _cluster_spans(roster: Roster) -> Iterator[_Span]:
    yield from _recipient_spans("escrow recipient", roster.escrow)
    for root in roster.trust_roots:
        yield _Span(f"trust root {root.name}", (root.pem,), root.first_epoch, root.last_epoch, root.name)


def _node_spans(node: NodeRecord) -> Iterator[_Span]:
    for label in node.labels:
        identity = ("label", label.name, label.first_epoch)
        yield _Span(f"label {label.name} of node {node.number}", identity, label.first_epoch, label.last_epoch)
    for key in node.keys:
        yield _key_span(node, key)
    yield from _recipient_spans(f"age recipient of {node.name}", node.recipients)


def _key_span(node: NodeRecord, key: KeyRecord) -> _Span:
    what = f"{key.use.name.lower()} key {key.key.hex()[:16]} of {node.name}"
    return _Span(what, ("key", key.use, key.key), key.first_epoch, key.last_epoch, key.bound)


def _recipient_spans(what: str, recipients: tuple[AgeRecipient, ...]) -> Iterator[_Span]:
    for entry in recipients:
        yield _Span(f"{what} {entry.recipient[:16]}", ("age", entry.recipient), entry.first_epoch, entry.last_epoch)


def _dropped_holders(held: Roster, later: Roster) -> Iterator[str]:
    kept = {assignment.origin: _units_by_node(assignment) for assignment in later.assignments}
    for assignment in held.assignments:
        for share in assignment.holders:
            lost = share.units & ~kept.get(assignment.origin, {}).get(share.node, 0) & all_units()
            if lost and later.is_present(share.node):
                units = len(units_of_mask(lost))
                yield (
                    f"node {share.node} as holder of origin {assignment.origin}: expected to be leaving in one roster "
                    f"before it is let go, got {units} units dropped at once"
                )


def _units_by_node(assignment: HolderAssignment) -> dict[int, int]:
    units: dict[int, int] = {}
    for share in (*assignment.holders, *assignment.leaving):
        units[share.node] = units.get(share.node, 0) | share.units
    return units
