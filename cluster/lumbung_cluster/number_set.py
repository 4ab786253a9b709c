"""A set of own feed numbers with one bit each: of a million blobs 125 KB, however they are spread."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["NumberSet"]

_WHOLE = b"\xff"


class NumberSet:
    """Numbers from 1 on."""

    __slots__ = ("_bits", "count")

    def __init__(self, bits: bytes = b"") -> None:
        """`bits` are those of `to_bytes`: number n is bit n % 8, the lowest first, of byte n // 8."""
        self._bits = bytearray(bits)
        self.count = int.from_bytes(bits, "little").bit_count()

    def __contains__(self, number: int) -> bool:
        place = number >> 3
        return place < len(self._bits) and bool(self._bits[place] >> (number & 7) & 1)

    def add(self, number: int) -> None:
        place, bit = number >> 3, 1 << (number & 7)
        if place >= len(self._bits):
            self._bits.extend(bytes(max(place + 1, 2 * len(self._bits)) - len(self._bits)))
        self.count += not self._bits[place] & bit
        self._bits[place] |= bit

    def discard(self, number: int) -> None:
        place, bit = number >> 3, 1 << (number & 7)
        if place < len(self._bits) and self._bits[place] & bit:
            self._bits[place] ^= bit
            self.count -= 1

    def whole_to(self) -> int:
        """The highest number up to which none is missing; 0 when 1 is."""
        bits = bytes(self._bits)
        if bits:
            bits = bytes([bits[0] | 1]) + bits[1:]  # 0 is no number
        number = 8 * (len(bits) - len(bits.lstrip(_WHOLE)))
        while number in self or number == 0:
            number += 1
        return number - 1

    def last(self) -> int:
        """The highest number; 0 for none."""
        bits = self._bits.rstrip(b"\0")
        return 8 * (len(bits) - 1) + bits[-1].bit_length() - 1 if bits else 0

    def members(self, after: int) -> Iterator[int]:
        """Numbers behind `after` that are here, rising."""
        return (number for number in range(after + 1, self.last() + 1) if number in self)

    def missing(self, after: int) -> Iterator[int]:
        """Numbers behind `after` and before the last one that are not here, rising."""
        return (number for number in range(after + 1, self.last()) if number not in self)

    def to_bytes(self) -> bytes:
        return bytes(self._bits.rstrip(b"\0"))
