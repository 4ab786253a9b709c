"""A set-aside store as a takeover reads it: a disk that fails for the moment is waited for, not taken for a loss.

What a corrupt block, a bad sector or a file that is gone says stays so, and is counted. "Too many open files" or a bus
that was reset says nothing of the bytes: the takeover rests and begins again where it was, up to a bound, because
nobody can tell such an error from one that never ends, and what lies behind it is to be had.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TypeVar

from lumbung_cluster import limits
from lumbung_cluster.errors import DiskFailed, DiskFull
from lumbung_node.ports.aside import Source
from lumbung_node.ports.keyvalue import Family

__all__ = ["NotNow", "PatientSource", "Tries"]

R = TypeVar("R")


class NotNow(Exception):
    """A store that lies aside cannot be opened or read at the moment. No error of ours: nobody may count it as loss."""


class Tries:
    """How often one store has failed since the last progress."""

    def __init__(self) -> None:
        self._failed = 0

    def progressed(self) -> None:
        self._failed = 0

    def failed(self) -> bool:
        """Count one; whether it is worth another try."""
        self._failed += 1
        return self._failed <= limits.TAKEOVER_TRIES_MAX


class PatientSource:
    """Implements ports.Source over `inner`. Raises NotNow for an error of the moment while there are `tries` left."""

    def __init__(self, inner: Source, tries: Tries) -> None:
        self._inner = inner
        self._tries = tries

    async def get(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        return await self._patiently(self._inner.get(family, keys))

    async def scan(
        self, family: Family, first: bytes, behind: bytes, limit: int, *, backwards: bool = False
    ) -> list[tuple[bytes, bytes]]:
        return await self._patiently(self._inner.scan(family, first, behind, limit, backwards=backwards))

    async def close(self) -> None:
        await self._inner.close()

    async def _patiently(self, reading: Awaitable[R]) -> R:
        try:
            return await reading
        except (DiskFailed, DiskFull) as exc:
            if self._tries.failed():
                raise NotNow(str(exc)) from exc
            raise
