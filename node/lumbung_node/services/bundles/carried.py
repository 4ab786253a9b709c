"""Receipts that came home on a disk: checked as those of a session, and counted under the newest generation only.

The nonce that a receipt must name was drawn, and remembered durably, when the bundle was exported for that holder: a
receipt that nobody asked for, for another holder, or of an older life of the holder counts for nothing.
"""

from __future__ import annotations

from lumbung_cluster import limits
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import KeyRefused, Rejected, StatusCode
from lumbung_cluster.ids import BlobId
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
            for receipt in request.receipts:
                response.answers.append(await self._answer(receipt))
            await call.send(response.SerializeToString())

    async def _answer(self, receipt: peer_pb2.SignedBytes) -> bundles_pb2.ReceiptAnswer:
        """Its answer, after it is durable here if it counts."""
        try:
            signed = await self._checked(receipt)
        except (KeyRefused, Malformed) as exc:
            return bundles_pb2.ReceiptAnswer(outcome=bundles_pb2.RECEIPT_OUTCOME_REFUSED, sentence=str(exc))
        content, store = signed.content, self._core.store
        await store.see_generation(content.holder, content.generation)
        numbers = await self._numbers(content.blobs)
        answer = bundles_pb2.ReceiptAnswer(holder=content.holder)
        if not numbers:
            answer.outcome = bundles_pb2.RECEIPT_OUTCOME_REFUSED
            answer.sentence = "it names no recording of ours"
        elif await self._is_known(content, numbers):
            answer.outcome = bundles_pb2.RECEIPT_OUTCOME_KNOWN
        else:
            before = self._proven(content, numbers)
            await store.proofs.record(signed, self._core.clock.now_ms())
            answer.outcome = bundles_pb2.RECEIPT_OUTCOME_COUNTED
            answer.blobs = self._proven(content, numbers) - before
        return answer

    async def _checked(self, receipt: peer_pb2.SignedBytes) -> SignedStatement:
        """Raises KeyRefused or Malformed with what was expected and what came."""
        content = Statement.parse(receipt.body)
        row = await self._exports.under(content.nonce)
        if row is None:
            raise KeyRefused(f"receipt: expected the nonce of a bundle that we exported, got {content.nonce}")
        newest = self._core.store.state.generations_seen.get(row.holder, 0)
        if content.holder == row.holder and content.generation < newest:
            raise KeyRefused(
                f"receipt of an older life of node {row.holder}: expected generation {newest}, "
                f"got {content.generation}; it counts for nothing"
            )
        return check_statement(
            self._core,
            receipt,
            kind=StatementKind.COMMIT_RECEIPT,
            holder=row.holder,
            generation=content.generation,
            nonce=row.nonce,
        )

    async def _numbers(self, blobs: tuple[BlobId, ...]) -> list[int]:
        rows = await self._core.store.reader.rows(self._core.number, blobs)
        return [row.number for row in rows if row is not None]

    async def _is_known(self, content: Statement, numbers: list[int]) -> bool:
        """Whether later or the same words of that holder are held on all of them: a disk that is read twice."""
        for number in numbers:
            (held,) = await self._core.store.proofs.copy_rows(number, [content.holder])
            if held is None or (held.generation, held.nonce) < (content.generation, content.nonce):
                return False
        return True

    def _proven(self, content: Statement, numbers: list[int]) -> int:
        account = self._core.store.proofs.ledger.account(content.holder)
        return sum(account.has(number) for number in numbers)
