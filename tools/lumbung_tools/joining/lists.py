"""The access lists that a new node starts with: its own, signed here when nobody has yet, and those of the pack."""

from __future__ import annotations

from pathlib import Path

from lumbung_cluster.access import AccessEntry, AccessList, Duty, SignedAccess, access_objection, sign_access
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.enrolment_pack import Welcome
from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.join_request import FirstOperator
from lumbung_cluster.joining import JoinRefused
from lumbung_cluster.roster_node import KeyUse
from lumbung_cluster.signed_join import SignedJoin
from lumbung_node.adapters.keys.certificates import LEAF_LIFETIME_DAYS
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer, Ed25519Verifier
from lumbung_tools.joining.places import OfficePlaces

__all__ = ["access_file", "first_access_list", "lists_of_entry", "operator_entry"]

_DAY_MS = 24 * 3600 * 1000


def first_access_list(
    asked: SignedJoin, office: NodeNumber, held: AccessList | None, signer: Ed25519Signer, *, now_ms: int
) -> SignedAccess:
    """The office's list with its first operator, above the one that is held."""
    entry = operator_entry(asked, now_ms=now_ms)
    assert entry is not None, "whoever has no operator signs no list"
    before = held or AccessList(asked.request.cluster, office, 0, now_ms, ())
    return sign_access(before.following(now_ms).naming(entry), signer)


def operator_entry(asked: SignedJoin, *, now_ms: int) -> AccessEntry | None:
    """The request's operator as an access list names him, for as long as certificates are issued."""
    operator = asked.request.operator
    if operator is None:
        return None
    return AccessEntry(
        name=operator.name,
        duty=Duty.OPERATOR,
        pins=(operator.pin,),
        valid_from_ms=0,
        valid_until_ms=now_ms + LEAF_LIFETIME_DAYS * _DAY_MS,
    )


def lists_of_entry(places: OfficePlaces, welcome: Welcome, asked: SignedJoin, now_ms: int) -> dict[str, bytes]:
    """Signed lists by the name of their office, ours first. Ours is signed here, unless there is one already.

    That of a van is its office's, and comes with the pack.
    """
    own, operator = welcome.node, asked.request.operator
    lists = {signed.content.office: signed for signed in welcome.access_lists}
    if operator is not None and not _names(lists.get(welcome.list_office), operator.name, operator.pin):
        if welcome.list_office != own.number:
            raise JoinRefused("pack: expected our operator on the access list of our office, got none")
        lists[own.number] = _list_of_before(places, welcome, operator) or _sign_own(places, welcome, asked, now_ms)
    ordered = sorted(lists, key=lambda office: (office != welcome.list_office, office))
    nodes = {office: welcome.roster.node(office) for office in ordered}
    return {node.name: lists[office].encode() for office, node in nodes.items() if node is not None}


def _sign_own(places: OfficePlaces, welcome: Welcome, asked: SignedJoin, now_ms: int) -> SignedAccess:
    own = welcome.node
    signer = Ed25519Signer.load(places.access_key)
    if not own.has_open_key(KeyUse.ACCESS, signer.public_key):
        raise KeyRefused(f"{places.access_key}: expected the access key that the roster names, got another")
    held = next((signed.content for signed in welcome.access_lists if signed.content.office == own.number), None)
    return first_access_list(asked, own.number, held, signer, now_ms=now_ms)


def _list_of_before(places: OfficePlaces, welcome: Welcome, operator: FirstOperator) -> SignedAccess | None:
    """What a join that was cut off has signed: a list has one version only once."""
    file = access_file(places, welcome.node.name)
    if not file.exists():
        return None
    try:
        signed = SignedAccess.decode(file.read_bytes())
    except Malformed:
        return None
    is_ours = access_objection(welcome.roster, None, signed, Ed25519Verifier()) is None
    return signed if is_ours and _names(signed, operator.name, operator.pin) else None


def access_file(places: OfficePlaces, office: str) -> Path:
    return places.node / f"access-{office}.lumbung"


def _names(signed: SignedAccess | None, name: str, pin: bytes) -> bool:
    entry = signed.content.entry(name) if signed is not None else None
    return entry is not None and pin in entry.pins
