"""Checking the signed lists of an offer: every entry is its origin's own word, from whomever it comes."""

from __future__ import annotations

from functools import partial

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.entry import SignedList
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.signed import Signature
from lumbung_node.services.core import Core
from lumbung_proto.v1 import peer_pb2

__all__ = ["ListChecker", "is_of_origin"]

_REMEMBERED_MAX = 256  # a list comes in several offers when its blobs are large: its signature is checked once


def is_of_origin(core: Core, signed: SignedList, origin: NodeNumber) -> bool:
    """Whether the list is the origin's own word under a key that the roster has for these numbers."""
    content = signed.content
    if content.cluster != core.cluster or content.origin != origin:
        return False
    keys = {record.key: record for record in core.rosters.roster.entry_keys(origin)}
    key = keys.get(signed.signature.key_public)
    last = content.first + len(content.entries) - 1
    return key is not None and key.covers(content.generation, last) and signed.is_valid(core.verifier)


class ListChecker:
    """For one session; remembers the bodies whose signatures it has checked."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._checked: dict[bytes, None] = {}

    def places(self, message: peer_pb2.Offer, origin: NodeNumber) -> list[tuple[SignedList, int]]:
        """Parse the lists and find each entry in them. Raises Rejected; signatures are not checked yet."""
        lists = [_parse(raw, origin) for raw in message.lists]
        for signed in lists:
            if signed.content.cluster != self._core.cluster:
                raise _refused(f"entry list: expected cluster {self._core.cluster}, got {signed.content.cluster}")
        places = []
        for item in message.entries:
            if item.list >= len(lists) or item.index >= len(lists[item.list].content.entries):
                raise _refused(f"offer: entry {item.index} of list {item.list} does not exist")
            places.append((lists[item.list], item.index))
        blobs = [signed.content.entries[index].blob for signed, index in places]
        if len(set(blobs)) != len(blobs):  # two arrivals of one blob would share its bytes
            raise _refused("offer: expected each blob once, got one twice")
        return places

    async def verify(self, message: peer_pb2.Offer, origin: NodeNumber) -> None:
        """Check every signature against the origin's keys in the roster. Raises Rejected."""
        keys = {record.key: record for record in self._core.rosters.roster.entry_keys(origin)}
        unchecked = []
        for raw in message.lists:
            signed = _parse(raw, origin)
            key = keys.get(signed.signature.key_public)
            last = signed.content.first + len(signed.content.entries) - 1
            if key is None or not key.covers(signed.content.generation, last):
                raise _refused(f"entry list {signed.content.first}: its key is not one of origin {origin}")
            if raw.body + raw.signature not in self._checked:
                unchecked.append(signed)
        if not await self._core.blocking.run(partial(_all_valid, self._core, unchecked)):
            raise _refused(f"entry list of origin {origin}: the signature is not valid")
        for signed in unchecked:
            self._checked[signed.body + signed.signature.signature] = None
        while len(self._checked) > _REMEMBERED_MAX:
            del self._checked[next(iter(self._checked))]


def _all_valid(core: Core, lists: list[SignedList]) -> bool:
    return all(signed.is_valid(core.verifier) for signed in lists)


def _parse(raw: peer_pb2.SignedBytes, origin: NodeNumber) -> SignedList:
    try:
        signed = SignedList.parse(raw.body, Signature(raw.public_key, raw.signature))
    except Malformed as exc:
        raise _refused(str(exc)) from exc
    if signed.content.origin != origin:
        raise _refused(f"entry list: expected origin {origin}, got {signed.content.origin}")
    return signed


def _refused(sentence: str) -> Rejected:
    return Rejected(StatusCode.INVALID_ARGUMENT, sentence)
