"""A hash as digits that two people compare by phone: seven groups of four digits and a check digit each.

    48215 00917 33260 ...

28 digits carry 93 bits: to pass another file off for the one that is read out, somebody must find a second one with the
same digits. The check digit (Damm 2004) covers the group's place and its digits, so whoever listens knows at once which
group was misheard, had two neighbours swapped, or came out of turn.
"""

from __future__ import annotations

from lumbung_cluster.canonical import Malformed

__all__ = ["GROUPS", "Misheard", "phone_groups", "read_phone_groups"]

GROUPS = 7
_DIGITS = 4  # of the hash, in each group
_HASH_BYTES_USED = 16  # 128 bits over 93: the remainder favours no digit measurably
_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)
"""A quasigroup of order 10 without weak pairs: any one wrong digit and any two swapped neighbours change the end."""


class Misheard(Malformed):
    """One group is not what was read out; `place` (from 1) says which one to ask for again."""

    def __init__(self, place: int, group: str) -> None:
        super().__init__("fingerprint", f"group {place} as it is read out", f"{group}, which has a slip")
        self.place = place


def phone_groups(digest: bytes) -> str:
    """The groups of a hash of at least 16 bytes, with blanks between."""
    number = int.from_bytes(digest[:_HASH_BYTES_USED], "big") % 10 ** (GROUPS * _DIGITS)
    digits = f"{number:0{GROUPS * _DIGITS}}"
    parts = [digits[at : at + _DIGITS] for at in range(0, len(digits), _DIGITS)]
    return " ".join(part + _check_digit(place, part) for place, part in enumerate(parts, start=1))


def read_phone_groups(text: str) -> str:
    """What a person typed, in the one spelling of `phone_groups`; blanks, dots and dashes may stand anywhere.

    Raises Misheard, Malformed.
    """
    digits = "".join(mark for mark in text if mark not in " .-\t\n")
    width = _DIGITS + 1
    if not (digits.isascii() and digits.isdigit()) or len(digits) != GROUPS * width:
        raise Malformed("fingerprint", f"{GROUPS} groups of {width} digits", f"{len(digits)} characters")
    groups = [digits[at : at + width] for at in range(0, len(digits), width)]
    for place, group in enumerate(groups, start=1):
        if group[-1] != _check_digit(place, group[:-1]):
            raise Misheard(place, group)
    return " ".join(groups)


def _check_digit(place: int, digits: str) -> str:
    state = "0"
    for digit in f"{place}{digits}":
        state = _DAMM[int(state)][int(digit)]
    return state
