"""The asker's search for what differs in one origin: a generator that asks, and at last returns what it found.

It yields questions for the teller, and `ReadUnit` for ids of its own; each is answered through `send`. All decoding
happens inside a `send`, so the caller may run that off the event loop.

    whole      32 symbols of the union of all units, if they came with the comparison; else as many as the counts say
    grow       when they do not name the differences: as many as their scatter says (estimate.py), up to 256
    split      into groups of neighbouring units with about 100 differences each; the last group of a family is what is
               left when the others are taken from the parent's symbols, as far as these go
    deep       a single unit needs more than the kept 256: made anew from its ids, up to 4,096
    list       cheaper than symbols, or nothing else tells: all full ids of the unit, page by page
    left       the bounds are reached, or symbols do not tell at all: `unresolved` units; unit fingerprints and lists,
               or the next go, will

What is found is a hint, because short ids have 44 bits: `explained_digests` proves it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from lumbung_cluster import limits
from lumbung_cluster.ids import BLOB_ID_SIZE_BYTES, units_of_mask
from lumbung_cluster.inventory.decoder import peel
from lumbung_cluster.inventory.inventory import UNIT_SYMBOLS
from lumbung_cluster.inventory.symbols import SYMBOL_SIZE_BYTES, Symbols
from lumbung_cluster.reconcile.estimate import estimate, wanted_symbols
from lumbung_cluster.reconcile.messages import (
    Answer,
    AskIds,
    AskSymbols,
    Broken,
    Question,
    Stretch,
    ToldIds,
    ToldSymbols,
)
from lumbung_cluster.reconcile.side import Side

__all__ = ["Effect", "Event", "Found", "OwnIds", "ReadUnit", "Search", "find", "list_units"]

_UNION_SYMBOLS_MAX = 220  # more than these of a union cost more than they save against groups
_GROUP_DIFFERENCES = 100
_GUESSED_DIFFERENCES = 64  # a first guess of so many may be one of 100: too few symbols cost all units a round trip
_SINGLE_DEEP_FROM = 215  # differences of one unit that 256 symbols seldom name
_HOPELESS, _HOPELESS_FROM = 4, 128  # so many times what should do, and still nothing: twins, or a liar; lists will tell


@dataclass(frozen=True, slots=True)
class ReadUnit:
    """Effect: read our own full ids of this unit, of the frozen set."""

    unit: int


@dataclass(frozen=True, slots=True)
class OwnIds:
    """The answer to ReadUnit."""

    ids: Sequence[bytes]


Effect: TypeAlias = Question | ReadUnit
Event: TypeAlias = Answer | OwnIds
Search: TypeAlias = "Generator[Effect, Event, Found]"


@dataclass(slots=True)
class Found:
    """Short ids from symbols, full ids from lists; `listed` and `unresolved` are masks of units.

    `root` is the teller's fingerprint of all units compared (empty when it was not told), `rounds` counts questions.
    """

    ours: list[int] = field(default_factory=list)
    theirs: list[int] = field(default_factory=list)
    our_ids: list[bytes] = field(default_factory=list)
    their_ids: list[bytes] = field(default_factory=list)
    listed: int = 0
    unresolved: int = 0
    root: bytes = b""
    rounds: int = 0

    @property
    def size(self) -> int:
        return len(self.ours) + len(self.theirs) + len(self.our_ids) + len(self.their_ids)


@dataclass(slots=True)
class _Area:
    """Units that are searched together: the teller's symbols so far, its count, and up to where to ask next."""

    units: int
    theirs: Symbols
    count: int
    wanted: int
    family: _Family | None = None

    @property
    def is_single(self) -> bool:
        return self.units.bit_count() == 1

    @property
    def derived(self) -> int:
        """How many symbols come from the family instead of the wire."""
        return min(len(self.family.symbols), self.wanted) if self.family is not None else 0

    @property
    def start(self) -> int:
        return max(len(self.theirs), self.derived)


@dataclass(slots=True)
class _Family:
    """A parent that was split: its symbols and count less those of its other children are the last child's."""

    symbols: Symbols
    count: int
    others: list[_Area]


def find(side: Side, peer_count: int, eager: ToldSymbols | None) -> Search:
    """Search all of `side`; `eager` holds symbols of its whole, when they came with the comparison.

    Raises Broken when the teller's answers cannot be.
    """
    return _Searching(side).whole(peer_count, eager)


def list_units(side: Side, units: int, counts: dict[int, int]) -> Search:
    """Search these units by full ids; `counts` are the teller's. Raises Broken."""
    return _Searching(side).lists(units, counts)


