"""Believed inventory receipts on disk: the newest of each holder, and what it makes the ledger count.

A cover replaces the one before. It is *smaller* when the holder leaves out a unit that it covered before, or counts
fewer ids in one: then what only the older cover proved is proven no more, and the ledger is built anew from receipts by
name. A receipt that is not smaller, but of which we do not see all that was covered before to be equal, says nothing:
the holder has taken some of our newest entries out of order, and is asked again soon.

Kept for ever are the first receipt of each day and each smaller one; every other goes when the next one comes.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import InventoryUnknown, StoreDamaged
from lumbung_cluster.ids import UNITS, Generation, NodeNumber, all_units, units_of_mask
from lumbung_cluster.inventory.claims import Believed
from lumbung_cluster.ledger import Cover
from lumbung_cluster.receipt import SignedStatement, Statement
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.store.committer import Committer
from lumbung_node.store.inventory_reads import id_of_row, read_feed
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import receipt_key
from lumbung_node.store.proofs import Proofs
from lumbung_node.store.readable import scan_known
from lumbung_node.store.state import StoreState

__all__ = ["CoverRow", "Covers", "cover_key"]

_VERSION = 0
_HEAD = struct.Struct(">BBIQQQQQQ")
_COUNTS = struct.Struct(f">{UNITS}I")
_DAY_MS = 24 * 3600 * 1000
_KEYS, _KEYS_END = b"i", b"j"


def cover_key(holder: NodeNumber) -> bytes:
    """PROOFS: 'i', holder u32."""
    return _KEYS + holder.to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class CoverRow:
    """PROOFS 'i': version u8, kept for ever u8, holder's generation u32, nonce u64, own number u64, units u64 (a mask),
    verified since u64 (UTC ms), receipt serial u64, received u64 (UTC ms), then for each unit the ids claimed, u32."""

    is_kept: bool
    generation: Generation
    nonce: int
    number: int
    units: int
    verified_since_ms: int
    receipt_serial: int
    received_ms: int
    counts: tuple[int, ...]

    def pack(self) -> bytes:
        head = _HEAD.pack(
            _VERSION,
            self.is_kept,
            self.generation,
            self.nonce,
            self.number,
            self.units,
            self.verified_since_ms,
            self.receipt_serial,
            self.received_ms,
        )
        return head + _COUNTS.pack(*self.counts)

    @classmethod
    def unpack(cls, value: bytes) -> CoverRow:
        if len(value) != _HEAD.size + _COUNTS.size or value[0] != _VERSION:
            raise StoreDamaged(f"cover row: expected {_HEAD.size + _COUNTS.size} bytes of version {_VERSION}")
        _, is_kept, generation, nonce, number, units, since, serial, received = _HEAD.unpack_from(value)
        counts = _COUNTS.unpack_from(value, _HEAD.size)
        return cls(bool(is_kept), Generation(generation), nonce, number, units, since, serial, received, counts)

    def covers(self, number: int, unit: int) -> bool:
        return number <= self.number and bool(self.units >> unit & 1)

    def as_cover(self) -> Cover:
        return Cover(self.nonce, self.number, self.verified_since_ms)


class Covers:
    """For this node as an origin. Words of one holder come one after the other, as its session records them."""

    def __init__(self, kv: KeyValue, state: StoreState, committer: Committer, proofs: Proofs) -> None:
        self._kv = kv
        self._state = state
        self._committer = committer
        self._proofs = proofs
        self._rows: dict[NodeNumber, CoverRow] = {}

    def newest(self, holder: NodeNumber) -> CoverRow | None:
        """The cover under the holder's present generation, if there is one."""
        row = self._rows.get(holder)
        is_void = row is None or row.generation != self._proofs.ledger.account(holder).generation
        return None if is_void else row

    async def load(self, units_held: Callable[[NodeNumber], int]) -> bool:
        """Count what is on disk, whenever the ledger was built anew; `units_held` says what a holder must hold.

        False when some of it lies in a corrupt block: its holder is proven by name alone until it is asked again, which
        its next session does at once, and the answer is written in the place of what was lost.
        """
        self._rows = {}
        keys = [cover_key(holder) for holder in sorted(self._state.generations_seen)]
        rows, lost = await scan_known(self._kv, Family.PROOFS, _KEYS, _KEYS_END, keys)
        for key, value in rows:
            holder, row = NodeNumber(int.from_bytes(key[1:], "big")), CoverRow.unpack(value)
            self._rows[holder] = row
            await self._count(holder, row, units_held(holder))
        return not lost

    async def record(self, statement: SignedStatement, believed: Believed, held: int, now_ms: int) -> bool:
        """Keep a checked receipt of which we believe some units, and count it, once it is durable.

        False when it counts for nothing: an older word, or one that says too little (above). `held` are the units that
        the holder must hold.
        """
        word = statement.content
        before = self._rows.get(word.holder)
        if before is not None and (before.generation, before.nonce) >= (word.generation, word.nonce):
            return False
        is_same_life = before is not None and before.generation == word.generation
        is_smaller = is_same_life and before is not None and _is_smaller(before, word)
        unseen = before.units & ~believed.units if is_same_life and before is not None else 0
        if not is_smaller and (unseen or not believed.units):
            return False
        is_kept = is_smaller or before is None or before.received_ms // _DAY_MS != now_ms // _DAY_MS
        with trio.CancelScope(shield=True):  # a session cut in the middle must not leave disk and ledger apart
            row = await self._write(statement, believed, before, is_kept=is_kept, now_ms=now_ms)
            self._rows[word.holder] = row
            if is_smaller:
                self._proofs.reload(word.holder)
            await self._count(word.holder, row, held)
            self._proofs.changed.beat()
        return True

    async def _write(
        self, statement: SignedStatement, believed: Believed, before: CoverRow | None, *, is_kept: bool, now_ms: int
    ) -> CoverRow:
        word = statement.content
        counts = {claim.unit: claim.blobs for claim in word.units}
        serial = self._state.next_serial
        self._state.next_serial += 1
        row = CoverRow(
            is_kept,
            word.generation,
            word.nonce,
            believed.number,
            believed.units,
            word.verified_since_ms,
            serial,
            now_ms,
            tuple(counts.get(unit, 0) for unit in range(UNITS)),
        )
        job = Job()
        job.extra.put(Family.PROOFS, receipt_key(serial), statement.to_bytes())
        job.extra.put(Family.PROOFS, cover_key(word.holder), row.pack())
        if before is not None and not before.is_kept:
            job.extra.delete(Family.PROOFS, receipt_key(before.receipt_serial))
        await self._committer.commit(job)
        return row

    async def _count(self, holder: NodeNumber, row: CoverRow, held: int) -> None:
        try:
            lacking, foreign = await self._outside(row, held)
        except InventoryUnknown:
            return  # our own feed cannot be read there: proven by name or not at all
        self._proofs.ledger.cover(holder, row.generation, row.as_cover(), lacking, foreign)

    async def _outside(self, row: CoverRow, held: int) -> tuple[Sequence[int], Sequence[int]]:
        """Own numbers up to the cover's in units that it leaves out, and in units that are not the holder's to hold.

        A cover of all units, the usual case, costs nothing; any other a walk over the feed (1.5 us a row).
        """
        lacking, foreign = array("Q"), array("Q")
        after = 0 if row.units != all_units() else row.number
        while after < row.number:
            last = min(row.number, after + limits.INVENTORY_FOLD_ROWS_MAX)
            rows = await read_feed(self._kv, self._state.node, after, last)
            for number, feed_row in enumerate(rows, start=after + 1):
                assert feed_row is not None  # a hole raises
                unit = id_of_row(feed_row)[0] >> 2
                if not held >> unit & 1:
                    foreign.append(number)
                elif not row.units >> unit & 1:
                    lacking.append(number)
            after = last
        return lacking, foreign


def _is_smaller(before: CoverRow, word: Statement) -> bool:
    """Whether the holder says less of something that the older receipt covers."""
    counts = {claim.unit: claim.blobs for claim in word.units}
    return any(counts.get(unit, -1) < before.counts[unit] for unit in units_of_mask(before.units))
