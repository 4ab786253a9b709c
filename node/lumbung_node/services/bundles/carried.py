"""A holder's words that came home on a disk: checked as those of a session, counted under the newest generation only.

The nonce that a receipt must name was drawn, and remembered durably, when the bundle was exported for that holder: a
receipt that nobody asked for, for another holder, or of an older life of the holder counts for nothing.

A withdrawal needs no bundle of ours: it makes nothing count, and it is true whichever disk brings it. It has its place
among the holder's words by (generation, nonce) as all others: an older disk that is read late takes nothing back that
the holder has proven since, and a newer receipt that is read late brings nothing back that it has withdrawn since. A
nonce that we have not drawn yet is refused, because such a word would overrule those that are still to come.

A word under a key that is retired by now counts in a life that we have met, never for a newer one: the thief of the key
would make void what the true holder has proven, and silence it. Nor does a word that names nothing of ours.
"""

from __future__ import annotations

from lumbung_cluster import limits
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import KeyRefused, Rejected, StatusCode
from lumbung_cluster.ids import BlobId
from lumbung_cluster.life import GENERATION_MAX
from lumbung_cluster.receipt import SignedStatement, Statement, StatementKind
from lumbung_node.ports.transport import ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.statements import check_statement
from lumbung_node.store.exports import Exports
from lumbung_proto.codec import MalformedFrame, decode_message
from lumbung_proto.v1 import bundles_pb2, peer_pb2

__all__ = ["CarriedReceipts"]


class CarriedReceipts:
    """Handler of one node."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._exports = Exports(core.store.kv, core.store.committer)

    async def take(self, call: ServerCall) -> None:
        while (message := await call.receive()) is not None:
            try:
                request = decode_message(bundles_pb2.TakeReceiptsRequest, message)
            except MalformedFrame as exc:
                raise Rejected(StatusCode.INVALID_ARGUMENT, str(exc)) from exc
            if len(request.receipts) > limits.BUNDLE_RECEIPTS_FRAME_MAX:
                raise Rejected(
                    StatusCode.INVALID_ARGUMENT, f"expected at most {limits.BUNDLE_RECEIPTS_FRAME_MAX} receipts"
                )
            response = bundles_pb2.TakeReceiptsResponse()
            for word in request.receipts:
                response.answers.append(await self._answer(word))
            await call.send(response.SerializeToString())

    async def _answer(self, word: peer_pb2.SignedBytes) -> bundles_pb2.ReceiptAnswer:
        """Its answer, after it, or what makes it known already, is durable here."""
        try:
            signed = await self._checked(word)
        except (KeyRefused, Malformed) as exc:
            return bundles_pb2.ReceiptAnswer(outcome=bundles_pb2.RECEIPT_OUTCOME_REFUSED, sentence=str(exc))
        content, store = signed.content, self._core.store
        numbers = await self._numbers(content.blobs)
        answer = bundles_pb2.ReceiptAnswer(holder=content.holder)
        if not numbers:
            answer.outcome = bundles_pb2.RECEIPT_OUTCOME_REFUSED
            answer.sentence = "it names no recording of ours"
            return answer
        await store.see_generation(content.holder, content.generation)  # makes void what was proven in older ones
        covered = self._covered_since(content, numbers)
        if await self._is_known(content, set(numbers.values()) - covered):
            # It may have come by the line just now: read, and not synced. Or with a call that was cut: and not counted.
            await store.proofs.count_left()
            answer.outcome = bundles_pb2.RECEIPT_OUTCOME_KNOWN
        else:
            before = self._proven(content, numbers)
            await store.proofs.record(signed, self._core.clock.now_ms(), covered)
            change = self._proven(content, numbers) - before
            answer.outcome = bundles_pb2.RECEIPT_OUTCOME_COUNTED
            answer.blobs, answer.withdrawn = max(0, change), max(0, -change)
        return answer

    async def _checked(self, word: peer_pb2.SignedBytes) -> SignedStatement:
        """Raises KeyRefused or Malformed with what was expected and what came."""
        content = Statement.parse(word.body)
        if content.kind is StatementKind.WITHDRAWAL:
            return self._checked_withdrawal(content, word)
        row = await self._exports.under(content.nonce)
        if row is None:
            raise KeyRefused(f"receipt: expected the nonce of a bundle that we exported, got {content.nonce}")
        if content.holder == row.holder:
            self._check_life(content, word.public_key)
        return check_statement(
            self._core,
            word,
            kind=StatementKind.COMMIT_RECEIPT,
            holder=row.holder,
            generation=content.generation,
            nonce=row.nonce,
            is_carried=True,
        )

    def _checked_withdrawal(self, content: Statement, word: peer_pb2.SignedBytes) -> SignedStatement:
        """Raises KeyRefused."""
        self._check_life(content, word.public_key)
        if content.nonce >= self._core.store.state.next_nonce:
            raise KeyRefused(f"withdrawal: expected a nonce that we have drawn, got {content.nonce}")
        return check_statement(
            self._core,
            word,
            kind=StatementKind.WITHDRAWAL,
            holder=content.holder,
            generation=content.generation,
            nonce=None,
            is_carried=True,
        )

    def _check_life(self, content: Statement, key: bytes) -> None:
        """Raises KeyRefused for a word of an older life than the newest that we know of that holder, and of one that
        `key` cannot make us believe in.
        """
        newest = self._core.store.state.generations_seen.get(content.holder, 0)
        if content.generation < newest:
            raise KeyRefused(
                f"receipt of an older life of node {content.holder}: expected generation {newest}, "
                f"got {content.generation}; it counts for nothing"
            )
        if content.generation > GENERATION_MAX:
            raise KeyRefused(f"receipt: expected a generation up to {GENERATION_MAX}, got {content.generation}")
        keys = self._core.rosters.roster.receipt_keys(content.holder)
        is_retired = any(known.key == key and not known.is_open for known in keys)
        if is_retired and content.generation > max(newest, 1):  # the first life of all silences none before it
            raise KeyRefused(
                f"receipt: its key of node {content.holder} is retired, and of generation {content.generation} "
                "we have heard nothing under one in force"
            )

    async def _numbers(self, blobs: tuple[BlobId, ...]) -> dict[BlobId, int]:
        rows = await self._core.store.reader.rows(self._core.number, blobs)
        return {blob: row.number for blob, row in zip(blobs, rows, strict=True) if row is not None}

    def _covered_since(self, content: Statement, numbers: dict[BlobId, int]) -> set[int]:
        """Those that the holder has proven again with its whole inventory since it withdrew them."""
        cover = self._core.store.covers.newest(content.holder)
        if content.kind is not StatementKind.WITHDRAWAL or cover is None or cover.nonce <= content.nonce:
            return set()
        return {number for blob, number in numbers.items() if cover.covers(number, blob.unit)}

    async def _is_known(self, content: Statement, numbers: set[int]) -> bool:
        """Whether later or the same words of that holder are held on all of them: a disk that is read twice."""
        order = (content.generation, content.nonce, content.kind is StatementKind.WITHDRAWAL)
        for number in sorted(numbers):
            (held,) = await self._core.store.proofs.copy_rows(number, [content.holder])
            if held is None or (held.generation, held.nonce, not held.proven) < order:
                return False
        return True

    def _proven(self, content: Statement, numbers: dict[BlobId, int]) -> int:
        account = self._core.store.proofs.ledger.account(content.holder)
        return sum(account.has(number) for number in numbers.values())
