"""Ids that the feed names already, though they have no blob row: the row was lost behind the index's back.

Each feed row goes down with a number row (id -> number) in its own family. An id without a blob row is usually a new
one, and then a filter in memory answers; where the number row is there, the blob comes back under the number that it
has. A second number would count it twice in every inventory and mark, and would have to be proven twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.entry import Entry, SignedList
from lumbung_cluster.feed import first_hash
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.store.layout import FeedRow, feed_key, list_key, number_key, unpack_list
from lumbung_node.store.readable import get_readable, read_rows
from lumbung_node.store.state import StoreState

__all__ = ["Known", "read_known", "unpack_number"]

_Id = tuple[NodeNumber, BlobId]


@dataclass(frozen=True, slots=True)
class Known:
    """`number` of an id, and what is left of its feed row and its list there; `previous` is the running hash before."""

    number: int
    feed_row: FeedRow | None
    signed: SignedList | None
    previous: bytes

    @property
    def entry(self) -> Entry | None:
        """The entry in the list that the feed row names, if both are left."""
        if self.signed is None or self.feed_row is None:
            return None
        return self.signed.content.entries[self.feed_row.signed.index]


def unpack_number(value: bytes) -> int:
    return int.from_bytes(value, "big")


async def read_known(kv: KeyValue, state: StoreState, wanted: Sequence[_Id]) -> dict[_Id, Known]:
    """Those of `wanted` that have a number already; one look for all of them when none has.

    A number that names another blob now, or of which nothing is left in the feed (a known break), is none any more.
    """
    values = await read_rows(kv, Family.FEEDS, [number_key(*each) for each in wanted], unpack_number)
    numbers = {
        each: number
        for each, number in zip(wanted, values, strict=True)
        if number is not None and 1 <= number <= state.end(each[0]).number
    }
    if not numbers:
        return {}
    keys = [feed_key(origin, number) for (origin, _), number in numbers.items()]
    feed_rows = dict(zip(numbers, await read_rows(kv, Family.FEEDS, keys, FeedRow.unpack), strict=True))
    return {
        each: Known(number, row, await _list_of(kv, each, row), await _hash_before(kv, state, each[0], number))
        for each, number in numbers.items()
        if _names(row := feed_rows[each], each[1]) or (row is None and (each[0], number) not in state.scrub.breaks)
    }


def _names(row: FeedRow | None, blob: BlobId) -> bool:
    return row is not None and row.blob == blob


async def _list_of(kv: KeyValue, each: _Id, row: FeedRow | None) -> SignedList | None:
    """The list that a feed row names, if it is there and names the blob."""
    origin, blob = each
    if row is None:
        return None
    (value,) = await get_readable(kv, Family.LISTS, [list_key(origin, row.signed)])
    try:
        signed = SignedList.parse(*unpack_list(value)) if value is not None else None
    except Malformed:
        return None
    entries = signed.content.entries if signed is not None else ()
    is_named = row.signed.index < len(entries) and entries[row.signed.index].blob == blob
    return signed if is_named else None


async def _hash_before(kv: KeyValue, state: StoreState, origin: NodeNumber, number: int) -> bytes:
    """Zeros when the row that had it is lost."""
    if number == 1:
        return first_hash(state.cluster, state.node, origin)
    (row,) = await read_rows(kv, Family.FEEDS, [feed_key(origin, number - 1)], FeedRow.unpack)
    return row.running_hash if row is not None else bytes(32)
