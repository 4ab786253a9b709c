"""The identity port: what a node remembers of itself *outside* the data folder.

Restoring the data folder from an old copy therefore does not restore it, and a mismatch starts a new generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lumbung_cluster.ids import Generation

__all__ = ["IdentityRecord", "IdentityState"]


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """`token` changes at each opening of the store and lies in both places; `token_next` covers a crash in between.

    `life_id` (16 B) was drawn when this generation started. `stopped_by` is the signed life that has stopped this
    machine, empty while it lives: only an operator takes it away again.
    `file_system` names the file system under the data folder, to tell an empty disk from one that is not mounted.
    """

    generation: Generation
    store_uuid: bytes
    token: bytes
    token_next: bytes
    file_system: str
    clock_seen_ms: int
    life_id: bytes = b""
    life_started_ms: int = 0
    stopped_by: bytes = b""


class IdentityState(Protocol):
    async def load(self) -> IdentityRecord | None:
        """None for a node that never ran."""
        ...

    async def save(self, record: IdentityRecord) -> None:
        """Durable when it returns. Raises DiskFull, DiskFailed."""
        ...

    async def file_system(self) -> str:
        """A name of the file system under the data folder that stays the same across mounts of the same disk."""
        ...
