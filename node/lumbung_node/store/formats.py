"""The disk's format: what this lumbung reads and writes, and how an older one is brought up in place.

A new lumbung reads the format before its own and goes on writing it, so that a node can go back to the older lumbung.
It brings the disk up at the first opening after the roster's `format_level` asks for more: custodians raise that once
every node can. From then on the older lumbung refuses the disk, and there is no way back.

A step puts everything that it changes into one batch with the `format` row, behind one sync: a crash leaves the one or
the other. A step that rewrites much writes its rows ahead under new keys, and that batch last.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from lumbung_cluster.errors import StoreMisconfigured
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue
from lumbung_node.ports.log import Log
from lumbung_node.store.state import KEY_FORMAT

__all__ = ["FORMAT_HIGH", "UPGRADES", "Upgrade", "bring_to_format", "history_key"]

FORMAT_HIGH = 1
_SIZE_BYTES = 4


@dataclass(frozen=True, slots=True)
class Upgrade:
    """One step: `prepare` gives what it changes, out of the store as the step before left it."""

    reaches: int
    prepare: Callable[[KeyValue, bytes], Awaitable[Batch]]


def history_key(version: int) -> bytes:
    """SYSTEM: 'f', format u32 -> when (u64 UTC ms) and by which lumbung (text) the disk came to that format."""
    return b"f" + version.to_bytes(_SIZE_BYTES, "big")


async def _remember_builds(_kv: KeyValue, stamp: bytes) -> Batch:
    """0 to 1: from here on the disk says which lumbung brought it to which format."""
    batch = Batch()
    batch.put(Family.SYSTEM, history_key(1), stamp)
    return batch


UPGRADES: tuple[Upgrade, ...] = (Upgrade(1, _remember_builds),)


async def bring_to_format(
    kv: KeyValue, level: int, software: str, now_ms: int, log: Log, upgrades: Sequence[Upgrade] = UPGRADES
) -> int:
    """The format of the disk after it was brought to at least `level`. Nothing is written when it is there already.

    Raises StoreMisconfigured for a disk of a newer lumbung, before anything is written.
    """
    (row,) = await kv.get(Family.SYSTEM, [KEY_FORMAT])
    found, highest = int.from_bytes(row or b"", "big"), upgrades[-1].reaches if upgrades else 0
    if found > highest:
        raise StoreMisconfigured(
            f"store format: this lumbung reads up to {highest}, the folder has {found}; install the newer lumbung again"
        )
    stamp = now_ms.to_bytes(8, "big") + software.encode("utf-8")
    for step in upgrades:
        if not found < step.reaches <= level:
            continue
        log.warning("disk upgraded, an older lumbung can no longer open it", before=found, after=step.reaches)
        batch = await step.prepare(kv, stamp)
        batch.put(Family.SYSTEM, KEY_FORMAT, step.reaches.to_bytes(_SIZE_BYTES, "big"))
        await kv.write(batch)
        await kv.sync()
        found = step.reaches
    return found
