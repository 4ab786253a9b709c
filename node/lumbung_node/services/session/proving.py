"""Proof beside the feed: questions for what is applied but unproven, withdrawals and needs for what is damaged."""

from __future__ import annotations

import math
from collections.abc import Sequence

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import KeyRefused, Rejected, StatusCode
from lumbung_cluster.ids import BLOB_ID_SIZE_BYTES, BlobId, NodeNumber
from lumbung_cluster.receipt import SignedStatement, StatementKind
from lumbung_cluster.record import record
from lumbung_node.ports.metrics import Metric
from lumbung_node.services.core import Core
from lumbung_node.services.session.answering import Answering
from lumbung_node.services.session.covering import Covering
from lumbung_node.services.session.greeting import Greeting
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.outgoing import Outgoing
from lumbung_node.services.session.pieces import bits, bits_of
from lumbung_node.services.statements import check_statement, commit_receipt, withdrawal
from lumbung_node.store.reads import is_intact
from lumbung_proto.v1 import peer_pb2

__all__ = ["Proving"]

_WORDS_WAITING_MAX = 64
_QUESTIONS_OPEN_MAX = 2
_NOTHING_TO_PROVE_S = 0.02  # a question about 256 ids costs us a ms, whatever we have of them
_NOTHING_NEW_S = 0.02  # as long: it is not written, but its signature and its rows are looked at


@record
class _Word:
    """What the peer says of our blobs, and what it was asked: under which nonce, and about which blobs."""

    message: peer_pb2.SignedBytes
    kind: StatementKind
    nonce: int = 0
    asked: Sequence[BlobId] = ()


