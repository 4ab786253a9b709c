"""No answer, receipt or offer leaves a node before the sync that covers it has returned: asked of the recorded I/O.

A kill cannot show this, since the page cache outlives the process.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path

import pytest
import trio

from lumbung_cluster.limits import MEMORY_BLOB_BYTES_MAX
from lumbung_testing import iorecord
from lumbung_testing.iorecord import IoCall
from lumbung_testing.marked_node import marked_command, promises
from lumbung_testing.real_clusters import DRC, found, open_office, real_cluster, with_environment
from lumbung_testing.sealed_files import looking_sealed, write_item
from lumbung_tools.client.answers import PutAnswer
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms

_OFFICE = "36.02"
_BLOBS = 60
_BATCH = 6
_LARGE = 33  # goes to disk while it comes
_BATCH_PAUSE_S = 0.01  # several groups, so that syncs overlap the writes of the next
_TERMS = PutTerms(copies=2, wait_s=20.0, retry_s=10.0)
_PROMISES = ("ack", "offer", "applied")


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return iorecord.build(tmp_path_factory.mktemp("iorecord"))


def _items(folder: Path) -> list[PutItem]:
    folder.mkdir()
    luck = random.Random("node order")
    sizes = [luck.randint(1, 5000) + (MEMORY_BLOB_BYTES_MAX if at == _LARGE else 0) for at in range(_BLOBS)]
    return [write_item(folder, str(at), looking_sealed(luck.randbytes(size))) for at, size in enumerate(sizes)]


async def _record(layer: Path, folder: Path, *options: str) -> Mapping[str, list[IoCall]]:
    """Put all blobs until both nodes have proven them; what each node's process did, in order."""
    items = _items(folder / "files")

    def command(config: Path) -> list[str]:
        recorded = iorecord.recording(layer, folder / f"{config.parent.name}.io", f"{config.parent.name}/data")
        return with_environment(recorded, [*marked_command(config), *options])

    async def batches() -> AsyncGenerator[Sequence[PutItem], None]:
        for first in range(0, _BLOBS, _BATCH):
            yield items[first : first + _BATCH]
            await trio.sleep(_BATCH_PAUSE_S)

    safe: list[PutItem] = []

    def answered(item: PutItem, answer: PutAnswer) -> None:
        if answer.final and answer.copies.count == _TERMS.copies:
            safe.append(item)

    founded = found(folder, (_OFFICE,))
    async with real_cluster(founded, command), open_office(founded, _OFFICE) as session:
        assert await put_many(session.own, batches(), _TERMS, session.blocking, answered) is None
    assert len(safe) == _BLOBS
    return {name: iorecord.read_log(folder / f"{name}.io") for name in (_OFFICE, DRC)}


def _count(logs: Mapping[str, list[IoCall]], *, covered: bool) -> Counter[str]:
    return Counter(kind for calls in logs.values() for kind, _, is_covered in promises(calls) if is_covered is covered)


async def test_every_answer_offer_and_receipt_follows_the_sync_that_covers_it(layer: Path, tmp_path: Path) -> None:
    logs = await _record(layer, tmp_path)
    assert all(any(call.op == "write" and call.path.endswith(".log") for call in calls) for calls in logs.values())
    assert _count(logs, covered=False) == Counter()
    kept = _count(logs, covered=True)
    assert all(kept[kind] >= _BLOBS for kind in _PROMISES), kept


async def test_control_without_sync_is_caught_at_every_kind_of_promise(layer: Path, tmp_path: Path) -> None:
    broken = _count(await _record(layer, tmp_path, "--without-sync"), covered=False)
    assert all(broken[kind] >= _BLOBS for kind in _PROMISES), broken
