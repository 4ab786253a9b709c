"""Keys and rows on disk, byte for byte (docs/disk-format.md shows the same as tables). Integers are big endian."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from blake3 import blake3

from lumbung_cluster.entry import SignedList
from lumbung_cluster.errors import StoreDamaged
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.record import record
from lumbung_cluster.signed import Signature

__all__ = [
    "FORMAT_VERSION",
    "BlobRow",
    "CopyRow",
    "FeedRow",
    "ListPlace",
    "MarkRow",
    "OriginCounts",
    "PendingRow",
    "RowState",
    "TagVersion",
    "blob_key",
    "copy_key",
    "counts_key",
    "damaged_key",
    "dropped_key",
    "feed_key",
    "is_dropped_row",
    "is_intact_row",
    "life_key",
    "list_key",
    "mark_key",
    "number_key",
    "pack_list",
    "pack_versions",
    "place_key",
    "place_of_intact_row",
    "receipt_key",
    "unpack_list",
    "unpack_versions",
    "verified_key",
]

FORMAT_VERSION = 0  # of rows; the disk's own format is `formats`

_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")
_NO_ORIGIN = bytes(4)
_LIST_KEY = struct.Struct(">IIQQ")
_MARK_KEY = struct.Struct(">II")
_BLOB_ROW = struct.Struct(">BBQQIQQQIQQB")
_BLOB_ROW_HEAD = struct.Struct(">BBQQIQ")
_FEED_ROW = struct.Struct(">32s32sIQQBII")
_MARK_ROW = struct.Struct(">BIQ32sQ")
_PENDING_ROW = struct.Struct(">BBI32sQIQ")
_COPY_ROW = struct.Struct(">BBIQQQQ")
_COUNTS = struct.Struct(">QQQ")
_VERSION = struct.Struct(">Q32s33s")
RECORD_VERSIONS_MAX = 64  # a record is captured anew a few times in a life; older versions stay in the feed


def place_key(place: int) -> bytes:
    """CHUNKS and PENDING: u64, rising and never reused while anything refers to it."""
    return _U64.pack(place)


def blob_key(origin: NodeNumber, blob: BlobId) -> bytes:
    """BLOBS: origin u32, id 32 B. The same bytes under two origins are two rows."""
    return _U32.pack(origin) + blob.raw


def feed_key(origin: NodeNumber, number: int) -> bytes:
    """FEEDS: origin u32, number u64."""
    return _U32.pack(origin) + _U64.pack(number)


def number_key(origin: NodeNumber, blob: BlobId) -> bytes:
    """FEEDS: 0 u32 (no node has that number), origin u32, id 32 B -> u64: the number of this id in the feed.

    Among the feed rows, so that a file of the engine that is lost takes both or neither.
    """
    return _NO_ORIGIN + _U32.pack(origin) + blob.raw


def damaged_key(origin: NodeNumber, blob: BlobId) -> bytes:
    """SYSTEM: 'd', origin u32, id 32 B -> feed number u64: what is known to be damaged here."""
    return b"d" + _U32.pack(origin) + blob.raw


def dropped_key(origin: NodeNumber) -> bytes:
    """SYSTEM: 'D', origin u32 -> mask u64 of the units in which rows may be DROPPED."""
    return b"D" + _U32.pack(origin)


def verified_key(origin: NodeNumber) -> bytes:
    """SYSTEM: 'i', origin u32 -> u64 UTC ms: when the longest unread bytes of that origin were last checked here."""
    return b"i" + _U32.pack(origin)


def counts_key(origin: NodeNumber) -> bytes:
    """SYSTEM: 'n', origin u32 -> origin counts."""
    return b"n" + _U32.pack(origin)


def life_key(node: NodeNumber) -> bytes:
    """SYSTEM: 'l', node u32 -> the newest signed life met of that node, 144 B."""
    return b"l" + _U32.pack(node)


def mark_key(sender: NodeNumber, origin: NodeNumber) -> bytes:
    """MARKS: sender u32, origin u32."""
    return _MARK_KEY.pack(sender, origin)


@record
class TagVersion:
    """One version of a record: own feed number, id, content tag (33 zero bytes when the client gave none)."""

    number: int
    blob: BlobId
    content_tag: bytes


def pack_versions(versions: Sequence[TagVersion]) -> bytes:
    """TAGS: record tag 33 B -> its newest 64 versions, oldest first, each: number u64, id 32 B, content tag 33 B."""
    kept = versions[-RECORD_VERSIONS_MAX:]
    return b"".join(_VERSION.pack(v.number, v.blob.raw, v.content_tag) for v in kept)


def unpack_versions(value: bytes) -> list[TagVersion]:
    if len(value) % _VERSION.size:
        raise StoreDamaged(f"record versions: expected a multiple of {_VERSION.size} bytes, got {len(value)}")
    return [TagVersion(number, BlobId(raw), tag) for number, raw, tag in _VERSION.iter_unpack(value)]


def copy_key(number: int, holder: NodeNumber) -> bytes:
    """PROOFS: 'c', own feed number u64, holder u32."""
    return b"c" + _U64.pack(number) + _U32.pack(holder)


def receipt_key(serial: int) -> bytes:
    """PROOFS: 'r', serial u64, rising: receipts and withdrawals verbatim, kept for ever."""
    return b"r" + _U64.pack(serial)


@record
class ListPlace:
    """Where an entry's signature is: the origin's list (generation, first, print) and the index in it.

    `print` is the beginning of the BLAKE3 of the list's body. An origin whose folder was rolled back within one
    generation signs other entries under numbers that it has used before, until a peer tells it; both lists stay good.
    """

    generation: Generation
    first: int
    print: int
    index: int

    @classmethod
    def of(cls, signed: SignedList, index: int) -> ListPlace:
        """The place of entry `index` of this list."""
        content = signed.content
        return cls(content.generation, content.first, int.from_bytes(blake3(signed.body).digest(8), "big"), index)

    def at(self, index: int) -> ListPlace:
        """The place of another entry of the same list."""
        return ListPlace(self.generation, self.first, self.print, index)

    @property
    def list(self) -> tuple[int, int, int]:
        """Which of its origin's lists it is."""
        return self.generation, self.first, self.print


