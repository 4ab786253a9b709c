"""Stations that never stop recording: they keep every answer, and afterwards ask for what was promised.

A blob is *durable* from the first answer that says so. A *claim* is a holder that an answer has named: afterwards that
node itself must give the blob, not only some node.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import trio

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.limits import MEMORY_BLOB_BYTES_MAX
from lumbung_node.ports.transport import Channel
from lumbung_testing.real_clusters import open_office
from lumbung_testing.sealed_files import fetch, looking_sealed, write_item
from lumbung_tools.client.answers import Outcome, PutAnswer
from lumbung_tools.client.ask import BlobName, status
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.client.session import Session
from lumbung_tools.localcluster.founding import Founded

__all__ = ["CALM", "Pace", "Station", "await_safe", "missing_at", "missing_promises"]

_READERS = 6
_UNANSWERED_MAX = 400  # while a node is away: more would only make the end longer
_LOOK_S = 0.2
_FOR_EVER_S = 1e9


@dataclass(frozen=True, slots=True)
class Pace:
    """`batch` blobs at a time, a pause between; every `large_every`-th goes to disk while it comes (0: none)."""

    batch: int = 4
    pause_s: float = 0.4
    size_bytes_max: int = 4000
    large_every: int = 200
    copies: int = 3
    wait_s: float = 3.0


CALM = Pace()


class Station:
    """One office's station. `run` puts until cancelled, also over lives of its node; it may be run again."""

    def __init__(self, founded: Founded, office: str, folder: Path, luck: random.Random, pace: Pace = CALM) -> None:
        self.founded = founded
        self.office = office
        self.pace = pace
        self.folder = folder
        self._luck = luck
        self._number = 0
        self._handed: dict[bytes, float] = {}
        self.unanswered: dict[bytes, PutItem] = {}
        self.outcomes: Counter[Outcome] = Counter()
        self.durable: dict[bytes, None] = {}
        self.claims: dict[bytes, set[int]] = {}
        self.answer_s: list[float] = []
        self._answered = trio.Event()
        folder.mkdir(parents=True, exist_ok=True)

    async def await_answer(self) -> None:
        """Return at the next first answer."""
        self._answered = trio.Event()
        await self._answered.wait()

    async def run(self) -> None:
        while True:
            await self.put(None)
            await trio.sleep(_LOOK_S)

    async def put(self, blobs: int | None, *, retry_s: float = _FOR_EVER_S) -> LumbungError | None:
        """Put what had no answer yet and then `blobs` new ones (None: until cancelled), or until the node refuses."""
        terms = PutTerms(self.pace.copies, self.pace.wait_s, retry_s)
        async with open_office(self.founded, self.office) as session:
            return await put_many(session.own, self._batches(blobs), terms, session.blocking, self._take)

    async def _batches(self, blobs: int | None) -> AsyncGenerator[Sequence[PutItem], None]:
        if self.unanswered:
            yield list(self.unanswered.values())
        left = blobs
        while left is None or left > 0:
            if len(self.unanswered) < _UNANSWERED_MAX:
                size = self.pace.batch if left is None else min(left, self.pace.batch)
                yield [self._item() for _ in range(size)]
                left = None if left is None else left - size
            await trio.sleep(self.pace.pause_s)

    def _item(self) -> PutItem:
        self._number += 1
        content = self._luck.randbytes(self._luck.randint(16, self.pace.size_bytes_max))
        if self.pace.large_every and self._number % self.pace.large_every == 0:
            content += bytes(MEMORY_BLOB_BYTES_MAX)
        item = write_item(self.folder, f"{self._number:06}.age", looking_sealed(content))
        self.unanswered[item.id] = item
        self._handed[item.id] = trio.current_time()
        return item

    def _take(self, item: PutItem, answer: PutAnswer) -> None:
        self.outcomes[answer.outcome] += 1
        if not answer.outcome.is_durable:
            return
        assert answer.id is not None
        assert answer.id.raw == item.id
        if item.id not in self.durable:
            self.answer_s.append(trio.current_time() - self._handed.pop(item.id))
            self.durable[item.id] = None
            del self.unanswered[item.id]
            Path(item.path).unlink()
            self._answered.set()
        self.claims.setdefault(item.id, set()).update(answer.copies.holders)


async def await_safe(session: Session, timeout_s: float, copies: int = 3) -> float | None:
    """Seconds until every own blob of the node has so many proven copies and none is damaged; None past the limit."""
    begun = trio.current_time()
    while trio.current_time() - begun < timeout_s:
        try:
            own = (await status(session.own)).own
        except LumbungError:
            await trio.sleep(_LOOK_S)
            continue
        if sum(own.by_copies[copies - 1 :]) == own.blobs and not own.damaged:
            return trio.current_time() - begun
        await trio.sleep(_LOOK_S)
    return None


async def missing_promises(session: Session, station: Station) -> list[str]:
    """A sentence for each durable blob that its node, and each claimed copy that its holder, does not give back."""
    node = session.profile.node
    missing = await missing_at(session.own, 0, station.durable, station.office)
    holders = sorted({holder for named in station.claims.values() for holder in named} - {node})
    for holder in holders:
        claimed = [blob for blob, named in station.claims.items() if holder in named]
        (source,) = session.sources(BlobName.parse(claimed[0].hex()), None, NodeNumber(holder))
        missing += await missing_at(source.channel, source.origin, claimed, f"{source.name} for {station.office}")
    return missing


async def missing_at(channel: Channel, origin: int, blobs: Iterable[bytes], where: str) -> list[str]:
    """Read every blob to its last byte; what does not come back right, and why."""
    missing: list[str] = []
    left = list(blobs)

    async def read() -> None:
        while left:
            blob = left.pop()
            try:
                good = BlobId.of(await fetch(channel, blob, origin)).raw == blob
            except LumbungError as exc:
                missing.append(f"{blob.hex()[:16]} at {where}: {exc}")
                continue
            if not good:
                missing.append(f"{blob.hex()[:16]} at {where}: wrong bytes")

    async with trio.open_nursery() as nursery:
        for _ in range(_READERS):
            nursery.start_soon(read)
    return missing