class _Searching:
    """One search under way."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._own_ids: dict[int, Sequence[bytes]] = {}
        self._found = Found()

    def whole(self, peer_count: int, eager: ToldSymbols | None) -> Search:
        whole = _Area(self._side.units, Symbols.none(0), peer_count, 0)
        if eager is not None:
            self._found.root = eager.root
            whole.theirs, whole.count = eager.symbols[0], eager.counts[0]
            areas = yield from self._judge(whole)
        else:
            areas = self._begin(whole)
        while areas and self._found.rounds < limits.RECONCILE_ROUNDS_MAX:
            asked, later = _fitting(areas)
            yield from self._ask(asked)
            areas = later
            for area in asked:
                areas += yield from self._judge(area)
        for area in areas:
            self._found.unresolved |= area.units
        return self._found

    def _begin(self, whole: _Area) -> list[_Area]:
        """Nothing but the counts is known."""
        surplus = self._side.count - whole.count
        needed = wanted_symbols(estimate(surplus, whole.theirs))
        if needed > _UNION_SYMBOLS_MAX and not whole.is_single:
            return _split(whole, abs(surplus), is_guess=False)
        whole.wanted = min(UNIT_SYMBOLS, max(limits.RECONCILE_EAGER_SYMBOLS, needed))
        return [whole]

    def _ask(self, areas: list[_Area]) -> Generator[Effect, Event, None]:
        """One question for what all areas want, and the answer put where it belongs."""
        stretches = [Stretch(area.units, area.start, area.wanted) for area in areas if area.start < area.wanted]
        self._found.rounds += 1
        told = yield AskSymbols(tuple(stretches))
        if not isinstance(told, ToldSymbols) or not len(told.symbols) == len(told.counts) == len(stretches):
            raise Broken(f"expected symbols of {len(stretches)} stretches, got something else")
        if self._found.root not in (b"", told.root):
            raise Broken("expected answers from one moment, got another root")
        self._found.root = told.root
        news = zip(stretches, told.symbols, told.counts, strict=True)
        for area in areas:
            more = Symbols.none(0)
            if area.start < area.wanted:
                stretch, more, area.count = next(news)
                if len(more) != stretch.size:
                    raise Broken(f"expected {stretch.size} symbols, got {len(more)}")
            _take(area, more)

    def _judge(self, area: _Area) -> Generator[Effect, Event, list[_Area]]:
        """What comes after these symbols: nothing, when they name the differences; else where to ask on."""
        if area.is_single and len(area.theirs) > UNIT_SYMBOLS:
            yield from self._read(area.units)
        own = self._side.symbols(Stretch(area.units, 0, len(area.theirs)), self._own_ids)
        apart = own.minus(area.theirs)
        named = peel(apart, area.units)
        if named is not None:
            return self._accept(area, named.ours, named.theirs)
        surplus = self._side.inventory.count_of(area.units) - area.count
        differences = estimate(surplus, apart)
        is_guess = differences > estimate(surplus, Symbols.none(0))
        return (yield from self._go_on(area, differences, is_guess=is_guess))

    def _accept(self, area: _Area, ours: Sequence[int], theirs: Sequence[int]) -> list[_Area]:
        if self._found.size + len(ours) + len(theirs) > limits.RECONCILE_DIFFERENCES_MAX:
            self._found.unresolved |= area.units
        else:
            self._found.ours += ours
            self._found.theirs += theirs
        return []

    def _go_on(self, area: _Area, differences: int, *, is_guess: bool) -> Generator[Effect, Event, list[_Area]]:
        """These symbols were not enough for about that many differences; a guess tells more than the counts."""
        had, needed = len(area.theirs), wanted_symbols(differences)
        if had >= _HOPELESS_FROM and had >= _HOPELESS * needed:
            self._found.unresolved |= area.units
            return []
        if area.is_single:
            if _is_list_cheaper(area.count, needed - had) or had >= limits.RECONCILE_UNIT_SYMBOLS_MAX:
                yield from self._list(area.units.bit_length() - 1, area.count)
                return []
            if had < UNIT_SYMBOLS and differences <= _SINGLE_DEEP_FROM:
                area.wanted = UNIT_SYMBOLS
            else:
                area.wanted = min(limits.RECONCILE_UNIT_SYMBOLS_MAX, max(needed, had + had // 2))
            return [area]
        if needed <= _UNION_SYMBOLS_MAX and had <= limits.RECONCILE_EAGER_SYMBOLS:
            area.wanted = max(needed, 2 * had)
            return [area]
        if needed <= UNIT_SYMBOLS and had < UNIT_SYMBOLS:
            area.wanted = min(UNIT_SYMBOLS, max(needed, had + had // 2))
            return [area]
        return _split(area, differences, is_guess=is_guess)

    # --- full ids ----------------------------------------------------------------------------------------------

    def lists(self, units: int, counts: dict[int, int]) -> Search:
        for unit in units_of_mask(units):
            yield from self._list(unit, counts[unit])
        return self._found

    def _list(self, unit: int, count: int) -> Generator[Effect, Event, None]:
        """All full ids of the unit on both sides, and so exactly what differs."""
        if count > limits.RECONCILE_IDS_UNIT_MAX or self._found.size > limits.RECONCILE_DIFFERENCES_MAX:
            self._found.unresolved |= 1 << unit
            return
        theirs: set[bytes] = set()
        if count:
            theirs = yield from self._pages(unit, count)
        yield from self._read(1 << unit)
        own = set(self._own_ids[unit])
        self._found.our_ids += sorted(own - theirs)
        self._found.their_ids += sorted(theirs - own)
        self._found.listed |= 1 << unit

    def _pages(self, unit: int, count: int) -> Generator[Effect, Event, set[bytes]]:
        ids: list[bytes] = []
        while True:
            told = yield AskIds(unit, ids[-1] if ids else b"")
            if not isinstance(told, ToldIds) or len(told.ids) > limits.RECONCILE_IDS_PAGE_MAX:
                raise Broken(f"expected ids of unit {unit}, got something else")
            last = ids[-1] if ids else b""
            for raw in told.ids:
                if len(raw) != BLOB_ID_SIZE_BYTES or raw <= last or raw[0] >> 2 != unit:
                    raise Broken(f"expected rising ids of unit {unit}, got another")
                last = raw
            ids += told.ids
            if len(ids) > count or (not told.ids and not told.is_last):
                raise Broken(f"unit {unit}: expected {count} ids, got others")
            if told.is_last:
                break
        if len(ids) != count:
            raise Broken(f"unit {unit}: expected {count} ids, got {len(ids)}")
        return set(ids)

    def _read(self, units: int) -> Generator[Effect, Event, None]:
        (unit,) = units_of_mask(units)
        if unit not in self._own_ids:
            told = yield ReadUnit(unit)
            assert isinstance(told, OwnIds)
            self._own_ids = {unit: told.ids}  # one unit at a time: memory is that of one


def _take(area: _Area, more: Symbols) -> None:
    """Put new symbols behind those that are known, from the family as far as these go."""
    known = area.theirs
    if area.family is not None and not len(known):
        known = area.family.symbols.part(0, area.derived)
        for other in area.family.others:
            known = known.minus(other.theirs.part(0, area.derived))
        if area.start >= area.wanted:
            area.count = area.family.count - sum(other.count for other in area.family.others)
            if area.count < 0:
                raise Broken(f"expected counts that add up to {area.family.count}, got more")
    area.theirs, area.family = known.followed_by(more), None


def _split(area: _Area, differences: int, *, is_guess: bool) -> list[_Area]:
    """Groups of neighbours with about 100 differences each, at least two."""
    units = units_of_mask(area.units)
    groups = 2
    while groups < len(units) and differences > groups * _GROUP_DIFFERENCES:
        groups *= 2
    groups = min(groups, len(units))
    each = -(-differences // groups)
    needed = wanted_symbols(each)
    if groups < len(units):
        needed = min(needed, UNIT_SYMBOLS)
    elif each > (_GUESSED_DIFFERENCES if is_guess else _GROUP_DIFFERENCES):
        needed = UNIT_SYMBOLS  # asking for more at once would make every unit read its ids, for a guess
    needed = min(needed, limits.RECONCILE_UNIT_SYMBOLS_MAX)
    children = []
    for number in range(groups):
        members = units[len(units) * number // groups : len(units) * (number + 1) // groups]
        children.append(_Area(sum(1 << unit for unit in members), Symbols.none(0), 0, needed))
    if len(area.theirs):
        children[-1].family = _Family(area.theirs, area.count, children[:-1])
    return children


def _fitting(areas: list[_Area]) -> tuple[list[_Area], list[_Area]]:
    """What one question may ask, and the rest. The last of a family comes behind the others: it needs their answers."""
    symbols, deep = 0, 0
    for index, area in enumerate(areas):
        symbols += area.wanted - area.start
        deep += area.wanted > UNIT_SYMBOLS
        is_full = symbols > limits.RECONCILE_SYMBOLS_MAX or index >= limits.RECONCILE_STRETCHES_MAX
        if index and (is_full or deep > limits.RECONCILE_DEEP_UNITS_MAX):
            return areas[:index], areas[index:]
    return areas, []


def _is_list_cheaper(count: int, symbols: int) -> bool:
    return count * BLOB_ID_SIZE_BYTES <= symbols * SYMBOL_SIZE_BYTES
