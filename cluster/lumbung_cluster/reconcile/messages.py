"""What asker and teller say to each other about one origin, as plain values.

The **asker** drives: it decodes, decides what to ask, and moves what differs. The **teller** answers from one moment of
its set, which it keeps for as long as the asker talks about it. Every question has one answer, and a question follows
the answer to the one before. Sizes and byte layouts of the wire: docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lumbung_cluster.inventory.symbols import Symbols

__all__ = [
    "Answer",
    "AskIds",
    "AskSymbols",
    "AskUnits",
    "Broken",
    "Question",
    "Stretch",
    "ToldIds",
    "ToldSymbols",
    "ToldUnits",
]


class Broken(Exception):
    """The other side said what no honest side says: the exchange about this origin ends, nothing of it is believed."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Symbols `start` to `end` - 1 of the union of the units in the mask `units`."""

    units: int
    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class AskSymbols:
    """At most 64 stretches; one that ends behind 256 names a single unit."""

    stretches: tuple[Stretch, ...]

    @property
    def size(self) -> int:
        return sum(stretch.size for stretch in self.stretches)


@dataclass(frozen=True, slots=True)
class ToldSymbols:
    """The stretches asked for, in their order: how many ids their units have, and the symbols.

    `root` is the teller's fingerprint of all the units compared, at the moment that it answers from.
    """

    root: bytes
    counts: tuple[int, ...]
    symbols: tuple[Symbols, ...]


@dataclass(frozen=True, slots=True)
class AskUnits:
    """The fingerprint and count of each unit compared."""


@dataclass(frozen=True, slots=True)
class ToldUnits:
    """One 8-byte fingerprint and one count for each unit compared, rising."""

    fingerprints: tuple[bytes, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AskIds:
    """The ids of one unit behind `after` (empty for the first page)."""

    unit: int
    after: bytes


@dataclass(frozen=True, slots=True)
class ToldIds:
    """At most 2,000 ids, rising; `is_last` when the unit has no more."""

    ids: Sequence[bytes]
    is_last: bool


Question: TypeAlias = AskSymbols | AskUnits | AskIds
Answer: TypeAlias = ToldSymbols | ToldUnits | ToldIds
