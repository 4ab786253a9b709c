"""Disk bundles: the replication stream in files, for disks that are carried by hand. Pure bytes, no files.

A part, integers big endian (docs/bundle-format.md shows the same as tables):

    head        100 B   magic 16, version u32, cluster id 16, bundle id 16, exporter u32, holder u32, disk u32,
                        part u32, BLAKE3 of these 68 bytes
    batches     each: mark `LB-BATCH`, bundle id 16, part u32, batch u32 (from 1 in the part), origin u32,
                        lists u16, entries u16, size u32 of lists and entries, blob bytes u64;
                        lists: size u16, public key 32, signature 64, body (signed entry lists, verbatim);
                        entries: list u16, index u8; BLAKE3 of all this; then the blobs' bytes, in the entries' order
    end         80 B    mark `LB-END\\r\\n`, bundle id 16, part u32, batches u32, entries u64, blob bytes u64,
                        BLAKE3 of the part before these last 32 bytes

Every blob lies whole in one part, so that each part stands alone. Nothing here is believed for what it says: lists
are signed by their origin, blobs hash to their ids. The hashes of heads only tell damage from a mistake of ours.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from blake3 import blake3

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.entry import Entry, SignedList
from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_cluster.limits import (
    BUNDLE_BATCH_BYTES_MAX,
    OFFER_ENTRIES_MAX,
    OFFER_LISTS_MAX,
)
from lumbung_cluster.signed import PUBLIC_KEY_SIZE_BYTES, SIGNATURE_SIZE_BYTES, Signature

__all__ = [
    "BATCH_MARK",
    "BATCH_START_SIZE_BYTES",
    "BUNDLE_ID_SIZE_BYTES",
    "BUNDLE_VERSION",
    "END_MARK",
    "END_SIZE_BYTES",
    "HASH_SIZE_BYTES",
    "HEAD_SIZE_BYTES",
    "Batch",
    "BatchStart",
    "PartEnd",
    "PartHead",
    "batch_mark",
]

BUNDLE_VERSION = 0
BUNDLE_ID_SIZE_BYTES = 16
HASH_SIZE_BYTES = 32
PART_MAGIC = b"LUMBUNG-BUNDLE\r\n"  # a copy that changed line ends is seen at once
BATCH_MARK = b"LB-BATCH"
END_MARK = b"LB-END\r\n"
_HEAD = struct.Struct(">16sI16s16sIIII")
_START = struct.Struct(">8s16sIIIHHIQ")
_LIST = struct.Struct(">H32s64s")
_ENTRY = struct.Struct(">HB")
_END = struct.Struct(">8s16sIIQQ")
HEAD_SIZE_BYTES = _HEAD.size + HASH_SIZE_BYTES
BATCH_START_SIZE_BYTES = _START.size
END_SIZE_BYTES = _END.size + HASH_SIZE_BYTES
_LIST_SIZE_BYTES_MAX = 2048  # 32 entries are 1,761 bytes
_INDEX_SIZE_BYTES_MAX = OFFER_LISTS_MAX * (_LIST.size + _LIST_SIZE_BYTES_MAX) + OFFER_ENTRIES_MAX * _ENTRY.size


@dataclass(frozen=True, slots=True)
class PartHead:
    """Whose, for whom, which disk and which part; parts are numbered through all disks of a bundle, from 1."""

    cluster: ClusterId
    bundle: bytes
    exporter: NodeNumber
    holder: NodeNumber
    disk: int
    part: int

    def pack(self) -> bytes:
        fixed = _HEAD.pack(
            PART_MAGIC,
            BUNDLE_VERSION,
            self.cluster.raw,
            self.bundle,
            self.exporter,
            self.holder,
            self.disk,
            self.part,
        )
        return fixed + blake3(fixed).digest()

    @classmethod
    def parse(cls, raw: bytes) -> PartHead:
        """Strict. Raises Malformed, also for a part of a later version."""
        _sized("part head", raw, HEAD_SIZE_BYTES)
        magic, version, cluster, bundle, exporter, holder, disk, part = _HEAD.unpack_from(raw)
        if magic != PART_MAGIC:
            raise Malformed("part head", "a lumbung bundle", raw[:16].hex())
        if version != BUNDLE_VERSION:
            raise Malformed("bundle version", f"{BUNDLE_VERSION} (install a newer lumbung)", str(version))
        if raw[_HEAD.size :] != blake3(raw[: _HEAD.size]).digest():
            raise Malformed("part head", "bytes that fit their hash", "others")
        if not (exporter and holder and disk and part):
            raise Malformed("part head", "numbers from 1", f"{exporter}, {holder}, {disk}, {part}")
        return cls(ClusterId(cluster), bundle, NodeNumber(exporter), NodeNumber(holder), disk, part)


@dataclass(frozen=True, slots=True)
class BatchStart:
    """The fixed beginning of a batch: how much of it to read, bounded before anything is."""

    bundle: bytes
    part: int
    batch: int
    origin: NodeNumber
    lists: int
    entries: int
    index_bytes: int
    blob_bytes: int

    @property
    def head_bytes(self) -> int:
        """From the batch's mark to its blobs."""
        return _START.size + self.index_bytes + HASH_SIZE_BYTES

    @classmethod
    def parse(cls, raw: bytes) -> BatchStart:
        """Raises Malformed."""
        _sized("batch", raw, _START.size)
        mark, bundle, part, batch, origin, lists, entries, index_bytes, blob_bytes = _START.unpack(raw)
        if mark != BATCH_MARK:
            raise Malformed("batch", "its mark", mark.hex())
        if not (1 <= lists <= OFFER_LISTS_MAX and 1 <= entries <= OFFER_ENTRIES_MAX and origin and part and batch):
            raise Malformed("batch", f"1 to {OFFER_LISTS_MAX} lists and 1 to {OFFER_ENTRIES_MAX} entries", str(lists))
        if index_bytes > _INDEX_SIZE_BYTES_MAX or blob_bytes > BUNDLE_BATCH_BYTES_MAX:
            raise Malformed("batch", f"at most {_INDEX_SIZE_BYTES_MAX} bytes of lists", str(index_bytes))
        return cls(bundle, part, batch, NodeNumber(origin), lists, entries, index_bytes, blob_bytes)


