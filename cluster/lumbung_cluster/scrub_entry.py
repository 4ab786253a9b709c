"""An own entry whose signed list is lost, found again: its origin may sign it anew, but only as what it was.

The row keeps size and time; seal epoch and flags stood in the list alone. The feed's running hash covers all of them,
so the few values that they can have are tried until one of them makes the hash that is stored.
"""

from __future__ import annotations

from lumbung_cluster.entry import FLAG_UNSEALED, Entry
from lumbung_cluster.feed import next_hash
from lumbung_cluster.ids import BlobId

__all__ = ["recover_entry"]


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
