"""Fingerprints by phone: every slip that people make is noticed, in the group where it was made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.phone_groups import GROUPS, phone_groups, read_phone_groups

digests = st.binary(min_size=32, max_size=32)
DIGITS = GROUPS * 5


@given(digests)
def test_what_is_read_out_is_what_was_shown(digest: bytes) -> None:
    shown = phone_groups(digest)

    assert read_phone_groups(shown) == shown
    assert read_phone_groups(f"\t{shown.replace(' ', '-')} ") == shown
    assert [len(group) for group in shown.split()] == [5] * GROUPS


@given(digests, st.integers(0, DIGITS - 1), st.integers(1, 9))
def test_any_one_wrong_digit_is_noticed_in_its_group(digest: bytes, at: int, by: int) -> None:
    digits = phone_groups(digest).replace(" ", "")
    slipped = digits[:at] + str((int(digits[at]) + by) % 10) + digits[at + 1 :]

    with pytest.raises(Malformed, match=f"expected group {at // 5 + 1} as it is read out"):
        read_phone_groups(slipped)


@given(digests, st.integers(0, DIGITS - 2))
def test_two_neighbours_swapped_inside_a_group_are_noticed(digest: bytes, at: int) -> None:
    digits = phone_groups(digest).replace(" ", "")
    swapped = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
    if at % 5 == 4 or swapped == digits:
        return

    with pytest.raises(Malformed):
        read_phone_groups(swapped)


@given(digests, st.integers(0, GROUPS - 1), st.integers(0, GROUPS - 1))
def test_a_group_out_of_turn_is_noticed(digest: bytes, one: int, other: int) -> None:
    groups = phone_groups(digest).split()
    if one == other:
        return
    groups[one], groups[other] = groups[other], groups[one]

    with pytest.raises(Malformed):
        read_phone_groups(" ".join(groups))


@pytest.mark.parametrize("text", ["", "12345", "a" * DIGITS, "1" * (DIGITS + 1), "\u0661" * DIGITS])
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="expected 7 groups of 5 digits"):
        read_phone_groups(text)


def test_the_digits_are_what_they_were() -> None:
    assert phone_groups(bytes(range(32))) == "06060 24285 06051 09557 39572 31363 12952"
