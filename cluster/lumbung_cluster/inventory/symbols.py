"""Coded symbols of a set of ids (a rateless invertible Bloom lookup table): their difference names the differing ids.

short id = the first 44 bits of an id, as a number
h        = mix64(short id + 0x9E3779B97F4A7C15)                     (mix64: the finaliser of splitmix64)
word     = short id * 2^20 + the low 20 bits of h                   a short id that carries its own check
indexes  = 0, then i += max(1, ceil((i + 1.5) * (1 / sqrt(u) - 1)))  for each u of a splitmix64 stream seeded with h
symbol i = XOR of the words of all ids that hit i, and their number modulo 256

An id hits symbol i with probability 1 / (1 + i / 2), so any prefix of the endless sequence is a sketch, and the first
1.35 d to 1.7 d symbols name d differences. Symbols are linear: those of two disjoint sets XOR (and their numbers add)
to those of the union; those of two equal sets cancel. Only +, *, /, sqrt and ceil of IEEE doubles are used, so the
scalar walk here and the numpy walk give the same indexes on every machine (`tests/golden/symbols_v0.json`).

On the wire and on disk: the words, 8 bytes each little endian, then one byte of number each.
(Yang et al., "Practical Rateless Set Reconciliation", SIGCOMM 2024.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CHECK_BITS",
    "SHORT_BITS",
    "SYMBOL_SIZE_BYTES",
    "Counts",
    "Shorts",
    "Symbols",
    "Words",
    "fold_into",
    "has_valid_check",
    "indexes_below",
    "short_id",
    "short_ids",
    "word_of",
]

SHORT_BITS = 44
CHECK_BITS = 20
SYMBOL_SIZE_BYTES = 9
_CHECK_MASK = (1 << CHECK_BITS) - 1
_U64 = (1 << 64) - 1
_GOLDEN = 0x9E37_79B9_7F4A_7C15
_MIX_1 = 0xBF58_476D_1CE4_E5B9
_MIX_2 = 0x94D0_49BB_1331_11EB
_UNIT_OF_DOUBLE = 2.0**-53

Words: TypeAlias = NDArray[np.uint64]
Counts: TypeAlias = NDArray[np.uint8]
Shorts: TypeAlias = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Symbols:
    """A run of coded symbols: `words` and `counts`, of equal length."""

    words: Words
    counts: Counts

    @classmethod
    def none(cls, size: int) -> Symbols:
        """The symbols of the empty set."""
        return cls(np.zeros(size, np.uint64), np.zeros(size, np.uint8))

    @classmethod
    def of(cls, shorts: Shorts, size: int) -> Symbols:
        """The first `size` symbols of these short ids (about 2 us an id for 256, 4 us for 4,096)."""
        made = cls.none(size)
        fold_into(made.words, made.counts, np.zeros(len(shorts), np.intp), shorts, size)
        return made

    @classmethod
    def from_bytes(cls, raw: bytes) -> Symbols:
        """The reverse of `to_bytes`. Raises ValueError."""
        size, rest = divmod(len(raw), SYMBOL_SIZE_BYTES)
        if rest:
            raise ValueError(f"symbols: expected a multiple of {SYMBOL_SIZE_BYTES} bytes, got {len(raw)}")
        words = np.frombuffer(raw, "<u8", size).astype(np.uint64)
        return cls(words, np.frombuffer(raw, np.uint8, size, 8 * size).copy())

    def to_bytes(self) -> bytes:
        """9 bytes a symbol: all words little endian, then all counts."""
        return self.words.astype("<u8").tobytes() + self.counts.tobytes()

    def __len__(self) -> int:
        return len(self.words)

    def part(self, start: int, end: int) -> Symbols:
        """Symbols `start` to `end` - 1."""
        return Symbols(self.words[start:end], self.counts[start:end])

    def followed_by(self, more: Symbols) -> Symbols:
        """One longer run."""
        return Symbols(np.concatenate((self.words, more.words)), np.concatenate((self.counts, more.counts)))

    def minus(self, other: Symbols) -> Symbols:
        """The symbols of the difference: what only one side has stays, +1 ours, -1 (255) theirs."""
        return Symbols(self.words ^ other.words, self.counts - other.counts)

    def plus(self, other: Symbols) -> Symbols:
        """The symbols of the union of two disjoint sets."""
        return Symbols(self.words ^ other.words, self.counts + other.counts)

    def is_zero(self) -> bool:
        """Whether nothing is left in it."""
        return not (self.words.any() or self.counts.any())


def short_id(raw_id: bytes) -> int:
    """The first 44 bits of an id."""
    return int.from_bytes(raw_id[:6], "big") >> 4


def short_ids(raw_ids: Iterable[bytes]) -> Shorts:
    """The short ids of many ids, in their order."""
    heads = b"".join(raw[:8] for raw in raw_ids)
    return (np.frombuffer(heads, ">u8").astype(np.uint64) >> np.uint64(64 - SHORT_BITS)).astype(np.uint64)


def word_of(short: int) -> int:
    """The short id with its 20-bit check behind it."""
    return short << CHECK_BITS | _mix64(short + _GOLDEN) & _CHECK_MASK


def has_valid_check(word: int) -> bool:
    """Whether a word is one id's, as far as 20 bits tell."""
    return _mix64((word >> CHECK_BITS) + _GOLDEN) & _CHECK_MASK == word & _CHECK_MASK


def indexes_below(short: int, size: int) -> Iterator[int]:
    """The symbols below `size` that this short id hits, rising."""
    state = _mix64(short + _GOLDEN)
    index = 0
    while index < size:
        yield index
        state = (state + _GOLDEN) & _U64
        luck = ((_mix64(state) >> 11) + 1) * _UNIT_OF_DOUBLE
        index += max(1, math.ceil((index + 1.5) * (1.0 / math.sqrt(luck) - 1.0)))


def fold_into(words: Words, counts: Counts, starts: NDArray[np.intp], shorts: Shorts, size: int) -> None:
    """Add ids to flat tables of `size` symbols a row: id n goes to the row that begins at cell `starts[n]`.

    A second fold of the same id takes its words out again but counts it twice: an id enters exactly once.
    """
    state = _mix64_all(shorts + np.uint64(_GOLDEN))
    word = (shorts << np.uint64(CHECK_BITS)) | (state & np.uint64(_CHECK_MASK))
    index = np.zeros(len(shorts), np.float64)
    one = np.uint8(1)
    while len(index):
        cells = starts + index.astype(np.intp)
        np.bitwise_xor.at(words, cells, word)
        np.add.at(counts, cells, one)
        state = state + np.uint64(_GOLDEN)
        luck = ((_mix64_all(state) >> np.uint64(11)) + np.uint64(1)).astype(np.float64) * _UNIT_OF_DOUBLE
        index = index + np.maximum(1.0, np.ceil((index + 1.5) * (1.0 / np.sqrt(luck) - 1.0)))
        alive = index < size
        index, state, word, starts = index[alive], state[alive], word[alive], starts[alive]


def _mix64(value: int) -> int:
    value &= _U64
    value = (value ^ value >> 30) * _MIX_1 & _U64
    value = (value ^ value >> 27) * _MIX_2 & _U64
    return value ^ value >> 31


def _mix64_all(values: Words) -> Words:
    values = (values ^ (values >> np.uint64(30))) * np.uint64(_MIX_1)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(_MIX_2)
    return values ^ (values >> np.uint64(31))
