"""Coded symbols: the same on every machine, linear, and enough of them name the differences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbung_cluster.ids import all_units
from lumbung_cluster.inventory.decoder import peel
from lumbung_cluster.inventory.symbols import (
    Symbols,
    has_valid_check,
    indexes_below,
    short_id,
    short_ids,
    word_of,
)


class Vector(TypedDict):
    short: str
    word: str
    indexes: list[int]


class Golden(TypedDict):
    table: str
    vectors: list[Vector]


GOLDEN = cast(
    Golden, json.loads((Path(__file__).parents[1] / "golden" / "symbols_v0.json").read_text(encoding="utf-8"))
)


def raw_id(number: int) -> bytes:
    return blake3(number.to_bytes(4, "big")).digest()


def symbols_of(numbers: set[int], size: int) -> Symbols:
    return Symbols.of(short_ids(raw_id(number) for number in sorted(numbers)), size)


def test_scalar_walk_gives_the_golden_words_and_indexes() -> None:
    assert len(GOLDEN["vectors"]) == 1000
    for number, vector in enumerate(GOLDEN["vectors"]):
        short = short_id(raw_id(number))
        assert f"{short:011x}" == vector["short"]
        assert f"{word_of(short):016x}" == vector["word"]
        assert list(indexes_below(short, 256)) == vector["indexes"]


def test_numpy_walk_gives_the_golden_table() -> None:
    table = symbols_of(set(range(1000)), 256)
    assert blake3(table.to_bytes()).hexdigest() == GOLDEN["table"]


def test_numpy_and_scalar_agree_far_beyond_the_kept_symbols() -> None:
    words, counts = [0] * 4096, [0] * 4096
    for number in range(200):
        short = short_id(raw_id(number))
        for index in indexes_below(short, 4096):
            words[index] ^= word_of(short)
            counts[index] += 1
    made = symbols_of(set(range(200)), 4096)
    assert made.words.tolist() == words
    assert made.counts.tolist() == [count & 0xFF for count in counts]


@given(st.sets(st.integers(0, 400)), st.sets(st.integers(0, 400)))
def test_symbols_of_disjoint_sets_add_up_to_the_union(left: set[int], right: set[int]) -> None:
    right = right - left
    union = symbols_of(left, 64).plus(symbols_of(right, 64))
    assert union.to_bytes() == symbols_of(left | right, 64).to_bytes()
    assert union.minus(symbols_of(left | right, 64)).is_zero()


@given(st.binary(max_size=90))
def test_bytes_round_trip_or_are_refused(raw: bytes) -> None:
    if len(raw) % 9:
        with pytest.raises(ValueError, match="multiple of 9"):
            Symbols.from_bytes(raw)
    else:
        assert Symbols.from_bytes(raw).to_bytes() == raw


@settings(deadline=None)
@given(
    st.sets(st.integers(0, 3000), max_size=60),
    st.sets(st.integers(0, 3000), max_size=60),
    st.integers(0, 500),
)
def test_enough_symbols_name_exactly_the_differences(left: set[int], right: set[int], shared: int) -> None:
    both = set(range(10_000, 10_000 + shared))
    apart = len(left ^ right)
    size = 8 * apart + 24
    found = peel(symbols_of(left | both, size).minus(symbols_of(right | both, size)), all_units())
    assert found is not None
    assert set(found.ours) == {short_id(raw_id(number)) for number in left - right}
    assert set(found.theirs) == {short_id(raw_id(number)) for number in right - left}


def test_too_few_symbols_give_no_answer() -> None:
    many = symbols_of(set(range(100)), 40)
    assert peel(many.minus(Symbols.none(40)), all_units()) is None


def test_an_id_of_a_unit_that_was_not_compared_is_no_answer() -> None:
    raw = raw_id(1)
    single = symbols_of({1}, 8)
    assert peel(single, 1 << (raw[0] >> 2)) is not None
    assert peel(single, all_units() ^ 1 << (raw[0] >> 2)) is None


@settings(deadline=None)
@given(st.binary(min_size=9, max_size=900))
def test_made_up_symbols_always_end_within_their_number(raw: bytes) -> None:
    made_up = Symbols.from_bytes(raw[: len(raw) // 9 * 9])
    found = peel(made_up, all_units())
    assert found is None or found.size <= len(made_up)


def test_symbols_that_would_peel_for_ever_end() -> None:
    """One word everywhere with number 1: taking it out of its own indexes leaves the others as they are."""
    word = word_of(short_id(raw_id(7)))
    endless = Symbols(np.full(256, word, np.uint64), np.ones(256, np.uint8))
    assert peel(endless, all_units()) is None


def test_twins_in_the_first_44_bits_on_both_sides_are_invisible() -> None:
    """Why symbols are hints: nothing differs in them, and the fingerprints alone tell."""
    twin = raw_id(5)[:6] + bytes(26)
    ours, theirs = Symbols.of(short_ids([raw_id(5)]), 16), Symbols.of(short_ids([twin]), 16)
    assert ours.minus(theirs).is_zero()


@given(st.integers(0, 2**64 - 1))
def test_a_random_word_seldom_carries_a_valid_check(word: int) -> None:
    assert has_valid_check(word_of(word >> 20))
    assert has_valid_check(word) == (word_of(word >> 20) == word)