@dataclass(frozen=True, slots=True)
class Batch:
    """Signed lists of one origin and which of their entries follow with their bytes: (list, index) each."""

    bundle: bytes
    part: int
    batch: int
    origin: NodeNumber
    lists: tuple[SignedList, ...]
    places: tuple[tuple[int, int], ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(self.lists[at].content.entries[index] for at, index in self.places)

    @property
    def blob_bytes(self) -> int:
        return sum(entry.size_bytes for entry in self.entries)

    def pack(self) -> bytes:
        """Everything before the blobs' bytes."""
        index = b"".join((*map(_pack_list, self.lists), *(_ENTRY.pack(*place) for place in self.places)))
        start = _START.pack(
            BATCH_MARK,
            self.bundle,
            self.part,
            self.batch,
            self.origin,
            len(self.lists),
            len(self.places),
            len(index),
            self.blob_bytes,
        )
        return start + index + blake3(start + index).digest()

    @classmethod
    def parse(cls, raw: bytes) -> Batch:
        """Strict: only what `pack` writes comes through; signatures are not checked here. Raises Malformed."""
        start = BatchStart.parse(raw[: _START.size])
        _sized("batch", raw, start.head_bytes)
        if raw[-HASH_SIZE_BYTES:] != blake3(raw[:-HASH_SIZE_BYTES]).digest():
            raise Malformed("batch", "bytes that fit their hash", "others")
        lists, at = _read_lists(raw[:-HASH_SIZE_BYTES], start)
        tail = raw[at:-HASH_SIZE_BYTES]
        if len(tail) != start.entries * _ENTRY.size:
            raise Malformed("batch", f"{start.entries} entries", f"{len(tail)} bytes")
        places = tuple(_place(lists, *fields) for fields in _ENTRY.iter_unpack(tail))
        if len(set(places)) != len(places):
            raise Malformed("batch", "each entry once", "one twice")
        found = cls(start.bundle, start.part, start.batch, start.origin, lists, places)
        if found.blob_bytes != start.blob_bytes:
            raise Malformed("batch", f"blobs of {found.blob_bytes} bytes", str(start.blob_bytes))
        return found


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The last bytes of a whole part; `hash` is BLAKE3 of everything before it."""

    bundle: bytes
    part: int
    batches: int
    entries: int
    blob_bytes: int
    hash: bytes

    @staticmethod
    def fixed(bundle: bytes, part: int, batches: int, entries: int, blob_bytes: int) -> bytes:
        """What the hash covers of the end itself."""
        return _END.pack(END_MARK, bundle, part, batches, entries, blob_bytes)

    def pack(self) -> bytes:
        return self.fixed(self.bundle, self.part, self.batches, self.entries, self.blob_bytes) + self.hash

    @classmethod
    def parse(cls, raw: bytes) -> PartEnd:
        """Raises Malformed."""
        _sized("part end", raw, END_SIZE_BYTES)
        mark, bundle, part, batches, entries, blob_bytes = _END.unpack_from(raw)
        if mark != END_MARK:
            raise Malformed("part end", "its mark", mark.hex())
        return cls(bundle, part, batches, entries, blob_bytes, raw[_END.size :])


def batch_mark(bundle: bytes, part: int) -> bytes:
    """How every batch of a part begins: where to look for the next one behind damage."""
    return BATCH_MARK + bundle + part.to_bytes(4, "big")


def _pack_list(signed: SignedList) -> bytes:
    return _LIST.pack(len(signed.body), signed.signature.key_public, signed.signature.signature) + signed.body


def _read_lists(raw: bytes, start: BatchStart) -> tuple[tuple[SignedList, ...], int]:
    """The lists and where they end."""
    lists, at = [], _START.size
    for _ in range(start.lists):
        if at + _LIST.size > len(raw):
            raise Malformed("batch", "a whole list", f"{len(raw) - at} bytes")
        size, key, signature = _LIST.unpack_from(raw, at)
        at += _LIST.size
        if size > len(raw) - at:
            raise Malformed("batch", f"a list of {size} bytes", f"{len(raw) - at}")
        lists.append(SignedList.parse(raw[at : at + size], Signature(key, signature)))
        at += size
    if any(signed.content.origin != start.origin for signed in lists):
        raise Malformed("batch", f"lists of origin {start.origin}", "another origin's")
    return tuple(lists), at


def _place(lists: Sequence[SignedList], at: int, index: int) -> tuple[int, int]:
    if at >= len(lists) or index >= len(lists[at].content.entries):
        raise Malformed("batch", "entries of its lists", f"entry {index} of list {at}")
    return at, index


def _sized(name: str, raw: bytes, size: int) -> None:
    if len(raw) != size:
        raise Malformed(name, f"{size} bytes", f"{len(raw)}")


assert _LIST.size == 2 + PUBLIC_KEY_SIZE_BYTES + SIGNATURE_SIZE_BYTES