def list_key(origin: NodeNumber, place: ListPlace) -> bytes:
    """LISTS: origin u32, generation u32, first number u64, print u64."""
    return _LIST_KEY.pack(origin, *place.list)


def lists_from(origin: NodeNumber, generation: Generation, first: int) -> bytes:
    """No list of these or higher numbers has a lower key."""
    return _LIST_KEY.pack(origin, generation, first, 0)


def lists_span(origin: NodeNumber) -> tuple[bytes, bytes]:
    """The keys of all its lists: from the first of the two to below the second."""
    prefix = _U32.pack(origin)
    return prefix, prefix + b"\xff" * _LIST_KEY.size


def pack_list(body: bytes, signature: Signature) -> bytes:
    """LISTS: public key 32 B, signature 64 B, body."""
    return signature.key_public + signature.signature + body


def unpack_list(value: bytes) -> tuple[bytes, Signature]:
    return value[96:], Signature(value[:32], value[32:96])


class RowState(Enum):
    INTACT = 0
    DAMAGED = 1  # the bytes stay aside as evidence until a refetched copy is durable
    DROPPED = 2  # let go on purpose after all present holders had proven it: no bytes here, and none are missed


_STATES = {state.value: state for state in RowState}
_STATE_VALUES = {state: state.value for state in RowState}  # `.value` is a call of the enum's descriptor
_DROPPED = RowState.DROPPED.value


@record
class BlobRow:
    """BLOBS: version u8, state u8, size u64, place u64, chunks u32, feed number u64, accept time u64 (UTC ms),
    verified u64 (UTC ms: when its bytes were last read and checked), list generation u32, list first u64, list print
    u64, index u8."""

    state: RowState
    size_bytes: int
    place: int
    chunks: int
    number: int
    time_ms: int
    verified_ms: int
    signed: ListPlace

    def pack(self) -> bytes:
        signed = self.signed
        return _BLOB_ROW.pack(
            FORMAT_VERSION,
            _STATE_VALUES[self.state],
            self.size_bytes,
            self.place,
            self.chunks,
            self.number,
            self.time_ms,
            self.verified_ms,
            signed.generation,
            signed.first,
            signed.print,
            signed.index,
        )

    @classmethod
    def unpack(cls, value: bytes) -> BlobRow:
        version, state, size, place, chunks, number, time_ms, verified_ms, *signed = _BLOB_ROW.unpack(
            _sized(_BLOB_ROW, value, "blob row")
        )
        _check_version(version, "blob row")
        return cls(_state(state), size, place, chunks, number, time_ms, verified_ms, ListPlace(*signed))


def is_intact_row(value: bytes, last: int) -> bool:
    """Whether these bytes are the row of an intact blob with a feed number up to `last`. Raises StoreDamaged."""
    version, state, _, _, _, number = _BLOB_ROW_HEAD.unpack_from(_sized(_BLOB_ROW, value, "blob row"))
    _check_version(version, "blob row")
    return _state(state) is RowState.INTACT and number <= last


def place_of_intact_row(value: bytes, last: int) -> tuple[int, int] | None:
    """The blob's size in bytes and its first place when these bytes are the row of an intact blob with a feed number up
    to `last`, else None. Raises StoreDamaged.
    """
    version, state, size_bytes, place, _, number = _BLOB_ROW_HEAD.unpack_from(_sized(_BLOB_ROW, value, "blob row"))
    _check_version(version, "blob row")
    return (size_bytes, place) if _state(state) is RowState.INTACT and number <= last else None


def is_dropped_row(value: bytes) -> bool:
    """Whether these bytes are the row of a blob that was let go."""
    return value[1] == _DROPPED


def number_in_row(value: bytes) -> int:
    """The feed number alone of a blob row's bytes. Raises StoreDamaged."""
    version, _, _, _, _, number = _BLOB_ROW_HEAD.unpack_from(_sized(_BLOB_ROW, value, "blob row"))
    _check_version(version, "blob row")
    return int(number)


