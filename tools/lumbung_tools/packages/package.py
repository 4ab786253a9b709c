"""One enrollment as one file: a tar of photo, ten fingers, two irises, signature and biography, about 300 KiB.

The same seed, region and index give the same bytes on every machine.
"""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from lumbung_tools.packages.biography import Biography, invent_biography
from lumbung_tools.packages.drawings import draw_finger, draw_iris, draw_photo, draw_signature
from lumbung_tools.regions import Region

__all__ = ["FINGERS", "EnrollmentPackage", "draw_package"]

FINGERS = tuple(
    f"{hand}-{finger}"
    for hand in ("kanan", "kiri")
    for finger in ("jempol", "telunjuk", "tengah", "manis", "kelingking")
)
_RED = (0xC0, 0x00, 0x00)
_BLUE = (0x00, 0x20, 0xC0)


@dataclass(frozen=True, slots=True)
class EnrollmentPackage:
    """`record` is the record's own id, from which the client makes its tag; `content` the tar, not sealed yet."""

    record: str
    content: bytes

    @property
    def file_name(self) -> str:
        return f"{self.record}.tar"


def draw_package(region: Region, index: int, seed: int) -> EnrollmentPackage:
    """The package number `index` of a region; costs about 5 ms."""
    record = f"{region.code}-{seed:04}-{index:06}"
    rng = random.Random(f"lumbung/package/1/{record}")
    biography = invent_biography(rng, region, record)
    return EnrollmentPackage(record, _tar(_parts(rng, biography)))


def _parts(rng: random.Random, biography: Biography) -> Iterator[tuple[str, bytes]]:
    yield "biodata.json", biography.to_json()
    # As on the card: red behind those born in odd years, blue behind the others.
    yield "foto.png", draw_photo(rng, _RED if biography.born.year % 2 else _BLUE)
    for finger in FINGERS:
        yield f"sidik-jari/{finger}.png", draw_finger(rng)
    for side in ("kanan", "kiri"):
        yield f"iris/{side}.png", draw_iris(rng)
    yield "tanda-tangan.png", draw_signature(rng)


def _tar(parts: Iterator[tuple[str, bytes]]) -> bytes:
    whole = io.BytesIO()
    # USTAR with fixed owner, mode and time: the other formats and the defaults carry this machine's.
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in parts:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return whole.getvalue()
