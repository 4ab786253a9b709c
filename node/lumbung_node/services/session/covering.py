"""Inventory receipts in one session: one word of the peer over everything that it has of our blobs, and ours for it.

As the origin we ask when the newest receipt under the peer's present generation is older than an hour, or missing (a
new life of the peer has proven nothing yet: one question in the place of thousands), and again after a minute when what
came did not equal our set. We ask once the peer has applied our feed: before, its set cannot be equal to ours.
"""

from __future__ import annotations

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import InventoryUnknown, Rejected, StatusCode
from lumbung_cluster.ids import BlobId, NodeNumber, all_units
from lumbung_cluster.inventory.claims import Believed, judge_claims
from lumbung_cluster.receipt import SignedStatement, UnitClaim
from lumbung_node.ports.metrics import Metric
from lumbung_node.services.core import Core
from lumbung_node.services.session.greeting import Greeting
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.outgoing import Outgoing
from lumbung_node.services.statements import inventory_receipt
from lumbung_node.store.inventories import Snapshot
from lumbung_proto.v1 import peer_pb2

__all__ = ["Covering"]


class Covering:
    """`run` until cancelled. `asked_first` is set as soon as proof by name need not wait for a cover any more."""

    def __init__(self, core: Core, link: FrameLink, peer: NodeNumber, greeting: Greeting, outgoing: Outgoing) -> None:
        self.asked_first = trio.Event()
        self._core = core
        self._link = link
        self._peer = peer
        self._greeting = greeting
        self._outgoing = outgoing
        self._question = 0
        self._nonce = 0
        self._is_open = False
        self._is_complete = False
        self._settled = trio.Event()
        self._hurried = trio.Event()
        self._asks_in, self._asks_out = trio.open_memory_channel[peer_pb2.InventoryAsk](
            limits.INVENTORY_ASKS_WAITING_MAX
        )

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._ask_in_turn)
            nursery.start_soon(self._answer_in_turn)

    def hurry(self) -> None:
        """The sets have just become equal, as far as somebody can tell: ask now, unless all is covered."""
        if not self._is_complete:
            self._hurried.set()

    # --- as the origin: what the peer says of our blobs --------------------------------------------------------

    def nonce_of(self, word: peer_pb2.InventoryWord) -> int:
        """The nonce that the peer's answer must name. Raises Rejected for an answer without a question."""
        if not self._is_open or word.question != self._question:
            raise Rejected(
                StatusCode.INVALID_ARGUMENT, f"inventory receipt for question {word.question}, which was not asked"
            )
        self._is_open = False
        return self._nonce

    def settle(self, *, is_complete: bool) -> None:
        """The open question has its answer; whether that covers all that the peer must hold."""
        self._is_complete = is_complete
        self._settled.set()

    async def judge(self, signed: SignedStatement) -> None:
        """Count what we believe of a checked receipt: units whose set we see equal to ours, at this moment."""
        core, origin = self._core, self._core.number
        # By the roster that the ledger is of, as copies are counted: what another passes over may be the peer's by it.
        held = core.ledger_roster.units_held(self._peer, origin)
        claims = [claim for claim in signed.content.units if held >> claim.unit & 1]
        try:
            snapshot = await core.store.inventories.snapshot(origin)
        except InventoryUnknown as exc:
            core.log.error("inventory unknown", origin=origin, reason=str(exc))
            self.settle(is_complete=False)
            return
        tail = await self._tail(snapshot, claims)
        own = snapshot.inventory.digests(all_units())
        before = core.store.covers.newest(self._peer)
        floor = before.number if before is not None else 0
        believed = judge_claims(core.store.inventories.key, origin, claims, own, snapshot.number, tail, floor)
        believed = Believed(believed.units & ~snapshot.doubted, believed.number)
        counts = await core.store.covers.record(signed, believed, held, core.clock.now_ms())
        if counts:
            core.metrics.add(Metric.RECEIPTS, 1, signed.content.kind.name.lower())
        self.settle(is_complete=counts and believed.units == held)

    async def _tail(self, snapshot: Snapshot, claims: list[UnitClaim]) -> list[tuple[int, BlobId]]:
        """Our newest entries, newest first, when some claim is of fewer than we have."""
        if all(claim.blobs >= snapshot.inventory.digest(claim.unit).count for claim in claims):
            return []
        after = max(0, snapshot.number - limits.INVENTORY_TAIL_MAX)
        rows = await self._core.store.reader.feed(snapshot.origin, after, snapshot.number - after)
        return [(number, row.blob) for number, row in reversed(rows)]

    async def _ask_in_turn(self) -> None:
        core = self._core
        if not core.rosters.roster.units_held(self._peer, core.number):
            self.asked_first.set()
            return
        wait_s = self._due_in_s()
        retry_s = limits.INVENTORY_RECEIPT_RETRY_S
        while True:
            if wait_s:
                self.asked_first.set()
                with trio.move_on_after(wait_s):
                    await self._hurried.wait()
                self._hurried = trio.Event()
            await self._until_comparable()
            await self._ask()
            if self._is_complete:
                self._hurried = trio.Event()  # whoever hurried meanwhile has his answer
                wait_s, retry_s = limits.INVENTORY_RECEIPT_INTERVAL_S, limits.INVENTORY_RECEIPT_RETRY_S
            else:
                wait_s, retry_s = retry_s, min(2 * retry_s, limits.INVENTORY_RECEIPT_INTERVAL_S)

    def _due_in_s(self) -> float:
        """Until the newest receipt is an hour old; a clock that was set anew asks once too often, or an hour late."""
        row = self._core.store.covers.newest(self._peer)
        if row is None:
            return 0.0
        age_s = (self._core.clock.now_ms() - row.received_ms) / 1000
        return limits.INVENTORY_RECEIPT_INTERVAL_S - age_s if 0 <= age_s < limits.INVENTORY_RECEIPT_INTERVAL_S else 0.0

    async def _until_comparable(self) -> None:
        """Until there is something to prove, and the peer has applied all that there is now."""
        await self._outgoing.started.wait()
        state, origin = self._core.store.state, self._core.number
        while not state.end(origin).number:
            self.asked_first.set()
            await state.grown.wait()
        end = state.end(origin).number
        while self._outgoing.applied_upto() < end:
            self.asked_first.set()
            await self._outgoing.applied.wait()

    async def _ask(self) -> None:
        """One question, until it is settled; proof by name waits for it a while only."""
        self._question += 1
        self._nonce = self._core.store.state.take_nonce()
        self._is_open, self._settled = True, trio.Event()
        ask = peer_pb2.InventoryAsk(question=self._question, origin=self._core.number, nonce=self._nonce)
        await self._link.send(peer_pb2.SessionFrame(inventory_ask=ask))
        with trio.move_on_after(limits.INVENTORY_ANSWER_S):
            await self._settled.wait()
        self.asked_first.set()
        await self._settled.wait()

    # --- as a holder: what we say of the peer's blobs ----------------------------------------------------------

    def on_ask(self, ask: peer_pb2.InventoryAsk) -> None:
        """Queue a question. Raises Rejected for one about others' blobs, and for too many at once."""
        if ask.origin != self._peer:
            raise Rejected(StatusCode.PERMISSION_DENIED, f"only node {ask.origin} may ask for proof of its blobs")
        try:
            self._asks_in.send_nowait(ask)
        except trio.WouldBlock as exc:
            raise Rejected(
                StatusCode.RESOURCE_EXHAUSTED,
                f"expected at most {limits.INVENTORY_ASKS_WAITING_MAX} inventory questions waiting, got another",
            ) from exc

    async def _answer_in_turn(self) -> None:
        async for ask in self._asks_out:
            await self._core.store.nonces.keep(self._peer, ask.nonce)
            receipt = await inventory_receipt(self._core, self._peer, ask.nonce)
            word = peer_pb2.InventoryWord(question=ask.question, receipt=receipt)
            await self._link.send(peer_pb2.SessionFrame(inventory_word=word))
