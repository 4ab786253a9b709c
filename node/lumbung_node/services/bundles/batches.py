"""What a holder lacks of one origin, cut into batches whose bytes are read and verified before they are promised."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from lumbung_cluster import limits
from lumbung_cluster.entry import SignedList
from lumbung_cluster.errors import BlobDamaged
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.services.core import Core
from lumbung_node.services.session.vouched import is_vouched_for
from lumbung_node.store.events import EventKind, FoundBy
from lumbung_node.store.layout import BlobRow, FeedRow, ListPlace, RowState
from lumbung_node.store.reads import is_intact

__all__ = ["Lacking", "LackingBatch"]


@dataclass(frozen=True, slots=True)
class _Item:
    number: int
    blob: BlobId
    row: BlobRow


@dataclass(slots=True)
class LackingBatch:
    """Entries of one origin (number, id, list) with their verified bytes, covering the feed up to `upto`.

    `contents` follow `items`; a single blob over 8 MiB comes with its row in `large` instead, to be streamed.
    """

    origin: NodeNumber
    upto: int
    items: list[tuple[int, BlobId, ListPlace]] = field(default_factory=list)
    lists: list[SignedList] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    large: BlobRow | None = None
    unreadable: list[BlobId] = field(default_factory=list)


class Lacking:
    """What `holder` lacks of one origin behind a cursor, up to the end that the feed had at the beginning.

    Of our own origin that is what the holder has not proven. Of another's we know no proofs: everything that is the
    holder's to keep.
    """

    def __init__(self, core: Core, holder: NodeNumber, origin: NodeNumber, after: int) -> None:
        self._core = core
        self._holder = holder
        self._origin = origin
        self._after = after
        self._units = core.rosters.roster.units_held(holder, origin)
        self.end = core.store.state.end(origin).number

    def count_left(self) -> int:
        """About how many entries are to go; an upper bound for others' origins."""
        left = max(0, self.end - self._after)
        if self._origin != self._core.number:
            return left
        return min(left, self._core.store.proofs.ledger.account(self._holder).count_unproven(self.end))

    def mean_size_bytes(self) -> int:
        counts = self._core.store.state.count(self._origin)
        return counts.size_bytes // counts.blobs if counts.blobs else 0

    async def weigh(self) -> tuple[int, int]:
        """How many entries are to go, and their bytes; each row is looked at, no blob is read."""
        at, entries, size_bytes = self._after, 0, 0
        while at < self.end:
            page, at = await self._page(at)
            items, _ = await self._readable(page)
            entries += len(items)
            size_bytes += sum(item.row.size_bytes for item in items)
        return entries, size_bytes

    async def batches(self) -> AsyncGenerator[LackingBatch, None]:
        """In feed order; the last one covers the end, with or without entries."""
        at = self._after
        while at < self.end:
            page, last = await self._page(at)
            items, unreadable = await self._readable(page)
            for group in _groups(items):
                upto = _upto(items, group, last)
                yield await self._batch(group, upto, unreadable)
                unreadable = []
            if not items:
                yield LackingBatch(self._origin, last, unreadable=unreadable)
            at = last

    async def _page(self, after: int) -> tuple[list[tuple[int, FeedRow]], int]:
        """The next entries, and the number up to which that is all; rows of our own that are lost are passed over."""
        reader = self._core.store.reader
        if self._origin != self._core.number:
            rows = await reader.feed(self._origin, after, limits.OFFER_ENTRIES_MAX)
            found = [(number, row) for number, row in rows if number <= self.end]
            return found, found[-1][0] if found else self.end
        account = self._core.store.proofs.ledger.account(self._holder)
        numbers = account.unproven(self.end, limits.OFFER_ENTRIES_MAX, after=after)
        return sorted((await reader.feed_rows(self._origin, numbers)).items()), numbers[-1] if numbers else self.end

    async def _readable(self, page: Sequence[tuple[int, FeedRow]]) -> tuple[list[_Item], list[BlobId]]:
        """What is the holder's to keep and intact here, and what is known to be damaged."""
        wanted = [(number, row) for number, row in page if self._units >> row.blob.unit & 1]
        rows = await self._core.store.reader.rows(self._origin, [row.blob for _, row in wanted])
        items, damaged = [], []
        for (number, feed_row), row in zip(wanted, rows, strict=True):
            if row is not None and is_intact(row):
                items.append(_Item(number, feed_row.blob, row))
            elif row is None or row.state is not RowState.DROPPED:  # what was let go is missed by nobody
                damaged.append(feed_row.blob)
        return items, damaged

    async def _batch(self, group: Sequence[_Item], upto: int, unreadable: list[BlobId]) -> LackingBatch:
        batch = LackingBatch(self._origin, upto, unreadable=list(unreadable))
        lists = await self._lists(group, batch)
        vouched = [item for item in group if item.row.signed.list in lists]
        if len(vouched) == 1 and vouched[0].row.size_bytes > limits.MEMORY_BLOB_BYTES_MAX:
            batch.large = vouched[0].row
            kept = vouched
        else:
            kept = await self._read(vouched, batch)
        batch.items = [(item.number, item.blob, item.row.signed) for item in kept]
        batch.lists = [lists[key] for key in dict.fromkeys(item.row.signed.list for item in kept)]
        return batch

    async def _lists(self, group: Sequence[_Item], batch: LackingBatch) -> dict[tuple[int, int, int], SignedList]:
        """The lists of a group. An entry without one, or whose list counts no longer, would be refused, with all that
        stands in one batch with it."""
        places = {item.row.signed.list: item.row.signed for item in group}
        found = await self._core.store.reader.lists(self._origin, list(places.values()))
        lists = {key: signed for key, signed in zip(places, found, strict=True) if signed is not None}
        for item in group:
            if item.row.signed.list not in lists:
                await self._core.found_damage(self._origin, item.blob, FoundBy.READ, EventKind.LOST_LIST)
                batch.unreadable.append(item.blob)
        roster = self._core.rosters.roster
        return {key: signed for key, signed in lists.items() if is_vouched_for(roster, signed, self._origin)}

    async def _read(self, group: Sequence[_Item], batch: LackingBatch) -> list[_Item]:
        """Fill in the bytes; those that cannot be read are left out and told."""
        small = [(item.blob, item.row.place) for item in group if item.row.chunks == 1]
        read = iter(await self._core.store.reader.read_small(small) if small else [])
        kept = []
        for item in group:
            content = next(read) if item.row.chunks == 1 else await self._read_whole(item)
            if content is None:
                await self._core.found_damage(self._origin, item.blob, place=item.row.place)
                batch.unreadable.append(item.blob)
            else:
                kept.append(item)
                batch.contents.append(content)
        return kept

    async def _read_whole(self, item: _Item) -> bytes | None:
        try:
            return await self._core.store.reader.read_whole(item.blob, item.row)
        except BlobDamaged:
            return None


def _groups(items: Sequence[_Item]) -> list[list[_Item]]:
    """As many as one offer may carry each; a large blob stands alone."""
    groups: list[list[_Item]] = []
    size, lists = 0, set[tuple[int, int, int]]()
    for item in items:
        size += item.row.size_bytes
        lists.add(item.row.signed.list)
        if not groups or size > limits.OFFER_BYTES_MAX or len(lists) > limits.OFFER_LISTS_MAX:
            groups.append([])
            size, lists = item.row.size_bytes, {item.row.signed.list}
        groups[-1].append(item)
    return groups


def _upto(items: Sequence[_Item], group: Sequence[_Item], last: int) -> int:
    """How far the feed is covered behind this group: to before the next item, or to the page's last number."""
    behind = [item.number for item in items if item.number > group[-1].number]
    return behind[0] - 1 if behind else last
