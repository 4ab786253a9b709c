"""Reading a part that may be cut, edited or half unreadable: what is there, and what is not, in order.

    for found in scan_part(read, size_bytes, expected):
        PartHead        first, when it can be read
        FoundBatch      a batch with good heads, and where its blobs' bytes lie (they are checked by their ids)
        Gap             bytes that are no batch: damage, or the end of a part that was cut
        PartEnd         last, when the part is whole in its structure

`read(offset, size)` gives at most `size` bytes; sizes asked for are bounded before they are believed. Behind damage
the next batch's mark is looked for, so that one flipped byte in a head costs one batch and not the rest of the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lumbung_cluster.bundle import (
    BATCH_START_SIZE_BYTES,
    END_SIZE_BYTES,
    HEAD_SIZE_BYTES,
    Batch,
    BatchStart,
    PartEnd,
    PartHead,
    batch_mark,
)
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import ClusterId
from lumbung_cluster.limits import MIB

__all__ = ["FoundBatch", "Gap", "PartEvent", "Read", "scan_part"]

Read = Callable[[int, int], bytes]
_SEARCH_BYTES = MIB


@dataclass(frozen=True, slots=True)
class FoundBatch:
    """`blobs_at` is where the first blob's bytes begin in the file; `is_whole` whether the file has them all."""

    batch: Batch
    blobs_at: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes from `first` to before `behind` that could not be understood; `is_cut`: the file ends too early."""

    first: int
    behind: int
    why: str
    is_cut: bool = False


PartEvent = PartHead | FoundBatch | Gap | PartEnd


def scan_part(read: Read, size_bytes: int, expected: PartHead | None) -> Iterator[PartEvent]:
    """Everything in one part. With `expected` its identity is known (from the manifest) and a lost head is survived.

    Only batches of that bundle, cluster and part are given out: pieces of other files are gaps.
    """
    try:
        head = PartHead.parse(read(0, HEAD_SIZE_BYTES))
    except Malformed as exc:
        if expected is None:
            yield Gap(0, size_bytes, str(exc), is_cut=size_bytes < HEAD_SIZE_BYTES)
            return
        yield Gap(0, min(HEAD_SIZE_BYTES, size_bytes), str(exc), is_cut=size_bytes < HEAD_SIZE_BYTES)
        head = expected
    else:
        if expected is not None and head != expected:
            yield Gap(0, size_bytes, f"part of another bundle: expected {_words(expected)}, got {_words(head)}")
            return
        yield head
    yield from _scan_batches(read, size_bytes, head)


def _scan_batches(read: Read, size_bytes: int, head: PartHead) -> Iterator[PartEvent]:
    at = HEAD_SIZE_BYTES
    while at < size_bytes:
        if size_bytes - at == END_SIZE_BYTES:
            end = _read_end(read, at, head)
            if end is not None:
                yield end
                return
        found: FoundBatch | Malformed
        try:
            found = _read_batch(read, at, size_bytes, head)
        except Malformed as exc:
            found = exc
        if isinstance(found, FoundBatch):
            yield found
            at = min(size_bytes, found.blobs_at + found.batch.blob_bytes)
            continue
        behind = _next_mark(read, at + 1, size_bytes, head)
        yield Gap(at, behind, str(found), is_cut=behind == size_bytes)
        at = behind
    yield Gap(size_bytes, size_bytes, "part: expected its end, got none", is_cut=True)


def _read_batch(read: Read, at: int, size_bytes: int, head: PartHead) -> FoundBatch:
    start = BatchStart.parse(read(at, BATCH_START_SIZE_BYTES))
    if (start.bundle, start.part) != (head.bundle, head.part):
        raise Malformed("batch", f"bundle {head.bundle.hex()} part {head.part}", f"{start.bundle.hex()} {start.part}")
    batch = Batch.parse(read(at, start.head_bytes))
    if any(signed.content.cluster != head.cluster for signed in batch.lists):
        raise Malformed("batch", f"lists of cluster {head.cluster}", f"{_first_other(batch, head.cluster)}")
    blobs_at = at + start.head_bytes
    return FoundBatch(batch, blobs_at, blobs_at + start.blob_bytes <= size_bytes)


def _read_end(read: Read, at: int, head: PartHead) -> PartEnd | None:
    try:
        end = PartEnd.parse(read(at, END_SIZE_BYTES))
    except Malformed:
        return None
    return end if (end.bundle, end.part) == (head.bundle, head.part) else None


def _next_mark(read: Read, first: int, size_bytes: int, head: PartHead) -> int:
    """Where the next batch begins, or the part's end; `size_bytes` when there is neither."""
    mark = batch_mark(head.bundle, head.part)
    at = first
    while at < size_bytes:
        window = read(at, _SEARCH_BYTES + len(mark))
        found = window.find(mark)
        if found >= 0:
            return at + found
        if len(window) <= len(mark):
            break
        at += _SEARCH_BYTES
    end = size_bytes - END_SIZE_BYTES
    return end if end >= first and _read_end(read, end, head) is not None else size_bytes


def _first_other(batch: Batch, cluster: ClusterId) -> ClusterId:
    return next(signed.content.cluster for signed in batch.lists if signed.content.cluster != cluster)


def _words(head: PartHead) -> str:
    return f"{head.bundle.hex()[:8]} disk {head.disk} part {head.part} of node {head.exporter} for {head.holder}"
