"""A load of sealed files put at one node, with the time of every answer.

The files begin as age does and go on with random bytes: a node cannot tell, and sealing, which the station does, stays
out of the figures. Latencies are told twice: with the stream full, where an answer waits for all that was handed over
before it, and one blob at a time, as a person at a station feels it.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
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

__all__ = [
    "Load",
    "LoadFailed",
    "LoadTimes",
    "Stock",
    "Watch",
    "make_load",
    "put_full",
    "put_in_turn",
    "put_one_by_one",
    "put_streaming",
    "put_watched",
]

_COPIES = 3
_TERMS = PutTerms(copies=_COPIES, wait_s=300.0, retry_s=10.0)
_BATCH_FILES = 64
_HEAD_BYTES = 64


class LoadFailed(Exception):
    """Some blob did not reach the copies that were asked for: there is no figure to tell."""


@dataclass(frozen=True, slots=True)
class Load:
    """Files ready to go out, all of one size."""

    name: str
    size_bytes: int
    items: tuple[PutItem, ...]


@dataclass(slots=True)
class LoadTimes:
    """Seconds from hand-over to the first answer (durable at the owner) and to the proof of all copies asked for."""

    elapsed_s: float = 0.0
    first_s: list[float] = field(default_factory=list)
    safe_s: list[float] = field(default_factory=list)


class Stock:
    """Files of one size that become other blobs again and again: only their first bytes are written anew."""

    def __init__(self, folder: Path, name: str, size_bytes: int) -> None:
        folder.mkdir()
        self._folder = folder
        self._name = name
        self._size_bytes = size_bytes
        self._body = os.urandom(size_bytes)
        self._rng = random.Random(f"lumbung/load/{name}")
        self._secret = TagSecret(os.urandom(TAG_SECRET_SIZE_BYTES))

    def fresh(self, count: int) -> Load:
        """`count` files that are different from each other and from all before."""
        return Load(self._name, self._size_bytes, tuple(self._item(index) for index in range(count)))

    def _item(self, index: int) -> PutItem:
        # Fresh bytes at the front make every file another blob; drawing all of 600 MB would only cost time.
        head = AGE_MAGIC + self._rng.randbytes(_HEAD_BYTES) + index.to_bytes(8, "big")
        content = (head + self._body)[: self._size_bytes]
        file = self._folder / f"{index:06}.age"
        if file.exists():
            with file.open("r+b", buffering=0) as target:
                target.write(content[: len(head)])
        else:
            file.write_bytes(content)
        hasher = self._secret.content_hasher()
        hasher.update(content)
        tags = self._secret.tags(file.name, self._secret.content_tag(hasher))
        return PutItem(file.name, str(file), self._size_bytes, BlobId.of(content).raw, tags.record, tags.content, 0)


def make_load(folder: Path, name: str, size_bytes: int, count: int) -> Load:
    """Write `count` different files of exactly `size_bytes`."""
    return Stock(folder, name, size_bytes).fresh(count)


async def put_full(session: Session, load: Load) -> LoadTimes:
    """All files over one stream, as fast as it takes them, to three copies. Raises LoadFailed."""
    return await put_streaming(session, load, _TERMS)


async def put_streaming(session: Session, load: Load, terms: PutTerms) -> LoadTimes:
    """The same, to as many copies as the terms say."""
    watch = Watch(terms.copies)

    async def batches() -> AsyncGenerator[Sequence[PutItem], None]:
        for start in range(0, len(load.items), _BATCH_FILES):
            batch = load.items[start : start + _BATCH_FILES]
            watch.hand_over(batch)
            yield batch

    return await put_watched(session, batches(), watch, terms)


async def put_one_by_one(session: Session, load: Load) -> LoadTimes:
    """Each file only when the one before it has its three copies. Raises LoadFailed."""
    return await put_in_turn(session, iter(load.items), _TERMS)


async def put_in_turn(session: Session, supply: Iterator[PutItem], terms: PutTerms) -> LoadTimes:
    """The same for a supply that several streams may share, each with one file under way."""
    watch = Watch(terms.copies)

    async def batches() -> AsyncGenerator[Sequence[PutItem], None]:
        for item in supply:
            watch.settled = trio.Event()
            watch.hand_over([item])
            yield [item]
            await watch.settled.wait()

    return await put_watched(session, batches(), watch, terms)


async def put_watched(
    session: Session, batches: AsyncGenerator[Sequence[PutItem], None], watch: Watch, terms: PutTerms
) -> LoadTimes:
    """Raises LoadFailed when something that was handed over did not get its copies."""
    started_at = time.monotonic()
    failure = await put_many(session.own, batches, terms, session.blocking, watch.answered)
    watch.times.elapsed_s = time.monotonic() - started_at
    if failure is not None or watch.problems or len(watch.times.safe_s) != watch.handed:
        safe = f"{len(watch.times.safe_s)} of {watch.handed} blobs got {terms.copies} copies"
        raise LoadFailed(f"{safe}; {failure or ''} {watch.problems[:3]}")
    return watch.times


class Watch:
    """Stamps hand-overs and answers."""

    def __init__(self, copies: int) -> None:
        self.times = LoadTimes()
        self.problems: list[str] = []
        self.settled = trio.Event()
        self.handed = 0
        self._copies = copies
        self._handed_at: dict[str, float] = {}
        self._has_first: set[str] = set()

    def hand_over(self, batch: Sequence[PutItem]) -> None:
        now = time.monotonic()
        self.handed += len(batch)
        self._handed_at.update((item.path, now) for item in batch)

    def answered(self, item: PutItem, answer: PutAnswer) -> None:
        waited_s = time.monotonic() - self._handed_at[item.path]
        if answer.outcome.is_durable and item.path not in self._has_first:
            self._has_first.add(item.path)
            self.times.first_s.append(waited_s)
        if not answer.final:
            return
        self.settled.set()
        if answer.outcome.is_durable and answer.copies.count >= self._copies:
            self.times.safe_s.append(waited_s)
        else:
            self.problems.append(
                f"{item.label}: {answer.outcome.value}, {answer.copies.count} copies: {answer.sentence}"
            )
