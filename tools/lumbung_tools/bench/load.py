"""A load of sealed files put at one node, with the time of every answer.

The files begin as age does and go on with random bytes: a node cannot tell, and sealing, which the station does, stays
out of the figures. Latencies are told twice: with the stream full, where an answer waits for all that was handed over
before it, and one blob at a time, as a person at a station feels it.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import trio

from lumbung_cluster.ids import BlobId
from lumbung_tools.client.answers import PutAnswer
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.client.session import Session
from lumbung_tools.sealing import AGE_MAGIC
from lumbung_tools.tags import TAG_SECRET_SIZE_BYTES, TagSecret

__all__ = ["Load", "LoadFailed", "LoadTimes", "make_load", "put_full", "put_one_by_one"]

_COPIES = 3
_TERMS = PutTerms(copies=_COPIES, wait_s=300.0, retry_s=10.0)
_BATCH_FILES = 64


class LoadFailed(Exception):
    """Some blob did not reach three copies: there is no figure to tell."""


@dataclass(frozen=True, slots=True)
class Load:
    """Files ready to go out, all of one size."""

    name: str
    size_bytes: int
    items: tuple[PutItem, ...]


@dataclass(slots=True)
class LoadTimes:
    """Seconds from hand-over to the first answer (durable at the owner) and to the proof of three copies."""

    elapsed_s: float = 0.0
    first_s: list[float] = field(default_factory=list)
    safe_s: list[float] = field(default_factory=list)


def make_load(folder: Path, name: str, size_bytes: int, count: int) -> Load:
    """Write `count` different files of exactly `size_bytes`."""
    folder.mkdir()
    body = os.urandom(size_bytes)
    rng = random.Random(f"lumbung/load/{name}")
    secret = TagSecret(os.urandom(TAG_SECRET_SIZE_BYTES))
    items = []
    for index in range(count):
        # Fresh bytes at the front make every file another blob; drawing all of 600 MB would only cost time.
        content = (AGE_MAGIC + rng.randbytes(64) + index.to_bytes(8, "big") + body)[:size_bytes]
        file = folder / f"{index:06}.age"
        file.write_bytes(content)
        hasher = secret.content_hasher()
        hasher.update(content)
        tags = secret.tags(file.name, secret.content_tag(hasher))
        items.append(PutItem(file.name, str(file), size_bytes, BlobId.of(content).raw, tags.record, tags.content, 0))
    return Load(name, size_bytes, tuple(items))


async def put_full(session: Session, load: Load) -> LoadTimes:
    """All files over one stream, as fast as it takes them. Raises LoadFailed."""
    watch = _Watch()

    async def batches() -> AsyncGenerator[Sequence[PutItem], None]:
        for start in range(0, len(load.items), _BATCH_FILES):
            batch = load.items[start : start + _BATCH_FILES]
            watch.hand_over(batch)
            yield batch

    return await _put(session, batches(), watch, len(load.items))


async def put_one_by_one(session: Session, load: Load) -> LoadTimes:
    """Each file only when the one before it has its three copies. Raises LoadFailed."""
    watch = _Watch()

    async def batches() -> AsyncGenerator[Sequence[PutItem], None]:
        for item in load.items:
            watch.settled = trio.Event()
            watch.hand_over([item])
            yield [item]
            await watch.settled.wait()

    return await _put(session, batches(), watch, len(load.items))


async def _put(
    session: Session, batches: AsyncGenerator[Sequence[PutItem], None], watch: _Watch, count: int
) -> LoadTimes:
    started_at = time.monotonic()
    failure = await put_many(session.own, batches, _TERMS, session.blocking, watch.answered)
    watch.times.elapsed_s = time.monotonic() - started_at
    if failure is not None or watch.problems or len(watch.times.safe_s) != count:
        safe = len(watch.times.safe_s)
        raise LoadFailed(f"{safe} of {count} blobs got three copies; {failure or ''} {watch.problems[:3]}")
    return watch.times


class _Watch:
    """Stamps hand-overs and answers."""

    def __init__(self) -> None:
        self.times = LoadTimes()
        self.problems: list[str] = []
        self.settled = trio.Event()
        self._handed_at: dict[str, float] = {}
        self._has_first: set[str] = set()

    def hand_over(self, batch: Sequence[PutItem]) -> None:
        now = time.monotonic()
        self._handed_at.update((item.path, now) for item in batch)

    def answered(self, item: PutItem, answer: PutAnswer) -> None:
        waited_s = time.monotonic() - self._handed_at[item.path]
        if answer.outcome.is_durable and item.path not in self._has_first:
            self._has_first.add(item.path)
            self.times.first_s.append(waited_s)
        if not answer.final:
            return
        self.settled.set()
        if answer.outcome.is_durable and answer.copies.safe:
            self.times.safe_s.append(waited_s)
        else:
            self.problems.append(
                f"{item.label}: {answer.outcome.value}, {answer.copies.count} copies: {answer.sentence}"
            )
