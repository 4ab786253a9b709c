"""What an export would write on a disk, asked without beginning a bundle."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lumbung_cluster import limits
from lumbung_tools.bundles.export import ExportOrder, asked, beginning
from lumbung_tools.client.session import Session

__all__ = ["Foreseen", "foresee"]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """How much is to go, and how much the disk takes now; `bundle` is zeros when a new one would begin."""

    bundle: bytes
    disk: int
    resumed: bool
    entries: int
    size_bytes: int
    room_bytes: int

    @property
    def fits(self) -> bool:
        return self.size_bytes + self.entries * limits.BUNDLE_RECEIPT_BYTES <= self.room_bytes


async def foresee(session: Session, order: ExportOrder, disk: Path) -> Foreseen:
    """Raises as `export`, and changes nothing here or at the node."""
    async with asked(session, order, disk, only_look=True) as stream:
        begin = await beginning(stream)
    room_bytes = await session.blocking.run(partial(_room_bytes, disk, order.limit_bytes))
    return Foreseen(begin.bundle_id, begin.disk, begin.resumed, begin.entries_left, begin.size_bytes_left, room_bytes)


def _room_bytes(disk: Path, limit_bytes: int | None) -> int:
    found = os.statvfs(disk)
    on_disk = found.f_bavail * found.f_frsize
    left = on_disk if limit_bytes is None else min(on_disk, limit_bytes)
    return max(0, left - limits.BUNDLE_DISK_RESERVE_BYTES)
