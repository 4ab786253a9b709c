"""What a scrub remembers on disk and in memory: how far it is, what it found, and what the brake holds back.

SYSTEM keys, all under `s`:

    'so', origin u32                 origin row, 41 B: how far the walk through this origin is
    'sp'                             pass row, 74 B
    'sb', origin u32                 u64: since when the brake is on for this origin (UTC ms)
    'se', place u64                  evidence row, 57 B: a run of chunks that a repair replaced while the brake was on
    'st', origin u32, id 32          u64 each: further feed numbers under which the same blob stands
    'sh', origin u32, number u64     u64: since when the feed is known to be broken at this number (UTC ms)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import trio

from lumbung_cluster.errors import StoreDamaged
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.scrub_brake import BrakeSettings
from lumbung_cluster.scrub_progress import OriginProgress
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue
from lumbung_node.store.events import load_next_event

__all__ = [
    "Evidence",
    "PassRow",
    "ScrubBook",
    "brake_key",
    "break_key",
    "evidence_key",
    "load_scrub",
    "not_ours_key",
    "put_progress",
    "twice_key",
]

_ORIGIN_ROW = struct.Struct(">BQQQQQ")
_PASS_ROW = struct.Struct(">BBQQQQQQQQQ")
_EVIDENCE_ROW = struct.Struct(">BI32sIQQ")
_VERSION = 0
_KEY_PASS = b"sp"
_PAGE_ROWS = 1000


@dataclass(frozen=True, slots=True)
class PassRow:
    """SYSTEM 'sp': version u8, paused u8, begun u64, ended u64 (UTC ms; 0 while it goes on), active u64 (ms, naps
    included), blobs u64, bytes u64 (read), wrong u64, mended u64, mended under the brake u64, bytes a second of the
    last complete pass u64 (0 for none)."""

    is_paused: bool = False
    begun_ms: int = 0
    ended_ms: int = 0
    active_ms: int = 0
    blobs: int = 0
    read_bytes: int = 0
    wrong: int = 0
    mended: int = 0
    mended_in_alarm: int = 0
    last_rate_bytes_s: int = 0

    @property
    def is_going(self) -> bool:
        return bool(self.begun_ms) and not self.ended_ms

    def pack(self) -> bytes:
        times = (self.begun_ms, self.ended_ms, self.active_ms)
        counts = (self.blobs, self.read_bytes, self.wrong, self.mended, self.mended_in_alarm)
        return _PASS_ROW.pack(_VERSION, self.is_paused, *times, *counts, self.last_rate_bytes_s)

    @classmethod
    def unpack(cls, value: bytes) -> PassRow:
        _, is_paused, *rest = _PASS_ROW.unpack(_checked(_PASS_ROW, value, "scrub pass"))
        return cls(bool(is_paused), *rest)


@dataclass(frozen=True, slots=True)
class Evidence:
    """SYSTEM 'se', place u64: version u8, origin u32, id 32 B, chunks u32, size u64, kept since u64 (UTC ms)."""

    origin: NodeNumber
    blob: BlobId
    chunks: int
    size_bytes: int
    time_ms: int

    def pack(self) -> bytes:
        return _EVIDENCE_ROW.pack(_VERSION, self.origin, self.blob.raw, self.chunks, self.size_bytes, self.time_ms)

    @classmethod
    def unpack(cls, value: bytes) -> Evidence:
        _, origin, raw, chunks, size_bytes, time_ms = _EVIDENCE_ROW.unpack(_checked(_EVIDENCE_ROW, value, "evidence"))
        return cls(NodeNumber(origin), BlobId(raw), chunks, size_bytes, time_ms)


@dataclass(slots=True)
class ScrubBook:
    """In memory. `has_room` is false below the first disk mark: then replaced bytes are not kept as evidence.

    `brakes` has the origins for which the brake is on, with the time since when. `twice` has the further feed numbers
    of blobs that stand more than once in a feed, `breaks` the numbers at which a feed is known
    to be broken: nothing is left of them, or their running hash leads nowhere. `not_ours` are blobs that came under our
    own number and that we never signed, with the time when they came (UTC ms).
    """

    brake: BrakeSettings = field(default_factory=BrakeSettings)
    origins: dict[NodeNumber, OriginProgress] = field(default_factory=dict)
    pass_row: PassRow = field(default_factory=PassRow)
    brakes: dict[NodeNumber, int] = field(default_factory=dict)
    evidence_bytes: int = 0
    twice: dict[tuple[NodeNumber, BlobId], tuple[int, ...]] = field(default_factory=dict)
    breaks: dict[tuple[NodeNumber, int], int] = field(default_factory=dict)
    not_ours: dict[BlobId, int] = field(default_factory=dict)
    next_event: int = 1
    has_room: bool = True
    confirming: trio.Lock = field(default_factory=trio.Lock)

    def progress(self, origin: NodeNumber) -> OriginProgress:
        return self.origins.get(origin, OriginProgress())


def brake_key(origin: NodeNumber) -> bytes:
    return b"sb" + origin.to_bytes(4, "big")


def evidence_key(place: int) -> bytes:
    return b"se" + place.to_bytes(8, "big")


def twice_key(origin: NodeNumber, blob: BlobId) -> bytes:
    return b"st" + origin.to_bytes(4, "big") + blob.raw


def not_ours_key(blob: BlobId) -> bytes:
    """SYSTEM: 'sn', id 32 B -> u64 UTC ms."""
    return b"sn" + blob.raw


def break_key(origin: NodeNumber, number: int) -> bytes:
    return b"sh" + origin.to_bytes(4, "big") + number.to_bytes(8, "big")


def put_progress(batch: Batch, book: ScrubBook, origin: NodeNumber | None) -> None:
    """Write the pass row, and the origin row of the walk under way."""
    batch.put(Family.SYSTEM, _KEY_PASS, book.pass_row.pack())
    if origin is not None:
        row = book.progress(origin)
        fields = (row.begun_ms, row.number, row.checked_begun_ms, row.checked_upto, row.wrong)
        batch.put(Family.SYSTEM, b"so" + origin.to_bytes(4, "big"), _ORIGIN_ROW.pack(_VERSION, *fields))


async def load_scrub(kv: KeyValue) -> ScrubBook:
    """What earlier lives remember. Memory: that of the exceptions, which are few."""
    book = ScrubBook(next_event=await load_next_event(kv))
    first = b"s"
    while page := await kv.scan(Family.SYSTEM, first, b"t", _PAGE_ROWS):
        for key, value in page:
            _take(book, key, value)
        first = page[-1][0] + b"\0"
    return book


def _take(book: ScrubBook, key: bytes, value: bytes) -> None:
    kind, rest = key[:2], key[2:]
    number = int.from_bytes(value, "big")
    if kind == _KEY_PASS:
        book.pass_row = PassRow.unpack(value)
    elif kind == b"so":
        _, *fields = _ORIGIN_ROW.unpack(_checked(_ORIGIN_ROW, value, "scrub origin"))
        book.origins[NodeNumber(int.from_bytes(rest, "big"))] = OriginProgress(*fields)
    elif kind == b"sb":
        book.brakes[NodeNumber(int.from_bytes(rest, "big"))] = number
    elif kind == b"se":
        book.evidence_bytes += Evidence.unpack(value).size_bytes
    elif kind == b"st":
        numbers = tuple(int.from_bytes(value[at : at + 8], "big") for at in range(0, len(value), 8))
        book.twice[NodeNumber(int.from_bytes(rest[:4], "big")), BlobId(rest[4:])] = numbers
    elif kind == b"sn":
        book.not_ours[BlobId(rest)] = number
    elif kind == b"sh":
        book.breaks[NodeNumber(int.from_bytes(rest[:4], "big")), int.from_bytes(rest[4:], "big")] = number


def _checked(shape: struct.Struct, value: bytes, name: str) -> bytes:
    if len(value) != shape.size or value[0] != _VERSION:
        raise StoreDamaged(f"{name}: expected {shape.size} bytes of version {_VERSION}, got {value[:1].hex()}...")
    return value
