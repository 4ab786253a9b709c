"""Looks a part through without any node: heads, the id of every blob, and the hash of the whole file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from blake3 import blake3

from lumbung_cluster.bundle import HASH_SIZE_BYTES, PartEnd, PartHead
from lumbung_cluster.bundle_manifest import PartRecord
from lumbung_cluster.bundle_scan import FoundBatch, Gap, scan_part
from lumbung_cluster.entry import SignedList
from lumbung_cluster.ids import BlobId, blob_hasher
from lumbung_cluster.limits import MIB
from lumbung_tools.bundles.folder import PartFile

__all__ = ["PartReport", "verify_part"]

_READ_BYTES = 4 * MIB


@dataclass(slots=True)
class PartReport:
    """`record` is what a manifest would say of it when it is whole; `bad` are blobs whose bytes are others."""

    part: int
    file_bytes: int
    head: PartHead | None = None
    entries: int = 0
    blob_bytes: int = 0
    bad: list[BlobId] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    record: PartRecord | None = None

    @property
    def is_whole(self) -> bool:
        return self.record is not None and not self.bad and not self.gaps


def verify_part(
    number: int,
    file: PartFile,
    expected: PartHead | None,
    on_list: Callable[[SignedList], None],
    on_entry: Callable[[], None],
) -> PartReport:
    """Read everything. `on_list` hears of each signed list, `on_entry` of progress. Raises OSError."""
    report = PartReport(number, file.size_bytes)
    batches = 0
    for found in scan_part(file.read, file.size_bytes, expected):
        match found:
            case PartHead():
                report.head = found
            case Gap():
                report.gaps.append(found)
            case FoundBatch():
                batches += 1
                for signed in found.batch.lists:
                    on_list(signed)
                _check_blobs(file, found, report, on_entry)
            case PartEnd():
                counted = (batches, report.entries, report.blob_bytes)
                if (found.batches, found.entries, found.blob_bytes) == counted:
                    report.record = _record(file, found, report)
    return report


def _check_blobs(file: PartFile, found: FoundBatch, report: PartReport, on_entry: Callable[[], None]) -> None:
    at = found.blobs_at
    for entry in found.batch.entries:
        if _hash(file, at, entry.size_bytes, blob_hasher()) != entry.blob.raw:
            report.bad.append(entry.blob)
        at += entry.size_bytes
        report.entries += 1
        report.blob_bytes += entry.size_bytes
        on_entry()


def _record(file: PartFile, end: PartEnd, report: PartReport) -> PartRecord | None:
    """None when the bytes before the end are not those that it names."""
    hasher = blake3()
    if _hash(file, 0, file.size_bytes - HASH_SIZE_BYTES, hasher) != end.hash:
        return None
    hasher.update(end.hash)
    return PartRecord(report.part, file.size_bytes, report.entries, report.blob_bytes, hasher.digest())


def _hash(file: PartFile, at: int, size: int, hasher: blake3) -> bytes:
    """The digest of these bytes; of fewer when the file is shorter."""
    behind = at + size
    while at < behind and (piece := file.read(at, min(_READ_BYTES, behind - at))):
        hasher.update(piece)
        at += len(piece)
    return hasher.digest()
