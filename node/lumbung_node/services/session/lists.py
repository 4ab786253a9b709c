"""Checking the signed lists of an offer: every entry is its origin's own word, from whomever it comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.entry import SignedList
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.signed import Signature
from lumbung_node.services.core import Core
from lumbung_node.services.session.own_entries import note_not_ours
from lumbung_node.services.session.void_lists import renew_lists
from lumbung_node.services.session.vouched import is_vouched_for
from lumbung_proto.v1 import peer_pb2

__all__ = ["KnownLists", "ListChecker", "is_of_origin"]

_REMEMBERED_MAX = 256  # about 3 MB; an offer has at most 32


def is_of_origin(core: Core, signed: SignedList, origin: NodeNumber) -> bool:
    """Whether the list is the origin's own word under a key that the roster has for these numbers."""
    content = signed.content
    if content.cluster != core.cluster or content.origin != origin:
        return False
    return is_vouched_for(core.rosters.roster, signed, origin) and signed.is_valid(core.verifier)


@dataclass(slots=True)
class _Known:
    signed: SignedList
    is_valid: bool = False


class KnownLists:
    """Lists met lately, parsed once and checked once. One for the node: each holder of an origin offers the same ones,
    and a list comes in several offers when its blobs are large.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}

    def parse(self, raw: peer_pb2.SignedBytes) -> SignedList:
        """Raises Malformed."""
        return self._of(raw).signed

    def unchecked(self, raws: Sequence[peer_pb2.SignedBytes]) -> list[_Known]:
        """Those whose signatures nobody has found valid yet."""
        return [known for known in map(self._of, raws) if not known.is_valid]

    def _of(self, raw: peer_pb2.SignedBytes) -> _Known:
        key = raw.public_key + raw.signature + raw.body
        known = self._known.get(key)
        if known is None:
            known = _Known(SignedList.parse(raw.body, Signature(raw.public_key, raw.signature)))
            self._known[key] = known
            if len(self._known) > _REMEMBERED_MAX:
                del self._known[next(iter(self._known))]
        return known


class ListChecker:
    """For one session, or for one disk (`source` is this node itself then)."""

    def __init__(self, core: Core, known: KnownLists, source: NodeNumber) -> None:
        self._core = core
        self._known = known
        self._source = source

    def places(self, message: peer_pb2.Offer, origin: NodeNumber) -> list[tuple[SignedList, int]]:
        """Parse the lists and find each entry in them. Raises Rejected; signatures are not checked yet."""
        lists = [self._parse(raw, origin) for raw in message.lists]
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
        lists = [self._parse(raw, origin) for raw in message.lists]
        for signed in lists:
            if not is_vouched_for(self._core.rosters.roster, signed, origin):
                raise _refused(f"entry list {signed.content.first}: its key is not one of origin {origin}")
        unchecked = self._known.unchecked(message.lists)
        work = partial(_all_valid, self._core, [each.signed for each in unchecked])
        # One signature takes 0.1 ms, less than a hop to a thread.
        if not (work() if len(unchecked) <= 1 else await self._core.blocking.run(work)):
            raise _refused(f"entry list of origin {origin}: the signature is not valid")
        for each in unchecked:
            each.is_valid = True
        await renew_lists(self._core, origin, lists)
        if origin == self._core.number:
            await note_not_ours(self._core, self._source, lists)

    def _parse(self, raw: peer_pb2.SignedBytes, origin: NodeNumber) -> SignedList:
        try:
            signed = self._known.parse(raw)
        except Malformed as exc:
            raise _refused(str(exc)) from exc
        if signed.content.origin != origin:
            raise _refused(f"entry list: expected origin {origin}, got {signed.content.origin}")
        return signed


def _all_valid(core: Core, lists: list[SignedList]) -> bool:
    return all(signed.is_valid(core.verifier) for signed in lists)


def _refused(sentence: str) -> Rejected:
    return Rejected(StatusCode.INVALID_ARGUMENT, sentence)
