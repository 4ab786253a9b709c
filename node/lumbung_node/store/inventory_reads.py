"""What inventories read: runs of the feed, and one unit of the id rows, with every gap and every damage told."""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from lumbung_cluster import limits
from lumbung_cluster.errors import BlobDamaged, InventoryUnknown
from lumbung_cluster.feed import HASH_SIZE_BYTES, first_hash
from lumbung_cluster.ids import BLOB_ID_SIZE_BYTES, NodeNumber
from lumbung_cluster.inventory.fingerprint import NO_IDS, InventoryKey, UnitDigest
from lumbung_cluster.inventory.inventory import UNIT_SYMBOLS
from lumbung_cluster.inventory.symbols import Symbols, short_ids
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.ports.world import Blocking
from lumbung_node.store.inventory_rows import Folded, SumsRow, TableRow, key_check, sums_key, table_key
from lumbung_node.store.layout import feed_key, is_dropped_row
from lumbung_node.store.state import NO_END, StoreState

__all__ = ["UnitRead", "fits_feed", "hash_of_row", "id_of_row", "number_of_row", "read_feed", "read_kept", "read_unit"]

_LET_GO_MAX = 256  # of one unit, told at a time
_ROW_NUMBER = struct.Struct(">22xQ")  # the feed number in a blob row


def id_of_row(feed_row: bytes) -> bytes:
    """The id in a packed feed row, without the cost of the whole row."""
    return feed_row[:BLOB_ID_SIZE_BYTES]


def hash_of_row(feed_row: bytes) -> bytes:
    """The running hash in a packed feed row."""
    return feed_row[BLOB_ID_SIZE_BYTES : BLOB_ID_SIZE_BYTES + HASH_SIZE_BYTES]


def number_of_row(blob_row: bytes) -> int:
    """The feed number in a packed blob row."""
    (number,) = _ROW_NUMBER.unpack_from(blob_row)
    assert isinstance(number, int)
    return number


async def read_feed(
    kv: KeyValue,
    origin: NodeNumber,
    after: int,
    last: int,
    holes: Collection[int] = (),
    *,
    are_fresh: bool = False,
) -> list[bytes | None]:
    """The packed feed rows `after` + 1 to `last`, at most 1,024, in their order; None for a known hole.

    `are_fresh`: written a moment ago, so that few of them are read in place; a cold disk is read from a thread.

    Raises InventoryUnknown when others cannot be read.
    """
    try:
        limit = last - after if are_fresh else limits.INVENTORY_FOLD_ROWS_MAX
        rows = await kv.scan(Family.FEEDS, feed_key(origin, after + 1), feed_key(origin, last + 1), limit)
    except BlobDamaged as exc:
        raise InventoryUnknown(f"feed of origin {origin}: {exc}") from exc
    if len(rows) == last - after:
        return [value for _, value in rows]
    found = {int.from_bytes(key[4:], "big"): value for key, value in rows}
    lost = [number for number in range(after + 1, last + 1) if number not in found and number not in holes]
    if lost:
        raise InventoryUnknown(f"feed of origin {origin}: expected rows {after + 1} to {last}, {len(lost)} are lost")
    return [found.get(number) for number in range(after + 1, last + 1)]


async def read_kept(kv: KeyValue, origin: NodeNumber) -> tuple[SumsRow | None, TableRow | None]:
    """The rows of INVENTORY for one origin; None for one that is missing or cannot be read."""
    try:
        sums, table = await kv.get(Family.INVENTORY, [sums_key(origin), table_key(origin)])
    except BlobDamaged:
        return None, None  # the feed has everything
    return SumsRow.unpack(sums), TableRow.unpack(table)


async def fits_feed(kv: KeyValue, state: StoreState, key: InventoryKey, origin: NodeNumber, folded: Folded) -> bool:
    """Whether a row was folded from the history that this feed has, and under the secret that we have."""
    end = state.end(origin)
    if folded.key_check != key_check(key) or folded.number > end.number:
        return False
    if folded.number == end.number:
        return folded.running_hash == end.running_hash
    if folded.number == 0:
        return folded.running_hash == first_hash(state.cluster, state.node, origin)
    try:
        (value,) = await kv.get(Family.FEEDS, [feed_key(origin, folded.number)])
    except BlobDamaged:
        return False
    return value is not None and folded.running_hash == hash_of_row(value)


@dataclass(frozen=True, slots=True)
class UnitRead:
    """One unit as its id rows have it. `let_go` are the first numbers of which the bytes were let go."""

    digest: UnitDigest
    symbols: Symbols
    let_go: tuple[int, ...]


async def read_unit(
    kv: KeyValue, blocking: Blocking, key: InventoryKey, origin: NodeNumber, unit: int, number: int
) -> UnitRead:
    """One unit from the id rows, which hold each id once, up to feed number `number`.

    About 0.1 s for 15,600 ids; memory is that of one page. Raises InventoryUnknown.
    """
    first = origin.to_bytes(4, "big") + bytes([unit << 2])
    behind = origin.to_bytes(4, "big") + bytes([unit << 2 | 3]) + NO_END
    digest, symbols, let_go = NO_IDS, Symbols.none(UNIT_SYMBOLS), list[int]()
    while page := await _scan_ids(kv, first, behind):
        raw_ids = [row_key[4:] for row_key, value in page if number_of_row(value) <= number]
        dropped = (number_of_row(value) for _, value in page if is_dropped_row(value))
        let_go += islice(dropped, _LET_GO_MAX - len(let_go))
        first = page[-1][0] + b"\0"
        if raw_ids:
            more_digest, more_symbols = await blocking.run(partial(_summed, key, raw_ids))
            digest, symbols = digest.plus(more_digest), symbols.plus(more_symbols)
    return UnitRead(digest, symbols, tuple(let_go))


async def _scan_ids(kv: KeyValue, first: bytes, behind: bytes) -> list[tuple[bytes, bytes]]:
    try:
        return await kv.scan(Family.BLOBS, first, behind, limits.INVENTORY_FOLD_ROWS_MAX)
    except BlobDamaged as exc:
        raise InventoryUnknown(f"id rows from {first.hex()} on: {exc}") from exc


def _summed(key: InventoryKey, raw_ids: Sequence[bytes]) -> tuple[UnitDigest, Symbols]:
    return key.digest_of(raw_ids), Symbols.of(short_ids(raw_ids), UNIT_SYMBOLS)
