"""The second half of the demo: the operator of a lost office gets everything back from the other holders.

Every recording is fetched sealed, checked against its id, opened with the office's own age identity and compared with
the file that was enrolled. Nothing is taken from the lost node: it is not asked at all.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import trio

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import BlobId
from lumbung_tools.client.ask import BlobName
from lumbung_tools.client.get import get
from lumbung_tools.client.session import Session
from lumbung_tools.sealing import Identities, open_sealed

__all__ = ["Recovery", "get_everything_back"]

_GETS_AT_ONCE = 4  # bounded by the slots that a node gives one caller

Work = tuple[Path, BlobId]


@dataclass(slots=True)
class Recovery:
    """`sources` counts by node what it gave; `lost` says for each file that did not come back whole, why."""

    sources: Counter[str] = field(default_factory=Counter)
    size_bytes: int = 0
    lost: dict[Path, str] = field(default_factory=dict)

    @property
    def recovered(self) -> int:
        return self.sources.total()


async def get_everything_back(session: Session, stored: Mapping[Path, BlobId], folder: Path) -> Recovery:
    """Fetch, open and compare every blob of `stored` (by original file); the sealed copies stay in `folder`."""
    recovery = Recovery()
    identities = session.profile.read_identities()
    give, take = trio.open_memory_channel[Work](0)

    async def work(queue: trio.MemoryReceiveChannel[Work]) -> None:
        async with queue:
            async for original, blob in queue:
                await _get_back(session, original, blob, folder / f"{original.stem}.age", identities, recovery)

    async with trio.open_nursery() as nursery, give:
        async with take:
            for _ in range(_GETS_AT_ONCE):
                nursery.start_soon(work, take.clone())
        for each in stored.items():
            await give.send(each)
    return recovery


async def _get_back(
    session: Session, original: Path, blob: BlobId, target: Path, identities: Identities, recovery: Recovery
) -> None:
    name = BlobName(digits=str(blob))
    lost_node = session.roster.name(session.profile.node)
    sources = [source for source in session.sources(name, None, None) if source.name != lost_node]
    try:
        fetched = await get(
            sources, name, target, session.blocking, on_failure=lambda *_: None, on_progress=lambda *_: None
        )
        problem = await session.blocking.run(partial(_compare, target, original, identities))
    except LumbungError as exc:
        recovery.lost[original] = str(exc)
        return
    if problem:
        recovery.lost[original] = problem
        return
    recovery.sources[fetched.source] += 1
    recovery.size_bytes += fetched.size_bytes


def _compare(sealed: Path, original: Path, identities: Identities) -> str:
    """Empty when the sealed file opens to exactly the original's bytes, otherwise what is wrong. Raises CannotOpen."""
    opened = io.BytesIO()
    with sealed.open("rb") as source:
        open_sealed(source, opened, identities)
    if opened.getvalue() == original.read_bytes():
        return ""
    return f"expected the {original.stat().st_size} bytes that were enrolled, got {len(opened.getvalue())} other bytes"
