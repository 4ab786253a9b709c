"""Proofs of all blobs of an office that is down, written into its store as it keeps them: two holders have proven all.

What a start reads of them is the row of each blob and holder; the receipts themselves are not written, because nothing
reads them back here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.store.layout import CopyRow, copy_key

__all__ = ["prove_all"]

_BATCH_NUMBERS = 1000
_NUMBERS_A_RECEIPT = 256


async def prove_all(data: Path, holders: Sequence[NodeNumber], count: int, now_ms: int) -> None:
    """Own numbers 1 to `count` are proven at each holder."""
    store = await open_rocks(data, create=False)
    first_batch = Batch()
    for holder in holders:
        first_batch.put(Family.SYSTEM, b"g" + holder.to_bytes(4, "big"), Generation(1).to_bytes(4, "big"))
    await store.write(first_batch)
    for first in range(1, count + 1, _BATCH_NUMBERS):
        batch = Batch()
        for number in range(first, min(first + _BATCH_NUMBERS, count + 1)):
            for holder in holders:
                serial = number // _NUMBERS_A_RECEIPT * len(holders) + holder
                row = CopyRow(True, Generation(1), (1 << 40) + number, now_ms, serial, now_ms)
                batch.put(Family.PROOFS, copy_key(number, holder), row.pack())
        await store.write(batch)
    await store.sync()
    await store.close()
