"""Opening the store: one that does not open, or contradicts itself, is set aside, and a fresh one records at once.

    open -> StoreDamaged -> set aside (renamed, nothing deleted) -> a fresh store, in a new generation
         -> anything else goes on to whoever opens again, with a growing wait

Few may lie aside: a disk that spoils each fresh store is dying, and more folders would only fill it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from lumbung_cluster.errors import BlobDamaged, StoreDamaged
from lumbung_cluster.limits import SET_ASIDE_STORES_MAX
from lumbung_node.ports.aside import AsideStores
from lumbung_node.ports.keyvalue import KeyValue
from lumbung_node.ports.log import Log
from lumbung_node.ports.world import WallClock
from lumbung_node.store.store import Store

__all__ = ["Opener"]


class Opener:
    """`open_keyvalue` opens the engine, `load` reads a store out of it."""

    def __init__(
        self,
        open_keyvalue: Callable[[], Awaitable[KeyValue]],
        load: Callable[[KeyValue], Awaitable[Store]],
        aside: AsideStores,
        clock: WallClock,
        log: Log,
    ) -> None:
        self._open_keyvalue = open_keyvalue
        self._load = load
        self._aside = aside
        self._clock = clock
        self._log = log

    async def open(self) -> Store:
        """An open store; its `kv` is the caller's to close. Raises whatever opening raises when nothing can be done."""
        try:
            return await self._try()
        except StoreDamaged as exc:
            await self.set_aside(str(exc))
            return await self._try()

    async def set_aside(self, reason: str) -> None:
        """Put the present store, which is closed, out of the way. Raises StoreDamaged when too many lie there."""
        lying = await self._aside.names()
        if len(lying) >= SET_ASIDE_STORES_MAX:
            raise StoreDamaged(f"{reason}; {len(lying)} stores lie aside already: look at the disk")
        name = await self._aside.set_aside(self._clock.now_ms())
        self._log.error("store set aside", store=name, reason=reason)

    async def _try(self) -> Store:
        kv = await self._open_keyvalue()
        try:
            return await self._load(kv)
        except BaseException as exc:
            with trio.CancelScope(shield=True):
                await kv.close()
            if isinstance(exc, BlobDamaged):  # a block under the rows that a start reads
                raise StoreDamaged(f"reading the store at start: {exc}") from exc
            raise
