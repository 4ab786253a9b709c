"""An office's day on real processes: recordings come in, are read back, and become safe."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

import trio

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import BlobId
from lumbung_proto.v1 import operations_pb2
from lumbung_testing.real_clusters import open_office
from lumbung_testing.sealed_files import fetch, looking_sealed, write_item
from lumbung_tools.client.answers import PutAnswer
from lumbung_tools.client.ask import status
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.localcluster.founding import Founded

__all__ = ["Blobs", "all_safe", "put", "until_held", "until_status"]

_PATIENCE_S = 120.0  # on a busy machine; what is waited for takes a second or two
_TERMS = PutTerms(copies=1, wait_s=0.0, retry_s=20.0)
_LUCK = random.Random("office days")

Blobs = dict[bytes, bytes]


async def put(founded: Founded, office: str, tmp_path: Path, count: int) -> Blobs:
    """`count` new recordings at the office, durable there; by id."""
    folder = tmp_path / f"files-{_LUCK.randrange(1 << 30)}"
    folder.mkdir()
    contents = [looking_sealed(_LUCK.randbytes(2000)) for _ in range(count)]
    items = [write_item(folder, f"{n}.age", content) for n, content in enumerate(contents)]
    durable: set[bytes] = set()

    async def batches() -> AsyncGenerator[Sequence[PutItem], None]:
        yield items

    def take(item: PutItem, answer: PutAnswer) -> None:
        assert answer.outcome.is_durable, answer
        durable.add(item.id)

    async with open_office(founded, office) as session:
        await put_many(session.own, batches(), _TERMS, session.blocking, take)
    assert len(durable) == count
    return {item.id: content for item, content in zip(items, contents, strict=True)}


async def until_held(founded: Founded, office: str, blobs: Blobs) -> None:
    """Every one of them is read back whole at the office itself."""
    left = dict(blobs)
    async with open_office(founded, office) as session:
        with trio.fail_after(_PATIENCE_S):
            while left:
                for blob in sorted(left):
                    try:
                        if BlobId.of(await fetch(session.own, blob)).raw == blob:
                            del left[blob]
                    except LumbungError:
                        continue
                await trio.sleep(0.2)


async def until_status(
    founded: Founded, office: str, is_right: Callable[[operations_pb2.StatusResponse], bool]
) -> operations_pb2.StatusResponse:
    async with open_office(founded, office) as session:
        with trio.fail_after(_PATIENCE_S):
            while True:
                try:
                    answer = await status(session.own)
                    if is_right(answer):
                        return answer
                except LumbungError:
                    pass
                await trio.sleep(0.2)


def all_safe(count: int) -> Callable[[operations_pb2.StatusResponse], bool]:
    return lambda answer: answer.own.by_copies[2] == count
