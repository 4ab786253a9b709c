"""The lanes that carry single blobs to one peer, whatever the marks say; none of them moves a mark.

waited   puts that somebody waits for, out of order
repair   what the peer asked for, could not prove, or lacks as reconcile found
rebuild  everything, newest first, for a peer that has (nearly) nothing
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import trio

from lumbung_cluster import limits
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.services.core import Core
from lumbung_node.services.session.greeting import Greeting
from lumbung_node.services.session.offers import Offers, OpenOffer, OutLane, was_learnt_from
from lumbung_node.store.state import Pulse

__all__ = ["QueueLane", "RebuildLane", "Untaken", "offer_now"]


@dataclass(slots=True)
class Untaken:
    """What the peer still lacks of what was offered, and what it said to it when it refused an offer.

    `withheld` are those that we could not offer, because nobody vouches for them any more.
    """

    blobs: list[BlobId] = field(default_factory=list)
    withheld: list[BlobId] = field(default_factory=list)
    sentence: str = ""


async def offer_now(offers: Offers, origin: NodeNumber, blobs: Sequence[BlobId]) -> Untaken:
    """Offer these on the repair lane now and wait for the answers; returns those that the peer still lacks."""
    window = trio.Semaphore(limits.OFFERS_OPEN_PER_LANE_MAX)
    untaken = Untaken()
    for at in range(0, len(blobs), limits.OFFER_ENTRIES_MAX):
        part = blobs[at : at + limits.OFFER_ENTRIES_MAX]
        if not offers.welcome.is_open(origin):
            untaken.blobs += part
            untaken.sentence = offers.welcome.sentence(origin)
            continue
        items = await offers.intact_items(origin, part)
        sent = await offers.send_all(OutLane.REPAIR, origin, items, window)
        offered = {item.blob for offer in sent for item in offer.items}
        untaken.blobs += [blob for blob in part if blob not in offered]
        untaken.withheld += [item.blob for item in items if item.blob not in offered]
        for offer in sent:
            await offer.answered.wait()
            untaken.blobs += [offer.items[index].blob for index in offer.lacking]
            untaken.sentence = offer.refusal or untaken.sentence
    return untaken


class QueueLane:
    """Ids that travel out of feed order; at most `bound` wait, the oldest asked for first."""

    def __init__(self, lane: OutLane, offers: Offers, bound: int) -> None:
        self._lane = lane
        self._offers = offers
        self._bound = bound
        self._ids: deque[tuple[NodeNumber, BlobId]] = deque()
        self._filled = Pulse()

    def put(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> None:
        for blob in blobs[: max(0, self._bound - len(self._ids))]:
            self._ids.append((origin, blob))
        self._filled.beat()

    async def run(self) -> None:
        window = trio.Semaphore(limits.OFFERS_OPEN_PER_LANE_MAX)
        while True:
            while not self._ids:
                await self._filled.wait()
            origin = self._next_origin()
            taken: dict[BlobId, None] = {}  # asked for twice is offered once
            while self._ids and self._ids[0][0] == origin and len(taken) < limits.OFFER_ENTRIES_MAX:
                taken[self._ids.popleft()[1]] = None
            items = await self._offers.intact_items(origin, list(taken))
            await self._offers.send_all(self._lane, origin, items, window, eager=self._lane is OutLane.WAITED)

    def _next_origin(self) -> NodeNumber:
        """Whose ids come next: what the peer does not take now waits behind what it does."""
        for _ in range(len(self._ids)):
            if self._offers.welcome.is_open(self._ids[0][0]):
                break
            self._ids.rotate(-1)
        return self._ids[0][0]


@dataclass(slots=True)
class _Going:
    """How far everything is offered, newest first: what comes next is below `before`. `sent` was last."""

    before: int
    sent: list[OpenOffer] = field(default_factory=list)


class RebuildLane:
    """Everything of the origins that were begun, one after the other. `rebuilt` beats when one is through."""

    def __init__(self, core: Core, peer: NodeNumber, greeting: Greeting, offers: Offers) -> None:
        self.rebuilt = Pulse()
        self._core = core
        self._peer = peer
        self._greeting = greeting
        self._offers = offers
        self._going: dict[NodeNumber, _Going] = {}
        self._asked = Pulse()

    def begin(self, origin: NodeNumber) -> None:
        end = self._core.store.state.end(origin).number
        self._going.setdefault(origin, _Going(end + 1))
        self._asked.beat()

    async def run(self) -> None:
        """What the peer itself brought in its present life is left out."""
        window = trio.Semaphore(limits.OFFERS_OPEN_PER_LANE_MAX)
        while True:
            while not self._going:
                await self._asked.wait()
            origins = list(self._going)
            origin = next((each for each in origins if self._offers.welcome.is_open(each)), origins[0])
            if await self._offer_page(origin, self._going[origin], window):
                del self._going[origin]
                self.rebuilt.beat()

    async def _offer_page(self, origin: NodeNumber, going: _Going, window: trio.Semaphore) -> bool:
        """The next entries of a rebuild; True behind the last, when it is answered."""
        rows = await self._core.store.reader.feed_before(origin, going.before, limits.OFFER_ENTRIES_MAX)
        if not rows:
            for offer in going.sent:
                await offer.answered.wait()
            return True
        news = [row for _, row in rows if not was_learnt_from(row, self._peer, self._greeting.generation)]
        items = await self._offers.items(origin, news)
        going.sent = await self._offers.send_all(OutLane.REBUILD, origin, items, window) or going.sent
        going.before = rows[-1][0]
        return False
