"""Cuts the wanted bytes of a batch on the disk into frames; bytes that cannot be read are said to have failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lumbung_cluster import limits
from lumbung_cluster.bundle_scan import FoundBatch
from lumbung_cluster.canonical import Malformed
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import bundles_pb2, peer_pb2
from lumbung_tools.bundles.folder import BundleFolder, PartFile

__all__ = ["OfferedBatch", "wanted_frames"]


@dataclass(frozen=True, slots=True)
class OfferedBatch:
    """A batch that was offered to the node, and in which part of the disk it lies."""

    serial: int
    part: int
    found: FoundBatch


@dataclass(slots=True)
class _Draft:
    """Slices of one frame: (entry, where in the file, how many bytes)."""

    slices: list[tuple[int, int, int]] = field(default_factory=list)
    size_bytes: int = 0


def wanted_frames(folder: BundleFolder, offered: OfferedBatch, want: peer_pb2.Want) -> Iterator[bytes]:
    """Messages for the node. Blocks on the disk; raises nothing for what cannot be read."""
    try:
        with folder.open_part(offered.part) as file:
            failed: set[int] = set()
            for draft in _drafts(offered.found, want):
                frame = _frame(offered.serial, file, draft, failed)
                if frame is not None:
                    yield frame
    except (OSError, Malformed):  # the disk is gone
        yield _failed_frame(offered.serial, _wanted(offered.found, want))


def _wanted(found: FoundBatch, want: peer_pb2.Want) -> list[int]:
    count = len(found.batch.places)
    return [i for i in range(min(count, 8 * len(want.wanted))) if want.wanted[i >> 3] >> (i & 7) & 1]


def _drafts(found: FoundBatch, want: peer_pb2.Want) -> Iterator[_Draft]:
    """The wanted bytes in order, at most 1 MiB and 256 slices at a time."""
    offsets = {resume.entry: resume.offset_bytes for resume in want.resume}
    starts, at = [], found.blobs_at
    for entry in found.batch.entries:
        starts.append(at)
        at += entry.size_bytes
    draft = _Draft()
    for index in _wanted(found, want):
        size = found.batch.entries[index].size_bytes
        done = min(offsets.get(index, 0), size)
        while done < size:
            length = min(size - done, limits.PIECE_SIZE_BYTES_MAX - draft.size_bytes)
            draft.slices.append((index, starts[index] + done, length))
            draft.size_bytes += length
            done += length
            if draft.size_bytes == limits.PIECE_SIZE_BYTES_MAX or len(draft.slices) == limits.FRAME_PARTS_MAX:
                yield draft
                draft = _Draft()
    if draft.slices:
        yield draft


def _frame(serial: int, file: PartFile, draft: _Draft, failed: set[int]) -> bytes | None:
    """Nothing more comes for an entry once it has failed: the node may have answered its batch by then."""
    pieces, payload = peer_pb2.Pieces(offer=serial), []
    for index, at, length in draft.slices:
        if index in failed:
            continue
        content = _read(file, at, length)
        if content is None:
            failed.add(index)
            pieces.pieces.add(entry=index, failed=True)
        else:
            pieces.pieces.add(entry=index, length_bytes=length)
            payload.append(content)
    return encode_frame(bundles_pb2.ImportRequest(pieces=pieces), payload) if pieces.pieces else None


def _read(file: PartFile, at: int, length: int) -> bytes | None:
    """None for bytes that are not there, or that the disk cannot read."""
    try:
        content = file.read(at, length)
    except OSError:
        return None
    return content if len(content) == length else None


def _failed_frame(serial: int, entries: list[int]) -> bytes:
    pieces = peer_pb2.Pieces(offer=serial, pieces=[peer_pb2.Piece(entry=index, failed=True) for index in entries])
    return encode_frame(bundles_pb2.ImportRequest(pieces=pieces))
