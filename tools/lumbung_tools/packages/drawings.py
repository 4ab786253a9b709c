"""The images of a package: ridges, rings, a silhouette and a scrawl, with the grain of a sensor.

Every row is cut from a prepared line of pixels, because a loop over single pixels would take a second a package.
Grain is noise OR-ed into the low bits, which the drawn greys leave free.
"""

from __future__ import annotations

import math
import random

from lumbung_tools.packages.png import Colour, write_png

__all__ = ["draw_finger", "draw_iris", "draw_photo", "draw_signature"]

_WHITE = 0xE0
_BLACK = 0x00
_GRAIN_BITS = 0x1F
_PAPER = bytes([0xF8])
_INK = 0x20


def draw_finger(rng: random.Random) -> bytes:
    """A fingertip, 10 to 15 KiB, the size of WSQ at 500 dpi."""
    width, height = rng.randrange(92, 108), rng.randrange(114, 138)
    wavelength = rng.uniform(7.0, 10.0)
    bend, core = rng.uniform(10.0, 26.0), rng.uniform(0.35, 0.65)
    ridges = bytes(0xC0 if math.sin(x * 2 * math.pi / wavelength) > 0 else 0x40 for x in range(width * 5))
    rows = []
    for y in range(height):
        # The ridges arch over the core: each row shows the same line, shifted along a parabola.
        arch = bend * ((y / height - core) * 2) ** 2
        start = width + int(arch * 3 + y * 0.4)
        rows.append(_inside_oval(ridges[start : start + width], y, width, height))
    return write_png(width, height, Colour.GREY, _with_grain(b"".join(rows), rng))


def draw_iris(rng: random.Random) -> bytes:
    """An eye, about 47 KiB: white, a patterned ring and the pupil."""
    width, height = 240, rng.randrange(196, 204)
    ring, pupil = rng.uniform(70.0, 84.0), rng.uniform(24.0, 36.0)
    fibres = bytes(0x60 + 0x20 * rng.randrange(3) for _ in range(width * 2))
    rows = []
    for y in range(height):
        shift = rng.randrange(width)
        row = bytearray([_WHITE]) * width
        _fill(row, ring, y, height, fibres[shift : shift + width])
        _fill(row, pupil, y, height, bytes(width))
        rows.append(bytes(row))
    return write_png(width, height, Colour.GREY, _with_grain(b"".join(rows), rng))


def draw_photo(rng: random.Random, background: tuple[int, int, int]) -> bytes:
    """A featureless bust before a background, about 57 KiB of RGB: nobody's face."""
    width, height = 120, rng.randrange(156, 164)
    skin, cloth = bytes([0xA0, 0x80, 0x60]), bytes([0x40, 0x40, rng.randrange(2, 6) * 0x20])
    head_width, head_height = rng.uniform(0.20, 0.26), rng.uniform(0.24, 0.30)
    rows = []
    for y in range(height):
        level = y / height
        head = _chord((level - 0.42) / head_height) * head_width
        shoulders = _chord((level - 1.1) / 0.42) * 0.46
        row = _centred(cloth, shoulders, width, bytes(background) * width)
        rows.append(_centred(skin, head, width, row))
    return write_png(width, height, Colour.RGB, _with_grain(b"".join(rows), rng))


def draw_signature(rng: random.Random) -> bytes:
    """A scrawl on paper, about 12 KiB."""
    width, height = 200, 60
    paper = bytearray(_PAPER * (width * height))
    slow, fast, phase = rng.uniform(0.03, 0.06), rng.uniform(0.2, 0.45), rng.uniform(0, math.pi)
    for step in range(width * 4):
        x = 10 + step * (width - 20) / (width * 4)
        y = height / 2 + 16 * math.sin(slow * step + phase) * math.cos(fast * x)
        at = int(y) * width + int(x)
        paper[at] = paper[at + width] = _INK
    return write_png(width, height, Colour.GREY, bytes(paper))


def _inside_oval(row: bytes, y: int, width: int, height: int) -> bytes:
    half = int(_chord(2 * y / height - 1) * width / 2)
    margin = width // 2 - half
    white = bytes([_WHITE])
    return white * margin + row[margin : width - margin] + white * margin


def _fill(row: bytearray, radius: float, y: int, height: int, line: bytes) -> None:
    half = int(radius * _chord((y - height / 2) / radius))
    middle = len(row) // 2
    row[middle - half : middle + half] = line[middle - half : middle + half]


def _centred(colour: bytes, half_share: float, width: int, row: bytes) -> bytes:
    half = int(half_share * width)
    left, right = (width // 2 - half) * 3, (width // 2 + half) * 3
    return row[:left] + colour * (2 * half) + row[right:]


def _chord(distance: float) -> float:
    """Half the width of a unit circle at `distance` from its centre; 0 outside."""
    return math.sqrt(max(0.0, 1.0 - distance * distance))


def _with_grain(pixels: bytes, rng: random.Random) -> bytes:
    size = len(pixels)
    mask = int.from_bytes(bytes([_GRAIN_BITS]) * size, "big")
    grain = int.from_bytes(rng.randbytes(size), "big") & mask
    return (int.from_bytes(pixels, "big") | grain).to_bytes(size, "big")
