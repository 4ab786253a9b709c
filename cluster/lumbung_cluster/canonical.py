"""The canonical encoding under every signature: one value has exactly one byte string, and one byte string one value.

Integers are unsigned and big endian. Variable bytes are a u32 length and the bytes; text is variable bytes of UTF-8 in
Unicode normal form NFC; an optional is a byte 0 or 1 and then the value; a list is a u32 count and its items. There
are no tags and no padding: reader and writer agree on the order of fields, and the domain prefix of `signed` names the
format and its version. The reader refuses whatever the writer would not have written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeVar

from lumbung_cluster.errors import LumbungError

__all__ = ["Malformed", "Reader", "Writer"]

T = TypeVar("T")

_U8_SIZE = 1
_U32_SIZE = 4
_U64_SIZE = 8
# People compare rosters, requests and lists on screens before they sign: no text may move the cursor, begin a line of
# its own or turn the direction of reading. Listed by code, because Unicode's tables differ between builds of Python.
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_LINE_ENDS = str.maketrans("", "", "\t\n\r")


class Malformed(LumbungError, ValueError):
    """Bytes or a value that the canonical encoding does not allow; nothing of them may be used.

    `field` names the place, `expected` and `got` say what the rule is and what came.
    """

    def __init__(self, field: str, expected: str, got: str) -> None:
        super().__init__(f"{field}: expected {expected}, got {got}")
        self.field = field
        self.expected = expected
        self.got = got


class Writer:
    """Builds canonical bytes. Raises Malformed for a value that the format cannot hold; methods return the writer."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def u8(self, field: str, value: int) -> Writer:
        return self._unsigned(field, value, _U8_SIZE)

    def u32(self, field: str, value: int) -> Writer:
        return self._unsigned(field, value, _U32_SIZE)

    def u64(self, field: str, value: int) -> Writer:
        return self._unsigned(field, value, _U64_SIZE)

    def flag(self, field: str, value: bool) -> Writer:
        """One byte, 0 or 1."""
        return self._unsigned(field, int(value), _U8_SIZE)

    def fixed(self, field: str, value: bytes, size: int) -> Writer:
        """Exactly `size` bytes, without a length."""
        if len(value) != size:
            raise Malformed(field, f"{size} bytes", f"{len(value)} bytes")
        self._parts.append(bytes(value))
        return self

    def var_bytes(self, field: str, value: bytes, size_max: int) -> Writer:
        """At most `size_max` bytes behind a u32 length."""
        if len(value) > size_max:
            raise Malformed(field, f"at most {size_max} bytes", f"{len(value)} bytes")
        self._parts.append(len(value).to_bytes(_U32_SIZE, "big"))
        self._parts.append(bytes(value))
        return self

    def text(self, field: str, value: str, size_max: int, *, is_pem: bool = False) -> Writer:
        """NFC text of at most `size_max` bytes of UTF-8, without control characters.

        Other forms are refused, not normalized here: what a person reads and what gets signed must not differ.
        `is_pem` is for certificates: lines, in ASCII.
        """
        _check_text(field, value, is_pem=is_pem)
        return self.var_bytes(field, _utf8(field, value), size_max)

    def optional(self, field: str, value: T | None, write: Callable[[Writer, T], object]) -> Writer:
        """A flag byte, then the value if there is one."""
        self.flag(field, value is not None)
        if value is not None:
            write(self, value)
        return self

    def sequence(self, field: str, items: Sequence[T], write: Callable[[Writer, T], object], count_max: int) -> Writer:
        """A u32 count and the items in their order; the order is the caller's to make canonical."""
        if len(items) > count_max:
            raise Malformed(field, f"at most {count_max} items", f"{len(items)}")
        self.u32(field, len(items))
        for item in items:
            write(self, item)
        return self

    def finish(self) -> bytes:
        """Everything written so far."""
        return b"".join(self._parts)

    def _unsigned(self, field: str, value: int, size: int) -> Writer:
        if not 0 <= value < 1 << (8 * size):
            raise Malformed(field, f"an unsigned number of {8 * size} bits", str(value))
        self._parts.append(value.to_bytes(size, "big"))
        return self


class Reader:
    """Takes canonical bytes apart, strictly. Every method raises Malformed; call `finish` at the end."""

    __slots__ = ("_at", "_body")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def u8(self, field: str) -> int:
        return self._take(field, _U8_SIZE)[0]

    def u32(self, field: str) -> int:
        return int.from_bytes(self._take(field, _U32_SIZE), "big")

    def u64(self, field: str) -> int:
        return int.from_bytes(self._take(field, _U64_SIZE), "big")

    def flag(self, field: str) -> bool:
        value = self.u8(field)
        if value > 1:
            raise Malformed(field, "a flag of 0 or 1", str(value))
        return value == 1

    def fixed(self, field: str, size: int) -> bytes:
        return self._take(field, size)

    def var_bytes(self, field: str, size_max: int) -> bytes:
        size = self.u32(field)
        if size > size_max:
            raise Malformed(field, f"at most {size_max} bytes", f"{size} bytes")
        return self._take(field, size)

    def text(self, field: str, size_max: int, *, is_pem: bool = False) -> str:
        raw = self.var_bytes(field, size_max)
        try:
            value = raw.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise Malformed(field, "text in UTF-8", raw[:32].hex()) from exc
        _check_text(field, value, is_pem=is_pem)
        return value

    def optional(self, field: str, read: Callable[[Reader], T]) -> T | None:
        return read(self) if self.flag(field) else None

    def sequence(self, field: str, read: Callable[[Reader], T], count_max: int) -> tuple[T, ...]:
        """The items in their order. The count is checked before anything is read or allocated for it."""
        count = self.u32(field)
        if count > count_max:
            raise Malformed(field, f"at most {count_max} items", str(count))
        return tuple(read(self) for _ in range(count))

    @property
    def left(self) -> int:
        """How many bytes have not been read yet."""
        return len(self._body) - self._at

    def finish(self) -> None:
        """Refuse bytes behind the last field: they would be signed and yet unread."""
        if self.left:
            raise Malformed("end", "no bytes behind the last field", f"{self.left} more")

    def _take(self, field: str, size: int) -> bytes:
        if size > self.left:
            raise Malformed(field, f"{size} more bytes", f"{self.left}")
        taken = self._body[self._at : self._at + size]
        self._at += size
        return taken


def _check_text(field: str, value: str, *, is_pem: bool) -> None:
    if not unicodedata.is_normalized("NFC", value):
        raise Malformed(field, "text in Unicode normal form NFC", repr(value))
    if is_pem and not value.isascii():
        raise Malformed(field, "PEM in ASCII", repr(value))
    if _UNSHOWABLE.search(value.translate(_LINE_ENDS) if is_pem else value):
        raise Malformed(field, "text without control characters", repr(value))


def _utf8(field: str, value: str) -> bytes:
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise Malformed(field, "text without lone surrogates", repr(value)) from exc
