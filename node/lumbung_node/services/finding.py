"""Which blob a caller means: by id, by the beginning of one, or by a record's tag; and whether he may read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lumbung_cluster.errors import BlobDamaged, Rejected, StatusCode
from lumbung_cluster.ids import BLOB_ID_SIZE_BYTES, BlobId, NodeNumber
from lumbung_node.services.core import Core
from lumbung_node.services.putting import TAG_SIZE_BYTES
from lumbung_node.store.layout import BlobRow, RowState, TagVersion

__all__ = ["Finder", "Found", "MayRead", "not_here"]

MayRead = Callable[[NodeNumber], None]
"""Raises Rejected when the caller may not read this origin."""

_PREFIX_BYTES_MIN = 4


@dataclass(frozen=True, slots=True)
class Found:
    """`versions` of the record, oldest first, where it was asked for by its tag."""

    origin: NodeNumber
    blob: BlobId
    row: BlobRow
    versions: Sequence[TagVersion] = ()


def not_here(origin: NodeNumber, blob: BlobId) -> Rejected:
    return Rejected(StatusCode.NOT_FOUND, f"no blob {blob} of origin {origin} here")


class Finder:
    """Looks in one node's index."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def find(self, origin_asked: int, raw_id: bytes, record_tag: bytes, may_read: MayRead) -> Found:
        """The blob that an id, a unique prefix or a record tag names. Raises Rejected."""
        origin = NodeNumber(origin_asked or self._core.number)
        may_read(origin)
        versions: Sequence[TagVersion] = ()
        if record_tag:
            versions = await self._versions(origin, record_tag)
            blob = versions[-1].blob
        else:
            blob = await self._one_with_prefix(origin, raw_id)
        row = await self._core.store.reader.row(origin, blob)
        # What was let go is not here either: its bytes are missed by nobody, and no damage.
        if row is None or row.state is RowState.DROPPED:
            raise not_here(origin, blob)
        return Found(origin, blob, row, versions)

    async def _versions(self, origin: NodeNumber, record_tag: bytes) -> Sequence[TagVersion]:
        if origin != self._core.number:
            raise Rejected(StatusCode.FAILED_PRECONDITION, f"records are known to their origin: ask node {origin}")
        if len(record_tag) != TAG_SIZE_BYTES:
            raise Rejected(
                StatusCode.INVALID_ARGUMENT, f"record tag: expected {TAG_SIZE_BYTES} bytes, got {len(record_tag)}"
            )
        (versions,) = await self._core.store.reader.versions([record_tag])
        if not versions:
            raise Rejected(StatusCode.NOT_FOUND, "no recording under this record tag")
        return versions

    async def _one_with_prefix(self, origin: NodeNumber, raw_id: bytes) -> BlobId:
        if len(raw_id) == BLOB_ID_SIZE_BYTES:
            return BlobId(raw_id)
        if not _PREFIX_BYTES_MIN <= len(raw_id) < BLOB_ID_SIZE_BYTES:
            raise Rejected(
                StatusCode.INVALID_ARGUMENT, f"id: expected {_PREFIX_BYTES_MIN} to 32 bytes, got {len(raw_id)}"
            )
        try:
            found = await self._core.store.reader.ids_with_prefix(origin, raw_id, 2)
        except BlobDamaged as exc:
            self._core.store.state.suspected.beat()
            sentence = "a part of the index here is damaged and being mended: ask another holder"
            raise Rejected(StatusCode.DATA_LOSS, sentence) from exc
        if not found:
            raise Rejected(StatusCode.NOT_FOUND, f"no blob {raw_id.hex()}... of origin {origin} here")
        if len(found) > 1:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"{raw_id.hex()} begins more than one id: give more digits")
        return found[0]
