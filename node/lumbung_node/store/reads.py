"""Reading: rows behind the durable end do not exist, and every byte that leaves is checked against its id."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from functools import partial

import trio
from blake3 import blake3

from lumbung_cluster.entry import SignedList
from lumbung_cluster.errors import BlobDamaged
from lumbung_cluster.ids import BLOB_ID_SIZE_BYTES, BlobId, NodeNumber, blob_hasher
from lumbung_cluster.inventory.symbols import short_id
from lumbung_cluster.signed import Signature
from lumbung_node.hashing import hash_where_it_pays
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.ports.world import Blocking
from lumbung_node.store.at_hand import ContentsAtHand
from lumbung_node.store.layout import (
    BlobRow,
    FeedRow,
    ListPlace,
    RowState,
    TagVersion,
    blob_key,
    feed_key,
    is_intact_row,
    list_key,
    lists_span,
    number_in_row,
    place_key,
    place_of_intact_row,
    unpack_list,
    unpack_versions,
)
from lumbung_node.store.readable import get_readable
from lumbung_node.store.state import StoreState

__all__ = ["Reader", "is_intact"]

_ROWS_AT_ONCE = 1000
_CHUNKS_AT_ONCE = 4  # 4 MiB in memory for one reader
_READ_WHOLE_BYTES_MAX = 8 << 20


class Reader:
    """Reads of one open store; any number of tasks at once."""

    def __init__(self, kv: KeyValue, state: StoreState, blocking: Blocking, at_hand: ContentsAtHand) -> None:
        self._kv = kv
        self._state = state
        self._blocking = blocking
        self._at_hand = at_hand

    async def rows(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> list[BlobRow | None]:
        """The durable rows, damaged ones included, in the order asked for."""
        keys = [blob_key(origin, blob) for blob in blobs]
        values = await self._values(Family.BLOBS, keys)
        return [self._durable(origin, key, value) for key, value in zip(keys, values, strict=True)]

    async def row(self, origin: NodeNumber, blob: BlobId) -> BlobRow | None:
        return (await self.rows(origin, [blob]))[0]

    async def are_intact(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> list[bool]:
        """For each whether this node durably holds it and may say so: a third of the cost of whole rows."""
        keys = [blob_key(origin, blob) for blob in blobs]
        values = await self._values(Family.BLOBS, keys)
        end = self._state.end(origin).number
        return [
            value is not None and is_intact_row(value, end) and key not in self._state.repairing
            for key, value in zip(keys, values, strict=True)
        ]

    async def intact_places(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> list[tuple[int, int] | None]:
        """As `are_intact`, with the size in bytes and the first place of each that is; None for the others."""
        keys = [blob_key(origin, blob) for blob in blobs]
        values = await self._values(Family.BLOBS, keys)
        end = self._state.end(origin).number
        return [
            place_of_intact_row(value, end) if value is not None and key not in self._state.repairing else None
            for key, value in zip(keys, values, strict=True)
        ]

    async def numbers(self, origin: NodeNumber, blobs: Sequence[BlobId]) -> list[int | None]:
        """The feed number of each row in the engine, also of one whose sync has not returned: for words on blobs.

        A word is kept by a commit of its own behind this read, whose sync covers these rows too. One that was left out
        because its row was just being written anew would never be told again in this session.
        """
        values = await self._values(Family.BLOBS, [blob_key(origin, blob) for blob in blobs])
        return [number_in_row(value) if value is not None else None for value in values]

    async def _values(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        """Index rows. One in a corrupt block is as good as gone, and a scrub is called: recording must go on."""
        try:
            return await self._kv.get(family, keys) if keys else []
        except BlobDamaged:
            self._state.suspected.beat()
            return await get_readable(self._kv, family, keys)

    def _durable(self, origin: NodeNumber, key: bytes, value: bytes | None) -> BlobRow | None:
        if value is None:
            return None
        row = BlobRow.unpack(value)
        if row.number > self._state.end(origin).number or key in self._state.repairing:
            return None  # visible in the engine, but its sync has not returned
        return row

    async def read_whole(self, blob: BlobId, row: BlobRow) -> bytes:
        """All bytes of a blob of at most 8 MiB, verified. Raises BlobDamaged."""
        assert row.size_bytes <= _READ_WHOLE_BYTES_MAX
        content = b"".join(await self._chunks(blob, row, 0, row.chunks))
        found = await hash_where_it_pays(self._blocking, len(content), lambda: BlobId.of(content))
        if found != blob:
            raise BlobDamaged(f"blob {blob}: stored bytes hash to {found}")
        return content

    async def read_small(self, wanted: Sequence[tuple[BlobId, int]]) -> list[bytes | None]:
        """The bytes of several small blobs (one chunk each, at these places) in one hop to the engine, verified; None
        for damaged ones.

        A hop costs as much as reading 4 KiB a hundred times: what is wanted together is read together.
        """
        blobs, keys = [blob for blob, _ in wanted], [place_key(place) for _, place in wanted]
        values = await get_readable(self._kv, Family.CHUNKS, keys)  # one corrupt block fails them all: tell which
        size_bytes = sum(len(value) for value in values if value is not None)
        return await hash_where_it_pays(self._blocking, size_bytes, partial(_verified, blobs, values))

    async def small_contents(self, wanted: Sequence[tuple[BlobId, int]]) -> list[bytes | None]:
        """As `read_small`, for who need not look at the disk: what was verified a moment ago is not read again."""
        contents = [self._at_hand.find(place, blob) for blob, place in wanted]
        lacking = [index for index, content in enumerate(contents) if content is None]
        if not lacking:
            await trio.lowlevel.checkpoint()
            return contents
        asked = [wanted[index] for index in lacking]
        read = await self.read_small(asked)
        for index, content in zip(lacking, read, strict=True):
            contents[index] = content
        found = zip(asked, read, strict=True)
        self._at_hand.note([(place, blob, content) for (blob, place), content in found if content is not None])
        return contents

    async def stream(self, blob: BlobId, row: BlobRow, *, offset_bytes: int = 0) -> AsyncGenerator[bytes, None]:
        """The blob from a multiple of 1 MiB on, in pieces of at most 1 MiB.

        From the start the hash is checked before the last piece is given out: a damaged blob ends with BlobDamaged
        instead of its end. From an offset the receiver, who has the beginning, checks it.
        """
        hasher = blob_hasher() if offset_bytes == 0 else None
        at = offset_bytes >> 20
        while at < row.chunks:
            chunks = await self._chunks(blob, row, at, min(_CHUNKS_AT_ONCE, row.chunks - at))
            at += len(chunks)
            if hasher is not None:
                size_bytes = sum(len(chunk) for chunk in chunks)
                await hash_where_it_pays(self._blocking, size_bytes, partial(_update, hasher, chunks))
                if at == row.chunks and hasher.digest() != blob.raw:
                    raise BlobDamaged(f"blob {blob}: stored bytes hash to {hasher.hexdigest()}")
            for chunk in chunks:
                yield chunk

    async def verify(self, blob: BlobId, row: BlobRow) -> None:
        """Read and hash everything. Raises BlobDamaged."""
        if row.size_bytes <= _READ_WHOLE_BYTES_MAX:
            await self.read_whole(blob, row)
            return
        async with aclosing(self.stream(blob, row)) as chunks:
            async for _ in chunks:
                pass

    async def _chunks(self, blob: BlobId, row: BlobRow, first: int, count: int) -> list[bytes]:
        keys = [place_key(row.place + first + i) for i in range(count)]
        try:
            values = await self._kv.get(Family.CHUNKS, keys)
        except BlobDamaged as exc:
            raise BlobDamaged(f"blob {blob}: {exc}") from exc
        chunks = [value for value in values if value is not None]
        if len(chunks) != count:
            raise BlobDamaged(f"blob {blob}: expected {count} chunks from {first} on, got {len(chunks)}")
        return chunks

    async def feed(self, origin: NodeNumber, after: int, limit: int) -> list[tuple[int, FeedRow]]:
        """Durable feed rows behind number `after`, rising and without a gap.

        Raises BlobDamaged when the first of them is lost: nobody may pass over what a scrub is about to mend. Known
        breaks, of which nothing is left, are passed over.
        """
        end = self._state.end(origin).number
        if after >= end:
            return []
        try:
            found = await self._kv.scan(Family.FEEDS, feed_key(origin, after + 1), feed_key(origin, end + 1), limit)
        except BlobDamaged:
            self._suspect(origin, range(after + 1, min(end, after + limit) + 1))
            raise
        rows: list[tuple[int, FeedRow]] = []
        for key, value in found:
            if key in self._state.repairing:
                break  # mended, but its sync has not returned
            number, expected = int.from_bytes(key[4:], "big"), (rows[-1][0] if rows else after) + 1
            if number != expected and not self._are_breaks(origin, range(expected, number)):
                break
            rows.append((number, FeedRow.unpack(value)))
        if not rows:
            self._suspect(origin, [after + 1])
            raise BlobDamaged(f"feed of origin {origin}: number {after + 1} is missing")
        return rows

    def _are_breaks(self, origin: NodeNumber, missing: Iterable[int]) -> bool:
        """Whether nothing is left of any of these numbers, and it is known."""
        return all((origin, number) in self._state.scrub.breaks for number in missing)

    async def feed_before(self, origin: NodeNumber, before: int, limit: int) -> list[tuple[int, FeedRow]]:
        """Durable feed rows in front of number `before`, falling; missing ones are left out. Raises BlobDamaged."""
        behind = min(before, self._state.end(origin).number + 1)
        if behind <= 1:
            return []
        first = feed_key(origin, 1)
        rows = await self._kv.scan(Family.FEEDS, first, feed_key(origin, behind), limit, backwards=True)
        return [
            (int.from_bytes(key[4:], "big"), FeedRow.unpack(value))
            for key, value in rows
            if key not in self._state.repairing
        ]

    def _suspect(self, origin: NodeNumber, numbers: Iterable[int]) -> None:
        self._state.suspects.update(dict.fromkeys((origin, number) for number in numbers))
        self._state.suspected.beat()

    async def feed_rows(self, origin: NodeNumber, numbers: Sequence[int]) -> dict[int, FeedRow]:
        """The durable rows of these numbers; missing ones are left out."""
        end = self._state.end(origin).number
        inside = [number for number in numbers if 1 <= number <= end]
        values = await self._values(Family.FEEDS, [feed_key(origin, number) for number in inside])
        found = zip(inside, values, strict=True)
        return {number: FeedRow.unpack(value) for number, value in found if value is not None}

    async def hash_at(self, origin: NodeNumber, number: int) -> bytes | None:
        """The running hash of this node's feed at a durable number; None past the end."""
        row = (await self.feed_rows(origin, [number])).get(number)
        return row.running_hash if row is not None else None

    async def lists(self, origin: NodeNumber, places: Sequence[ListPlace]) -> list[SignedList | None]:
        """The signed lists that hold these entries, in order; None for one that is gone."""
        found = await self.signed_bytes(origin, places)
        return [SignedList.parse(*each) if each is not None else None for each in found]

    async def signed_bytes(
        self, origin: NodeNumber, places: Sequence[ListPlace]
    ) -> list[tuple[bytes, Signature] | None]:
        """The bodies of these lists and their signatures, for who only passes them on; None for one that is gone."""
        values = await self._values(Family.LISTS, [list_key(origin, place) for place in places])
        if None in values:
            self._state.suspected.beat()
        return [unpack_list(value) if value is not None else None for value in values]

    async def newest_list(self, origin: NodeNumber) -> SignedList | None:
        """The list of the highest generation, and in it of the highest numbers, that lies here; None for none."""
        rows = await self._kv.scan(Family.LISTS, *lists_span(origin), 1, backwards=True)
        return SignedList.parse(*unpack_list(rows[0][1])) if rows else None

    async def ids_with_prefix(self, origin: NodeNumber, prefix: bytes, limit: int) -> list[BlobId]:
        """Durable ids that begin with `prefix`, at most `limit`."""
        first, behind = _span(origin, prefix)
        rows = await self._kv.scan(Family.BLOBS, first, behind, limit)
        return [BlobId(key[4:]) for key, value in rows if self._durable(origin, key, value) is not None]

    async def ids_with_prefixes(self, origin: NodeNumber, prefixes: Sequence[bytes], limit: int) -> list[list[BlobId]]:
        """As `ids_with_prefix` for many prefixes in one hop to the engine: what short ids stand for."""
        ranges = [_span(origin, prefix) for prefix in prefixes]
        found = await self._kv.scan_each(Family.BLOBS, ranges, limit) if ranges else []
        return [
            [BlobId(key[4:]) for key, value in rows if self._durable(origin, key, value) is not None] for rows in found
        ]

    async def held_under(
        self, origin: NodeNumber, shorts: Sequence[int], limit: int
    ) -> list[list[tuple[BlobId, BlobRow]]]:
        """What short ids of 44 bits stand for here: for each the durable ids, at most `limit`, with their rows."""
        found = await self.ids_with_prefixes(origin, [(short >> 4).to_bytes(5, "big") for short in shorts], limit)
        matching = [
            [blob for blob in blobs if short_id(blob.raw) == short] for short, blobs in zip(shorts, found, strict=True)
        ]
        rows = iter(await self.rows(origin, [blob for blobs in matching for blob in blobs]))
        held = [[(blob, next(rows)) for blob in blobs] for blobs in matching]
        return [[(blob, row) for blob, row in pairs if row is not None] for pairs in held]

    async def ids_of_unit(self, origin: NodeNumber, unit: int, number: int) -> list[bytes]:
        """The raw ids of one unit up to feed number `number`, rising: 46 ms for 15,600."""
        first, last = bytes([unit << 2]), bytes([unit << 2 | 3])
        key, behind = _span(origin, first)[0], _span(origin, last)[1]
        number = min(number, self._state.end(origin).number)
        ids: list[bytes] = []
        while rows := await self._kv.scan(Family.BLOBS, key, behind, _ROWS_AT_ONCE):
            ids += [found[4:] for found, value in rows if BlobRow.unpack(value).number <= number]
            key = rows[-1][0] + b"\0"
        return ids

    async def versions(self, record_tags: Sequence[bytes]) -> list[list[TagVersion]]:
        """What is durable under each record tag, oldest first."""
        values = await self._values(Family.TAGS, record_tags)
        end = self._state.end(self._state.node).number
        found = [unpack_versions(value) if value is not None else [] for value in values]
        return [[version for version in versions if version.number <= end] for versions in found]


def is_intact(row: BlobRow | None) -> bool:
    """Whether this node may say that it holds the blob."""
    return row is not None and row.state is RowState.INTACT


def _span(origin: NodeNumber, prefix: bytes) -> tuple[bytes, bytes]:
    """The first key of BLOBS with this prefix, and one behind the last."""
    first = origin.to_bytes(4, "big") + prefix
    return first, first + b"\xff" * (BLOB_ID_SIZE_BYTES - len(prefix) + 1)


def _verified(blobs: Sequence[BlobId], values: Sequence[bytes | None]) -> list[bytes | None]:
    return [
        value if value is not None and BlobId.of(value) == blob else None
        for blob, value in zip(blobs, values, strict=True)
    ]


def _update(hasher: blake3, chunks: list[bytes]) -> None:
    for chunk in chunks:
        hasher.update(chunk)
