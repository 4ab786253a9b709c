"""Own entries whose signed list is lost, found again: their origin may sign them anew, but only as what they were.

The row keeps size and time; seal epoch and flags stood in the list alone. The feed's running hash covers all of them,
so the few values that they can have are tried until one of them makes the hash that is stored. Where feed rows went
with the list, the hash behind the last of them does as well: the entries of one commit were sealed in one epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lumbung_cluster.entry import FLAG_UNSEALED, Entry
from lumbung_cluster.feed import next_hash
from lumbung_cluster.ids import BlobId

__all__ = ["recover_entry", "recover_first"]


def recover_entry(
    blob: BlobId, size_bytes: int, time_ms: int, *, previous: bytes, running_hash: bytes, epoch_max: int
) -> Entry | None:
    """The entry that leads from `previous` to `running_hash`; None when no seal epoch up to `epoch_max` does."""
    for seal_epoch in range(epoch_max, -1, -1):
        for flags in (0, FLAG_UNSEALED):
            entry = Entry(blob, size_bytes, time_ms, seal_epoch, flags)
            if next_hash(previous, entry) == running_hash:
                return entry
    return None


def recover_first(
    rows: Sequence[tuple[BlobId, int, int]], *, previous: bytes, leads: Callable[[bytes], bool], epoch_max: int
) -> Entry | None:
    """The first of consecutive entries (id, size, time), all of one seal epoch and with the same flags.

    `leads` says of the running hash behind the last one whether it is right. None when nothing makes such a one.
    """
    for seal_epoch in range(epoch_max, -1, -1):
        for flags in (0, FLAG_UNSEALED):
            entries = [Entry(blob, size_bytes, time_ms, seal_epoch, flags) for blob, size_bytes, time_ms in rows]
            running_hash = previous
            for entry in entries:
                running_hash = next_hash(running_hash, entry)
            if leads(running_hash):
                return entries[0]
    return None
