"""Digests and inventories: linear, keyed, frozen by a copy, and the same after a trip through bytes."""

from __future__ import annotations

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbung_cluster.ids import all_units
from lumbung_cluster.inventory.fingerprint import NO_IDS, InventoryKey, UnitDigest
from lumbung_cluster.inventory.inventory import INVENTORY_SIZE_BYTES, Inventory
from lumbung_cluster.inventory.symbols import Symbols, short_ids

KEY = InventoryKey(1, bytes(range(32)))
OTHER_KEY = InventoryKey(2, bytes(32))
SETS = st.sets(st.integers(0, 500), max_size=80)


def raw_ids(numbers: set[int]) -> list[bytes]:
    return [blake3(number.to_bytes(4, "big")).digest() for number in sorted(numbers)]


def inventory(numbers: set[int]) -> Inventory:
    made = Inventory(KEY)
    made.fold(raw_ids(numbers))
    return made


@given(SETS, SETS)
def test_digests_add_and_subtract_as_sets_do(left: set[int], right: set[int]) -> None:
    right = right - left
    whole = KEY.digest_of(raw_ids(left | right))
    assert KEY.digest_of(raw_ids(left)).plus(KEY.digest_of(raw_ids(right))) == whole
    assert whole.minus(KEY.digest_of(raw_ids(right))) == KEY.digest_of(raw_ids(left))


def test_a_set_less_what_it_had_not_is_equal_to_no_set() -> None:
    negative = NO_IDS.minus(KEY.digest_of(raw_ids({1})))
    assert negative.count == -1
    assert negative.to_bytes() not in {NO_IDS.to_bytes(), KEY.digest_of(raw_ids({1})).to_bytes()}


@given(st.integers(0, 2**256 - 1), st.integers(0, 2**64 - 1))
def test_digest_bytes_round_trip(total: int, count: int) -> None:
    digest = UnitDigest(total, count)
    assert UnitDigest.from_bytes(digest.to_bytes()) == digest


def test_fingerprints_change_with_key_nonces_kind_place_and_set() -> None:
    digest = KEY.digest_of(raw_ids({1, 2}))
    first = KEY.fingerprints(b"a" * 8, b"b" * 8)
    roots = {
        first.root([(3, 1, [digest])]),
        OTHER_KEY.fingerprints(b"a" * 8, b"b" * 8).root([(3, 1, [digest])]),
        KEY.fingerprints(b"b" * 8, b"a" * 8).root([(3, 1, [digest])]),
        KEY.fingerprints(b"a" * 8, b"c" * 8).root([(3, 1, [digest])]),
        first.root([(4, 1, [digest])]),
        first.root([(3, 2, [digest])]),
        first.root([(3, 1, [NO_IDS])]),
        first.root([(3, 3, [digest, NO_IDS])]),
        first.root([(3, 1, [digest]), (4, 1, [NO_IDS])]),
    }
    assert len(roots) == 9
    assert {len(root) for root in roots} == {16}
    assert first.inner((3, 1, [digest])) != first.root([(3, 1, [digest])])[:8]
    assert len(first.inner((3, 1, [digest]))) == 8


@pytest.mark.parametrize("wrong", [b"", bytes(31), bytes(33)])
def test_secret_of_another_size_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match="expected 32 bytes"):
        InventoryKey(1, wrong)


def test_the_secret_is_not_printed() -> None:
    assert "secret" not in repr(KEY)


@settings(deadline=None)
@given(SETS, SETS)
def test_fold_in_any_batches_gives_the_same_inventory(left: set[int], right: set[int]) -> None:
    right = right - left
    in_two = inventory(left)
    in_two.fold(raw_ids(right))
    assert in_two.to_bytes() == inventory(left | right).to_bytes()
    assert in_two.count == len(left | right)


@settings(deadline=None)
@given(SETS, st.integers(0, all_units()))
def test_union_of_units_has_the_symbols_and_digest_of_their_ids(numbers: set[int], units: int) -> None:
    made = inventory(numbers)
    inside = [raw for raw in raw_ids(numbers) if units >> (raw[0] >> 2) & 1]
    assert made.symbols(units, 0, 100).to_bytes() == Symbols.of(short_ids(inside), 100).to_bytes()
    assert made.symbols(units, 20, 70).to_bytes() == Symbols.of(short_ids(inside), 100).part(20, 70).to_bytes()
    assert made.count_of(units) == len(inside)
    total = NO_IDS
    for digest in made.digests(units):
        total = total.plus(digest)
    assert total == KEY.digest_of(inside)


def test_a_copy_does_not_move_with_later_folds() -> None:
    made = inventory({1, 2, 3})
    frozen = made.copy()
    made.fold(raw_ids({4}))
    assert frozen.to_bytes() == inventory({1, 2, 3}).to_bytes()
    assert made.to_bytes() == inventory({1, 2, 3, 4}).to_bytes()


def test_bytes_round_trip_and_go_on_folding() -> None:
    raw = inventory({1, 2, 3}).to_bytes()
    assert len(raw) == INVENTORY_SIZE_BYTES
    again = Inventory.from_bytes(KEY, raw)
    again.fold(raw_ids({9}))
    assert again.to_bytes() == inventory({1, 2, 3, 9}).to_bytes()


def test_bytes_of_another_length_version_or_key_are_refused() -> None:
    raw = inventory({1}).to_bytes()
    with pytest.raises(ValueError, match="expected 150021 bytes"):
        Inventory.from_bytes(KEY, raw[:-1])
    with pytest.raises(ValueError, match="expected version 0, got 1"):
        Inventory.from_bytes(KEY, b"\x01" + raw[1:])
    with pytest.raises(ValueError, match="made under key version 1, ours is 2"):
        Inventory.from_bytes(OTHER_KEY, raw)
