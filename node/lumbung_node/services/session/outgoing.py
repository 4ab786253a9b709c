"""Offers from the own feeds to one peer, lane by lane, and the bytes that it wants.

Each lane has its own loop, its own window of open offers and its own sender of pieces; the frames of all lanes take
turns on the link, so that every lane has a floor whatever the others carry. `feed_lanes.py` has those that follow the
feeds, `repair_lanes.py` those that carry single blobs, `offers.py` what an offer is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.services.core import Core
from lumbung_node.services.pace import LinkPace
from lumbung_node.services.session.feed_lanes import FeedLanes
from lumbung_node.services.session.flow import FlowLink
from lumbung_node.services.session.greeting import Greeting
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.offers import Offers, OpenOffer, OutLane
from lumbung_node.services.session.pieces import PieceSender, bits_of
from lumbung_node.services.session.repair_lanes import QueueLane, RebuildLane, Untaken, offer_now
from lumbung_node.store.state import Pulse
from lumbung_proto.v1 import peer_pb2

__all__ = ["Outgoing"]


class Outgoing:
    """The sending half of one session. `run` until cancelled; the session feeds it with what the peer answers."""

    def __init__(
        self, core: Core, link: FrameLink, peer: NodeNumber, greeting: Greeting, pace: LinkPace, flight_s: float
    ) -> None:
        self.flow = FlowLink(link, flight_s)
        self.started = trio.Event()
        self._core = core
        self._offers = Offers(core, link, peer, self.flow, pace)
        self._feeds = FeedLanes(core, peer, greeting, self._offers, self.flow)
        self._waited = QueueLane(OutLane.WAITED, self._offers, limits.WAITED_WAITING_MAX)
        self._repair = QueueLane(OutLane.REPAIR, self._offers, limits.NEEDS_WAITING_MAX)
        self._rebuild = RebuildLane(core, peer, greeting, self._offers)
        self._pieces = {
            lane: PieceSender(core, self.flow, pace, partial(self._is_backlog, lane), self._offers.open.__contains__)
            for lane in OutLane
        }

    @property
    def applied(self) -> Pulse:
        """Beats when the peer has answered an offer, or a lane goes on from a settled mark."""
        return self._feeds.applied

    @property
    def rebuilt(self) -> Pulse:
        """Beats when everything of an origin that `rebuild` began was offered and answered."""
        return self._rebuild.rebuilt

    async def run(self) -> None:
        """Raises DoubtAboutOurselves when the peer's marks show that our folder was rolled back."""
        await self._feeds.start()
        self.started.set()
        async with trio.open_nursery() as nursery:
            for sender in self._pieces.values():
                nursery.start_soon(sender.run)
            nursery.start_soon(self._feeds.run_feed)
            nursery.start_soon(self._feeds.run_others)
            nursery.start_soon(self._feeds.run_fresh)
            nursery.start_soon(self._waited.run)
            nursery.start_soon(self._repair.run)
            nursery.start_soon(self._rebuild.run)

    # --- what the session asks ---------------------------------------------------------------------------------

    def hurry(self, blob: BlobId, number: int) -> None:
        """Somebody waits for this own blob: let it jump when the ordered lanes are far behind."""
        if self._feeds.may_overtake(number):
            self._waited.put(self._core.number, [blob])

    def repair(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> None:
        """Offer these again, whatever the marks say."""
        self._repair.put(origin, blobs)

    async def offer(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> Untaken:
        """Offer these on the repair lane now and wait for the answers; returns those that the peer still lacks."""
        return await offer_now(self._offers, origin, blobs)

    def rebuild(self, origin: NodeNumber) -> None:
        """Offer everything of this origin, newest first, beside all else; `rebuilt` beats at the end."""
        self._rebuild.begin(origin)

    def is_waiting(self, origin: NodeNumber) -> bool:
        """Whether the lane in feed order waits for reconcile."""
        return self._feeds.is_waiting(origin)

    def waiting(self) -> list[NodeNumber]:
        """The origins whose lanes in feed order wait, rising."""
        return self._feeds.waiting()

    def is_feeding(self, origin: NodeNumber) -> bool:
        """Whether entries that the peer has not applied are on their way in feed order."""
        return self._feeds.is_feeding(origin)

    def settle(self, origin: NodeNumber, number: int) -> None:
        """The peer holds everything of our feed of `origin` up to `number` (0 for nothing): go on behind it."""
        self._feeds.settle(origin, number)

    def start_over(self) -> None:
        """Nothing can be compared with this peer (the cluster secret is being changed): whatever waits for a comparison
        goes out from number 1, and the peer says of each what it lacks."""
        for origin in self.waiting():
            self.settle(origin, 0)

    def applied_upto(self) -> int:
        """How far the peer has applied our own origin's feed."""
        return self._feeds.applied_upto()

    def is_behind(self) -> bool:
        """Whether the peer has not applied everything that we have of what both hold."""
        return self._feeds.is_behind()

    # --- what the peer answers ---------------------------------------------------------------------------------

    def on_want(self, want: peer_pb2.Want) -> None:
        offer = self._offers.open.get(want.offer)
        if offer is not None and offer.is_wanted:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"offer {want.offer}: expected one want, got another")
        if offer is not None:
            offer.is_wanted = True
            if offer.is_eager:
                offer.is_eager = False
                self._offers.eager.rest()
            blobs = [item.blob for item in offer.items]
            self._pieces[offer.lane].enqueue(offer.serial, offer.origin, blobs, want)

    def on_applied(self, applied: peer_pb2.Applied) -> OpenOffer | None:
        """Close the offer; its number moves the cursor only on the feed lane."""
        offer = self._offers.open.pop(applied.offer, None)
        if offer is None:
            return None
        offer.lacking = tuple(bits_of(applied.lacking, len(offer.items)))
        self._offers.eager.is_proven |= offer.is_eager and not offer.lacking
        offer.refusal = "".join(c for c in applied.sentence[:200] if c.isprintable())
        if applied.status_code:
            self._offers.welcome.refused(offer.origin, applied.retry_after_ms, offer.refusal)
        offer.answered.set()
        if offer.window is not None:
            offer.window.release()
        if offer.lane is OutLane.FEED:
            self._feeds.on_applied(offer, applied.mark.number)
        self.applied.beat()
        return offer

    def _is_backlog(self, lane: OutLane, origin: NodeNumber) -> bool:
        """Whether this lane carries what is not new and what nobody waits for, so that it keeps to its share."""
        if lane in (OutLane.WAITED, OutLane.FRESH):
            return False
        return lane is not OutLane.FEED or self._feeds.is_backlog(origin)
