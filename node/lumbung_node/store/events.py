"""Events: what was found wrong here, when, and from whom it was mended. The newest 10,000 are kept."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from lumbung_cluster.errors import StoreDamaged
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.limits import EVENTS_KEPT_MAX
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue

__all__ = [
    "NOBODY",
    "NO_BLOB",
    "Event",
    "EventKind",
    "FoundBy",
    "event_key",
    "load_next_event",
    "put_events",
    "recent_events",
]

_ROW = struct.Struct(">BBBBI32sQQI")
_KEY = struct.Struct(">Q")
_VERSION = 0
_IN_ALARM = 0x01
NOBODY = NodeNumber(0)
NO_BLOB = BlobId(bytes(32))
_NO_END = b"\xff" * 9


class EventKind(Enum):
    """The values stand on disk and on the wire."""

    DAMAGED_BYTES = 1  # the stored bytes are not the blob, or cannot be read
    LOST_ROW = 2  # the feed names the blob, and its row is gone: the bytes cannot be found any more
    LOST_LIST = 3  # the signed list is gone or not what its origin signed
    WRONG_ROW = 4  # the row contradicts feed and signed list
    LOST_FEED_ROW = 5  # made again from the blob's row
    WRONG_HASH = 6  # a running hash of the feed, put right
    UNLISTED_ROW = 7  # a row that no feed row names, taken into the feed
    REPAIRED = 8  # a good copy is durable here; the source is whose bytes they were
    FOUND_GOOD = 9  # read right again, after it could not be read
    SIGNED_AGAIN = 10  # a lost list of the own origin, signed anew
    FEED_HOLE = 11  # a number of the feed of which nothing is left here
    DOUBTED = 12  # the node began a new generation because of its own feed
    MASS_DAMAGE = 13  # too much of one inventory is wrong: the brake is on
    CONFIRMED = 14  # an operator has let the brake go
    EVIDENCE_NOT_KEPT = 15  # replaced bytes went although the brake is on: the disk has no room for them
    WRONG_COUNT = 16  # what was counted of an origin is not what its rows add up to, put right


class FoundBy(Enum):
    """Who came upon it; the values stand on disk and on the wire."""

    SCRUB = 1
    READ = 2  # somebody fetched it, or it was to be sent to another holder
    REPEAT = 3  # a station sent it again


@dataclass(frozen=True, slots=True)
class Event:
    """EVENTS: version u8, kind u8, found by u8, flags u8 (0x01: under the brake), origin u32, id 32 B (zeros for none),
    feed number u64, when u64 (UTC ms), source u32 (node number, 0 for none)."""

    kind: EventKind
    found_by: FoundBy
    in_alarm: bool
    origin: NodeNumber
    blob: BlobId
    number: int
    time_ms: int
    source: NodeNumber = NOBODY

    def pack(self) -> bytes:
        flags = _IN_ALARM if self.in_alarm else 0
        head = (_VERSION, self.kind.value, self.found_by.value, flags)
        return _ROW.pack(*head, self.origin, self.blob.raw, self.number, self.time_ms, self.source)

    @classmethod
    def unpack(cls, value: bytes) -> Event:
        if len(value) != _ROW.size:
            raise StoreDamaged(f"event: expected {_ROW.size} bytes, got {len(value)}")
        version, kind, found_by, flags, origin, raw, number, time_ms, source = _ROW.unpack(value)
        if version != _VERSION:
            raise StoreDamaged(f"event: expected version {_VERSION}, got {version}")
        in_alarm = bool(flags & _IN_ALARM)
        where = (NodeNumber(origin), BlobId(raw), number, time_ms, NodeNumber(source))
        return cls(EventKind(kind), FoundBy(found_by), in_alarm, *where)


def event_key(serial: int) -> bytes:
    """EVENTS: serial u64, rising."""
    return _KEY.pack(serial)


def put_events(batch: Batch, first_serial: int, events: Sequence[Event]) -> None:
    """Write events from `first_serial` on; what is older than the newest 10,000 goes in the same batch."""
    kept = events[-EVENTS_KEPT_MAX:]
    next_serial = first_serial + len(events)
    oldest = max(0, next_serial - EVENTS_KEPT_MAX)
    if oldest:
        batch.delete_range(Family.EVENTS, event_key(0), event_key(oldest))
    for serial, event in enumerate(kept, next_serial - len(kept)):
        batch.put(Family.EVENTS, event_key(serial), event.pack())


async def load_next_event(kv: KeyValue) -> int:
    """The serial of the next event, from 1."""
    last = await kv.scan(Family.EVENTS, b"", _NO_END, 1, backwards=True)
    return int.from_bytes(last[0][0], "big") + 1 if last else 1


async def recent_events(kv: KeyValue, limit: int) -> list[tuple[int, Event]]:
    """At most `limit` events with their serials, the newest first."""
    rows = await kv.scan(Family.EVENTS, b"", _NO_END, limit, backwards=True)
    return [(int.from_bytes(key, "big"), Event.unpack(value)) for key, value in rows]
