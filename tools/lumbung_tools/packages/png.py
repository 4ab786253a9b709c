"""A PNG writer without compression: the same pixels give the same bytes with every build of zlib.

PNG: RFC 2083; the deflate stream inside consists of stored blocks (RFC 1951, 3.2.4).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from enum import Enum

__all__ = ["Colour", "write_png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BIT_DEPTH = 8
_STORED_SIZE_MAX = 65535
_ZLIB_HEADER = b"\x78\x01"  # deflate, 32 KiB window, fastest


class Colour(Enum):
    """PNG's colour type; the second value is bytes per pixel."""

    GREY = (0, 1)
    RGB = (2, 3)


def write_png(width: int, height: int, colour: Colour, pixels: bytes) -> bytes:
    """The file for `pixels`, row by row from the top, 8 bits a channel."""
    kind, depth = colour.value
    stride = width * depth
    assert len(pixels) == stride * height, f"expected {stride * height} bytes of pixels, got {len(pixels)}"
    # Each row opens with the number of its filter; 0 is none.
    rows = b"".join(b"\0" + pixels[start : start + stride] for start in range(0, len(pixels), stride))
    header = struct.pack(">IIBBBBB", width, height, _BIT_DEPTH, kind, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", _deflate_stored(rows)) + _chunk(b"IEND", b"")


def _deflate_stored(raw: bytes) -> bytes:
    return b"".join((_ZLIB_HEADER, *_stored_blocks(raw), zlib.adler32(raw).to_bytes(4, "big")))


def _stored_blocks(raw: bytes) -> Iterator[bytes]:
    for start in range(0, len(raw), _STORED_SIZE_MAX):
        block = raw[start : start + _STORED_SIZE_MAX]
        is_last = start + _STORED_SIZE_MAX >= len(raw)
        yield struct.pack("<BHH", int(is_last), len(block), len(block) ^ 0xFFFF) + block


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
