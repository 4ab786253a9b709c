"""All blob rows of one origin, whatever the feed says: which have which number, and which have none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

from lumbung_cluster.errors import BlobDamaged, StoreDamaged
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.store.layout import BlobRow, FeedRow, blob_key, feed_key
from lumbung_node.store.readable import read_rows

__all__ = ["rows_by_number", "unlisted_rows"]

_PAGE_ROWS = 1000
_BEHIND = b"\xff" * 33


async def rows_by_number(
    kv: KeyValue, origin: NodeNumber, wanted: Collection[int]
) -> dict[int, tuple[BlobId, BlobRow]]:
    """The blobs that have these feed numbers. Reads every row of the origin: 1,000,000 take a second."""
    found = {}
    async for page in _pages(kv, origin):
        found.update({row.number: (blob, row) for blob, row in page if row.number in wanted})
    return found


async def unlisted_rows(kv: KeyValue, origin: NodeNumber, upto: int) -> AsyncIterator[list[tuple[BlobId, BlobRow]]]:
    """Page by page, the rows with a number up to `upto` that the feed does not name there. Pages may be empty."""
    async for page in _pages(kv, origin):
        numbered = [(blob, row) for blob, row in page if row.number <= upto]
        keys = [feed_key(origin, row.number) for _, row in numbered]
        feeds = await read_rows(kv, Family.FEEDS, keys, FeedRow.unpack)
        yield [item for item, feed in zip(numbered, feeds, strict=True) if feed is None or feed.blob != item[0]]


async def _pages(kv: KeyValue, origin: NodeNumber) -> AsyncIterator[list[tuple[BlobId, BlobRow]]]:
    """Ends at a corrupt block: what lies there is found, key by key, by walking the feed."""
    first, behind = blob_key(origin, BlobId(bytes(32))), origin.to_bytes(4, "big") + _BEHIND
    while True:
        try:
            page = await kv.scan(Family.BLOBS, first, behind, _PAGE_ROWS)
        except BlobDamaged:
            return
        yield [(BlobId(key[4:]), row) for key, value in page if (row := _row(value)) is not None]
        if len(page) < _PAGE_ROWS:
            return
        first = page[-1][0] + b"\0"


def _row(value: bytes) -> BlobRow | None:
    try:
        return BlobRow.unpack(value)
    except (StoreDamaged, ValueError):
        return None
