"""A node killed at random moments under a load of puts keeps every blob that it has answered for."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import trio

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import BlobId
from lumbung_cluster.limits import MEMORY_BLOB_BYTES_MAX
from lumbung_node.ports.transport import Channel
from lumbung_testing.real_clusters import found, open_office, real_cluster
from lumbung_testing.sealed_files import fetch, looking_sealed, write_item
from lumbung_tools.client.answers import Outcome, PutAnswer
from lumbung_tools.client.ask import list_blobs
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.client.session import Session
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.localcluster.processes import LocalCluster, NodeFailed

_OFFICE = "36.02"
_LIVES = 30
_LIFE_S_MAX = 0.2  # after the first answer of this life
_START_S = (0.2, 0.9)  # some kills hit a node that is only starting
_STARTS_KILLED = 0.1
_BATCH = 8
_BATCH_PAUSE_S = 0.02  # some hundred blobs a second: all of them are read back at the end
_SMALL_BYTES_MAX = 4000
_LARGE_EVERY = 150  # goes to disk while it comes, in a run of chunks
_READERS = 8
_TERMS = PutTerms(copies=1, wait_s=0.0, retry_s=5.0)


class _Load:
    """Puts one blob after the other until cancelled; the next life begins with what the last one left unanswered.

    A client of its own for each life: one that waits out its pause before it dials again would only cost time here.
    """

    def __init__(self, folder: Path, luck: random.Random) -> None:
        self._folder = folder
        self._luck = luck
        self._large = luck.randbytes(MEMORY_BLOB_BYTES_MAX)
        self._number = 0
        self._unanswered: dict[bytes, PutItem] = {}
        self.outcomes: Counter[Outcome] = Counter()
        self.durable: set[bytes] = set()
        self.answered = trio.Event()

    async def run(self, session: Session) -> None:
        await put_many(session.own, self._batches(), _TERMS, session.blocking, self._take)

    async def _batches(self) -> AsyncGenerator[Sequence[PutItem], None]:
        if self._unanswered:
            yield list(self._unanswered.values())
        while True:
            batch = [self._item() for _ in range(_BATCH)]
            self._unanswered.update((item.id, item) for item in batch)
            yield batch
            await trio.sleep(_BATCH_PAUSE_S)

    def _item(self) -> PutItem:
        self._number += 1
        content = self._number.to_bytes(8, "big") + self._luck.randbytes(self._luck.randint(1, _SMALL_BYTES_MAX))
        if self._number % _LARGE_EVERY == 0:
            content += self._large
        return write_item(self._folder, f"{self._number:06}.age", looking_sealed(content))

    def _take(self, item: PutItem, answer: PutAnswer) -> None:
        self.outcomes[answer.outcome] += 1
        if answer.outcome.is_durable:
            assert answer.id is not None
            assert answer.id.raw == item.id
            self._unanswered.pop(item.id, None)
            self.durable.add(item.id)
            self.answered.set()


async def _live(cluster: LocalCluster, founded: Founded, load: _Load, life_s: float) -> None:
    """One life of the node under load, to its violent end."""
    load.answered = trio.Event()
    async with open_office(founded, _OFFICE) as session, trio.open_nursery() as nursery:
        nursery.start_soon(load.run, session)
        await load.answered.wait()
        await trio.sleep(life_s)
        await cluster.kill(_OFFICE)
        nursery.cancel_scope.cancel()


async def _kill_while_starting(cluster: LocalCluster, life_s: float) -> None:
    async def start() -> None:
        try:
            await cluster.start([_OFFICE])
        except NodeFailed:
            return

    async with trio.open_nursery() as nursery:
        nursery.start_soon(start)
        await trio.sleep(life_s)
        await cluster.kill(_OFFICE)


async def _missing(channel: Channel, blobs: set[bytes]) -> list[str]:
    """Which of the blobs do not come back whole."""
    missing: list[str] = []
    left = sorted(blobs)

    async def read() -> None:
        while left:
            blob = left.pop()
            try:
                good = BlobId.of(await fetch(channel, blob)).raw == blob
            except LumbungError as exc:
                missing.append(f"{blob.hex()}: {exc}")
                continue
            if not good:
                missing.append(f"{blob.hex()}: other bytes")

    async with trio.open_nursery() as nursery:
        for _ in range(_READERS):
            nursery.start_soon(read)
    return missing


async def test_node_killed_thirty_times_under_load_keeps_every_blob_it_answered_for(tmp_path: Path) -> None:
    luck = random.Random("node kill")
    founded = found(tmp_path, (_OFFICE,))
    files = tmp_path / "files"
    files.mkdir()
    load = _Load(files, random.Random("node kill load"))
    async with real_cluster(founded) as cluster:
        for _ in range(_LIVES):
            await _live(cluster, founded, load, luck.uniform(0, _LIFE_S_MAX))
            if luck.random() < _STARTS_KILLED:
                await _kill_while_starting(cluster, luck.uniform(*_START_S))
            await cluster.start([_OFFICE])
        async with open_office(founded, _OFFICE) as session:
            assert await _missing(session.own, load.durable) == []
            listed = {blob.id async for blob in list_blobs(session.own, 0, copies_below=0, limit=None)}
    assert load.durable <= listed
    assert len(load.durable) > _LIVES
    assert load.outcomes[Outcome.REFUSED] == 0
    print(f"{_LIVES} lives, {len(load.durable)} durable blobs, {dict(load.outcomes)}")
