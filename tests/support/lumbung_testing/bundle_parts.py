"""Parts of bundles made in memory, with real signatures, for tests of the format."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from blake3 import blake3

from lumbung_cluster.bundle import Batch, PartEnd, PartHead
from lumbung_cluster.bundle_scan import FoundBatch, Gap, PartEvent, Read, scan_part
from lumbung_cluster.entry import Entry, EntryList, SignedList, sign_list
from lumbung_cluster.feed import first_hash
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_testing.rosters import CLUSTER, SeededSigner

__all__ = ["BUNDLE", "EXPORTER", "HOLDER", "Part", "made_part", "read_blobs", "reader_of"]

BUNDLE = bytes(range(100, 116))
EXPORTER, HOLDER = NodeNumber(1), NodeNumber(4)


@dataclass(frozen=True, slots=True)
class Part:
    """A whole part's bytes, and what is in it."""

    head: PartHead
    raw: bytes
    blobs: dict[BlobId, bytes]
    batch_starts: tuple[int, ...]


def made_part(sizes: Sequence[Sequence[int]], *, part: int = 1, seed: int = 7) -> Part:
    """A batch for each of `sizes`, with a blob for each size in it."""
    luck = random.Random(seed)
    head = PartHead(CLUSTER, BUNDLE, EXPORTER, HOLDER, disk=1, part=part)
    raw, blobs, starts, number = head.pack(), dict[BlobId, bytes](), list[int](), 1
    entries = blob_bytes = 0
    for at, batch_sizes in enumerate(sizes, start=1):
        contents = [luck.randbytes(size) for size in batch_sizes]
        signed = _signed(contents, number)
        batch = Batch(BUNDLE, part, at, EXPORTER, (signed,), tuple((0, index) for index in range(len(contents))))
        starts.append(len(raw))
        raw += batch.pack() + b"".join(contents)
        blobs.update((BlobId.of(content), content) for content in contents)
        number += len(contents)
        entries, blob_bytes = entries + len(contents), blob_bytes + sum(batch_sizes)
    fixed = PartEnd.fixed(BUNDLE, part, len(sizes), entries, blob_bytes)
    raw += fixed
    return Part(head, raw + blake3(raw).digest(), blobs, tuple(starts))


def _signed(contents: Sequence[bytes], first: int) -> SignedList:
    entries = tuple(Entry(BlobId.of(content), len(content), 1_795_500_000_000, 1) for content in contents)
    previous = first_hash(CLUSTER, EXPORTER, EXPORTER)
    return sign_list(EntryList(CLUSTER, EXPORTER, Generation(1), first, previous, entries), SeededSigner("entry 1"))


def reader_of(raw: bytes) -> Read:
    return lambda offset, size: raw[offset : offset + size]


def read_blobs(raw: bytes, expected: PartHead | None = None) -> tuple[dict[BlobId, bytes], list[Gap], list[PartEvent]]:
    """What an import would take from these bytes: blobs that hash to their ids; the gaps; all events."""
    events = list(scan_part(reader_of(raw), len(raw), expected))
    blobs: dict[BlobId, bytes] = {}
    for found in events:
        if isinstance(found, FoundBatch):
            at = found.blobs_at
            for entry in found.batch.entries:
                content = raw[at : at + entry.size_bytes]
                at += entry.size_bytes
                if BlobId.of(content) == entry.blob:
                    blobs[entry.blob] = content
    return blobs, [found for found in events if isinstance(found, Gap)], events
