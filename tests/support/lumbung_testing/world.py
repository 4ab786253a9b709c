"""Doubles of the small ports: a clock that follows trio's, seeded randomness, work done inline, a silent log."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import trio

from lumbung_cluster.errors import DiskFull
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_node.ports.identity import IdentityRecord
from lumbung_node.ports.keystore import KeysAtHand, KeysInUse

__all__ = [
    "INVENTORY_KEY",
    "InlineWork",
    "ListLog",
    "MemoryDocuments",
    "MemoryIdentity",
    "MemoryKeys",
    "SeededRandomness",
    "VirtualClock",
]

T = TypeVar("T")
INVENTORY_KEY = InventoryKey(1, bytes(range(32)))
"""The cluster secret of every simulated cluster."""

_EPOCH_MS = 1_790_000_000_000  # a day in September 2026


class VirtualClock:
    """Wall time = trio time + an offset that faults may change."""

    def __init__(self) -> None:
        self.offset_ms = 0

    def now_ms(self) -> int:
        return _EPOCH_MS + int(trio.current_time() * 1000) + self.offset_ms


class SeededRandomness:
    def __init__(self, luck: random.Random) -> None:
        self._luck = luck

    def bytes(self, count: int) -> bytes:
        return self._luck.randbytes(count)

    def uniform(self, low: float, high: float) -> float:
        return self._luck.uniform(low, high)


class InlineWork:
    async def run(self, work: Callable[[], T]) -> T:
        await trio.lowlevel.checkpoint()
        return work()


@dataclass(slots=True)
class ListLog:
    """Keeps what was said."""

    events: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)

    def info(self, event: str, /, **values: object) -> None:
        self.events.append(("info", event, values))

    def warning(self, event: str, /, **values: object) -> None:
        self.events.append(("warning", event, values))

    def error(self, event: str, /, **values: object) -> None:
        self.events.append(("error", event, values))

    def said(self, event: str) -> list[dict[str, object]]:
        return [values for _, said, values in self.events if said == event]


@dataclass(slots=True)
class MemoryIdentity:
    """Lies outside the data folder: a wipe or a rollback of the disk leaves it alone."""

    record: IdentityRecord | None = None
    disk_name: str = "disk-1"

    async def load(self) -> IdentityRecord | None:
        await trio.lowlevel.checkpoint()
        return self.record

    async def save(self, record: IdentityRecord) -> None:
        await trio.lowlevel.checkpoint()
        self.record = record

    async def file_system(self) -> str:
        await trio.lowlevel.checkpoint()
        return self.disk_name


@dataclass(slots=True)
class MemoryDocuments:
    """With `room` the disk takes only so many documents more."""

    rosters: list[bytes]
    access_lists: dict[int, bytes] = field(default_factory=dict)
    room: int | None = None
    refused: int = 0

    async def load_rosters(self) -> list[bytes]:
        await trio.lowlevel.checkpoint()
        return list(self.rosters)

    async def save_roster(self, epoch: int, raw: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self._use_room()
        self.rosters.append(raw)

    async def load_access_lists(self) -> list[bytes]:
        await trio.lowlevel.checkpoint()
        return [self.access_lists[office] for office in sorted(self.access_lists)]

    async def save_access_list(self, office: int, raw: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self._use_room()
        self.access_lists[office] = raw

    def _use_room(self) -> None:
        if self.room == 0:
            self.refused += 1
            raise DiskFull("no space left on device")
        self.room = self.room - 1 if self.room is not None else None


@dataclass(slots=True)
class MemoryKeys:
    """A key store: what lies there, and what was remembered as in use."""

    keys: KeysAtHand
    used: KeysInUse = field(default_factory=KeysInUse)

    async def at_hand(self) -> KeysAtHand:
        await trio.lowlevel.checkpoint()
        return self.keys

    async def in_use(self) -> KeysInUse:
        await trio.lowlevel.checkpoint()
        return self.used

    async def remember(self, keys: KeysInUse) -> None:
        await trio.lowlevel.checkpoint()
        self.used = keys
