"""A cluster whose nodes are up one at a time, so that nothing but a disk travels between them."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from lumbung_testing.real_clusters import lumbung, open_office, run_up
from lumbung_testing.sealed_files import looking_sealed, write_item
from lumbung_tools.client.answers import PutAnswer
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.localcluster.processes import LocalCluster

__all__ = ["Road", "Said", "one_at_a_time"]

_ALONE = PutTerms(copies=1, wait_s=0.0, retry_s=30.0)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answered: its exit code, its last JSON object (all of them in `objects`), and its stderr."""

    code: int
    objects: list[dict[str, object]]
    stderr: str

    def __getitem__(self, key: str) -> object:
        return self.objects[-1][key]


@dataclass(frozen=True, slots=True)
class Road:
    """Commands and puts at a node that is up only for them."""

    founded: Founded
    cluster: LocalCluster
    workroom: Path

    @asynccontextmanager
    async def up(self, name: str) -> AsyncIterator[None]:
        await self.cluster.start([name])
        try:
            yield
        finally:
            await self.cluster.stop([name])

    async def bundle(self, at: str, *words: str | Path) -> Said:
        """`lumbung bundle ... --json` as the operator of a node that is up."""
        home = self.founded.client_home(at)
        done = await trio.to_thread.run_sync(lambda: lumbung("bundle", *words, "--json", home=home))
        objects = [json.loads(line) for line in done.stdout.splitlines()]
        return Said(done.returncode, objects, done.stderr)

    async def put(self, at: str, sizes: Sequence[int], seed: str) -> list[PutItem]:
        """Recordings of these sizes, durable at a node that is up."""
        luck = random.Random(seed)
        folder = self.workroom / f"put-{seed}"
        folder.mkdir(exist_ok=True)
        items = [
            write_item(folder, f"{seed}-{i}", looking_sealed(luck.randbytes(size))) for i, size in enumerate(sizes)
        ]
        answers: list[PutAnswer] = []

        async def batches() -> AsyncGenerator[Sequence[PutItem], None]:
            yield items

        async with open_office(self.founded, at) as session:
            answered = lambda item, answer: answers.append(answer)  # noqa: E731
            assert await put_many(session.own, batches(), _ALONE, session.blocking, answered) is None
        assert all(answer.outcome.is_durable for answer in answers)
        return items

    async def copies(self, at: str) -> tuple[int, ...]:
        """Own recordings by proven copies: with 1, 2 and 3."""
        home = self.founded.client_home(at)
        done = await trio.to_thread.run_sync(lambda: lumbung("status", "--json", home=home))
        return tuple(json.loads(done.stdout)["own"]["by_copies"])


@asynccontextmanager
async def one_at_a_time(founded: Founded, workroom: Path) -> AsyncIterator[Road]:
    async with run_up(founded) as cluster:
        yield Road(founded, cluster, workroom)
