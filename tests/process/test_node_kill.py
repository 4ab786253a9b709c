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
from lumbung_tools.client.ask import BlobName, list_blobs, stat
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.client.session import Session
from lumbung_tools.localcluster.processes import LocalCluster, NodeFailed

_OFFICE = "36.02"
_OTHER = "34.04"
_KILLS = 30
_LIFE_S_MAX = 0.2  # after the first answer of this life
_START_S = (0.2, 0.9)  # some kills hit a node that is only starting
_START_KILL_EVERY = 5
_BATCH = 8
_BATCH_PAUSE_S = 0.02  # some hundred blobs a second: all of them are read back at the end
_SMALL_BYTES_MAX = 4000
_LARGE_EVERY = 150  # goes to disk while it comes, in a run of chunks
_READERS = 8
_TERMS = PutTerms(copies=1, wait_s=0.0, retry_s=60.0)


class _Load:
    """Puts one blob after the other until told to stop, over one client that finds the node again after each kill."""

    def __init__(self, folder: Path, luck: random.Random) -> None:
        self._folder = folder
        self._luck = luck
        self._large = luck.randbytes(MEMORY_BLOB_BYTES_MAX)
        self.outcomes: Counter[Outcome] = Counter()
        self.durable: set[bytes] = set()
        self.answered = trio.Event()
        self.stopping = False

    async def run(self, session: Session) -> None:
        failure: LumbungError | None = await put_many(
            session.own, self._batches(), _TERMS, session.blocking, self._take
        )
        assert failure is None, failure

    async def next_answer(self) -> None:
        self.answered = trio.Event()
        await self.answered.wait()

    async def _batches(self) -> AsyncGenerator[Sequence[PutItem], None]:
        number = 0
        while not self.stopping:
            yield [self._item(number + index) for index in range(_BATCH)]
            number += _BATCH
            await trio.sleep(_BATCH_PAUSE_S)

    def _item(self, number: int) -> PutItem:
        content = number.to_bytes(8, "big") + self._luck.randbytes(self._luck.randint(1, _SMALL_BYTES_MAX))
        if number % _LARGE_EVERY == _LARGE_EVERY - 1:
            content += self._large
        return write_item(self._folder, f"{number:06}.age", looking_sealed(content))

    def _take(self, item: PutItem, answer: PutAnswer) -> None:
        self.outcomes[answer.outcome] += 1
        if answer.outcome.is_durable:
            assert answer.id is not None
            assert answer.id.raw == item.id
            self.durable.add(item.id)
            self.answered.set()


async def _kill_at_random(cluster: LocalCluster, load: _Load, luck: random.Random) -> None:
    for count in range(_KILLS):
        if count % _START_KILL_EVERY == 0:
            await _kill_while_starting(cluster, luck.uniform(*_START_S))
        else:
            await load.next_answer()
            await trio.sleep(luck.uniform(0, _LIFE_S_MAX))
            await cluster.kill(_OFFICE)
        await cluster.start([_OFFICE])
    await load.next_answer()
    load.stopping = True


async def _kill_while_starting(cluster: LocalCluster, life_s: float) -> None:
    async def start() -> None:
        try:
            await cluster.start([_OFFICE])
        except NodeFailed:
            return

    await cluster.kill(_OFFICE)
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
    founded = found(tmp_path, (_OFFICE, _OTHER))
    files = tmp_path / "files"
    files.mkdir()
    load = _Load(files, random.Random("node kill load"))
    async with real_cluster(founded) as cluster, open_office(founded, _OFFICE) as session:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(load.run, session)
            await _kill_at_random(cluster, load, luck)
        assert await _missing(session.own, load.durable) == []
        listed = {blob.id async for blob in list_blobs(session.own, 0, copies_below=0, limit=None)}
        unknown = BlobName(digits=max(load.durable).hex())
        assert (await stat(session.own, unknown, 0)).blob.id == max(load.durable)
    assert load.durable <= listed
    assert len(load.durable) > _KILLS
    assert load.outcomes[Outcome.REFUSED] == 0
    print(f"{_KILLS} kills, {len(load.durable)} durable blobs, {dict(load.outcomes)}")
