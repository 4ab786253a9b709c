"""Receipts on disk and the ledger in memory: what the origin knows of its copies at other nodes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lumbung_cluster import limits
from lumbung_cluster.errors import BlobDamaged
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.ledger import Ledger
from lumbung_cluster.named_proofs import NamedProofs
from lumbung_cluster.receipt import SignedStatement, Statement, StatementKind
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue
from lumbung_node.store.committer import Committer
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import CopyRow, copy_key, receipt_key
from lumbung_node.store.named_rows import NAMED_KEYS, NamedRow, holder_of, named_key
from lumbung_node.store.readable import get_each, read_rows, scan_known
from lumbung_node.store.reads import Reader
from lumbung_node.store.state import Pulse, StoreState

__all__ = ["Proofs"]

_SCAN_ROWS = 4096
_NUMBERS_AT_ONCE = 512  # looked for key by key beside a corrupt block, which holds some 60 rows
_RECEIPT_ROWS = 256
_SAVED_SHARE = 64  # of the numbers: the row is written anew after so many more, 8 bytes of it for each
_COPIES, _COPIES_END = copy_key(0, NodeNumber(0)), b"d"
_RECEIPTS_END = b"s"


class Proofs:
    """Receipts are durable before they count, so that a crash never makes a shown proof disappear.

    What is proven by name is kept apart from the ledger and saved now and then (named_rows.py). `lost` counts the rows
    of copies that a start found in a corrupt block.
    """

    def __init__(self, kv: KeyValue, state: StoreState, reader: Reader, committer: Committer) -> None:
        self._kv = kv
        self._state = state
        self._reader = reader
        self._committer = committer
        self._named: dict[NodeNumber, NamedProofs] = {}
        self._is_read = False
        self._under_way: set[int] = set()  # serials of receipts that are being written
        self._left: set[int] = set()  # and of those whose writers were cancelled: on disk, it may be, and not counted
        self._numbers_since_saved = self._receipts_since_saved = 0
        self.lost = 0
        self.ledger = Ledger()
        self.changed = Pulse()

    async def load(self) -> None:
        """Build the ledger anew; covers come behind. No session may record meanwhile, and all its receipts are durable.

        A word that a disk brings meanwhile is counted by who records it.
        """
        if not self._is_read:
            await self._read_named()
            self._is_read = True
        await self._take_left(sorted(self._left))
        self.ledger = Ledger()
        for holder in sorted(self._state.generations_seen):
            self.ledger.meet(holder, self._state.generations_seen[holder])
        for holder in sorted(self._named):
            self.ledger.restore(holder, self._named[holder].account())

    def reload(self, holder: NodeNumber) -> None:
        """Build one holder's account anew from what it has proven by name."""
        self.ledger.forget(holder)
        self.ledger.restore(holder, self._of(holder).account())

    # --- proven by name ----------------------------------------------------------------------------------------

    def _of(self, holder: NodeNumber) -> NamedProofs:
        known = self._named.get(holder)
        if known is None:
            known = self._named[holder] = NamedProofs(Generation(0))
        return known

    async def _read_named(self) -> None:
        """What was saved, and the receipts since; without that the row of every blob (an older build wrote them)."""
        try:
            is_saved = await self._read_saved()
        except BlobDamaged:  # the rows of copies say all of it once more
            is_saved = False
        if not is_saved:
            self._named = {}
            await self._read_copies()
        if self.lost:
            await self._save()  # what counts as taken back must not depend on the next start's meeting the same damage
        else:
            await self._save_when_due()

    async def _read_saved(self) -> bool:
        """False when there is nothing saved, or not all of it can be read. Raises BlobDamaged."""
        keys = [named_key(holder) for holder in sorted(self._state.generations_seen)]
        saved, lost = await scan_known(self._kv, Family.PROOFS, *NAMED_KEYS, keys)
        if lost or not saved:
            return False
        rows = {holder_of(key): NamedRow.unpack(value) for key, value in saved}
        self._named = {holder: row.proofs for holder, row in rows.items()}
        await self._read_receipts(min(row.serial for row in rows.values()))
        return True

    async def _read_copies(self) -> None:
        """The last word of every holder on every blob; what cannot be read counts as taken back."""
        first, last = _COPIES, self._state.end(self._state.node).number
        while first < _COPIES_END:
            try:
                page = await self._kv.scan(Family.PROOFS, first, _COPIES_END, _SCAN_ROWS)
            except BlobDamaged:
                number = int.from_bytes(first[1:9], "big")
                if number > last:
                    return  # what cannot be read lies behind all that there is
                behind = min(number + _NUMBERS_AT_ONCE, last + 1)
                await self._read_copies_of(range(number, behind))
                first = copy_key(behind, NodeNumber(0))
                continue
            if not page:
                return
            self._hear_copies(page)
            first = page[-1][0] + b"\0"

    async def _read_copies_of(self, numbers: range) -> None:
        """Beside a corrupt block: row by row, so that it is known which are lost.

        One of these may have been a withdrawal, and then an older word, by a disk or over everything, would count. So
        they are taken for withdrawn as late as can be: what the holder says from now on comes behind it.
        """
        generations = self._state.generations_seen
        keys = [copy_key(number, holder) for number in numbers for holder in sorted(generations)]
        rows, lost = await get_each(self._kv, Family.PROOFS, keys)
        self._hear_copies(rows)
        for key in lost:
            number, holder = _of_copy_key(key)
            self._of(holder).withdraw(generations[holder], self._state.next_nonce - 1, [number])
        self.lost += len(lost)

    def _hear_copies(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        for key, value in rows:
            number, holder = _of_copy_key(key)
            self._hear(holder, CopyRow.unpack(value), [number])
        self._numbers_since_saved += len(rows)

    async def _read_receipts(self, serial: int) -> None:
        first = receipt_key(serial)
        while page := await self._kv.scan(Family.PROOFS, first, _RECEIPTS_END, _RECEIPT_ROWS):
            for key, value in page:
                await self._read_receipt(int.from_bytes(key[1:], "big"), SignedStatement.from_bytes(value).content)
            first = page[-1][0] + b"\0"

    async def _read_receipt(self, serial: int, word: Statement) -> list[int]:
        """Hear those of its words that are the last ones on their blobs; a later one is in a later receipt."""
        heard: list[int] = []
        if word.kind not in (StatementKind.COMMIT_RECEIPT, StatementKind.WITHDRAWAL):
            return heard
        numbers = await self._numbers(word.blobs)
        values = await self._kv.get(Family.PROOFS, [copy_key(n, word.holder) for n in numbers]) if numbers else []
        for number, value in zip(numbers, values, strict=True):
            row = CopyRow.unpack(value) if value is not None else None
            if row is not None and row.receipt_serial == serial:
                self._hear(word.holder, row, [number])
                heard.append(number)
        self._numbers_since_saved += len(numbers)
        self._receipts_since_saved += 1
        return heard

    def _hear(self, holder: NodeNumber, row: CopyRow, numbers: Sequence[int]) -> None:
        if row.proven:
            self._of(holder).receive(row.generation, row.nonce, numbers, row.verified_since_ms)
        else:
            self._of(holder).withdraw(row.generation, row.nonce, numbers)

    async def count_left(self) -> None:
        """Count the receipts whose writers were cancelled. Who finds a word here knows that it is durable, and counted
        unless its writer is about to."""
        left = sorted(self._left)
        await self._committer.commit(Job())
        await self._take_left(left)
        if left:
            self.changed.beat()

    async def _take_left(self, serials: Sequence[int]) -> None:
        """Hear these receipts, whose writers were cancelled. The caller has seen to it that they are durable by now."""
        for serial in serials:
            statement = await self.receipt(serial)
            if statement is not None:
                word = statement.content
                heard = await self._read_receipt(serial, word)
                if word.kind is StatementKind.COMMIT_RECEIPT:  # a withdrawal has counted from the first
                    self.ledger.receive(word.holder, word.generation, word.nonce, heard, word.verified_since_ms)
            self._left.discard(serial)

    async def _save_when_due(self) -> None:
        """Write what is proven by name, so that a start reads only what came since. A row grows by a bit a blob, so it
        is written less often the more there are."""
        most = max((named.proven.count for named in self._named.values()), default=0)
        numbers = max(limits.PROOFS_SAVED_NUMBERS, most // _SAVED_SHARE)
        if self._numbers_since_saved < numbers and self._receipts_since_saved < limits.PROOFS_SAVED_RECEIPTS:
            return
        await self._save()

    async def _save(self) -> None:
        serial = min(self._under_way | self._left, default=self._state.next_serial)
        batch = Batch()
        for holder in sorted(self._named):
            batch.put(Family.PROOFS, named_key(holder), NamedRow(serial, self._named[holder]).pack())
        self._numbers_since_saved = self._receipts_since_saved = 0
        await self._kv.write(batch)

    # --- words -------------------------------------------------------------------------------------------------

    async def is_news(self, word: Statement) -> bool:
        """Whether `record` would keep it now."""
        return bool(await self._changed_by(word, await self._numbers(word.blobs)))

    async def record(self, statement: SignedStatement, now_ms: int, overruled: Collection[int] = ()) -> None:
        """Keep a checked receipt or withdrawal and count it. Ids that are not ours are left out.

        `overruled` are own numbers on which a later word is held elsewhere: an inventory receipt.
        """
        content = statement.content
        named = [number for number in await self._numbers(content.blobs) if number not in overruled]
        numbers = await self._changed_by(content, named)
        if not numbers:
            # It says nothing new of our blobs, and words that change nothing must not fill the disk. But the later word
            # may still be waiting for its sync, and who gave us this one is told that it is on record.
            if self._under_way:
                await self._committer.commit(Job())
            return
        serial = self._state.next_serial
        self._state.next_serial += 1
        proven = content.kind is StatementKind.COMMIT_RECEIPT
        row = CopyRow(proven, content.generation, content.nonce, content.verified_since_ms, serial, now_ms)
        job = Job()
        job.extra.put(Family.PROOFS, receipt_key(serial), statement.to_bytes())
        for number in numbers:
            job.extra.put(Family.PROOFS, copy_key(number, content.holder), row.pack())
        if not proven:
            # At once: its session may end before the sync has returned, and nobody would tell us again. By name too, so
            # that an account that is made anew meanwhile does not count these copies again.
            self._hear(content.holder, row, numbers)
            self.ledger.withdraw(content.holder, content.generation, content.nonce, numbers)
            self.changed.beat()
        await self._write(job, serial)
        if proven:
            self._hear(content.holder, row, numbers)
            self.ledger.receive(content.holder, content.generation, content.nonce, numbers, content.verified_since_ms)
            self.changed.beat()
        self._numbers_since_saved += len(numbers)
        self._receipts_since_saved += 1
        await self._save_when_due()

    async def _write(self, job: Job, serial: int) -> None:
        """Durable when it returns; who is cancelled meanwhile leaves its serial to `load`."""
        self._under_way.add(serial)
        try:
            await self._committer.commit(job)
        except BaseException:
            self._left.add(serial)
            raise
        finally:
            self._under_way.discard(serial)

    async def _numbers(self, blobs: Sequence[BlobId]) -> list[int]:
        """Feed numbers: one for each blob, and more for one that stands more than once in the feed."""
        own, twice = self._state.node, self._state.scrub.twice
        found = zip(blobs, await self._reader.numbers(own, blobs), strict=True)
        return [n for blob, number in found if number is not None for n in (number, *twice.get((own, blob), ()))]

    async def _changed_by(self, word: Statement, numbers: list[int]) -> list[int]:
        """Those of which the word says something new, later than their present row.

        (generation, nonce) is the order, whatever came last; at one nonce a withdrawal is the later word: it is signed
        after the receipts that it takes back. What is proven in this generation and not taken back is proven: a
        holder that asks for its blobs again and again would have another receipt kept for each time. A withdrawal that
        was signed between two such receipts counts when it comes late, and the blob is asked for again.
        """
        # A row that cannot be read is written anew: what it took back is remembered by name too.
        rows = await read_rows(self._kv, Family.PROOFS, [copy_key(n, word.holder) for n in numbers], CopyRow.unpack)
        proves = word.kind is not StatementKind.WITHDRAWAL
        order = (word.generation, word.nonce, not proves)
        account, named = self.ledger.account(word.holder), self._of(word.holder)
        taken_back = named.withdrawn if proves and named.generation == word.generation else {}
        kept = []
        for number, held in zip(numbers, rows, strict=True):
            is_proven = held is not None and proves and held.proven and held.generation == word.generation
            if is_proven and account.has(number):  # not one whose writer was cancelled: on disk, and not counted
                continue
            if taken_back.get(number, -1) >= word.nonce:  # by a word that may still be waiting to be written
                continue
            if held is None or (held.generation, held.nonce, not held.proven) < order:
                kept.append(number)
        return kept

    async def copy_rows(self, number: int, holders: Sequence[NodeNumber]) -> list[CopyRow | None]:
        """The last word of each holder on blob `number`, with the serial of its receipt; None for none that is left."""
        keys = [copy_key(number, holder) for holder in holders]
        return await read_rows(self._kv, Family.PROOFS, keys, CopyRow.unpack)

    async def receipt(self, serial: int) -> SignedStatement | None:
        (raw,) = await self._kv.get(Family.PROOFS, [receipt_key(serial)])
        return SignedStatement.from_bytes(raw) if raw is not None else None


def _of_copy_key(key: bytes) -> tuple[int, NodeNumber]:
    return int.from_bytes(key[1:9], "big"), NodeNumber(int.from_bytes(key[9:], "big"))
