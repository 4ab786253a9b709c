"""Two sides of a reconcile in one process, with everything counted that would cross the wire."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from lumbung_cluster import limits
from lumbung_cluster.ids import all_units
from lumbung_cluster.inventory.fingerprint import Fingerprints, InventoryKey
from lumbung_cluster.inventory.inventory import Inventory
from lumbung_cluster.inventory.symbols import short_id
from lumbung_cluster.reconcile.messages import (
    Answer,
    AskIds,
    AskSymbols,
    AskUnits,
    Question,
    Stretch,
    ToldIds,
    ToldSymbols,
)
from lumbung_cluster.reconcile.search import Found, OwnIds, ReadUnit, Search, find
from lumbung_cluster.reconcile.side import Side, explained_digests, units_to_read

__all__ = ["KEY", "HonestTeller", "drive", "eager_of", "random_ids", "resolve", "side_of"]

KEY = InventoryKey(1, bytes(range(32)))
_ORIGIN = 7


def random_ids(count: int, luck: random.Random) -> list[bytes]:
    return [luck.randbytes(32) for _ in range(count)]


def side_of(ids: Iterable[bytes], units: int = all_units(), fingerprints: Fingerprints | None = None) -> Side:
    inventory = Inventory(KEY)
    inventory.fold(list(ids))
    return Side(_ORIGIN, units, inventory, fingerprints or KEY.fingerprints(b"asker...", b"teller.."))


@dataclass
class HonestTeller:
    """Answers from `side`, whose ids are `ids`."""

    side: Side
    ids: list[bytes]
    asked: list[Question] = field(default_factory=list)

    def unit(self, unit: int) -> list[bytes]:
        return sorted(raw for raw in self.ids if raw[0] >> 2 == unit)

    def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        match question:
            case AskSymbols():
                deep = units_to_read(question, self.side.units)
                return self.side.tell_symbols(question, {unit: self.unit(unit) for unit in deep})
            case AskUnits():
                return self.side.tell_units()
            case AskIds():
                page = [raw for raw in self.unit(question.unit) if raw > question.after]
                limit = limits.RECONCILE_IDS_PAGE_MAX
                return ToldIds(page[:limit], len(page) <= limit)


def eager_of(teller: HonestTeller) -> ToldSymbols:
    """The symbols that come with an unequal comparison of one origin."""
    ask = AskSymbols((Stretch(teller.side.units, 0, limits.RECONCILE_EAGER_SYMBOLS),))
    return teller.side.tell_symbols(ask, {})


def drive(search: Search, teller: HonestTeller, own: list[bytes], steps_max: int = 10_000) -> Found:
    """Run a search to its end. Raises Broken as the search does."""
    try:
        effect = next(search)
        for _ in range(steps_max):
            if isinstance(effect, ReadUnit):
                unit = effect.unit
                effect = search.send(OwnIds([raw for raw in own if raw[0] >> 2 == unit]))
            else:
                effect = search.send(teller.answer(effect))
    except StopIteration as stop:
        found = stop.value
        assert isinstance(found, Found)
        return found
    raise AssertionError(f"a search did not end within {steps_max} steps")


def resolve(shorts: Iterable[int], ids: Iterable[bytes]) -> list[bytes]:
    """The full ids behind short ones, among `ids`."""
    known: dict[int, list[bytes]] = {}
    for raw in ids:
        known.setdefault(short_id(raw), []).append(raw)
    return [raw for short in shorts for raw in known.get(short, ())]


def proves(asker: Side, found: Found, own: list[bytes], theirs: list[bytes]) -> bool:
    """Whether what was found explains the teller's root."""
    ours = [*found.our_ids, *resolve(found.ours, own)]
    lacking = [*found.their_ids, *resolve(found.theirs, theirs)]
    return asker.root(explained_digests(KEY, asker, ours, lacking)) == found.root


def find_all(own: list[bytes], theirs: list[bytes], *, is_eager: bool) -> tuple[Found, HonestTeller, Side]:
    asker, teller = side_of(own), HonestTeller(side_of(theirs), theirs)
    found = drive(find(asker, teller.side.count, eager_of(teller) if is_eager else None), teller, own)
    return found, teller, asker
