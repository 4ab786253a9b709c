"""The documents port: signed rosters and access lists, kept outside the data folder.

A data folder that is lost or rolled back must never bring an older roster back into force.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["Documents"]


class Documents(Protocol):
    async def load_rosters(self) -> list[bytes]:
        """Signed rosters that were ever obeyed, rising by epoch; the first is the one that the node was given."""
        ...

    async def save_roster(self, epoch: int, raw: bytes) -> None:
        """Durable when it returns. Raises DiskFull, DiskFailed."""
        ...

    async def load_access_lists(self) -> list[bytes]:
        """The newest signed access list of each office."""
        ...

    async def save_access_list(self, office: int, raw: bytes) -> None:
        """Durable when it returns; replaces the office's older list. Raises DiskFull, DiskFailed."""
        ...
