"""Own entries that come home from a holder and whose number in the own feed is a known break: they take it again.

A disk can lose a whole group commit: feed row, list, number row and blob row. Then nothing here knows what stood at
that number; but the list that a holder has kept says it, and says the running hash before its first entry. Where that
leads from a row that is here, or to one, the list was signed in this very history, and the entry is what stood there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.entry import EntryList
from lumbung_cluster.feed import first_hash, next_hash
from lumbung_cluster.ids import BlobId
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.store.jobs import ForeignBlob
from lumbung_node.store.layout import FeedRow, feed_key, list_key, unpack_list
from lumbung_node.store.readable import get_readable, read_rows
from lumbung_node.store.state import StoreState

__all__ = ["OldPlace", "read_old_places"]


@dataclass(frozen=True, slots=True)
class OldPlace:
    """The number that an own entry had, with the running hash there and the one before."""

    number: int
    running_hash: bytes
    previous: bytes


async def read_old_places(kv: KeyValue, state: StoreState, items: Sequence[ForeignBlob]) -> dict[BlobId, OldPlace]:
    """Those of `items` that take a known break of the own feed. Costs nothing while there is none."""
    node = state.node
    found: dict[BlobId, OldPlace] = {}
    if not state.scrub.breaks:
        return found
    for item in items:
        content = item.signed.content
        if content.origin == node and (node, content.first + item.index) in state.scrub.breaks:
            place = await _old_place(kv, state, content, item.index)
            if place is not None:
                found[content.entries[item.index].blob] = place
    return found


async def _old_place(kv: KeyValue, state: StoreState, content: EntryList, index: int) -> OldPlace | None:
    """None when a row contradicts the list, when the number is taken, or when nothing says that it is our history."""
    hashes = [content.previous]
    for entry in content.entries:
        hashes.append(next_hash(hashes[-1], entry))
    first, behind = content.first, content.first + len(content.entries)
    numbers = range(first - 1, min(behind, state.end(state.node).number) + 1)
    keys = [feed_key(state.node, number) for number in numbers]
    rows = dict(zip(numbers, await read_rows(kv, Family.FEEDS, keys, FeedRow.unpack), strict=True))
    if rows.get(first + index) is not None:
        return None
    there = {number: row.running_hash for number, row in rows.items() if row is not None and number < behind}
    if first == 1:
        there[0] = first_hash(state.cluster, state.node, state.node)
    if any(running_hash != hashes[number - first + 1] for number, running_hash in there.items()):
        return None
    leads = await _leads_to(kv, state, hashes[-1], rows.get(behind))
    if leads is None:
        leads = bool(there)
    return OldPlace(first + index, hashes[index + 1], hashes[index]) if leads else None


async def _leads_to(kv: KeyValue, state: StoreState, running_hash: bytes, row: FeedRow | None) -> bool | None:
    """Whether the entry of this row, which is the next one, makes its running hash out of ours; None for no entry."""
    if row is None:
        return None
    (value,) = await get_readable(kv, Family.LISTS, [list_key(state.node, row.signed)])
    try:
        entries = EntryList.parse(unpack_list(value)[0]).entries if value is not None else ()
    except Malformed:
        return None
    if row.signed.index >= len(entries):
        return None
    return next_hash(running_hash, entries[row.signed.index]) == row.running_hash
