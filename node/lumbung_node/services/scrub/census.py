"""All blob rows of one origin, whatever the feed says: which have which number, or none, and what they add up to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from lumbung_cluster.errors import BlobDamaged, StoreDamaged
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.inventory.inventory import Inventory
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.services.core import Core
from lumbung_node.services.scrub.reading import Stored
from lumbung_node.store.layout import BlobRow, FeedRow, OriginCounts, RowState, blob_key, feed_key
from lumbung_node.store.readable import read_rows

__all__ = ["Census", "rows_by_number"]

_PAGE_ROWS = 1000
_BEHIND = b"\xff" * 33
_Page = list[tuple[BlobId, BlobRow]]


async def rows_by_number(
    kv: KeyValue, origin: NodeNumber, wanted: Collection[int]
) -> dict[int, tuple[BlobId, BlobRow]]:
    """The blobs that have these feed numbers. Reads every row of the origin: 1,000,000 take a second."""
    found = {}
    async for page in _pages(kv, origin):
        found.update({row.number: (blob, row) for blob, row in page or () if row.number in wanted})
    return found


class Census:
    """One look at all blob rows of an origin: which of them no feed row names, and what they add up to.

    `inventory` has the ids with a number up to `folded_upto`.
    """

    def __init__(self, core: Core, origin: NodeNumber, folded_upto: int) -> None:
        self.inventory = Inventory(core.store.inventories.key)
        self._core = core
        self._state = core.store.state
        self._origin = origin
        self._folded_upto = folded_upto
        self._before = self._state.count(origin)
        self._size_bytes = 0
        self._damaged = 0
        self._rows = 0
        self._gaps = 0
        self._has_unsized = False

    @property
    def is_complete(self) -> bool:
        """Whether every row could be read."""
        return not self._gaps

    @property
    def tells_counts(self) -> bool:
        """Whether every row was there and says its size, and nothing was committed meanwhile."""
        twice = sum(len(numbers) for (origin, _), numbers in self._state.scrub.twice.items() if origin == self._origin)
        lost = sum(1 for origin, _ in self._state.scrub.breaks if origin == self._origin)
        is_still = self._state.count(self._origin) == self._before and not self._has_unsized
        return self.is_complete and is_still and self._rows + twice + lost == self._before.blobs

    @property
    def counts(self) -> OriginCounts:
        """What the rows add up to."""
        return replace(self._before, size_bytes=self._size_bytes, damaged=self._damaged)

    async def unlisted(self, upto: int) -> AsyncGenerator[list[Stored], None]:
        """Page by page, the rows with a number up to `upto` that the feed does not name there. Pages may be empty."""
        kv = self._core.store.kv
        async with aclosing(_pages(kv, self._origin)) as pages:
            async for page in pages:
                if page is None:
                    self._gaps += 1
                    continue
                await self._add(page)
                numbered = [Stored(blob, row) for blob, row in page if row.number <= upto]
                keys = [feed_key(self._origin, item.row.number) for item in numbered]
                feeds = await read_rows(kv, Family.FEEDS, keys, FeedRow.unpack)
                yield [
                    item for item, feed in zip(numbered, feeds, strict=True) if feed is None or feed.blob != item.blob
                ]

    async def _add(self, page: _Page) -> None:
        for blob, row in page:
            numbers = 1 + len(self._state.scrub.twice.get((self._origin, blob), ()))
            self._rows += 1
            self._damaged += row.state is RowState.DAMAGED
            self._has_unsized |= not row.size_bytes  # made again from a feed row alone
            if row.state is not RowState.DROPPED:
                self._size_bytes += row.size_bytes * numbers
        raw_ids = [blob.raw for blob, row in page if row.number <= self._folded_upto]
        await self._core.blocking.run(partial(self.inventory.fold, raw_ids))


async def _pages(kv: KeyValue, origin: NodeNumber) -> AsyncGenerator[_Page | None, None]:
    """Ends with None at a corrupt block: what lies there is found, key by key, by walking the feed."""
    first, behind = blob_key(origin, BlobId(bytes(32))), origin.to_bytes(4, "big") + _BEHIND
    while True:
        try:
            page = await kv.scan(Family.BLOBS, first, behind, _PAGE_ROWS)
        except BlobDamaged:
            yield None
            return
        rows = [(BlobId(key[4:]), _row(value)) for key, value in page]
        yield [(blob, row) for blob, row in rows if row is not None]
        if any(row is None for _, row in rows):
            yield None
        if len(page) < _PAGE_ROWS:
            return
        first = page[-1][0] + b"\0"


def _row(value: bytes) -> BlobRow | None:
    try:
        return BlobRow.unpack(value)
    except (StoreDamaged, ValueError):
        return None