class Proving:
    """The accounting half of one session: what the peer signs about our blobs, what we sign about its."""

    def __init__(
        self,
        core: Core,
        link: FrameLink,
        answering: Answering,
        peer: NodeNumber,
        greeting: Greeting,
        outgoing: Outgoing,
    ) -> None:
        self._core = core
        self._link = link
        self._answering = answering
        self._peer = peer
        self._greeting = greeting
        self._nonce_seen = greeting.nonce
        self._outgoing = outgoing
        self.covering = Covering(core, link, peer, greeting, outgoing)
        self._questions: dict[int, tuple[int, list[BlobId]]] = {}
        self._window = trio.Semaphore(_QUESTIONS_OPEN_MAX)
        self._question = 0
        self._words_in, self._words_out = trio.open_memory_channel[_Word](_WORDS_WAITING_MAX)
        self._taken_back_in, self._taken_back_out = trio.open_memory_channel[_Word](_WORDS_WAITING_MAX)
        self._recording = trio.Lock()

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._record_words)
            nursery.start_soon(self._record_withdrawals)
            nursery.start_soon(self._ask_for_proofs)
            nursery.start_soon(self._tell_damage)
            nursery.start_soon(self.covering.run)

    # --- as the origin: what the peer says of our blobs --------------------------------------------------------

    async def take_receipt(self, receipt: peer_pb2.SignedBytes, nonce: int, asked: Sequence[BlobId]) -> None:
        """Queue a receipt that answers `nonce`, for some of `asked`; it counts when it is checked and durable here."""
        await self._words_in.send(_Word(receipt, StatementKind.COMMIT_RECEIPT, nonce, asked))

    async def take_inventory(self, word: peer_pb2.InventoryWord) -> None:
        """As `take_receipt`, for the answer to an inventory question."""
        nonce = self.covering.nonce_of(word)
        if word.HasField("receipt"):
            await self._words_in.send(_Word(word.receipt, StatementKind.INVENTORY_RECEIPT, nonce))
        else:
            self.covering.settle(is_complete=False)

    async def take_withdrawal(self, message: peer_pb2.Withdraw) -> None:
        await self._taken_back_in.send(_Word(message.withdrawal, StatementKind.WITHDRAWAL))

    async def take_proof(self, proof: peer_pb2.Proof) -> None:
        asked = self._questions.pop(proof.question, None)
        if asked is None:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"proof for question {proof.question}, which was not asked")
        self._window.release()
        nonce, blobs = asked
        if proof.HasField("receipt"):
            await self.take_receipt(proof.receipt, nonce, blobs)
        self._outgoing.repair(self._core.number, [blobs[i] for i in bits_of(proof.lacking, len(blobs))])

    async def _record_words(self) -> None:
        async for word in self._words_out:
            signed = self._believed(word)
            if word.kind is not StatementKind.INVENTORY_RECEIPT:
                await self._record(signed)
            elif signed is not None:
                await self.covering.judge(signed)
            else:
                self.covering.settle(is_complete=False)

    async def _record_withdrawals(self) -> None:
        """Beside receipts: they are paced, and what else the holder says must not stand behind them for hours. Their
        nonces order both, whichever is written first."""
        async for word in self._taken_back_out:
            signed = self._believed(word)
            if signed is not None:
                if await self._core.store.proofs.is_news(signed.content):
                    await self._core.until_withdrawal(self._peer)
                else:
                    await trio.sleep(_NOTHING_NEW_S)
                await self._record(signed)
                self._outgoing.repair(self._core.number, signed.content.blobs)

    async def _record(self, signed: SignedStatement | None) -> None:
        """One word at a time: of two, the later one must see the row of the other."""
        if signed is not None:
            async with self._recording:
                await self._core.store.proofs.record(signed, self._core.clock.now_ms())
            self._core.metrics.add(Metric.RECEIPTS, 1, signed.content.kind.name.lower())

    def _believed(self, word: _Word) -> SignedStatement | None:
        """None for a word that is refused, which the log says."""
        try:
            return self._checked(word)
        except KeyRefused as exc:
            self._core.log.warning("statement refused", peer=self._peer, reason=str(exc))
            return None

    def _checked(self, word: _Word) -> SignedStatement:
        """Raises KeyRefused."""
        signed = check_statement(
            self._core,
            word.message,
            kind=word.kind,
            holder=self._peer,
            generation=self._greeting.generation,
            nonce=word.nonce if word.kind is not StatementKind.WITHDRAWAL else None,
            is_carried=False,
        )
        # A receipt is kept for ever, whole: one of 256 ids for each blob would be 8 KB a blob.
        blobs = signed.content.blobs
        if word.kind is StatementKind.COMMIT_RECEIPT and not (
            len(blobs) <= len(word.asked) and set(word.asked).issuperset(blobs)
        ):
            raise KeyRefused(f"receipt: expected some of the {len(word.asked)} blobs that were asked about, got others")
        return signed

    async def _ask_for_proofs(self) -> None:
        """Entries that the peer has applied and not proven: its receipt was lost, or it never had the bytes."""
        core, origin = self._core, self._core.number
        await self.covering.asked_first.wait()  # one word over everything may leave nothing to ask for by name
        while True:
            after = 0
            account = core.store.proofs.ledger.account(self._peer)
            while numbers := account.unproven(self._outgoing.applied_upto(), limits.PROVE_IDS_MAX, after=after):
                after = numbers[-1]
                rows = await core.store.reader.feed_rows(origin, numbers)
                units, is_present = core.rosters.roster.units_held(self._peer, origin), core.is_ledger_present
                asked = []
                for number in numbers:
                    row = rows.get(number)
                    if row is None:
                        continue  # lost here: a scrub is about to mend it
                    if units >> row.blob.unit & 1:
                        asked.append(row.blob)
                    elif is_present:  # else it may be the peer's by the roster that the ledger is of
                        account.pass_over(number)  # not the peer's to hold; a new roster loads the ledger anew
                if asked:
                    await self._ask(asked)
                account = core.store.proofs.ledger.account(self._peer)
            await trio.sleep(limits.PROVE_INTERVAL_S)

    async def _ask(self, blobs: list[BlobId]) -> None:
        await self._window.acquire()
        self._question += 1
        nonce = self._core.store.state.take_nonce()
        self._questions[self._question] = (nonce, blobs)
        prove = peer_pb2.Prove(
            question=self._question, origin=self._core.number, nonce=nonce, ids=[blob.raw for blob in blobs]
        )
        await self._link.send(peer_pb2.SessionFrame(prove=prove))

    # --- as a holder: what we say of the peer's blobs ----------------------------------------------------------

    def see_nonce(self, nonce: int) -> None:
        """The peer asks for a receipt under `nonce`: what we withdraw from now on has to come behind it."""
        self._nonce_seen = max(self._nonce_seen, nonce)

    def answer_inventory(self, ask: peer_pb2.InventoryAsk) -> None:
        """Our word for everything that we have of the peer's blobs, once it is this question's turn."""
        self.see_nonce(ask.nonce)
        self.covering.on_ask(ask)

    async def answer(self, prove: peer_pb2.Prove) -> None:
        """Our word for what is durable and intact here, and the list of what is not."""
        if prove.origin != self._peer:
            raise Rejected(StatusCode.PERMISSION_DENIED, f"only node {prove.origin} may ask for proof of its blobs")
        blobs = _parse_ids(prove.ids, limits.PROVE_IDS_MAX)
        self.see_nonce(prove.nonce)
        await self._core.store.nonces.keep(self._peer, prove.nonce)
        receipt = await commit_receipt(self._core, self._peer, prove.nonce, blobs)
        rows = await self._core.store.reader.rows(self._peer, blobs)
        lacking = [index for index, row in enumerate(rows) if not is_intact(row)]
        proof = peer_pb2.Proof(question=prove.question, receipt=receipt)
        if lacking:
            proof.lacking = bits(lacking, len(blobs))
        if receipt is None:
            await trio.sleep(_NOTHING_TO_PROVE_S)  # honest peers ask so after a loss; others must not, without end
        self._answering.give(peer_pb2.SessionFrame(proof=proof))

    async def _tell_damage(self) -> None:
        """Withdraw what is damaged here from its origin, and ask whoever may have it for a good copy.

        While it stays damaged it is asked for again: the peer may have lacked it too, or our disk refused what came.
        """
        core = self._core
        told: dict[tuple[NodeNumber, BlobId], int] = {}
        is_again = False
        while True:
            count = core.damage_count
            for origin in core.rosters.roster.origins_shared(core.number, self._peer):
                damaged = [blob for o, blob in core.store.state.damaged if o == origin]
                serials = {blob: core.damage_serials.get((origin, blob), 0) for blob in damaged}
                news = [blob for blob in damaged if told.get((origin, blob)) != serials[blob]]
                told.update(((origin, blob), serials[blob]) for blob in news)
                if origin == self._peer:
                    await self._withdraw(news)
                await self._need(origin, damaged if is_again else news)
            told = {key: serial for key, serial in told.items() if key in core.store.state.damaged}
            if core.damage_count != count:  # found while we told: nobody waited for the pulse
                is_again = False
                continue
            with trio.move_on_after(limits.NEED_INTERVAL_S if told else math.inf) as waiting:
                await core.damage_found.wait()
            is_again = waiting.cancelled_caught

    async def _withdraw(self, blobs: Sequence[BlobId]) -> None:
        for at in range(0, len(blobs), limits.RECEIPT_IDS_MAX):
            if self._core.condition.stopped:
                return
            for nonce, told in self._by_nonce(blobs[at : at + limits.RECEIPT_IDS_MAX]).items():
                words = withdrawal(self._core, self._peer, nonce, told)
                await self._link.send(peer_pb2.SessionFrame(withdraw=peer_pb2.Withdraw(withdrawal=words)))

    def _by_nonce(self, blobs: Sequence[BlobId]) -> dict[int, list[BlobId]]:
        """Under which nonces these are taken back: what was told in an earlier session under the same one as then.

        The origin knows it by that, and need not keep it anew for each session of a line that breaks.
        """
        latest, found = self._latest(), dict[int, list[BlobId]]()
        for blob in blobs:
            found.setdefault(self._core.taken_back.setdefault((self._peer, blob), latest), []).append(blob)
        return found

    def _latest(self) -> int:
        """A nonce behind all under which we have signed for the peer: in this session, in others, and on disks."""
        return max(self._nonce_seen, self._core.store.nonces.highest(self._peer))

    async def _need(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> None:
        for at in range(0, len(blobs), limits.PROVE_IDS_MAX):
            ids = [blob.raw for blob in blobs[at : at + limits.PROVE_IDS_MAX]]
            await self._link.send(peer_pb2.SessionFrame(need=peer_pb2.Need(origin=origin, ids=ids)))

    def take_need(self, need: peer_pb2.Need) -> None:
        self._outgoing.repair(NodeNumber(need.origin), _parse_ids(need.ids, limits.PROVE_IDS_MAX))


def _parse_ids(raws: Sequence[bytes], count_max: int) -> list[BlobId]:
    if len(raws) > count_max or any(len(raw) != BLOB_ID_SIZE_BYTES for raw in raws):
        raise Rejected(
            StatusCode.INVALID_ARGUMENT, f"expected at most {count_max} ids of {BLOB_ID_SIZE_BYTES} bytes each"
        )
    return [BlobId(raw) for raw in raws]
