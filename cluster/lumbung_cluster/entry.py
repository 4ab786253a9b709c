"""Entries and the signed lists that carry them: nobody can add to another's origin.

Body of an entry list (domain `lumbung/entry/0`), all integers big endian:

    cluster id      16 B
    origin          u32     node number of the signer
    generation      u32     the origin's generation when it signed
    first           u64     feed number, at the origin, of the first entry; the others follow without a gap
    previous        32 B    the origin's running hash before the first entry: the lists form one chain
    count           u8      1 to 32
    entries         count x 53 B:  id 32 B, size u64, time in UTC milliseconds u64, seal epoch u32, flags u8

One list is one group commit's worth (or an eighth of a large one); it is stored once and forwarded verbatim.
"""

from __future__ import annotations

import struct

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import BlobId, ClusterId, Generation, NodeNumber
from lumbung_cluster.limits import BLOB_SIZE_BYTES_MAX, LIST_ENTRIES_MAX
from lumbung_cluster.record import record
from lumbung_cluster.signed import Domain, Signature, Signer, Verifier, is_signed_by, sign

__all__ = [
    "ENTRY_SIZE_BYTES",
    "FLAG_RETRACTION",
    "FLAG_UNSEALED",
    "Entry",
    "EntryList",
    "SignedList",
    "entry_in",
    "sign_list",
]

_HEAD = struct.Struct(">16sIIQ32sB")
_ENTRY = struct.Struct(">32sQQIB")
ENTRY_SIZE_BYTES = _ENTRY.size
FLAG_RETRACTION = 0x01  # reserved: retractions are not in this version, and an entry that has it is refused
FLAG_UNSEALED = 0x02  # the station delivered it encrypted otherwise; the node's config allowed it
_FLAGS_KNOWN = FLAG_UNSEALED


@record
class Entry:
    """What an origin says of one blob. `flags` are FLAG_*; `seal_epoch` names the recipients' roster (0: none)."""

    blob: BlobId
    size_bytes: int
    time_ms: int
    seal_epoch: int
    flags: int = 0

    def pack(self) -> bytes:
        return _ENTRY.pack(self.blob.raw, self.size_bytes, self.time_ms, self.seal_epoch, self.flags)


@record
class EntryList:
    """Consecutive entries of an origin's own feed."""

    cluster: ClusterId
    origin: NodeNumber
    generation: Generation
    first: int
    previous: bytes
    entries: tuple[Entry, ...]

    def pack(self) -> bytes:
        """The canonical body."""
        head = _HEAD.pack(self.cluster.raw, self.origin, self.generation, self.first, self.previous, len(self.entries))
        return b"".join((head, *(entry.pack() for entry in self.entries)))

    @classmethod
    def parse(cls, body: bytes) -> EntryList:
        """Strict: only what `pack` writes comes through. Raises Malformed."""
        if len(body) < _HEAD.size:
            raise Malformed("entry list", f"at least {_HEAD.size} bytes", f"{len(body)}")
        cluster, origin, generation, first, previous, count = _HEAD.unpack_from(body)
        if not 1 <= count <= LIST_ENTRIES_MAX:
            raise Malformed("entry list count", f"1 to {LIST_ENTRIES_MAX}", str(count))
        if len(body) != _HEAD.size + count * _ENTRY.size:
            raise Malformed("entry list", f"{_HEAD.size + count * _ENTRY.size} bytes", f"{len(body)}")
        if not (origin and generation and first):
            raise Malformed(
                "entry list head", "origin, generation and first from 1", f"{origin}, {generation}, {first}"
            )
        entries = tuple(_entry(*fields) for fields in _ENTRY.iter_unpack(body[_HEAD.size :]))
        return cls(ClusterId(cluster), NodeNumber(origin), Generation(generation), first, previous, entries)


@record
class SignedList:
    """A parsed list with the bytes it came as."""

    content: EntryList
    body: bytes
    signature: Signature

    @classmethod
    def parse(cls, body: bytes, signature: Signature) -> SignedList:
        return cls(EntryList.parse(body), body, signature)

    def is_valid(self, verifier: Verifier) -> bool:
        """Whether the signature is its key's; whether that key is the origin's is the roster's to say."""
        return is_signed_by(Domain.ENTRY, self.body, self.signature, verifier)


def sign_list(content: EntryList, signer: Signer) -> SignedList:
    body = content.pack()
    return SignedList(content, body, sign(Domain.ENTRY, body, signer))


def entry_in(body: bytes, index: int) -> Entry:
    """One entry of a body that was checked when it came, without the others. Raises Malformed where it has none."""
    at = _HEAD.size + index * _ENTRY.size
    if index < 0 or at + _ENTRY.size > len(body):
        raise Malformed("entry list", f"an entry at {index}", f"{len(body)} bytes")
    return _entry(*_ENTRY.unpack_from(body, at))


def _entry(raw_id: bytes, size_bytes: int, time_ms: int, seal_epoch: int, flags: int) -> Entry:
    if not 1 <= size_bytes <= BLOB_SIZE_BYTES_MAX:
        raise Malformed("entry size", f"1 to {BLOB_SIZE_BYTES_MAX}", str(size_bytes))
    if flags & ~_FLAGS_KNOWN:
        raise Malformed("entry flags", f"only {_FLAGS_KNOWN:#x}", f"{flags:#x}")
    return Entry(BlobId(raw_id), size_bytes, time_ms, seal_epoch, flags)
