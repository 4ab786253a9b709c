"""One side of a comparison: a frozen set, the units of it that both must hold, and what can be said of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lumbung_cluster import limits
from lumbung_cluster.ids import units_of_mask
from lumbung_cluster.inventory.fingerprint import Fingerprints, InventoryKey, Part, UnitDigest
from lumbung_cluster.inventory.inventory import UNIT_SYMBOLS, Inventory
from lumbung_cluster.inventory.symbols import Symbols, short_ids
from lumbung_cluster.reconcile.messages import AskSymbols, Broken, Stretch, ToldSymbols, ToldUnits

__all__ = ["Side", "explained_digests", "units_to_read"]


@dataclass(frozen=True, slots=True)
class Side:
    """`inventory` no longer moves; `units` is the mask of what both sides must hold of `origin`."""

    origin: int
    units: int
    inventory: Inventory
    fingerprints: Fingerprints

    @property
    def count(self) -> int:
        """How many ids are compared on this side."""
        return self.inventory.count_of(self.units)

    @property
    def digests(self) -> tuple[UnitDigest, ...]:
        """The digests of the units compared, rising."""
        return self.inventory.digests(self.units)

    def root(self, digests: Sequence[UnitDigest] | None = None) -> bytes:
        """The fingerprint of the whole, or of what these digests of the same units stand for."""
        part: Part = (self.origin, self.units, self.digests if digests is None else digests)
        return self.fingerprints.root((part,))

    def unit_fingerprint(self, unit: int, digest: UnitDigest) -> bytes:
        """Of one unit."""
        return self.fingerprints.inner((self.origin, 1 << unit, (digest,)))

    def symbols(self, stretch: Stretch, ids: Mapping[int, Sequence[bytes]]) -> Symbols:
        """A stretch of symbols; those behind the kept 256 are made from `ids` of the unit (26 ms for 15,600)."""
        if stretch.end <= UNIT_SYMBOLS:
            return self.inventory.symbols(stretch.units, stretch.start, stretch.end)
        (unit,) = units_of_mask(stretch.units)
        return Symbols.of(short_ids(ids[unit]), stretch.end).part(stretch.start, stretch.end)

    # --- as the teller -----------------------------------------------------------------------------------------

    def tell_symbols(self, ask: AskSymbols, ids: Mapping[int, Sequence[bytes]]) -> ToldSymbols:
        """The answer; `ids` has those of every unit that `units_to_read` named."""
        counts = tuple(self.inventory.count_of(stretch.units) for stretch in ask.stretches)
        return ToldSymbols(self.root(), counts, tuple(self.symbols(stretch, ids) for stretch in ask.stretches))

    def tell_units(self) -> ToldUnits:
        """Every unit's fingerprint and count."""
        units = units_of_mask(self.units)
        return ToldUnits(
            tuple(self.unit_fingerprint(unit, self.inventory.digest(unit)) for unit in units),
            tuple(self.inventory.digest(unit).count for unit in units),
        )


def units_to_read(ask: AskSymbols, units: int) -> tuple[int, ...]:
    """The units whose ids the answer needs. Raises Broken for a question beyond what `units` or the bounds allow."""
    if len(ask.stretches) > limits.RECONCILE_STRETCHES_MAX or ask.size > limits.RECONCILE_SYMBOLS_MAX:
        raise Broken(
            f"expected at most {limits.RECONCILE_STRETCHES_MAX} stretches and {limits.RECONCILE_SYMBOLS_MAX} symbols, "
            f"got {len(ask.stretches)} and {ask.size}"
        )
    deep: list[int] = []
    for stretch in ask.stretches:
        if not stretch.units or stretch.units & ~units or not 0 <= stretch.start < stretch.end:
            raise Broken("expected symbols of units that both hold, from a first to a later last")
        if stretch.end > UNIT_SYMBOLS:
            if stretch.units.bit_count() != 1 or stretch.end > limits.RECONCILE_UNIT_SYMBOLS_MAX:
                raise Broken(
                    f"expected symbols behind {UNIT_SYMBOLS} of one unit only, "
                    f"and at most {limits.RECONCILE_UNIT_SYMBOLS_MAX}, got {stretch.end}"
                )
            deep += units_of_mask(stretch.units)
    if len(deep) > limits.RECONCILE_DEEP_UNITS_MAX:
        raise Broken(f"expected at most {limits.RECONCILE_DEEP_UNITS_MAX} units to read, got {len(deep)}")
    return tuple(deep)


def explained_digests(
    key: InventoryKey, side: Side, ours: Iterable[bytes], theirs: Iterable[bytes]
) -> tuple[UnitDigest, ...]:
    """What the other side's digests must be if exactly `ours` is lacking there and `theirs` here; full ids."""
    gone: dict[int, list[bytes]] = {}
    come: dict[int, list[bytes]] = {}
    for raw in ours:
        gone.setdefault(raw[0] >> 2, []).append(raw)
    for raw in theirs:
        come.setdefault(raw[0] >> 2, []).append(raw)
    return tuple(
        side.inventory.digest(unit).minus(key.digest_of(gone.get(unit, ()))).plus(key.digest_of(come.get(unit, ())))
        for unit in units_of_mask(side.units)
    )
