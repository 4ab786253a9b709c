"""What a power cut would leave: rows, marks and bytes read straight from a virtual disk's tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lumbung_cluster.entry import SignedList
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.keyvalue import Family
from lumbung_node.store.layout import (
    BlobRow,
    FeedRow,
    MarkRow,
    OriginCounts,
    RowState,
    blob_key,
    feed_key,
    list_key,
    mark_key,
    number_key,
    place_key,
    unpack_list,
)
from lumbung_testing.virtual_tables import Tables

__all__ = ["DurableView"]

_NO_END = b"\xff" * 64
_FIRST_FEED = feed_key(NodeNumber(1), 0)  # number rows lie before it


class DurableView:
    """Behind the back of whatever runs on the disk; reads only."""

    def __init__(self, tables: Callable[[], Tables]) -> None:
        self._tables = tables
        self._right: dict[BlobId, list[bytes]] = {}

    def row(self, origin: NodeNumber, blob: BlobId) -> BlobRow | None:
        value = self._tables().get(Family.BLOBS, blob_key(origin, blob))
        return BlobRow.unpack(value) if value is not None else None

    def holds(self, origin: NodeNumber, blob: BlobId) -> bool:
        """Whether the blob is there, said to be intact, its bytes hash to its id, and its list vouches for it."""
        row = self.row(origin, blob)
        return row is not None and row.state is RowState.INTACT and self._is_whole(origin, blob, row)

    def has_bytes(self, origin: NodeNumber, blob: BlobId) -> bool:
        """The same but for the list."""
        row = self.row(origin, blob)
        return row is not None and row.state is RowState.INTACT and self.bytes_match(blob, row)

    def _is_whole(self, origin: NodeNumber, blob: BlobId, row: BlobRow) -> bool:
        return self.bytes_match(blob, row) and self._is_vouched(origin, blob, row)

    def _is_vouched(self, origin: NodeNumber, blob: BlobId, row: BlobRow) -> bool:
        value = self._tables().get(Family.LISTS, list_key(origin, row.signed))
        if value is None:
            return False
        entries = SignedList.parse(*unpack_list(value)).content.entries
        return row.signed.index < len(entries) and entries[row.signed.index].blob == blob

    def bytes_match(self, blob: BlobId, row: BlobRow) -> bool:
        tables = self._tables()
        keys = [place_key(row.place + index) for index in range(row.chunks)]
        if any(tables.is_damaged(Family.CHUNKS, key) for key in keys):
            return False
        chunks = [tables.get(Family.CHUNKS, key) for key in keys]
        present = [chunk for chunk in chunks if chunk is not None]
        if len(present) != len(chunks):
            return False
        known = self._right.get(blob, [])  # the very same objects as before: not hashed again
        if len(known) == len(present) and all(one is other for one, other in zip(known, present, strict=True)):
            return True
        is_right = BlobId.of(b"".join(present)) == blob
        if is_right:
            self._right[blob] = present
        return is_right

    def feed_row(self, origin: NodeNumber, number: int) -> FeedRow | None:
        value = self._tables().get(Family.FEEDS, feed_key(origin, number))
        return FeedRow.unpack(value) if value is not None else None

    def number(self, origin: NodeNumber, blob: BlobId) -> int | None:
        """Where the number row of an id leads."""
        value = self._tables().get(Family.FEEDS, number_key(origin, blob))
        return int.from_bytes(value, "big") if value is not None else None

    def count(self, origin: NodeNumber) -> int:
        """How many blobs of an origin the store says that it has."""
        value = self._tables().get(Family.SYSTEM, b"n" + origin.to_bytes(4, "big"))
        return OriginCounts.unpack(value).blobs if value is not None else 0

    def feed_gaps(self) -> list[tuple[NodeNumber, int]]:
        """Numbers that are missing below the last one of a feed."""
        gaps, before = list[tuple[NodeNumber, int]](), (0, 0)
        for key in self._tables().keys(Family.FEEDS, _FIRST_FEED, _NO_END):
            origin, number = int.from_bytes(key[:4], "big"), int.from_bytes(key[4:], "big")
            expected = before[1] + 1 if before[0] == origin else 1
            gaps += [(NodeNumber(origin), missing) for missing in range(expected, number)]
            before = (origin, number)
        return gaps

    def named_by_feeds(self) -> set[tuple[NodeNumber, BlobId]]:
        """Every blob that some feed row names."""
        tables = self._tables()
        keys = list(tables.keys(Family.FEEDS, _FIRST_FEED, _NO_END))
        rows = [(NodeNumber(int.from_bytes(key[:4], "big")), tables.get(Family.FEEDS, key)) for key in keys]
        return {(origin, FeedRow.unpack(value).blob) for origin, value in rows if value is not None}

    def rotten(self) -> list[tuple[NodeNumber, BlobId]]:
        """Every blob whose row says intact over other bytes than its own, in key order."""
        rows = ((origin, blob, BlobRow.unpack(value)) for origin, blob, value in self.rows())
        return [
            (origin, blob)
            for origin, blob, row in rows
            if row.state is RowState.INTACT and not self.bytes_match(blob, row)
        ]

    def mark(self, sender: NodeNumber, origin: NodeNumber) -> MarkRow | None:
        value = self._tables().get(Family.MARKS, mark_key(sender, origin))
        return MarkRow.unpack(value) if value is not None else None

    def rows(self) -> Iterator[tuple[NodeNumber, BlobId, bytes]]:
        """Every blob row, packed, in key order."""
        tables = self._tables()
        for key in tables.keys(Family.BLOBS, b"", _NO_END):
            value = tables.get(Family.BLOBS, key)
            assert value is not None
            yield NodeNumber(int.from_bytes(key[:4], "big")), BlobId(key[4:]), value

    def held(self) -> dict[tuple[NodeNumber, BlobId], BlobRow]:
        """Every blob that is there intact, in key order."""
        rows = ((origin, blob, BlobRow.unpack(value)) for origin, blob, value in self.rows())
        return {
            (origin, blob): row
            for origin, blob, row in rows
            if row.state is RowState.INTACT and self._is_whole(origin, blob, row)
        }
