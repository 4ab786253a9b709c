"""Offers from the own feeds to one peer, lane by lane, and the bytes that it wants.

Each lane has its own loop, its own window of open offers and its own sender of pieces; the frames of all lanes take
turns on the link, so that every lane has a floor whatever the others carry:

    waited   puts that somebody waits for, out of order
    fresh    new since the session began, while `feed` still works off a backlog
    feed     own origin in feed order, from the believed mark on      (moves marks)
    others   other origins that both hold, a little later: it fills what their origin could not (moves marks)
    repair   what the peer asked for, could not prove, or lacks as reconcile found
    rebuild  everything, newest first, for a peer that has (nearly) nothing

The lanes in feed order go on from a mark that is believed. Where none is, they wait until reconcile has settled that
the peer holds everything up to some number, and go on from there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.feed import judge_mark
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.signed import Signature
from lumbung_node.services.core import Core, DoubtAboutOurselves
from lumbung_node.services.pace import LinkPace
from lumbung_node.services.session.flow import FlowLink
from lumbung_node.services.session.greeting import Greeting
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.pieces import PieceSender, bits_of
from lumbung_node.services.session.welcome import Welcome
from lumbung_node.store.events import EventKind, FoundBy
from lumbung_node.store.layout import FeedRow, ListPlace
from lumbung_node.store.reads import is_intact
from lumbung_node.store.state import Pulse
from lumbung_proto.v1 import peer_pb2

__all__ = ["OfferedItem", "OpenOffer", "OutLane", "Outgoing", "Untaken"]

_PAGE_ROWS_MIN = 8


class OutLane(Enum):
    WAITED = peer_pb2.LANE_WAITED
    FRESH = peer_pb2.LANE_FRESH
    FEED = peer_pb2.LANE_FEED
    REPAIR = peer_pb2.LANE_REPAIR
    REBUILD = peer_pb2.LANE_REBUILD


@dataclass(frozen=True, slots=True)
class OfferedItem:
    blob: BlobId
    signed: ListPlace
    size_bytes: int


@dataclass(slots=True)
class OpenOffer:
    """An offer under way; `nonce` is what the peer's receipt must name.

    `passed_over` are own numbers in the covered range whose units are not the peer's to hold.
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
    passed_over: tuple[int, ...] = ()
    window: trio.Semaphore | None = None
    lacking: tuple[int, ...] = ()
    refusal: str = ""
    answered: trio.Event = field(default_factory=trio.Event)


@dataclass(slots=True)
class Untaken:
    """What the peer still lacks of what was offered, and what it said to it when it refused an offer."""

    blobs: list[BlobId] = field(default_factory=list)
    sentence: str = ""


@dataclass(slots=True)
class _Cursor:
    """Feed lane of one origin: offered up to `offered`, applied by the peer up to `applied`.

    `is_refused`: the peer took an offer without moving its mark, so that everything from `applied` on comes again.
    `is_waiting`: no mark of the peer is believed, until reconcile settles one. `page_rows`: how many rows the next
    offer looks at, about twice what the last one took.
    """

    offered: int
    applied: int
    end_at_start: int
    is_refused: bool = False
    is_waiting: bool = False
    page_rows: int = limits.OFFER_ENTRIES_MAX


@dataclass(slots=True)
class _Rebuild:
    """How far everything is offered, newest first: what comes next is below `before`. `sent` was last."""

    before: int
    sent: list[OpenOffer] = field(default_factory=list)


