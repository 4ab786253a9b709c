"""Peeling: the ids in which two sets differ, out of the difference of their coded symbols.

A symbol hit by one differing id alone (its number is +1 or -1 and its word carries a valid check) names that id; taking
the id out of the other symbols lays more of them bare. Done when nothing is left in any symbol.

Stops without an answer when no pure symbol is left, when an id comes out twice, or when more ids come out than there
are symbols: so made-up symbols cost at most one walk a symbol (about 20 us). An answer is a hint all the same: two ids
that share their first 44 bits, one on each side, cancel without a trace. Only equal fingerprints prove.
"""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_cluster.inventory.symbols import CHECK_BITS, SHORT_BITS, Symbols, has_valid_check, indexes_below

__all__ = ["Difference", "peel", "unit_of_short"]

_OURS, _THEIRS = 1, 255  # a symbol's number, modulo 256, when one id alone is left in it
_UNIT_BITS = 6


@dataclass(frozen=True, slots=True)
class Difference:
    """Short ids that only we have, and that only they have; in the order in which they came out."""

    ours: tuple[int, ...]
    theirs: tuple[int, ...]

    @property
    def size(self) -> int:
        return len(self.ours) + len(self.theirs)


def unit_of_short(short: int) -> int:
    """The unit that a short id belongs to: its top 6 bits."""
    return short >> SHORT_BITS - _UNIT_BITS


def peel(difference: Symbols, units: int) -> Difference | None:
    """The ids behind `difference` (our symbols minus theirs); None when these symbols do not tell.

    `units` is the mask of the units that were compared: an id of another one is no answer.
    """
    size = len(difference)
    words: list[int] = difference.words.tolist()
    counts: list[int] = difference.counts.tolist()
    found: dict[int, int] = {}
    waiting = [index for index in range(size) if counts[index] in (_OURS, _THEIRS)]
    while waiting:
        index = waiting.pop()
        count, word = counts[index], words[index]
        short = word >> CHECK_BITS
        if count not in (_OURS, _THEIRS) or not units >> unit_of_short(short) & 1 or not has_valid_check(word):
            continue
        hits = list(indexes_below(short, size))
        if index not in hits:
            continue
        if short in found or len(found) >= size:
            return None
        found[short] = count
        for hit in hits:
            words[hit] ^= word
            counts[hit] = (counts[hit] - count) & 0xFF
            if counts[hit] in (_OURS, _THEIRS):
                waiting.append(hit)
    if any(words) or any(counts):
        return None
    ours = tuple(short for short, count in found.items() if count == _OURS)
    return Difference(ours, tuple(short for short, count in found.items() if count == _THEIRS))
