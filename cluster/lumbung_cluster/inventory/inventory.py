"""The set of ids of one origin at one node: 64 unit digests that prove, 64 tables of coded symbols that name.

It only grows. Its members are the entries of that node's feed of the origin, damaged ones included (damage changes the
accounting, by a withdrawal, never anybody's set): at number N it is the fold of feed rows 1 to N, each once. Memory is
147,456 bytes of tables and 64 digests, whatever the size of the set.

As bytes, version 0 (150,021 in all, integers little endian):
    version u8 = 0 | key version u32 | 64 digests of 40 | 64 x 256 words u64 | 64 x 256 counts u8
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lumbung_cluster.ids import UNITS, units_of_mask
from lumbung_cluster.inventory.fingerprint import DIGEST_SIZE_BYTES, NO_IDS, InventoryKey, UnitDigest
from lumbung_cluster.inventory.symbols import SHORT_BITS, SYMBOL_SIZE_BYTES, Symbols, fold_into, short_ids

__all__ = ["INVENTORY_SIZE_BYTES", "UNIT_SYMBOLS", "Inventory"]

UNIT_SYMBOLS = 256  # kept for each unit: they name about 150 differences of that unit without reading an id
_VERSION = 0
_HEAD = 5
_DIGESTS = _HEAD + UNITS * DIGEST_SIZE_BYTES
INVENTORY_SIZE_BYTES = _DIGESTS + UNITS * UNIT_SYMBOLS * SYMBOL_SIZE_BYTES
_UNIT_SHIFT = np.uint64(SHORT_BITS - 6)


class Inventory:
    """One origin's set, in the form that is compared. `fold` and `replace_unit` change it, `copy` freezes it."""

    __slots__ = ("_counts", "_digests", "_key", "_words")

    def __init__(self, key: InventoryKey) -> None:
        """The empty set."""
        self._key = key
        self._digests = [NO_IDS] * UNITS
        self._words = np.zeros((UNITS, UNIT_SYMBOLS), np.uint64)
        self._counts = np.zeros((UNITS, UNIT_SYMBOLS), np.uint8)

    @property
    def key_version(self) -> int:
        """Under which of the cluster's secrets the digests were made: two inventories compare under one only."""
        return self._key.version

    @property
    def count(self) -> int:
        """How many ids it has."""
        return sum(digest.count for digest in self._digests)

    def fold(self, raw_ids: Sequence[bytes]) -> None:
        """Add ids that are not in it: once each, because a second time would take it out of the symbols again.

        1.2 us an id in batches of 1,024, 5 us in batches of 64, 250 us alone: fold in batches.
        """
        if not raw_ids:
            return
        totals, counts = [0] * UNITS, [0] * UNITS
        for raw in raw_ids:
            unit = raw[0] >> 2
            totals[unit] += self._key.lift(raw)
            counts[unit] += 1
        for unit, count in enumerate(counts):
            if count:
                self._digests[unit] = self._digests[unit].plus(UnitDigest(totals[unit], count))
        shorts = short_ids(raw_ids)
        starts = (shorts >> _UNIT_SHIFT).astype(np.intp) * UNIT_SYMBOLS
        fold_into(self._words.reshape(-1), self._counts.reshape(-1), starts, shorts, UNIT_SYMBOLS)

    def replace_unit(self, unit: int, digest: UnitDigest, symbols: Symbols) -> None:
        """Put one unit in the place of what was folded: made anew from rows that are believed more."""
        self._digests[unit] = digest
        self._words[unit] = symbols.words
        self._counts[unit] = symbols.counts

    def digest(self, unit: int) -> UnitDigest:
        """The digest of one unit."""
        return self._digests[unit]

    def digests(self, units: int) -> tuple[UnitDigest, ...]:
        """The digests of the units in a mask, rising."""
        return tuple(self._digests[unit] for unit in units_of_mask(units))

    def count_of(self, units: int) -> int:
        """How many ids of the units in a mask it has."""
        return sum(digest.count for digest in self.digests(units))

    def differing(self, other: Inventory) -> int:
        """The units (a mask) of which digest or symbols are not the same in both."""
        is_same = np.all(self._words == other._words, axis=1) & np.all(self._counts == other._counts, axis=1)
        return sum(
            1 << unit for unit in range(UNITS) if not is_same[unit] or self._digests[unit] != other._digests[unit]
        )

    def symbols(self, units: int, start: int = 0, end: int = UNIT_SYMBOLS) -> Symbols:
        """Symbols `start` to `end` - 1 (at most 256) of the union of the units in a mask (0.1 ms for all 64)."""
        if not 0 <= start <= end <= UNIT_SYMBOLS:
            raise ValueError(f"symbols {start} to {end}: only {UNIT_SYMBOLS} are kept")
        chosen = list(units_of_mask(units))
        words = np.bitwise_xor.reduce(self._words[chosen, start:end], axis=0)
        return Symbols(words, np.add.reduce(self._counts[chosen, start:end], axis=0, dtype=np.uint8))

    def copy(self) -> Inventory:
        """This moment of it (150 KB), which later folds leave alone."""
        other = Inventory(self._key)
        other._digests = list(self._digests)
        other._words = self._words.copy()
        other._counts = self._counts.copy()
        return other

    def to_bytes(self) -> bytes:
        """The bytes described above."""
        head = bytes([_VERSION]) + self._key.version.to_bytes(4, "little")
        digests = b"".join(digest.to_bytes() for digest in self._digests)
        return head + digests + self._words.astype("<u8").tobytes() + self._counts.tobytes()

    @classmethod
    def from_bytes(cls, key: InventoryKey, raw: bytes) -> Inventory:
        """The reverse. Raises ValueError for another version, key version or length."""
        if len(raw) != INVENTORY_SIZE_BYTES:
            raise ValueError(f"inventory: expected {INVENTORY_SIZE_BYTES} bytes, got {len(raw)}")
        if raw[0] != _VERSION:
            raise ValueError(f"inventory: expected version {_VERSION}, got {raw[0]}")
        made_under = int.from_bytes(raw[1:_HEAD], "little")
        if made_under != key.version:
            raise ValueError(f"inventory: made under key version {made_under}, ours is {key.version}")
        self = cls(key)
        step = DIGEST_SIZE_BYTES
        self._digests = [UnitDigest.from_bytes(raw[at : at + step]) for at in range(_HEAD, _DIGESTS, step)]
        table = Symbols.from_bytes(raw[_DIGESTS:])
        self._words = table.words.reshape(UNITS, UNIT_SYMBOLS)
        self._counts = table.counts.reshape(UNITS, UNIT_SYMBOLS)
        return self