@record
class FeedRow:
    """FEEDS: id 32 B, running hash 32 B, list generation u32, list first u64, list print u64, index u8, learnt from u32
    (node number, own number for own puts), that node's generation u32."""

    blob: BlobId
    running_hash: bytes
    signed: ListPlace
    source: NodeNumber
    source_generation: Generation

    def pack(self) -> bytes:
        signed = self.signed
        return _FEED_ROW.pack(
            self.blob.raw,
            self.running_hash,
            signed.generation,
            signed.first,
            signed.print,
            signed.index,
            self.source,
            self.source_generation,
        )

    @classmethod
    def unpack(cls, value: bytes) -> FeedRow:
        # Numbers come out of the row as they are: to call NodeNumber and Generation costs a third of the rest.
        raw, running_hash, generation, first, body_print, index, source, source_generation = _FEED_ROW.unpack(
            _sized(_FEED_ROW, value, "feed row")
        )
        return cls(
            BlobId(raw), running_hash, ListPlace(generation, first, body_print, index), source, source_generation
        )


@record
class MarkRow:
    """MARKS: version u8, sender's generation u32, number u64, running hash 32 B, units u64.

    `units` is the mask under which the mark advanced: when this node comes to hold more, the mark starts anew.
    """

    mark: Mark
    units: int

    def pack(self) -> bytes:
        mark = self.mark
        return _MARK_ROW.pack(FORMAT_VERSION, mark.generation, mark.number, mark.running_hash, self.units)

    @classmethod
    def unpack(cls, value: bytes) -> MarkRow:
        version, generation, number, running_hash, units = _MARK_ROW.unpack(_sized(_MARK_ROW, value, "mark row"))
        _check_version(version, "mark row")
        return cls(Mark(Generation(generation), number, running_hash), units)


@dataclass(frozen=True, slots=True)
class PendingRow:
    """PENDING: version u8, foreign u8, origin u32, id 32 B, size u64, chunks u32, begun u64 (UTC ms).

    A run of places without a blob row yet: cleared at start for local puts, kept a day for replication.
    """

    foreign: bool
    origin: NodeNumber
    blob: BlobId
    size_bytes: int
    chunks: int
    begun_ms: int

    def pack(self) -> bytes:
        return _PENDING_ROW.pack(
            FORMAT_VERSION, self.foreign, self.origin, self.blob.raw, self.size_bytes, self.chunks, self.begun_ms
        )

    @classmethod
    def unpack(cls, value: bytes) -> PendingRow:
        version, foreign, origin, raw, size, chunks, begun_ms = _PENDING_ROW.unpack(
            _sized(_PENDING_ROW, value, "pending row")
        )
        _check_version(version, "pending row")
        return cls(bool(foreign), NodeNumber(origin), BlobId(raw), size, chunks, begun_ms)


@record
class CopyRow:
    """PROOFS 'c': version u8, proven u8 (0 withdrawn), holder's generation u32, nonce u64, verified since u64 (UTC ms),
    receipt serial u64, received u64 (UTC ms)."""

    proven: bool
    generation: Generation
    nonce: int
    verified_since_ms: int
    receipt_serial: int
    received_ms: int

    def pack(self) -> bytes:
        return _COPY_ROW.pack(
            FORMAT_VERSION,
            self.proven,
            self.generation,
            self.nonce,
            self.verified_since_ms,
            self.receipt_serial,
            self.received_ms,
        )

    @classmethod
    def unpack(cls, value: bytes) -> CopyRow:
        version, proven, generation, nonce, since, serial, received = _COPY_ROW.unpack(
            _sized(_COPY_ROW, value, "copy row")
        )
        _check_version(version, "copy row")
        return cls(bool(proven), Generation(generation), nonce, since, serial, received)


@record
class OriginCounts:
    """SYSTEM 'n' + origin u32: blobs u64, bytes u64, damaged u64."""

    blobs: int = 0
    size_bytes: int = 0
    damaged: int = 0

    def pack(self) -> bytes:
        return _COUNTS.pack(self.blobs, self.size_bytes, self.damaged)

    @classmethod
    def unpack(cls, value: bytes) -> OriginCounts:
        return cls(*_COUNTS.unpack(_sized(_COUNTS, value, "origin counts")))


def _sized(shape: struct.Struct, value: bytes, name: str) -> bytes:
    if len(value) != shape.size:
        raise StoreDamaged(f"{name}: expected {shape.size} bytes, got {len(value)}")
    return value


def _state(value: int) -> RowState:
    state = _STATES.get(value)  # a call of the enum costs more than all the rest of a row
    if state is None:
        raise StoreDamaged(f"blob row: expected a known state, got {value}")
    return state


def _check_version(version: int, name: str) -> None:
    if version != FORMAT_VERSION:
        raise StoreDamaged(f"{name}: expected version {FORMAT_VERSION}, got {version}")
