"""Admits a join request into the draft of a roster: what is checked, which number it gets, what the roster then says.

Numbers are never used twice: nodes stay in the roster for ever, so the next one is above all of them. Each office gets
numbers of its own for vans (`van_numbers`), high above those of nodes. A request cannot be played again, because its
keys stay in the roster for ever too. Pure: the caller has checked possession of the keys and asked by phone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.join_request import JoinRequest
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_checks import check, tidy
from lumbung_cluster.roster_node import (
    AgeRecipient,
    KeyRecord,
    KeyUse,
    Label,
    NodeRecord,
    NodeState,
    NumberRange,
    Role,
)

__all__ = [
    "VANS_PER_OFFICE",
    "Admission",
    "JoinRefused",
    "admit",
    "keys_of_node",
    "keys_of_request",
    "van_numbers",
]

NODE_NUMBER_MAX = (1 << 24) - 1  # of nodes of the roster; vans have numbers above
VANS_PER_OFFICE = 256  # for ever: a van that is replaced is a new one. 2^24 offices fit below 2^32


class JoinRefused(LumbungError):
    """The request may not enter this roster; the sentence says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The draft with the node in it. `is_new` is false when it stood there already, and nothing was changed."""

    roster: Roster
    node: NodeRecord
    is_new: bool


def admit(draft: Roster, request: JoinRequest, *, number: NodeNumber | None, bound: Mark | None) -> Admission:
    """`number` None gives the next free one. `bound` is how far entries under a replaced machine's key are good.

    Raises JoinRefused; Malformed when the node would break a rule of rosters.
    """
    if request.cluster != draft.cluster:
        raise JoinRefused(f"join request for another cluster: expected {draft.cluster}, got {request.cluster}")
    known = _known(draft, request)
    if known is not None:
        return _repeated(draft, request, known, number)
    _refuse_used_recipient(draft, request)
    if request.replaces is not None:
        node = _replacing(draft, request, request.replaces, number, bound)
    else:
        node = _joining(draft, request, number)
    others = tuple(each for each in draft.nodes if each.number != node.number)
    roster = tidy(replace(draft, nodes=(*others, node)))
    check(roster)
    return Admission(roster, node, is_new=True)


def van_numbers(office: NodeNumber) -> NumberRange:
    """The numbers in which an office may name vans by itself."""
    return NumberRange(NodeNumber((NODE_NUMBER_MAX + 1) + office * VANS_PER_OFFICE), VANS_PER_OFFICE)


def keys_of_request(request: JoinRequest) -> tuple[tuple[KeyUse, bytes], ...]:
    """The keys as a roster holds them."""
    keys = [
        (KeyUse.TLS, request.tls_pin),
        (KeyUse.ENTRY, request.entry_key),
        (KeyUse.RECEIPT, request.receipt_key),
    ]
    return (*keys, *([(KeyUse.ACCESS, request.access_key)] if request.access_key is not None else []))


def keys_of_node(node: NodeRecord, request: JoinRequest) -> tuple[tuple[KeyUse, bytes], ...]:
    """Those that this node must have in force: a van that its office named has no access key of its own."""
    keys = keys_of_request(request)
    is_named_by_office = node.role is Role.VAN and not node.keys_of(KeyUse.ACCESS)
    return tuple(key for key in keys if not (is_named_by_office and key[0] is KeyUse.ACCESS))


def _known(draft: Roster, request: JoinRequest) -> NodeRecord | None:
    """The node that has these very keys already. Raises JoinRefused when only some of them are in use."""
    for node in draft.nodes:
        # Whoever replaces a machine may have kept the office's access key, which never lay on it.
        is_own = node.number == request.replaces
        wanted = {key for use, key in keys_of_request(request) if not (is_own and use is KeyUse.ACCESS)}
        shared = wanted & {key.key for key in node.keys}
        if shared == wanted:
            return node
        if shared:
            first = min(shared).hex()[:16]
            raise JoinRefused(
                f"join request of {request.name}: expected keys that nobody has, got {first}, which is a key of node "
                f"{node.number} ({node.name})"
            )
    return None


def _repeated(draft: Roster, request: JoinRequest, known: NodeRecord, number: NodeNumber | None) -> Admission:
    """The same step once more changes nothing; the same request in a later epoch is one that somebody plays again."""
    first_epoch = next(key.first_epoch for key in known.keys if key.key == request.tls_pin)
    if first_epoch != draft.epoch:
        raise JoinRefused(
            f"join request of {request.name}: expected one that was never used, got one that made node {known.number} "
            f"in epoch {first_epoch}: a new machine makes new keys (lumbung office init)"
        )
    if number not in (None, known.number):
        raise JoinRefused(f"join request of {request.name}: it has number {known.number} in this draft, got {number}")
    return Admission(draft, known, is_new=False)


def _refuse_used_recipient(draft: Roster, request: JoinRequest) -> None:
    for node in draft.nodes:
        used = {entry.recipient for entry in node.recipients} & set(request.recipients)
        if used and node.number != request.replaces:
            raise JoinRefused(
                f"join request of {request.name}: expected age recipients of its own, got one of node {node.number} "
                f"({node.name})"
            )


def _joining(draft: Roster, request: JoinRequest, wanted: NodeNumber | None) -> NodeRecord:
    bearer = next((node for node in draft.nodes if node.is_present and node.name == request.name), None)
    if bearer is not None:
        raise JoinRefused(
            f"join request of {request.name}: expected a name that nobody bears, got that of node {bearer.number}; "
            f"a new machine of that office says so: lumbung office init --replaces {bearer.number}"
        )
    number = _free_number(draft, wanted)
    return NodeRecord(
        number=number,
        role=request.role,
        office=_office(draft, request, number),
        labels=(Label(request.name, draft.epoch),),
        province=request.province,
        hazard_zone=request.hazard_zone,
        addresses=request.addresses,
        reach=request.reach,
        link=request.link,
        link_bytes_per_s=request.link_bytes_per_s,
        capacity_bytes=request.capacity_bytes,
        load_bytes=request.load_bytes,
        state=NodeState.ACTIVE,
        keys=tuple(KeyRecord(use, key, draft.epoch) for use, key in keys_of_request(request)),
        recipients=tuple(AgeRecipient(recipient, draft.epoch) for recipient in request.recipients),
        vans=van_numbers(number) if request.role is Role.OFFICE else None,
    )


def _free_number(draft: Roster, wanted: NodeNumber | None) -> NodeNumber:
    used = {node.number: node for node in draft.nodes}
    ranges = [node.vans for node in draft.nodes if node.vans is not None]
    if wanted is None:
        # Vans that stand in the roster have numbers in their office's range: they are no measure of the next one.
        highest = max((number for number in used if not any(number in vans for vans in ranges)), default=0)
        wanted = NodeNumber(highest + 1)
        while any(wanted in vans for vans in ranges):
            wanted = NodeNumber(wanted + 1)
    if wanted in used:
        node = used[wanted]
        raise JoinRefused(f"number {wanted}: expected one that was never used, got that of node {node.name}")
    if any(wanted in vans for vans in ranges) or not 0 < wanted <= NODE_NUMBER_MAX:
        raise JoinRefused(f"number {wanted}: expected one from 1 to {NODE_NUMBER_MAX} outside of all van numbers")
    return wanted


def _office(draft: Roster, request: JoinRequest, number: NodeNumber) -> NodeNumber:
    """A van belongs to the office whose code its name begins with, everybody else to himself."""
    if request.role is not Role.VAN:
        return number
    office = draft.by_name(request.name.partition("-")[0])
    if office is None or not office.is_present or office.role is not Role.OFFICE:
        raise JoinRefused(f"join request of {request.name}: expected the van of an office in this roster, got none")
    return office.number


def _replacing(
    draft: Roster, request: JoinRequest, replaced: NodeNumber, wanted: NodeNumber | None, bound: Mark | None
) -> NodeRecord:
    """The node of that number under new keys; the old ones end with the epoch before."""
    node = draft.node(replaced)
    if node is None or not node.is_present:
        raise JoinRefused(f"join request of {request.name}: expected to replace a node that is present, got {replaced}")
    if (node.name, node.role) != (request.name, request.role):
        raise JoinRefused(
            f"join request of {request.name}: expected the name of node {replaced} ({node.name}), whose machine it "
            f"replaces, got another"
        )
    if wanted not in (None, replaced):
        raise JoinRefused(f"join request of {request.name}: a new machine keeps the number {replaced}, got {wanted}")
    if bound is None:
        raise JoinRefused(
            f"join request of {request.name}: expected how far entries of the machine before are good (--bound), got "
            f"nothing"
        )
    fresh = [(use, key) for use, key in keys_of_request(request) if not node.has_open_key(use, key)]
    uses = {use for use, _ in fresh}
    kept = tuple(_retired(key, draft.epoch, bound) if key.use in uses else key for key in node.keys)
    return replace(
        node,
        addresses=request.addresses,
        reach=request.reach,
        link=request.link,
        link_bytes_per_s=request.link_bytes_per_s,
        capacity_bytes=request.capacity_bytes,
        keys=(*kept, *(KeyRecord(use, key, draft.epoch) for use, key in fresh)),
        recipients=_recipients(node, request, draft.epoch),
    )


def _retired(key: KeyRecord, epoch: int, bound: Mark) -> KeyRecord:
    if not key.is_open:
        return key
    return replace(key, last_epoch=max(key.first_epoch, epoch - 1), bound=bound if key.use is KeyUse.ENTRY else None)


def _recipients(node: NodeRecord, request: JoinRequest, epoch: int) -> tuple[AgeRecipient, ...]:
    """Those of the request are open; others of the node end. A request without any leaves them as they are: the
    office's identity never lay on the machine that is gone.
    """
    if not request.recipients:
        return node.recipients
    held = {entry.recipient for entry in node.recipients}
    kept = [
        entry if entry.recipient in request.recipients or entry.last_epoch is not None else _ended(entry, epoch)
        for entry in node.recipients
    ]
    return (*kept, *(AgeRecipient(each, epoch) for each in request.recipients if each not in held))


def _ended(entry: AgeRecipient, epoch: int) -> AgeRecipient:
    return replace(entry, last_epoch=max(entry.first_epoch, epoch - 1))
