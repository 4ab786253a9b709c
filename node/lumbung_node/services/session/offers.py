"""Offers to one peer: what goes into one, how it is put on the wire, and which are open.

An offer is open from the moment before it is sent until the peer's Applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import trio

from lumbung_cluster import limits
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.record import record
from lumbung_cluster.signed import Signature
from lumbung_node.services.core import Core
from lumbung_node.services.pace import LinkPace
from lumbung_node.services.session.eager import EagerBytes
from lumbung_node.services.session.flow import FlowLink
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.vouched import is_vouched_raw
from lumbung_node.services.session.welcome import Welcome
from lumbung_node.store.events import EventKind, FoundBy
from lumbung_node.store.layout import FeedRow, ListPlace
from lumbung_node.store.reads import is_intact
from lumbung_proto.v1 import peer_pb2

__all__ = ["OfferedItem", "Offers", "OpenOffer", "OutLane", "fitting", "was_learnt_from"]


class OutLane(Enum):
    WAITED = peer_pb2.LANE_WAITED
    FRESH = peer_pb2.LANE_FRESH
    FEED = peer_pb2.LANE_FEED
    REPAIR = peer_pb2.LANE_REPAIR
    REBUILD = peer_pb2.LANE_REBUILD


@record
class OfferedItem:
    """`place`: where its bytes began when it was looked up."""

    blob: BlobId
    signed: ListPlace
    size_bytes: int
    place: int


@dataclass(slots=True)
class OpenOffer:
    """An offer under way; `nonce` is what the peer's receipt must name.

    `passed_over` are own numbers in the covered range whose units are not the peer's to hold. `asks_only`: it asks
    whether the peer has all of them, whatever their size, and brings nothing. `is_eager`: the peer can have none of
    it, so the bytes go along where the link takes them at once.
    """

    serial: int
    lane: OutLane
    origin: NodeNumber
    items: list[OfferedItem]
    after: int = 0
    upto: int = 0
    running_hash: bytes = b""
    nonce: int = 0
    is_wanted: bool = False
    asks_only: bool = False
    is_eager: bool = False
    passed_over: tuple[int, ...] = ()
    window: trio.Semaphore | None = None
    lacking: tuple[int, ...] = ()
    refusal: str = ""
    answered: trio.Event = field(default_factory=trio.Event)


class Offers:
    """What all lanes of one session make their offers with. `welcome` says which origins the peer takes now."""

    def __init__(self, core: Core, link: FrameLink, peer: NodeNumber, flow: FlowLink, pace: LinkPace) -> None:
        self.open: dict[int, OpenOffer] = {}
        self.welcome = Welcome()
        self._core = core
        self._link = link
        self._peer = peer
        self._flow = flow
        self.eager = EagerBytes(core, link, flow, pace)
        self._serial = 0

    def units_of_peer(self, origin: NodeNumber) -> int:
        """The mask of the units of `origin` that the peer holds."""
        return self._core.rosters.roster.units_held(self._peer, origin)

    async def items(self, origin: NodeNumber, rows: Sequence[FeedRow]) -> list[OfferedItem]:
        """What the peer should have of these rows. A damaged blob is left out: we do not say that we hold it."""
        units = self.units_of_peer(origin)
        # Once each: a blob whose row was lost may have come anew, and then stands twice in the feed.
        wanted = {row.blob: row for row in rows if units >> row.blob.unit & 1}
        places = await self._core.store.reader.intact_places(origin, [*wanted])
        return [
            OfferedItem(blob, row.signed, *place)
            for (blob, row), place in zip(wanted.items(), places, strict=True)
            if place is not None
        ]

    async def intact_items(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> list[OfferedItem]:
        """Those of `blobs` that we hold and the peer should."""
        rows, units = await self._core.store.reader.rows(origin, blobs), self.units_of_peer(origin)
        return [
            OfferedItem(blob, row.signed, row.size_bytes, row.place)
            for blob, row in zip(blobs, rows, strict=True)
            if row is not None and is_intact(row) and units >> blob.unit & 1
        ]

    async def send_all(
        self,
        lane: OutLane,
        origin: NodeNumber,
        items: list[OfferedItem],
        window: trio.Semaphore,
        *,
        eager: bool = False,
    ) -> list[OpenOffer]:
        """In as many offers as it takes. Returns when all are sent; the offers, for those who wait for the answers."""
        sent: list[OpenOffer] = []
        while items:
            first = fitting(items, self._flow.offer_bytes_max())
            items = items[len(first) :]
            await self.welcome.until_open(origin)
            await window.acquire()
            sent.append(OpenOffer(0, lane, origin, first, is_eager=eager, window=window))
            await self.send(sent[-1])
        return sent

    async def send(self, offer: OpenOffer) -> None:
        """Give it a number, and a nonce when it is ours to count, and put it on the wire."""
        self._serial += 1
        offer.serial = self._serial
        is_own = offer.origin == self._core.number
        offer.nonce = self._core.store.state.take_nonce() if is_own else 0
        message = peer_pb2.Offer(
            offer=offer.serial,
            origin=offer.origin,
            lane=peer_pb2.Lane.ValueType(offer.lane.value),
            after=offer.after,
            upto=offer.upto,
            running_hash=offer.running_hash,
            nonce=offer.nonce,
            asks_only=offer.asks_only,
        )
        places: dict[tuple[int, int, int], int] = {}
        firsts: list[ListPlace] = []
        lists = await self._lists(offer)
        for item in offer.items:
            key = item.signed.list
            if key not in places:
                places[key] = len(firsts)
                firsts.append(item.signed)
            message.entries.append(peer_pb2.OfferedEntry(list=places[key], index=item.signed.index))
        for body, signature in (lists[place.list] for place in firsts):
            message.lists.append(
                peer_pb2.SignedBytes(body=body, public_key=signature.key_public, signature=signature.signature)
            )
        are_new = is_own and self.eager.are_new(offer.items)
        is_eager = offer.is_eager and are_new and not self._is_behind_another(offer)
        contents = await self.eager.read(offer.items) if is_eager else None
        self.open[offer.serial] = offer
        frame = peer_pb2.SessionFrame(offer=message)
        offer.is_eager = contents is not None  # before it goes: the answer may be here when `send` returns
        if contents is None or not await self.eager.sent(frame, contents):
            offer.is_eager = False
            await self._link.send(frame)

    def _is_behind_another(self, offer: OpenOffer) -> bool:
        """Whether the peer still has to ask for what was offered before it, or to take the first bytes that came along:
        it takes none ahead of their turn."""
        if not self.eager.is_proven and any(other.is_eager for other in self.open.values()):
            return True
        return offer.lane is OutLane.FEED and any(
            other.lane is OutLane.FEED and other.origin == offer.origin and not other.is_eager
            for other in self.open.values()
        )

    async def _lists(self, offer: OpenOffer) -> dict[tuple[int, int, int], tuple[bytes, Signature]]:
        """The lists of an offer's items. What nobody vouches for any more is not offered: its list is lost here, or
        the key that signed it counts no longer.
        """
        places = {item.signed.list: item.signed for item in offer.items}
        found = await self._core.store.reader.signed_bytes(offer.origin, list(places.values()))
        lists = {key: signed for key, signed in zip(places, found, strict=True) if signed is not None}
        for item in offer.items:
            if item.signed.list not in lists:
                await self._core.found_damage(offer.origin, item.blob, FoundBy.READ, EventKind.LOST_LIST)
        roster = self._core.rosters.roster
        kept = {key for key, signed in lists.items() if is_vouched_raw(roster, *signed, offer.origin)}
        offer.items = [item for item in offer.items if item.signed.list in kept]
        return lists


def was_learnt_from(row: FeedRow, peer: NodeNumber, generation: Generation) -> bool:
    """The peer gave it to us in its present generation: it need not be offered it. An older life may have lost it."""
    return row.source == peer and row.source_generation == generation


def fitting(items: list[OfferedItem], bytes_max: int) -> list[OfferedItem]:
    """As many from the front as one offer may carry: at least one, whatever its size.

    Different lists are bounded too, so that the header stays small: entries of many small commits have a list each.
    """
    size, lists = 0, set[tuple[int, int, int]]()
    for index, item in enumerate(items):
        size += item.size_bytes
        lists.add(item.signed.list)
        if index and (size > bytes_max or len(lists) > limits.OFFER_LISTS_MAX):
            return items[:index]
    return items[: limits.OFFER_ENTRIES_MAX]
