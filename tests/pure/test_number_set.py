"""A set of numbers with one bit each does what a set does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.number_set import NumberSet

END = 40
CHANGES = st.lists(st.tuples(st.booleans(), st.integers(1, END)), max_size=60)


def _changed(changes: list[tuple[bool, int]]) -> tuple[NumberSet, set[int]]:
    numbers, model = NumberSet(), set[int]()
    for adds, number in changes:
        if adds:
            numbers.add(number)
            model.add(number)
        else:
            numbers.discard(number)
            model.discard(number)
    return numbers, model


@given(CHANGES)
def test_it_has_what_was_added_and_not_taken_away(changes: list[tuple[bool, int]]) -> None:
    numbers, model = _changed(changes)
    assert {number for number in range(END + 20) if number in numbers} == model
    assert numbers.count == len(model)


@given(CHANGES)
def test_it_says_where_it_is_whole_and_what_it_has_and_lacks_behind(changes: list[tuple[bool, int]]) -> None:
    numbers, model = _changed(changes)
    whole = next(number for number in range(END + 2) if number + 1 not in model)
    last = max(model, default=0)
    assert (numbers.whole_to(), numbers.last()) == (whole, last)
    assert list(numbers.members(whole)) == sorted(model - set(range(whole + 1)))
    assert list(numbers.missing(whole)) == sorted(set(range(whole + 1, last)) - model)


@given(CHANGES)
def test_its_bytes_give_it_back(changes: list[tuple[bool, int]]) -> None:
    numbers, model = _changed(changes)
    again = NumberSet(numbers.to_bytes())
    assert {number for number in range(END + 20) if number in again} == model
    assert again.count == len(model)


def test_a_million_in_a_row_take_a_bit_each() -> None:
    numbers = NumberSet()
    for number in range(1, 1_000_001):
        numbers.add(number)
    assert numbers.whole_to() == 1_000_000
    assert len(numbers.to_bytes()) == 125_001
