"""Lets a van into its office's access list: what is checked, and which number of the office's range it gets."""

from __future__ import annotations

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.join_request import JoinRequest
from lumbung_cluster.joining import JoinRefused
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import NodeRecord, Role
from lumbung_cluster.van import VanRecord

__all__ = ["name_van"]


def name_van(
    office: NodeRecord, roster: Roster, vans: tuple[VanRecord, ...], request: JoinRequest
) -> tuple[VanRecord, bool]:
    """The van of this request in the office's own numbers, and whether it is new there. Raises JoinRefused."""
    if request.cluster != roster.cluster:
        raise JoinRefused(f"join request for another cluster: expected {roster.cluster}, got {request.cluster}")
    if request.role is not Role.VAN or not request.name.startswith(f"{office.name}-"):
        raise JoinRefused(f"join request of {request.name}: expected a van of {office.name}, got something else")
    if office.vans is None:
        raise JoinRefused(f"vans of {office.name}: expected a range of numbers in the roster, got none")
    keys = (request.tls_pin, request.entry_key, request.receipt_key)
    known = next((van for van in vans if van.keys == keys), None)
    if known is not None:
        return known, False
    used = {key for van in vans for key in van.keys} | {key.key for node in roster.nodes for key in node.keys}
    if used & set(keys):
        raise JoinRefused(f"join request of {request.name}: expected keys that nobody has, got one that is in use")
    if any(van.name == request.name for van in vans) or roster.by_name(request.name) is not None:
        raise JoinRefused(f"join request of {request.name}: expected a name that no van had, got one in use")
    number = max([office.vans.first - 1, *(van.number for van in vans)]) + 1
    if number not in office.vans:
        raise JoinRefused(f"vans of {office.name}: expected at most {office.vans.count} for ever, got one more")
    return _record(request, NodeNumber(number)), True


def _record(request: JoinRequest, number: NodeNumber) -> VanRecord:
    return VanRecord(
        number=number,
        name=request.name,
        is_gone=False,
        addresses=request.addresses,
        reach=request.reach,
        link=request.link,
        link_bytes_per_s=request.link_bytes_per_s,
        capacity_bytes=request.capacity_bytes,
        load_bytes=request.load_bytes,
        tls_pin=request.tls_pin,
        entry_key=request.entry_key,
        receipt_key=request.receipt_key,
    )
