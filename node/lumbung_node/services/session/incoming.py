"""Offers from one peer: name what is lacking, take the bytes, verify, commit, and answer with mark and receipt.

An offer is received (bounded per lane) -> its lists are checked -> entries that another session is just bringing are
waited for -> memory is taken for all that is wanted -> Want -> pieces -> every id verified -> one commit, in the order
of the offers of that origin -> Applied with the new mark and, for the origin itself, a commit receipt.

A mark never passes over an entry that was offered and could not be had: the offer comes again, until the entry came or
its sender has found out that its own bytes are damaged and offers it no more. Else an origin that refills an empty disk
from a holder with one bad block would never learn of that blob from anybody. A mark is a cursor all the same: the
receipt names what is really here.

Bytes that come with an offer are taken when nothing has to be waited for: memory at once, no other session that brings
one of the blobs, no earlier offer of the origin but such as need not wait either. Who waited while he holds memory that
nobody asked him to fill would hold up those for whom he waits. Else they are forgotten, and the offer is as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import trio

from lumbung_cluster import limits
from lumbung_cluster.entry import Entry, SignedList
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.feed import HASH_SIZE_BYTES, Mark
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.wire import bytes_along_max
from lumbung_node.services.budget import ByteBudget, check_crawling
from lumbung_node.services.core import Core
from lumbung_node.services.session.arrivals import Arrival, Arrivals, contents_of, put_away
from lumbung_node.services.session.eager_loan import EagerLoan, lend
from lumbung_node.services.session.flow import ReceivedBytes
from lumbung_node.services.session.greeting import Greeting, mark_message
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.lists import ListChecker
from lumbung_node.services.session.pieces import bits
from lumbung_node.services.statements import commit_receipt
from lumbung_node.store.jobs import ForeignBlob, Job
from lumbung_node.store.layout import MarkRow
from lumbung_node.store.state import Pulse
from lumbung_proto.v1 import peer_pb2

__all__ = ["Incoming"]

_TOO_SLOW = (
    f"another holder waits to bring this: expected {limits.CLAIM_RATE_BYTES_PER_S_MIN} bytes/s over "
    f"{limits.CLAIM_WINDOW_S:.0f} s, got less"
)
_OFFERS_OPEN_MAX = 7 * limits.OFFERS_OPEN_PER_LANE_MAX  # six lanes, and what reconcile offers on the repair lane


@dataclass(slots=True)
class _Taking:
    """An offer that is being taken in."""

    message: peer_pb2.Offer
    origin: NodeNumber
    places: list[tuple[SignedList, int]]
    loan: EagerLoan | None = None  # the bytes that came with it, until they are taken or forgotten
    is_eager: bool = False  # they are being taken: it waits for nobody's memory
    decided: trio.Event = field(default_factory=trio.Event)  # set when `is_eager` is its last word
    arrivals: dict[int, Arrival] = field(default_factory=dict)
    coming: set[int] = field(default_factory=set)  # of the arrivals those that have not ended
    claimed: trio.Event = field(default_factory=trio.Event)
    submitted: trio.Event = field(default_factory=trio.Event)

    @property
    def received_bytes(self) -> int:
        return sum(arrival.received_bytes for arrival in self.arrivals.values())

    @property
    def is_tried(self) -> bool:
        """Whether bytes came with it that are, or may be, taken."""
        return self.is_eager or self.loan is not None

    def entry(self, index: int) -> Entry:
        signed, at = self.places[index]
        return signed.content.entries[at]


class Incoming:
    """The receiving half of one session."""

    def __init__(self, core: Core, link: FrameLink, peer: NodeNumber, greeting: Greeting, arrivals: Arrivals) -> None:
        self._core = core
        self._link = link
        self._peer = peer
        self._greeting = greeting
        self._arrivals = arrivals
        self._checker = ListChecker(core, arrivals.known_lists, peer)
        self._open: dict[int, _Taking] = {}
        self._submitted_upto: dict[NodeNumber, int] = {}
        self._last: dict[NodeNumber, _Taking] = {}
        self._refused: dict[int, None] = {}
        self._believes = False  # bytes that came with an offer of this session were those of its blobs
        self._refusing = 0  # refusals on their way out: as many as the peer leaves unread
        self._progress = Pulse()
        self._share = ByteBudget(limits.FOREIGN_MEMORY_PEER_BYTES_MAX)
        self.received = ReceivedBytes(link)

    def on_offer(self, message: peer_pb2.Offer, payload: memoryview, nursery: trio.Nursery) -> None:
        """Start to take an offer and the bytes that came with it. Raises Rejected for one that breaks the protocol."""
        is_full = len(self._open) >= _OFFERS_OPEN_MAX or self._refusing > _OFFERS_OPEN_MAX
        if is_full or message.offer in self._open:
            raise Rejected(
                StatusCode.RESOURCE_EXHAUSTED,
                f"expected at most {_OFFERS_OPEN_MAX} open offers, each with a new number",
            )
        if len(message.entries) > limits.OFFER_ENTRIES_MAX or len(message.lists) > limits.OFFER_LISTS_MAX:
            raise Rejected(
                StatusCode.INVALID_ARGUMENT,
                f"offer: expected at most {limits.OFFER_ENTRIES_MAX} entries and {limits.OFFER_LISTS_MAX} lists, "
                f"got {len(message.entries)} and {len(message.lists)}",
            )
        origin = NodeNumber(message.origin)
        if origin not in self._core.rosters.roster.origins_shared(self._core.number, self._peer):
            raise Rejected(StatusCode.PERMISSION_DENIED, f"we do not share origin {origin} with node {self._peer}")
        if message.lane == peer_pb2.LANE_FEED and (
            len(message.running_hash) != HASH_SIZE_BYTES or message.upto < message.after
        ):
            raise Rejected(
                StatusCode.INVALID_ARGUMENT, "feed offer: expected a running hash of 32 bytes and upto >= after"
            )
        taking = _Taking(message, origin, self._checker.places(message, origin))
        if payload:
            taking.loan = self._lend(taking, payload)
        if taking.loan is None:
            taking.decided.set()
        self._open[message.offer] = taking
        self._refused.pop(message.offer, None)
        previous = None
        if message.lane == peer_pb2.LANE_FEED:  # this lane alone moves marks, in order; no other waits behind it
            previous = self._last.get(origin)
            self._last[origin] = taking
        nursery.start_soon(self._take, taking, previous, nursery)

    def _lend(self, taking: _Taking, payload: memoryview) -> EagerLoan | None:
        """Memory for the bytes that came with an offer; None when there is none just now. Raises Rejected."""
        sizes = [taking.entry(index).size_bytes for index in range(len(taking.places))]
        most = bytes_along_max(self._link.wire)
        if taking.message.asks_only or sum(sizes) != len(payload) or len(payload) > most:
            raise Rejected(
                StatusCode.INVALID_ARGUMENT,
                f"offer {taking.message.offer}: expected no bytes with it, or those of all its entries, "
                f"{sum(sizes)} and at most {most}, got {len(payload)}",
            )
        self.received.add(len(payload))
        self._progress.beat()
        # One at a time until the first was right: a liar is found out before we have copied and hashed more of his.
        is_tried = self._believes or not any(other.is_tried for other in self._open.values())
        loan = lend(payload, sizes, (self._share, self._core.foreign_memory)) if is_tried else None
        if loan is None:
            self.received.tell_soon()
        return loan

    async def adopt(self, origin: NodeNumber, mark: Mark) -> None:
        """Take the mark that reconcile has settled: this node durably holds everything of the peer's feed up to it.

        Returns when it is durable. A mark that is further already stays.
        """
        held = self._core.store.state.marks.get((self._peer, origin))
        if held is not None and held.mark.generation == mark.generation and self._number_held(origin) >= mark.number:
            return
        self._submitted_upto[origin] = mark.number
        units = self._core.rosters.roster.units_held(self._core.number, origin)
        await self._core.store.committer.commit(Job(marks={(self._peer, origin): MarkRow(mark, units)}))

    async def on_pieces(self, message: peer_pb2.Pieces, payload: memoryview) -> None:
        """Route bytes to their blobs. Raises Rejected for bytes that nobody asked for."""
        self.received.add(len(payload))
        if message.offer in self._refused:  # its bytes were on their way already
            self.received.tell_soon()
            return
        taking = self._open.get(message.offer)
        if taking is None:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"pieces for offer {message.offer}, which is not open")
        if len(message.pieces) > limits.FRAME_PARTS_MAX or len(payload) > limits.PIECE_SIZE_BYTES_MAX:
            raise Rejected(
                StatusCode.INVALID_ARGUMENT,
                f"expected at most {limits.FRAME_PARTS_MAX} pieces and {limits.PIECE_SIZE_BYTES_MAX} bytes in a frame, "
                f"got {len(message.pieces)} and {len(payload)}",
            )
        self._core.activity.touch()
        at = 0
        for piece in message.pieces:
            index, behind = piece.entry, at + piece.length_bytes
            arrival = taking.arrivals.get(index)
            if arrival is None or behind > len(payload) or taking.is_eager:
                raise Rejected(StatusCode.INVALID_ARGUMENT, f"offer {message.offer}: bytes that were not asked for")
            if piece.failed:
                arrival.fail("the sender could not read its bytes")
            else:
                await arrival.append(payload[at:behind])
            at = behind
            if arrival.ended:
                taking.coming.discard(index)
        if taking.coming:
            self.received.tell_soon()
        if payload or any(piece.failed for piece in message.pieces):  # an empty frame is no progress
            self._progress.beat()

    async def _take(self, taking: _Taking, previous: _Taking | None, nursery: trio.Nursery) -> None:
        """Take an offer in and answer it. Raises Rejected, which ends the session, when bytes that came with it were
        others than its blobs': an honest sender has checked them, and each wrong MiB costs us as much as a right one.
        """
        await self._take_and_answer(taking, previous, nursery)
        if not taking.is_eager or not taking.arrivals:
            return
        self._believes = all(not arrival.reason for arrival in taking.arrivals.values())
        if not self._believes:
            raise Rejected(
                StatusCode.INVALID_ARGUMENT,
                f"offer {taking.message.offer}: the bytes that came with it are not those of its blobs",
            )

    async def _take_and_answer(self, taking: _Taking, previous: _Taking | None, nursery: trio.Nursery) -> None:
        message = taking.message
        try:
            await self._checker.verify(message, taking.origin)
            if self._core.refuses(taking.origin):
                condition = self._core.condition
                raise condition.below_a_mark(f"disk nearly full: {condition.free_bytes} bytes free")
            assigned = self._assigned(taking)
            if message.asks_only:
                await self._reply(taking, assigned, previous)
                return
            if taking.loan is not None:
                committed = await self._take_eagerly(taking, assigned, previous, taking.loan)
                if committed is not None:
                    await self._answer(taking, committed)
                    return
                self.received.tell_soon()
            # Claims, and places in the queue for memory, are taken in the order of submission: an offer that holds
            # some and waits for an earlier one to be submitted would otherwise wait for what that one is waiting for.
            if previous is not None:
                await previous.claimed.wait()
            blobs = [taking.entry(i).blob for i in assigned]
            async with self._arrivals.claim(taking.origin, blobs, self._peer) as lacking:
                wanted = [i for i in assigned if taking.entry(i).blob in lacking]
                taking.claimed.set()
                with trio.CancelScope() as scope:
                    claimed = [taking.entry(i).blob for i in wanted]
                    nursery.start_soon(self._watch_claim, taking, claimed, scope)
                    job = await self._bring(taking, wanted, previous)
            if scope.cancelled_caught:
                raise Rejected(StatusCode.RESOURCE_EXHAUSTED, _TOO_SLOW)
            await self._answer(taking, job)
        except Rejected as exc:
            # Before it is said: a peer that does not read would hold memory for ever, and so would its next offers,
            # which wait for their turn behind this one while they hold memory and claims.
            self._end(taking)
            await self._refuse(message, exc)
        finally:
            self._end(taking)
            self._open.pop(message.offer, None)

    async def _take_eagerly(
        self, taking: _Taking, assigned: Sequence[int], previous: _Taking | None, loan: EagerLoan
    ) -> Job | None:
        """Commit the bytes that came with the offer; None, and they are forgotten, if something is to be waited for."""
        try:
            if previous is not None:
                await previous.decided.wait()
                if not previous.is_eager and not previous.submitted.is_set():
                    return None
            blobs = [taking.entry(i).blob for i in assigned]
            async with self._arrivals.claim_at_once(taking.origin, blobs, self._peer) as lacking:
                if lacking is None:
                    return None
                taking.is_eager = True
                taking.decided.set()
                taking.claimed.set()
                try:
                    for index in assigned:
                        if taking.entry(index).blob in lacking:
                            arrival = self._arrivals.begin_whole(self._peer, taking.origin, taking.entry(index))
                            taking.arrivals[index] = arrival
                            await arrival.append(loan.content(index))
                    loan.copied()
                    self._core.activity.touch()
                    return await self._commit(taking, previous)
                finally:
                    await put_away(taking.arrivals.values())
        finally:
            self._forget_bytes(taking)

    @staticmethod
    def _forget_bytes(taking: _Taking) -> None:
        if taking.loan is not None:
            taking.loan.give_back()
            taking.loan = None
        taking.decided.set()

    def _end(self, taking: _Taking) -> None:
        """Nothing of it comes any more: whoever waits for it goes on."""
        self._forget_bytes(taking)
        taking.claimed.set()
        taking.submitted.set()

    async def _reply(self, taking: _Taking, assigned: list[int], previous: _Taking | None) -> None:
        """To a question: the mark moves when everything is here, and then there is nothing to claim or to wait for."""
        if denied := await self._lacking(taking, assigned):
            await self._deny(taking.message, denied)
            return
        if previous is not None:
            await previous.claimed.wait()
        taking.claimed.set()
        await self._answer(taking, await self._commit(taking, previous))

    async def _refuse(self, message: peer_pb2.Offer, exc: Rejected) -> None:
        """Say why; what still comes of the offer is skipped."""
        self._refused[message.offer] = None
        while len(self._refused) > limits.OFFERS_REFUSED_KEPT_MAX:
            del self._refused[next(iter(self._refused))]
        self._open.pop(message.offer, None)
        refusal = peer_pb2.Applied(
            offer=message.offer,
            lacking=bits(range(len(message.entries)), len(message.entries)),
            status_code=exc.code.value,
            sentence=exc.sentence,
            retry_after_ms=int(exc.retry_after_s * 1000),
            received_bytes=self.received.tell_now(),
        )
        self._refusing += 1
        try:
            await self._link.send(peer_pb2.SessionFrame(applied=refusal))
        finally:
            self._refusing -= 1

    async def _lacking(self, taking: _Taking, assigned: Sequence[int]) -> list[int]:
        """Those of these entries that are not durable and intact here."""
        blobs = [taking.entry(i).blob for i in assigned]
        intact = await self._core.store.reader.are_intact(taking.origin, blobs)
        return [i for i, is_here in zip(assigned, intact, strict=True) if not is_here]

    async def _deny(self, message: peer_pb2.Offer, lacking: list[int]) -> None:
        """We have not all that was asked about: the mark stays."""
        applied = peer_pb2.Applied(
            offer=message.offer,
            lacking=bits(lacking, len(message.entries)),
            received_bytes=self.received.tell_now(),
        )
        await self._link.send(peer_pb2.SessionFrame(applied=applied))

    def _assigned(self, taking: _Taking) -> list[int]:
        """The entries whose unit this node holds; others pass by."""
        units = self._core.rosters.roster.units_held(self._core.number, taking.origin)
        return [i for i, (signed, at) in enumerate(taking.places) if units >> signed.content.entries[at].blob.unit & 1]

    async def _bring(self, taking: _Taking, wanted: list[int], previous: _Taking | None) -> Job:
        """From the claim to the sync."""
        size_bytes = sum(min(taking.entry(i).size_bytes, limits.MEMORY_BLOB_BYTES_MAX) for i in wanted)
        # A budget lets whoever wants more than all of it have all of it, and his bytes would come nevertheless.
        if size_bytes > limits.FOREIGN_MEMORY_PEER_BYTES_MAX:
            raise Rejected(
                StatusCode.RESOURCE_EXHAUSTED,
                f"offer: expected at most {limits.FOREIGN_MEMORY_PEER_BYTES_MAX} bytes that are lacking here, "
                f"got {size_bytes}",
            )
        async with self._share.hold(size_bytes), self._core.foreign_memory.hold(size_bytes):
            try:
                await self._receive(taking, wanted)
                return await self._commit(taking, previous)
            finally:
                await put_away(taking.arrivals.values())

    async def _commit(self, taking: _Taking, previous: _Taking | None) -> Job:
        """What came, and the mark, durable."""
        job = await self._submit(taking, previous)
        if _says_something(job):
            # A session that ends gives memory and claims back when the disk has its bytes: they are queued anyway.
            with trio.CancelScope(shield=True):
                await self._core.store.committer.settle(job)
        if job.foreign and taking.origin == self._peer:
            self._core.fed_at[self._peer] = trio.current_time()
        return job

    async def _watch_claim(self, taking: _Taking, blobs: Sequence[BlobId], scope: trio.CancelScope) -> None:
        """A claim ends when it brings too little of what another holder could bring: also while its peer's other offers
        hold all the memory that the peer may have, and while it waits, whole, behind one that crawls. An honest peer
        sends the bytes of a lane in order, and leaves none whole behind one that is not."""
        before = 0
        while True:
            with trio.move_on_after(limits.CLAIM_WINDOW_S):
                await taking.submitted.wait()
                return
            brought = taking.received_bytes - before
            # Less than nothing: it is whole since, and on its way to the committer.
            is_slow = 0 <= brought < limits.CLAIM_WINDOW_S * limits.CLAIM_RATE_BYTES_PER_S_MIN
            if is_slow and self._arrivals.is_contested(taking.origin, blobs):
                scope.cancel()
                return
            before += brought

    async def _receive(self, taking: _Taking, wanted: list[int]) -> None:
        """Ask for what is lacking and wait until each blob is whole or has failed."""
        if not wanted:
            return
        want = peer_pb2.Want(offer=taking.message.offer, wanted=bits(wanted, len(taking.places)))
        for index in wanted:
            arrival = await self._arrivals.begin(self._peer, taking.origin, taking.entry(index))
            taking.arrivals[index] = arrival
            if not arrival.ended:
                taking.coming.add(index)
            if arrival.resumed_bytes:
                want.resume.append(peer_pb2.ResumeAt(entry=index, offset_bytes=arrival.resumed_bytes))
        with trio.move_on_after(limits.BLOB_SILENCE_S) as unread:
            await self._link.send(peer_pb2.SessionFrame(want=want))
        if unread.cancelled_caught:
            raise Rejected(StatusCode.DEADLINE_EXCEEDED, "expected a peer that reads what is wanted of it")
        begun, received_before = trio.current_time(), self.received.total
        while taking.coming:
            # Bytes of any offer will do: on a slow line this one's may stand behind another's for minutes.
            with trio.move_on_after(limits.BLOB_SILENCE_S) as silence:
                await self._progress.wait()
            if silence.cancelled_caught:
                raise Rejected(
                    StatusCode.DEADLINE_EXCEEDED, f"expected bytes, got none for {limits.BLOB_SILENCE_S:.0f} s"
                )
            self._check_rate(trio.current_time() - begun, self.received.total - received_before)

    def _check_rate(self, elapsed_s: float, received_bytes: int) -> None:
        """Whoever crawls goes on for as long as nobody else waits for the memory that he holds. Raises Rejected."""
        if not self._core.foreign_memory.is_waited_for or elapsed_s < limits.FOREIGN_HOLD_S_MIN:
            return
        check_crawling(elapsed_s, received_bytes, StatusCode.RESOURCE_EXHAUSTED)
        if elapsed_s > limits.FOREIGN_HOLD_S_MAX:
            raise Rejected(
                StatusCode.RESOURCE_EXHAUSTED,
                f"others wait for memory: expected it for at most {limits.FOREIGN_HOLD_S_MAX:.0f} s, "
                f"got {elapsed_s:.0f} s",
            )

    async def _submit(self, taking: _Taking, previous: _Taking | None) -> Job:
        """Hand what came whole to the committer, after the origin's earlier offers: marks move in order."""
        job = Job()
        is_whole = True
        arrivals = sorted(taking.arrivals.items())
        contents = await contents_of(self._core, [arrival for _, arrival in arrivals])
        for (index, arrival), content in zip(arrivals, contents, strict=True):
            if content is None:
                self._core.log.warning(
                    "blob refused", peer=self._peer, blob=str(taking.entry(index).blob), reason=arrival.reason
                )
                is_whole = False
                continue
            signed, at = taking.places[index]
            job.foreign.append(ForeignBlob(signed, at, content, self._peer, self._greeting.generation))
        if previous is not None:
            await previous.submitted.wait()
        mark = self._next_mark(taking) if is_whole else None
        if mark is not None:
            job.marks[self._peer, taking.origin] = mark
        if taking.origin == self._peer:  # a receipt follows, under this nonce
            self._core.store.nonces.note(job, taking.origin, taking.message.nonce)
        if _says_something(job):
            await self._core.store.committer.submit(job)
        if mark is not None:
            self._submitted_upto[taking.origin] = mark.mark.number
        taking.submitted.set()
        return job

    def _next_mark(self, taking: _Taking) -> MarkRow | None:
        """The mark after this offer; None when the offer does not follow on the mark that we hold."""
        message = taking.message
        if message.lane != peer_pb2.LANE_FEED:
            return None
        generation = self._greeting.generation
        if message.after > self._number_held(taking.origin):
            return None  # it would jump over what an earlier, failed offer has left out
        units = self._core.rosters.roster.units_held(self._core.number, taking.origin)
        return MarkRow(Mark(generation, message.upto, message.running_hash), units)

    def _number_held(self, origin: NodeNumber) -> int:
        """How far the mark has come, what is submitted in this session included: state has only durable marks."""
        held = self._core.store.state.marks.get((self._peer, origin))
        of_peer = held is not None and held.mark.generation == self._greeting.generation
        return self._submitted_upto.get(origin, held.mark.number if held is not None and of_peer else 0)

    async def _answer(self, taking: _Taking, job: Job) -> None:
        message = taking.message
        blobs = [signed.content.entries[at].blob for signed, at in taking.places]
        intact = await self._core.store.reader.are_intact(taking.origin, blobs)
        here = [blob for blob, is_here in zip(blobs, intact, strict=True) if is_here]
        applied = peer_pb2.Applied(offer=message.offer, received_bytes=self.received.tell_now())
        if len(here) < len(blobs):
            applied.lacking = bits([i for i, is_here in enumerate(intact) if not is_here], len(blobs))
        mark = job.marks.get((self._peer, taking.origin))
        if mark is not None:
            applied.mark.CopyFrom(mark_message(taking.origin, mark.mark))
        if taking.origin == self._peer and here and not self._core.condition.stopped:
            receipt = await commit_receipt(self._core, taking.origin, message.nonce, here)
            if receipt is not None:
                applied.receipt.CopyFrom(receipt)
        await self._link.send(peer_pb2.SessionFrame(applied=applied))


def _says_something(job: Job) -> bool:
    """Not so for an offer of which everything is here: what is here is durable, and needs no sync of its own."""
    return bool(job.foreign or job.marks or job.extra.puts)
