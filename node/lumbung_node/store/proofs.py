"""Receipts on disk and the ledger in memory: what the origin knows of its copies at other nodes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.ledger import Ledger
from lumbung_cluster.receipt import SignedStatement, Statement, StatementKind
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.store.committer import Committer
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import CopyRow, copy_key, receipt_key
from lumbung_node.store.reads import Reader
from lumbung_node.store.state import Pulse, StoreState

__all__ = ["Proofs"]

_SCAN_ROWS = 4096


class Proofs:
    """Receipts are durable before they count, so that a crash never makes a shown proof disappear."""

    def __init__(self, kv: KeyValue, state: StoreState, reader: Reader, committer: Committer) -> None:
        self._kv = kv
        self._state = state
        self._reader = reader
        self._committer = committer
        self.ledger = Ledger()
        self.changed = Pulse()

    async def load(self) -> None:
        """Build the ledger anew from the copy rows; covers come behind. No receipt may be recorded meanwhile."""
        self.ledger = Ledger()
        for holder in sorted(self._state.generations_seen):
            self.ledger.meet(holder, self._state.generations_seen[holder])
        await self._replay_rows(None)

    async def reload(self, holder: NodeNumber) -> None:
        """Build one holder's account anew from the copy rows. No receipt of it may be recorded meanwhile."""
        self.ledger.forget(holder)
        await self._replay_rows(holder)

    async def _replay_rows(self, only: NodeNumber | None) -> None:
        first, behind = copy_key(0, NodeNumber(0)), b"d"
        while page := await self._kv.scan(Family.PROOFS, first, behind, _SCAN_ROWS):
            for key, value in page:
                holder = NodeNumber(int.from_bytes(key[9:], "big"))
                if only is None or holder == only:
                    self._replay(holder, int.from_bytes(key[1:9], "big"), CopyRow.unpack(value))
            first = page[-1][0] + b"\0"

    def _replay(self, holder: NodeNumber, number: int, row: CopyRow) -> None:
        if row.proven:
            self.ledger.receive(holder, row.generation, row.nonce, [number], row.verified_since_ms)
        else:
            self.ledger.withdraw(holder, row.generation, row.nonce, [number])

    async def record(self, statement: SignedStatement, now_ms: int, overruled: Collection[int] = ()) -> None:
        """Keep a checked receipt or withdrawal and count it. Ids that are not ours are left out.

        `overruled` are own numbers on which a later word is held elsewhere: an inventory receipt.
        """
        content = statement.content
        named = [number for number in await self._numbers(content.blobs) if number not in overruled]
        numbers = await self._changed_by(content, named)
        if not numbers:
            return  # it says nothing new of our blobs: words that change nothing must not fill the disk
        serial = self._state.next_serial
        self._state.next_serial += 1
        proven = content.kind is StatementKind.COMMIT_RECEIPT
        row = CopyRow(proven, content.generation, content.nonce, content.verified_since_ms, serial, now_ms).pack()
        job = Job()
        job.extra.put(Family.PROOFS, receipt_key(serial), statement.to_bytes())
        for number in numbers:
            job.extra.put(Family.PROOFS, copy_key(number, content.holder), row)
        await self._committer.commit(job)
        if proven:
            self.ledger.receive(content.holder, content.generation, content.nonce, numbers, content.verified_since_ms)
        else:
            self.ledger.withdraw(content.holder, content.generation, content.nonce, numbers)
        self.changed.beat()

    async def _numbers(self, blobs: Sequence[BlobId]) -> list[int]:
        """Feed numbers: one for each blob, and more for one that stands more than once in the feed."""
        own, twice = self._state.node, self._state.scrub.twice
        found = zip(blobs, await self._reader.rows(own, blobs), strict=True)
        return [n for blob, row in found if row is not None for n in (row.number, *twice.get((own, blob), ()))]

    async def _changed_by(self, word: Statement, numbers: list[int]) -> list[int]:
        """Those of which the word says something new, later than their present row.

        (generation, nonce) is the order, whatever came last; at one nonce a withdrawal is the later word: it is signed
        after the receipts that it takes back. What is proven in this generation and not taken back is proven: a
        holder that asks for its blobs again and again would have another receipt kept for each time. A withdrawal that
        was signed between two such receipts counts when it comes late, and the blob is asked for again.
        """
        values = await self._kv.get(Family.PROOFS, [copy_key(n, word.holder) for n in numbers]) if numbers else []
        proves = word.kind is not StatementKind.WITHDRAWAL
        order = (word.generation, word.nonce, not proves)
        kept = []
        for number, value in zip(numbers, values, strict=True):
            held = CopyRow.unpack(value) if value is not None else None
            if held is not None and proves and held.proven and held.generation == word.generation:
                continue
            if held is None or (held.generation, held.nonce, not held.proven) < order:
                kept.append(number)
        return kept

    async def copy_rows(self, number: int, holders: Sequence[NodeNumber]) -> list[CopyRow | None]:
        """The last word of each holder on blob `number`, with the serial of its receipt."""
        values = await self._kv.get(Family.PROOFS, [copy_key(number, holder) for holder in holders])
        return [CopyRow.unpack(value) if value is not None else None for value in values]

    async def receipt(self, serial: int) -> SignedStatement | None:
        (raw,) = await self._kv.get(Family.PROOFS, [receipt_key(serial)])
        return SignedStatement.from_bytes(raw) if raw is not None else None
