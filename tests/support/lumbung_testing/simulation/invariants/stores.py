"""Disks and memory, looked at from time to time.

right id       no row says intact over bytes that hash to something else
one number     no id stands twice in a feed, whatever was lost behind its back and came again
bounds         memory budgets stay inside their limits
"""

from __future__ import annotations

from functools import lru_cache

from lumbung_cluster.entry import Entry, SignedList
from lumbung_cluster.feed import first_hash, next_hash
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.limits import FOREIGN_MEMORY_BYTES_MAX
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.store.layout import BlobRow, FeedRow, RowState, list_key, unpack_list
from lumbung_testing.rosters import CLUSTER, TestVerifier
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.node import SimNode, entry_keys_ever

__all__ = ["SWEEPS"]


def _sweep_rows(claims: Claims) -> None:
    for node in claims.nodes.values():
        _check_rows(claims, node)


def _check_rows(claims: Claims, node: SimNode) -> None:
    for origin, blob, packed in node.durable.rows():
        if node.rows_checked.get((origin, blob)) == packed:
            continue
        node.rows_checked[origin, blob] = packed
        row = BlobRow.unpack(packed)
        is_wrong = row.state is RowState.INTACT and not node.durable.bytes_match(blob, row)
        if is_wrong and not claims.damage.is_rotten(node.number, origin, blob):
            claims.broken("right id", f"{node.host} has other bytes under {blob} of {origin}")


def _sweep_feeds(claims: Claims) -> None:
    for node in claims.nodes.values():
        for origin in claims.nodes:
            _check_feed(claims, node, origin)


def _check_feed(claims: Claims, node: SimNode, origin: NodeNumber) -> None:
    """The chain is followed from where the last look ended; whose word each entry is, is looked at anew each time."""
    if claims.damage.has_gap(node, origin):
        return
    checked, running = node.chains_checked.get(origin, (0, first_hash(CLUSTER, node.number, origin)))
    number, known = 0, set[BlobId]()
    while (row := node.durable.feed_row(origin, number + 1)) is not None:
        number += 1
        if row.blob in known:
            claims.broken("one number", f"{node.host}: {row.blob} of {origin} stands at {number} and earlier")
            return
        known.add(row.blob)
        entry = _entry(node, origin, row)
        is_lost = claims.damage.is_rotten(node.number, origin, row.blob)
        if (entry is None or entry.blob != row.blob) and is_lost:
            return  # the list went, and the rest cannot be followed
        if entry is None or entry.blob != row.blob:
            claims.broken("the origin's word", f"{node.host}: number {number} of {origin} is not in the list it names")
            return
        if number > checked:
            running = next_hash(running, entry)
            if row.running_hash != running:
                claims.broken("the chain holds", f"{node.host}: number {number} of {origin} has another running hash")
                return
        elif number == checked and row.running_hash != running:
            claims.broken("the chain holds", f"{node.host}: number {number} of {origin} was another one before")
            return
    counted = node.durable.count(origin)
    if number < checked or counted != number:
        claims.broken("the chain holds", f"{node.host}: feed of {origin} has {number} rows, counted are {counted}")
    node.chains_checked[origin] = number, running


def _entry(node: SimNode, origin: NodeNumber, row: FeedRow) -> Entry | None:
    raw = node.disk.durable.get(Family.LISTS, list_key(origin, row.signed))
    entries = _signed_entries(raw, origin) if raw is not None else ()
    return entries[row.signed.index] if row.signed.index < len(entries) else None


@lru_cache(maxsize=100_000)
def _signed_entries(raw: bytes, origin: NodeNumber) -> tuple[Entry, ...]:
    """The entries of a stored list; none when it is not what the origin signed."""
    signed = SignedList.parse(*unpack_list(raw))
    is_own = signed.content.origin == origin and signed.signature.key_public in entry_keys_ever(origin)
    return signed.content.entries if is_own and signed.is_valid(TestVerifier()) else ()


def _sweep_bounds(claims: Claims) -> None:
    for node in claims.nodes.values():
        if node.core is not None:
            _check_bounds(claims, node.host, node.core)


def _check_bounds(claims: Claims, host: str, core: Core) -> None:
    budgets = (
        ("own", core.memory.taken_bytes, core.memory.bytes_max),
        ("foreign", core.foreign_memory.taken_bytes, FOREIGN_MEMORY_BYTES_MAX),
    )
    for name, taken_bytes, bytes_max in budgets:
        if not 0 <= taken_bytes <= bytes_max:
            claims.broken("bounds", f"{host}: {name} memory holds {taken_bytes} of {bytes_max} bytes")


SWEEPS = (_sweep_rows, _sweep_feeds, _sweep_bounds)
