"""Changes of keys in the next roster: a next one is pinned beside the present, a former one gets its last epoch.

Each function takes a draft of the coming epoch and gives it changed. Nothing is removed and nothing backdated
(`roster_history`). A retired key held last in the epoch before the draft's.
"""

from __future__ import annotations

from dataclasses import replace

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster import Custodian, Quorum, Roster, TrustRoot
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_node import AgeRecipient, KeyRecord, KeyUse, NodeRecord

__all__ = [
    "pin_authority",
    "pin_escrow",
    "pin_key",
    "pin_recipient",
    "replace_member",
    "retire_authority",
    "retire_escrow",
    "retire_key",
    "retire_recipient",
]

_TOGETHER_MAX = 2  # current and next: a third one open would be a key that nobody watches


def pin_key(draft: Roster, number: NodeNumber, use: KeyUse, key: bytes) -> Roster:
    """The next key of a node beside the present one. Raises Malformed."""
    node = _node(draft, number)
    if any(known.key == key for each in draft.nodes for known in each.keys):
        raise Malformed(f"next {use.name.lower()} key of {node.name}", "a new one", f"{key.hex()[:16]}, which is known")
    if len(node.open_keys(use)) >= _TOGETHER_MAX:
        raise Malformed(f"{use.name.lower()} keys of {node.name}", "at most two in force: retire one first", "two")
    return _with_node(draft, replace(node, keys=(*node.keys, KeyRecord(use, key, draft.epoch))))


def retire_key(draft: Roster, number: NodeNumber, use: KeyUse, key: bytes | None, bound: Mark | None) -> Roster:
    """The former key gets its last epoch; `key` None stands for the older one of two. Raises Malformed.

    `bound` is for entry keys alone: up to there what it signed stays valid.
    """
    node = _node(draft, number)
    found = _former([known for known in node.keys if known.use is use and known.is_open], key, draft.epoch)
    where = f"{use.name.lower()} key of {node.name}"
    if found is None:
        raise Malformed(where, "one that is in force before this epoch", key.hex()[:16] if key else "none to retire")
    # A node that is gone signs nothing any more, so its keys need no others: whoever finds its machine must not either.
    if node.is_present and len(node.open_keys(use)) < _TOGETHER_MAX and use is not KeyUse.ACCESS:
        raise Malformed(where, "the next one pinned before (or in this draft)", "no other in force")
    if (bound is not None) != (use is KeyUse.ENTRY):
        raise Malformed(where, "a bound for an entry key and only there", "none" if bound is None else "one")
    retired = replace(found, last_epoch=draft.epoch - 1, bound=bound)
    keys = tuple(retired if known == found else known for known in node.keys)
    return _with_node(draft, replace(node, keys=keys))


def pin_recipient(draft: Roster, number: NodeNumber, recipient: str) -> Roster:
    """One more age recipient of a node's office. Raises Malformed."""
    node = _node(draft, number)
    return _with_node(draft, replace(node, recipients=_pinned(node.recipients, recipient, draft.epoch)))


def retire_recipient(draft: Roster, number: NodeNumber, recipient: str) -> Roster:
    """From this epoch on nothing is sealed to it any more; its identity is kept for ever. Raises Malformed."""
    node = _node(draft, number)
    return _with_node(draft, replace(node, recipients=_retired(node.recipients, recipient, draft.epoch)))


def pin_escrow(draft: Roster, recipient: str) -> Roster:
    return tidy(replace(draft, escrow=_pinned(draft.escrow, recipient, draft.epoch)))


def retire_escrow(draft: Roster, recipient: str) -> Roster:
    return tidy(replace(draft, escrow=_retired(draft.escrow, recipient, draft.epoch)))


def pin_authority(draft: Roster, name: str, pem: str) -> Roster:
    """One more trust root. Raises Malformed."""
    if any(root.pem == pem for root in draft.trust_roots):
        raise Malformed("trust root", "a new one", f"{name}, which is known")
    return tidy(replace(draft, trust_roots=(*draft.trust_roots, TrustRoot(name, pem, draft.epoch))))


def retire_authority(draft: Roster, name: str) -> Roster:
    """Certificates under it are believed no more: everybody must have one under another root by then."""
    found = next((root for root in draft.trust_roots if root.name == name and root.last_epoch is None), None)
    if found is None or found.first_epoch >= draft.epoch:
        raise Malformed("trust root", "one that is in force before this epoch", name)
    ended = replace(found, last_epoch=draft.epoch - 1)
    return tidy(replace(draft, trust_roots=tuple(ended if root == found else root for root in draft.trust_roots)))


def replace_member(quorum: Quorum, former: str | None, following: Custodian | None) -> Quorum:
    """A quorum without the member named `former`, with `following`; the threshold stays. Raises Malformed."""
    members = quorum.members
    if former is not None:
        members = tuple(member for member in members if member.name != former)
        if len(members) == len(quorum.members):
            names = ", ".join(member.name for member in quorum.members)
            raise Malformed("member", f"one of {names}", former)
    if following is not None:
        members = (*members, following)
    if quorum.threshold > len(members):
        raise Malformed("members", f"at least {quorum.threshold} (the threshold)", str(len(members)))
    return replace(quorum, members=members)


def _node(draft: Roster, number: NodeNumber) -> NodeRecord:
    node = draft.node(number)
    if node is None:
        raise Malformed("node", f"one of the roster of epoch {draft.epoch}", str(number))
    return node


def _with_node(draft: Roster, changed: NodeRecord) -> Roster:
    return tidy(replace(draft, nodes=tuple(changed if n.number == changed.number else n for n in draft.nodes)))


def _former(opened: list[KeyRecord], key: bytes | None, epoch: int) -> KeyRecord | None:
    former = [known for known in opened if known.first_epoch < epoch and key in (None, known.key)]
    return min(former, key=lambda known: known.first_epoch, default=None)


def _pinned(known: tuple[AgeRecipient, ...], recipient: str, epoch: int) -> tuple[AgeRecipient, ...]:
    if any(entry.recipient == recipient for entry in known):
        raise Malformed("age recipient", "a new one", f"{recipient[:16]}, which is known")
    return (*known, AgeRecipient(recipient, epoch))


def _retired(known: tuple[AgeRecipient, ...], recipient: str, epoch: int) -> tuple[AgeRecipient, ...]:
    found = next((entry for entry in known if entry.recipient == recipient and entry.last_epoch is None), None)
    if found is None or found.first_epoch >= epoch:
        raise Malformed("age recipient", "one that is in force before this epoch", recipient[:16])
    return tuple(replace(entry, last_epoch=epoch - 1) if entry == found else entry for entry in known)
