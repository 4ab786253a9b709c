"""Records: values that are equal by their fields, and cheap to make."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from lumbung_cluster.ids import BlobId
from lumbung_cluster.record import record


@record
class _Place:
    number: int
    name: str = ""


@record(order=True)
class _Ranked:
    rank: int


def test_records_are_equal_and_hashed_by_value() -> None:
    assert _Place(1, "a") == _Place(1, "a") != _Place(2, "a")
    assert {_Place(1, "a"): "found"}[_Place(1, "a")] == "found"
    other: object = (1, "")
    assert _Place(1) != other


def test_a_record_has_slots_and_can_be_replaced_by_a_changed_copy() -> None:
    place = _Place(1, "a")
    changed = replace(place, name="b")
    assert (place, changed) == (_Place(1, "a"), _Place(1, "b"))
    assert [field.name for field in fields(place)] == ["number", "name"]
    with pytest.raises(AttributeError):
        place.other = 1  # type: ignore[attr-defined]


def test_only_a_record_that_asks_for_it_is_ordered() -> None:
    assert sorted([_Ranked(2), _Ranked(1)]) == [_Ranked(1), _Ranked(2)]
    with pytest.raises(TypeError):
        sorted([_Place(2), _Place(1)])  # type: ignore[type-var]


def test_a_record_still_checks_what_it_is_made_of() -> None:
    with pytest.raises(ValueError, match="expected 32 bytes, got 3"):
        BlobId(b"abc")