@dataclass(slots=True)
class _Queue:
    """Ids that travel out of feed order; bounded, the oldest asked for first."""

    bound: int
    ids: deque[tuple[NodeNumber, BlobId]] = field(default_factory=deque)
    filled: Pulse = field(default_factory=Pulse)

    def put(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> None:
        for blob in blobs[: max(0, self.bound - len(self.ids))]:
            self.ids.append((origin, blob))
        self.filled.beat()


class Outgoing:
    """The sending half of one session. `run` until cancelled; the session feeds it with what the peer answers."""

    def __init__(self, core: Core, link: FrameLink, peer: NodeNumber, greeting: Greeting, pace: LinkPace) -> None:
        self._core = core
        self._link = link
        self._peer = peer
        self._greeting = greeting
        self._serial = 0
        self._cursors: dict[NodeNumber, _Cursor] = {}
        self._fresh_offered = 0
        self._waited = _Queue(limits.WAITED_WAITING_MAX)
        self._repair = _Queue(limits.NEEDS_WAITING_MAX)
        self.flow = FlowLink(link)
        self._welcome = Welcome()
        self._rebuilding: dict[NodeNumber, _Rebuild] = {}
        self._rebuild_asked = Pulse()
        self.open: dict[int, OpenOffer] = {}
        self._pieces = {
            lane: PieceSender(core, self.flow, pace, partial(self._is_backlog, lane), self.open.__contains__)
            for lane in OutLane
        }
        self.applied = Pulse()
        self.started = trio.Event()
        self.rebuilt = Pulse()

    async def run(self) -> None:
        """Raises DoubtAboutOurselves when the peer's marks show that our folder was rolled back."""
        roster = self._core.rosters.roster
        for origin in roster.origins_shared(self._core.number, self._peer):
            await self._start_cursor(origin)
        self.started.set()
        async with trio.open_nursery() as nursery:
            for sender in self._pieces.values():
                nursery.start_soon(sender.run)
            nursery.start_soon(self._run_feed)
            nursery.start_soon(self._run_others)
            nursery.start_soon(self._run_fresh)
            nursery.start_soon(self._run_queue, OutLane.WAITED, self._waited)
            nursery.start_soon(self._run_queue, OutLane.REPAIR, self._repair)
            nursery.start_soon(self._run_rebuild)

    # --- what the session asks ---------------------------------------------------------------------------------

    def hurry(self, blob: BlobId, number: int) -> None:
        """Somebody waits for this own blob: let it jump when the ordered lanes are far behind."""
        cursor = self._cursors.get(self._core.number)
        if cursor is not None and number > max(cursor.offered, self._fresh_offered) + limits.OFFER_ENTRIES_MAX:
            self._waited.put(self._core.number, [blob])

    def repair(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> None:
        """Offer these again, whatever the marks say."""
        self._repair.put(origin, blobs)

    async def offer(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> Untaken:
        """Offer these on the repair lane now and wait for the answers; returns those that the peer still lacks."""
        window = trio.Semaphore(limits.OFFERS_OPEN_PER_LANE_MAX)
        untaken = Untaken()
        for at in range(0, len(blobs), limits.OFFER_ENTRIES_MAX):
            part = blobs[at : at + limits.OFFER_ENTRIES_MAX]
            if not self._welcome.is_open(origin):
                untaken.blobs += part
                untaken.sentence = self._welcome.sentence(origin)
                continue
            items = await self._intact_items(origin, part)
            sent = await self._send_offers(OutLane.REPAIR, origin, items, window)
            offered = {item.blob for item in items}
            untaken.blobs += [blob for blob in part if blob not in offered]
            for offer in sent:
                await offer.answered.wait()
                untaken.blobs += [offer.items[index].blob for index in offer.lacking]
                untaken.sentence = offer.refusal or untaken.sentence
        return untaken

    def rebuild(self, origin: NodeNumber) -> None:
        """Offer everything of this origin, newest first, beside all else; `rebuilt` beats at the end."""
        end = self._core.store.state.end(origin).number
        self._rebuilding.setdefault(origin, _Rebuild(end + 1))
        self._rebuild_asked.beat()

    def is_waiting(self, origin: NodeNumber) -> bool:
        """Whether the lane in feed order waits for reconcile."""
        cursor = self._cursors.get(origin)
        return cursor is not None and cursor.is_waiting

    def waiting(self) -> list[NodeNumber]:
        """The origins whose lanes in feed order wait, rising."""
        return sorted(origin for origin, cursor in self._cursors.items() if cursor.is_waiting)

    def is_feeding(self, origin: NodeNumber) -> bool:
        """Whether entries that the peer has not applied are on their way in feed order."""
        cursor = self._cursors.get(origin)
        end = self._core.store.state.end(origin).number
        return cursor is not None and not cursor.is_waiting and cursor.applied < end

    def settle(self, origin: NodeNumber, number: int) -> None:
        """The peer holds everything of our feed of `origin` up to `number` (0 for nothing): go on behind it."""
        cursor = self._cursors.get(origin)
        if cursor is not None and cursor.is_waiting:
            cursor.offered = cursor.applied = number
            cursor.is_waiting = False
            self.applied.beat()
            self._core.store.state.grown.beat()  # the lanes may be waiting for news, and this is some

    def start_over(self) -> None:
        """Nothing can be compared with this peer (the cluster secret is being changed): whatever waits for a comparison
        goes out from number 1, and the peer says of each what it lacks."""
        for origin in self.waiting():
            self.settle(origin, 0)

    def applied_upto(self) -> int:
        """How far the peer has applied our own origin's feed."""
        cursor = self._cursors.get(self._core.number)
        return cursor.applied if cursor else 0

    def is_behind(self) -> bool:
        return any(
            cursor.is_waiting or cursor.applied < self._core.store.state.end(origin).number
            for origin, cursor in self._cursors.items()
        )

    def on_want(self, want: peer_pb2.Want) -> None:
        offer = self.open.get(want.offer)
        if offer is not None and offer.is_wanted:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"offer {want.offer}: expected one want, got another")
        if offer is not None:
            offer.is_wanted = True
            blobs = [item.blob for item in offer.items]
            self._pieces[offer.lane].enqueue(offer.serial, offer.origin, blobs, want)

    def on_applied(self, applied: peer_pb2.Applied) -> OpenOffer | None:
        """Close the offer; its number moves the cursor only on the feed lane."""
        offer = self.open.pop(applied.offer, None)
        if offer is None:
            return None
        offer.lacking = tuple(bits_of(applied.lacking, len(offer.items)))
        offer.refusal = "".join(c for c in applied.sentence[:200] if c.isprintable())
        if applied.status_code:
            self._welcome.refused(offer.origin, applied.retry_after_ms, offer.refusal)
        offer.answered.set()
        if offer.window is not None:
            offer.window.release()
        cursor = self._cursors.get(offer.origin)
        if offer.lane is OutLane.FEED and cursor is not None:
            if applied.mark.number == offer.upto:
                cursor.applied = max(cursor.applied, offer.upto)
                self._pass_over(offer)
            else:
                cursor.is_refused = True
                self._core.store.state.grown.beat()  # the lane may be waiting for news, and this is some
        self.applied.beat()
        return offer

    def _pass_over(self, offer: OpenOffer) -> None:
        """What the peer need not hold is done with; a new roster loads the ledger anew."""
        if offer.passed_over:
            account = self._core.store.proofs.ledger.account(self._peer)
            for number in offer.passed_over:
                account.pass_over(number)
            self._core.store.proofs.changed.beat()

    def _is_backlog(self, lane: OutLane, origin: NodeNumber) -> bool:
        """Whether this lane carries what is not new and what nobody waits for, so that it keeps to its share."""
        if lane in (OutLane.WAITED, OutLane.FRESH):
            return False
        cursor = self._cursors.get(origin)
        if lane is not OutLane.FEED or origin != self._core.number or cursor is None:
            return True
        return cursor.applied < cursor.end_at_start

    # --- lanes -------------------------------------------------------------------------------------------------

    async def _start_cursor(self, origin: NodeNumber) -> None:
        state, reader = self._core.store.state, self._core.store.reader
        mark, end = self._greeting.marks.get(origin), state.end(origin)
        known = await reader.hash_at(origin, mark.number) if mark is not None else None
        verdict = judge_mark(mark, state.generation, end, known)
        if verdict.is_doubt_about_sender and self._core.may_doubt(self._peer):
            raise DoubtAboutOurselves(f"feed of origin {origin}: {verdict.value}")
        start = mark.number if mark is not None and verdict.is_believed else 0
        # An empty feed has nothing that the peer could lack: whatever comes is offered from its first row on.
        is_waiting = not verdict.is_believed and end.number > 0
        self._cursors[origin] = _Cursor(start, start, end.number, is_waiting=is_waiting)
        if origin == self._core.number:
            self._fresh_offered = end.number

    async def _run_feed(self) -> None:
        origin = self._core.number
        if origin in self._cursors:
            window = trio.Semaphore(limits.OFFERS_OPEN_PER_LANE_MAX)
            cursor = self._cursors[origin]
            while True:
                while not self._has_more(origin, cursor):
                    await self._core.store.state.grown.wait()
                await self._offer_feed(origin, window)

    async def _run_others(self) -> None:
        others = [origin for origin in self._cursors if origin != self._core.number]
        window = trio.Semaphore(limits.OFFERS_OPEN_PER_LANE_MAX)
        while others:
            await trio.sleep(limits.FOREIGN_FEED_DELAY_S)
            for origin in others:
                cursor = self._cursors[origin]
                while self._has_more(origin, cursor) and self._welcome.is_open(origin):
                    await self._offer_feed(origin, window)

    def _has_more(self, origin: NodeNumber, cursor: _Cursor) -> bool:
        """Whether something can be offered in feed order now."""
        is_behind = cursor.offered < self._core.store.state.end(origin).number
        return not cursor.is_waiting and (is_behind or cursor.is_refused)

    async def _run_fresh(self) -> None:
        """Only while the feed lane has not reached the place where the session began."""
        origin = self._core.number
        cursor = self._cursors.get(origin)
        window = trio.Semaphore(limits.OFFERS_OPEN_PER_LANE_MAX)
        while cursor is not None and cursor.offered < cursor.end_at_start:
            rows = await self._core.store.reader.feed(origin, self._fresh_offered, limits.OFFER_ENTRIES_MAX)
            if not rows:
                await self._core.store.state.grown.wait()
                continue
            items = await self._items(origin, [row for _, row in rows])
            await self._send_offers(OutLane.FRESH, origin, items, window)
            self._fresh_offered = rows[-1][0]

    async def _run_queue(self, lane: OutLane, queue: _Queue) -> None:
        window = trio.Semaphore(limits.OFFERS_OPEN_PER_LANE_MAX)
        while True:
            while not queue.ids:
                await queue.filled.wait()
            origin = self._next_origin(queue)
            taken: dict[BlobId, None] = {}  # asked for twice is offered once
            while queue.ids and queue.ids[0][0] == origin and len(taken) < limits.OFFER_ENTRIES_MAX:
                taken[queue.ids.popleft()[1]] = None
            items = await self._intact_items(origin, list(taken))
            await self._send_offers(lane, origin, items, window)

    def _next_origin(self, queue: _Queue) -> NodeNumber:
        """Whose ids come next: what the peer does not take now waits behind what it does."""
        for _ in range(len(queue.ids)):
            if self._welcome.is_open(queue.ids[0][0]):
                break
            queue.ids.rotate(-1)
        return queue.ids[0][0]

    async def _intact_items(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> list[OfferedItem]:
        """Those of `blobs` that we hold and the peer should."""
        rows = await self._core.store.reader.rows(origin, blobs)
        return [
            OfferedItem(blob, row.signed, row.size_bytes)
            for blob, row in zip(blobs, rows, strict=True)
            if row is not None and is_intact(row) and self._is_for_peer(origin, blob)
        ]

    async def _run_rebuild(self) -> None:
        """One origin after the other; what the peer itself brought in its present life is left out."""
        window = trio.Semaphore(limits.OFFERS_OPEN_PER_LANE_MAX)
        while True:
            while not self._rebuilding:
                await self._rebuild_asked.wait()
            origins = list(self._rebuilding)
            origin = next((each for each in origins if self._welcome.is_open(each)), origins[0])
            if await self._offer_page(origin, self._rebuilding[origin], window):
                del self._rebuilding[origin]
                self.rebuilt.beat()

    async def _offer_page(self, origin: NodeNumber, going: _Rebuild, window: trio.Semaphore) -> bool:
        """The next entries of a rebuild; True behind the last, when it is answered."""
        rows = await self._core.store.reader.feed_before(origin, going.before, limits.OFFER_ENTRIES_MAX)
        if not rows:
            for offer in going.sent:
                await offer.answered.wait()
            return True
        news = [row for _, row in rows if not _was_learnt_from(row, self._peer, self._greeting.generation)]
        items = await self._items(origin, news)
        going.sent = await self._send_offers(OutLane.REBUILD, origin, items, window) or going.sent
        going.before = rows[-1][0]
        return False

    # --- offers ------------------------------------------------------------------------------------------------

    async def _offer_feed(self, origin: NodeNumber, window: trio.Semaphore) -> None:
        """One offer of what comes next in feed order, as many entries as fit."""
        cursor = self._cursors[origin]
        if cursor.is_refused:
            # A full disk refuses for minutes: neither hammer it, nor wait for the next session to go on.
            await trio.sleep(limits.REFUSED_WAIT_S)
            await self._welcome.until_open(origin)
            cursor.is_refused, cursor.offered = False, cursor.applied
        rows = await self._core.store.reader.feed(origin, cursor.offered, cursor.page_rows)
        if not rows:
            return  # the answer to an earlier offer has moved the mark to the end meanwhile
        peer, generation = self._peer, self._greeting.generation
        news = [row for _, row in rows if not _was_learnt_from(row, peer, generation)]
        items = await self._items(origin, news)
        fitting = _fitting(items, self.flow.offer_bytes_max())
        upto, running_hash = rows[-1][0], rows[-1][1].running_hash
        if len(fitting) < len(items):
            first_left = items[len(fitting)].blob
            upto = next(number for number, row in rows if row.blob == first_left) - 1
            running_hash = next(row.running_hash for number, row in rows if number == upto)
        passed: tuple[int, ...] = ()
        if origin == self._core.number:
            passed = tuple(n for n, row in rows if n <= upto and not self._is_for_peer(origin, row.blob))
        # Of 256 rows an offer takes 13 when its blobs have 300 KiB: all of them read and unpacked for each offer
        # were a quarter of what a node that refills does.
        cursor.page_rows = min(limits.OFFER_ENTRIES_MAX, 2 * (upto - cursor.offered) + _PAGE_ROWS_MIN)
        offer = OpenOffer(0, OutLane.FEED, origin, fitting, cursor.offered, upto, running_hash, passed_over=passed)
        await window.acquire()
        offer.window = window
        cursor.offered = upto
        await self._send(offer)

    async def _send_offers(
        self, lane: OutLane, origin: NodeNumber, items: list[OfferedItem], window: trio.Semaphore
    ) -> list[OpenOffer]:
        """Returns when all are sent; the offers, for those who wait for the answers."""
        sent: list[OpenOffer] = []
        while items:
            fitting = _fitting(items, self.flow.offer_bytes_max())
            items = items[len(fitting) :]
            await self._welcome.until_open(origin)
            await window.acquire()
            sent.append(OpenOffer(0, lane, origin, fitting, window=window))
            await self._send(sent[-1])
        return sent

    async def _items(self, origin: NodeNumber, rows: Sequence[FeedRow]) -> list[OfferedItem]:
        """What the peer should have of these rows. A damaged blob is left out: we do not say that we hold it."""
        # Once each: a blob whose row was lost may have come anew, and then stands twice in the feed.
        wanted = list({row.blob: row for row in rows if self._is_for_peer(origin, row.blob)}.values())
        found = await self._core.store.reader.rows(origin, [row.blob for row in wanted])
        return [
            OfferedItem(row.blob, row.signed, held.size_bytes)
            for row, held in zip(wanted, found, strict=True)
            if held is not None and is_intact(held)
        ]

    def _is_for_peer(self, origin: NodeNumber, blob: BlobId) -> bool:
        return bool(self._core.rosters.roster.units_held(self._peer, origin) >> blob.unit & 1)

    async def _send(self, offer: OpenOffer) -> None:
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
        self.open[offer.serial] = offer
        await self._link.send(peer_pb2.SessionFrame(offer=message))

    async def _lists(self, offer: OpenOffer) -> dict[tuple[int, int, int], tuple[bytes, Signature]]:
        """The lists of an offer's items. What nobody vouches for any more is not offered: its list is lost here."""
        places = {item.signed.list: item.signed for item in offer.items}
        found = await self._core.store.reader.signed_bytes(offer.origin, list(places.values()))
        lists = {key: signed for key, signed in zip(places, found, strict=True) if signed is not None}
        for item in offer.items:
            if item.signed.list not in lists:
                await self._core.found_damage(offer.origin, item.blob, FoundBy.READ, EventKind.LOST_LIST)
        offer.items = [item for item in offer.items if item.signed.list in lists]
        return lists


def _was_learnt_from(row: FeedRow, peer: NodeNumber, generation: Generation) -> bool:
    """The peer gave it to us in its present generation: it need not be offered it. An older life may have lost it."""
    return row.source == peer and row.source_generation == generation


def _fitting(items: list[OfferedItem], bytes_max: int) -> list[OfferedItem]:
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
