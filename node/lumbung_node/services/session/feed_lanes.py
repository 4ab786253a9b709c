"""The lanes that follow the feeds to one peer: each origin from the believed mark on, and what is new meanwhile.

    feed     own origin in feed order, from the believed mark on      (moves marks)
    others   other origins that both hold, a little later: it fills what their origin could not (moves marks)
    fresh    new since the session began, while `feed` still works off a backlog

Where no mark is believed the lane waits until reconcile has settled that the peer holds everything up to some number.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import trio

from lumbung_cluster import limits
from lumbung_cluster.feed import judge_mark
from lumbung_cluster.ids import NodeNumber, all_units
from lumbung_cluster.overtaking import Overtaking
from lumbung_node.services.core import Core, DoubtAboutOurselves
from lumbung_node.services.session.flow import FlowLink
from lumbung_node.services.session.greeting import Greeting
from lumbung_node.services.session.offers import Offers, OpenOffer, OutLane, fitting, was_learnt_from
from lumbung_node.store.layout import FeedRow
from lumbung_node.store.state import Pulse

__all__ = ["Cursor", "FeedLanes"]

_PAGE_ROWS_MIN = 8
_SAMPLED_LOOKS = 4  # on a busy machine the origin brings its blobs to one holder some seconds after the other
_SAMPLED_ROWS = 128  # of which some are not the peer's to hold, or learnt from it
_GATHERED_ENTRIES = 8  # so many are worth an offer of their own at once
_ANY_SIZE = limits.OFFER_ENTRIES_MAX * limits.BLOB_SIZE_BYTES_MAX


@dataclass(slots=True)
class Cursor:
    """Feed lane of one origin: offered up to `offered`, applied by the peer up to `applied`.

    `is_refused`: the peer took an offer without moving its mark, so that everything from `applied` on comes again.
    `is_patient`: so for another reason than a question that was denied. `is_waiting`: no mark of the peer is believed,
    until reconcile settles one. `page_rows`: how many rows the next offer looks at, about twice what the last one took.
    `asks`: the peer had all of the last offer, so that the next one only asks. `rested_since`: trio time at which all
    of another's feed was last offered. `ends`: where it ended at the last looks, oldest first; `sample`: the question
    about the oldest.
    """

    offered: int
    applied: int
    end_at_start: int
    is_refused: bool = False
    is_patient: bool = False
    is_waiting: bool = False
    page_rows: int = limits.OFFER_ENTRIES_MAX
    asks: bool = False
    rested_since: float = -math.inf
    ends: deque[int] = field(default_factory=lambda: deque(maxlen=_SAMPLED_LOOKS))
    sample: OpenOffer | None = None


class FeedLanes:
    """`start`, then the three `run_...` until cancelled. `applied` beats whenever a cursor moves."""

    def __init__(self, core: Core, peer: NodeNumber, greeting: Greeting, offers: Offers, flow: FlowLink) -> None:
        self.applied = Pulse()
        self.cursors: dict[NodeNumber, Cursor] = {}
        self._core = core
        self._peer = peer
        self._greeting = greeting
        self._offers = offers
        self._flow = flow
        self._fresh_offered = 0
        self._offered_most = 0  # of our own feed in this session: what lies below may be there, whatever the mark says
        self._under_way: OpenOffer | None = None  # the newest of our own feed
        self._overtaking = Overtaking()

    async def start(self) -> None:
        """Judge the peer's marks. Raises DoubtAboutOurselves when they show that our folder was rolled back."""
        for origin in self._core.rosters.roster.origins_shared(self._core.number, self._peer):
            await self._start_cursor(origin)

    # --- how far the peer is -----------------------------------------------------------------------------------

    def may_overtake(self, number: int) -> bool:
        """Whether this own number, which somebody waits for, should not wait for the lanes in feed order."""
        cursor = self.cursors.get(self._core.number)
        offered = max(cursor.offered, self._fresh_offered) if cursor is not None else 0
        return cursor is not None and self._overtaking.may_overtake(number, offered)

    def is_waiting(self, origin: NodeNumber) -> bool:
        cursor = self.cursors.get(origin)
        return cursor is not None and cursor.is_waiting

    def waiting(self) -> list[NodeNumber]:
        return sorted(origin for origin, cursor in self.cursors.items() if cursor.is_waiting)

    def is_feeding(self, origin: NodeNumber) -> bool:
        cursor = self.cursors.get(origin)
        end = self._core.store.state.end(origin).number
        return cursor is not None and not cursor.is_waiting and cursor.applied < end

    def settle(self, origin: NodeNumber, number: int) -> None:
        cursor = self.cursors.get(origin)
        if cursor is not None and cursor.is_waiting:
            cursor.offered = cursor.applied = number
            cursor.is_waiting = False
            self.applied.beat()
            self._core.store.state.grown.beat()  # the lanes may be waiting for news, and this is some

    def applied_upto(self) -> int:
        cursor = self.cursors.get(self._core.number)
        return cursor.applied if cursor else 0

    def is_behind(self) -> bool:
        return any(
            cursor.is_waiting or cursor.applied < self._core.store.state.end(origin).number
            for origin, cursor in self.cursors.items()
        )

    def is_backlog(self, origin: NodeNumber) -> bool:
        """Whether what goes out in feed order now was there before the session began, or is another's."""
        cursor = self.cursors.get(origin)
        return origin != self._core.number or cursor is None or cursor.applied < cursor.end_at_start

    def on_applied(self, offer: OpenOffer, number: int) -> None:
        """The peer has answered an offer of the feed lane; its mark is at `number` now."""
        cursor = self.cursors.get(offer.origin)
        if cursor is None:
            return
        if number == offer.upto:
            cursor.applied = max(cursor.applied, offer.upto)
            # Another's blobs reach most holders from their origin; ours are always new to the peer.
            cursor.asks = offer.origin != self._core.number and not offer.is_wanted
            self._pass_over(offer)
        else:
            cursor.is_refused = True
            cursor.is_patient |= not offer.asks_only or bool(offer.refusal)
            self._core.store.state.grown.beat()  # the lane may be waiting for news, and this is some

    def _pass_over(self, offer: OpenOffer) -> None:
        """What the peer need not hold is done with; a new roster loads the ledger anew, and until it has nothing is
        passed over: copies are counted by the roster that the ledger is of."""
        if offer.passed_over and self._core.is_ledger_present:
            account = self._core.store.proofs.ledger.account(self._peer)
            for number in offer.passed_over:
                account.pass_over(number)
            self._core.store.proofs.changed.beat()

    # --- lanes -------------------------------------------------------------------------------------------------

    async def _start_cursor(self, origin: NodeNumber) -> None:
        state, reader = self._core.store.state, self._core.store.reader
        mark, end = self._greeting.marks.get(origin), state.end(origin)
        if mark is not None and (origin, mark.number) in state.scrub.breaks:
            mark = None  # nothing is left to hold it against, which is known and no reason to doubt ourselves again
        known = await reader.hash_at(origin, mark.number) if mark is not None else None
        verdict = judge_mark(mark, state.generation, end, known)
        if verdict.is_doubt_about_sender and self._may_doubt():
            raise DoubtAboutOurselves(f"feed of origin {origin}: {verdict.value}")
        start = mark.number if mark is not None and verdict.is_believed else 0
        # An empty feed has nothing that the peer could lack: whatever comes is offered from its first row on.
        is_waiting = not verdict.is_believed and end.number > 0
        self.cursors[origin] = Cursor(start, start, end.number, is_waiting=is_waiting)
        if origin == self._core.number:
            self._fresh_offered = self._offered_most = end.number

    def _may_doubt(self) -> bool:
        """Not below the peer's roster: it may name the keys of a machine that goes on in our place, and a life that we
        begin meanwhile would stand against that one's. The roster is on its way, and all sessions begin anew with it.
        """
        is_behind = self._greeting.roster_epoch > self._core.rosters.roster.epoch
        return not is_behind and self._core.may_doubt(self._peer)

    async def run_feed(self) -> None:
        origin = self._core.number
        if origin in self.cursors:
            window = trio.Semaphore(limits.OFFERS_OPEN_PER_LANE_MAX)
            cursor = self.cursors[origin]
            while True:
                while not self.has_more(origin, cursor):
                    await self._core.store.state.grown.wait()
                await self._gather(origin, cursor)
                await self._offer(origin, window)

    async def run_others(self) -> None:
        others = [origin for origin in self.cursors if origin != self._core.number]
        window = trio.Semaphore(limits.OFFERS_OPEN_PER_LANE_MAX)
        while others:
            await trio.sleep(limits.FOREIGN_FEED_DELAY_S)
            for origin in others:
                cursor = self.cursors[origin]
                if self._may_rest(origin, cursor):
                    await self._ask_sample(origin, cursor, window)
                    continue
                cursor.rested_since, cursor.sample = trio.current_time(), None
                while self.has_more(origin, cursor) and self._offers.welcome.is_open(origin):
                    await self._offer(origin, window)

    def _may_rest(self, origin: NodeNumber, cursor: Cursor) -> bool:
        """Whether the origin is just bringing its blobs to us, and to the peer as well, as far as a sample tells.

        In a bulk two holders would ask each other about each blob of it, often a moment too early: a fifth of what a
        holder does. All of it is asked about when the origin is silent, and now and then; and at once when the peer
        lacks something of a sample, because its line to the origin may break while ours goes on.
        """
        now = trio.current_time()
        is_fed = now - self._core.fed_at.get(origin, -math.inf) < limits.FOREIGN_FEED_DELAY_S
        was_whole = cursor.asks and not cursor.is_refused
        lacks_some = cursor.sample is not None and bool(cursor.sample.lacking)
        is_long = now - cursor.rested_since >= limits.FOREIGN_FEED_REST_S_MAX
        return is_fed and was_whole and not lacks_some and not is_long

    async def _ask_sample(self, origin: NodeNumber, cursor: Cursor, window: trio.Semaphore) -> None:
        """Ask about the newest entries that were here some looks ago; the next one sees the answer. Moves no mark."""
        if cursor.sample is not None and not cursor.sample.answered.is_set():
            return  # on a slow line an answer takes longer than the time between two looks
        sampled_to = cursor.ends[0] if len(cursor.ends) == _SAMPLED_LOOKS else 0
        cursor.ends.append(self._core.store.state.end(origin).number)
        first = max(cursor.offered, sampled_to - _SAMPLED_ROWS)
        count = sampled_to - first
        if count <= 0 or not self._offers.welcome.is_open(origin):
            return
        rows = await self._core.store.reader.feed(origin, first, count)
        news = [row for _, row in rows if not was_learnt_from(row, self._peer, self._greeting.generation)]
        items = await self._offers.items(origin, news)
        newest = fitting(items[-limits.FOREIGN_FEED_SAMPLE :], limits.OFFER_BYTES_MAX)
        if newest:
            await window.acquire()
            cursor.sample = OpenOffer(0, OutLane.REPAIR, origin, newest, asks_only=True, window=window)
            await self._offers.send(cursor.sample)

    async def run_fresh(self) -> None:
        """Only while the feed lane has not reached the place where the session began."""
        origin = self._core.number
        cursor = self.cursors.get(origin)
        window = trio.Semaphore(limits.OFFERS_OPEN_PER_LANE_MAX)
        while cursor is not None and cursor.offered < cursor.end_at_start:
            rows = await self._core.store.reader.feed(origin, self._fresh_offered, limits.OFFER_ENTRIES_MAX)
            if not rows:
                await self._core.store.state.grown.wait()
                continue
            items = await self._offers.items(origin, [row for _, row in rows])
            await self._offers.send_all(OutLane.FRESH, origin, items, window, eager=_were_put_here(rows, origin))
            self._fresh_offered = rows[-1][0]
            self._offered_most = max(self._fresh_offered, self._offered_most)

    def has_more(self, origin: NodeNumber, cursor: Cursor) -> bool:
        """Whether something can be offered in feed order now."""
        is_behind = cursor.offered < self._core.store.state.end(origin).number
        return not cursor.is_waiting and (is_behind or cursor.is_refused)

    async def _offer(self, origin: NodeNumber, window: trio.Semaphore) -> None:
        """One offer of what comes next in feed order, as many entries as fit."""
        cursor = self.cursors[origin]
        if cursor.is_refused:
            await self._go_back(origin, cursor, window)
        asks_only = cursor.asks
        rows = await self._core.store.reader.feed(origin, cursor.offered, cursor.page_rows)
        if not rows:
            return  # the answer to an earlier offer has moved the mark to the end meanwhile
        peer, generation = self._peer, self._greeting.generation
        news = [row for _, row in rows if not was_learnt_from(row, peer, generation)]
        items = await self._offers.items(origin, news)
        first = fitting(items, _ANY_SIZE if asks_only else self._flow.offer_bytes_max())
        upto, running_hash = rows[-1][0], rows[-1][1].running_hash
        if len(first) < len(items):
            # The row before the first that is left out: the number before it may be one of which nothing is left.
            first_left = items[len(first)].blob
            behind = next(index for index, (_, row) in enumerate(rows) if row.blob == first_left)
            upto, running_hash = rows[behind - 1][0], rows[behind - 1][1].running_hash
        passed: tuple[int, ...] = ()
        units = self._offers.units_of_peer(origin)
        if origin == self._core.number and units != all_units():
            passed = tuple(n for n, row in rows if n <= upto and not units >> row.blob.unit & 1)
        # Of 256 rows an offer takes 13 when its blobs have 300 KiB: all of them read and unpacked for each offer
        # were a quarter of what a node that refills does.
        cursor.page_rows = min(limits.OFFER_ENTRIES_MAX, 2 * (upto - cursor.offered) + _PAGE_ROWS_MIN)
        offer = OpenOffer(0, OutLane.FEED, origin, first, cursor.offered, upto, running_hash, passed_over=passed)
        offer.asks_only = asks_only
        await window.acquire()
        offer.window = window
        is_new = origin == self._core.number and cursor.offered >= self._offered_most
        offer.is_eager = is_new and _were_put_here(rows, origin)
        cursor.offered = upto
        if origin == self._core.number:
            self._under_way, self._offered_most = offer, max(upto, self._offered_most)
        await self._offers.send(offer)

    async def _gather(self, origin: NodeNumber, cursor: Cursor) -> None:
        """A few entries wait a moment for the answer to the offer under way and for those that come meanwhile, then for
        puts that are just being made durable: an offer, its receipt and two commits cost as much for one as for ten.
        """
        if self._under_way is not None and self._are_few(origin, cursor):
            with trio.move_on_after(limits.OFFER_GATHER_S):
                await self._under_way.answered.wait()
        store = self._core.store
        if store.committer.own_under_way and self._are_few(origin, cursor):
            end = store.state.end(origin).number
            with trio.move_on_after(limits.OFFER_COMMIT_S):
                while store.state.end(origin).number == end:
                    await store.state.grown.wait()

    def _are_few(self, origin: NodeNumber, cursor: Cursor) -> bool:
        return self._core.store.state.end(origin).number - cursor.offered < _GATHERED_ENTRIES

    async def _go_back(self, origin: NodeNumber, cursor: Cursor, window: trio.Semaphore) -> None:
        """To where the peer is, once the offers under way are answered: those behind the refused one move no mark."""
        for _ in range(limits.OFFERS_OPEN_PER_LANE_MAX):
            await window.acquire()
        for _ in range(limits.OFFERS_OPEN_PER_LANE_MAX):
            window.release()
        if cursor.is_patient:
            # A full disk refuses for minutes: neither hammer it, nor wait for the next session to go on.
            await trio.sleep(limits.REFUSED_WAIT_S)
            await self._offers.welcome.until_open(origin)
        cursor.is_refused = cursor.is_patient = cursor.asks = False
        cursor.offered = cursor.applied


def _were_put_here(rows: Sequence[tuple[int, FeedRow]], origin: NodeNumber) -> bool:
    """Whether none of these own entries came home from a holder: then other holders have it as well."""
    return all(row.source == origin for _, row in rows)
