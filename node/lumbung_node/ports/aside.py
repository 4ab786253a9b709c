"""The port to stores that were set aside: doubted or unopenable, kept whole, and read from while a fresh one records.

Nothing here deletes or changes what was set aside; only an operator throws it away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lumbung_node.ports.keyvalue import Family

__all__ = ["AsideStores", "Source"]


class Source(Protocol):
    """What can still be read of a doubted store. Errors as of `KeyValue`; BlobDamaged may come from any call."""

    async def get(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]: ...

    async def scan(
        self, family: Family, first: bytes, behind: bytes, limit: int, *, backwards: bool = False
    ) -> list[tuple[bytes, bytes]]: ...

    async def close(self) -> None: ...


class AsideStores(Protocol):
    """Names are those of folders, oldest first; equal names never come twice."""

    async def set_aside(self, now_ms: int) -> str:
        """Move the present store, which is not open, out of the way; its name. Durable. Raises DiskFailed."""
        ...

    async def names(self) -> list[str]:
        """Everything that lies aside now."""
        ...

    async def open(self, name: str) -> Source:
        """Whatever way lets it be read. Raises StoreDamaged when none does, DiskFull, DiskFailed."""
        ...
