"""Blobs from one byte to 1 GiB stream through real nodes in bounded memory."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from lumbung_cluster.ids import BlobId, blob_hasher
from lumbung_cluster.limits import GIB, KIB, MIB
from lumbung_node.ports.transport import Channel
from lumbung_testing.real_clusters import accept_unsealed, found, open_office, real_cluster
from lumbung_tools.bench.processes import peak_memory_bytes
from lumbung_tools.client.answers import PutAnswer
from lumbung_tools.client.ask import BlobName
from lumbung_tools.client.get import Source, get
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.client.session import Session
from lumbung_tools.localcluster.processes import LocalCluster

_OFFICE = "36.02"
_PEAK_BYTES_MAX = 256 * MIB
_TERMS = PutTerms(copies=2, wait_s=120.0, retry_s=60.0)


def _write(folder: Path, label: str, size_bytes: int) -> PutItem:
    """A file of pseudorandom bytes, written piece by piece: one random piece, its first bytes another in each place."""
    body = random.Random(label).randbytes(MIB)
    hasher = blob_hasher()
    file = folder / label
    with file.open("wb") as target:
        for start in range(0, size_bytes, MIB):
            piece = (start.to_bytes(8, "little") + body)[: min(MIB, size_bytes - start)]
            hasher.update(piece)
            target.write(piece)
    return PutItem(label, str(file), size_bytes, hasher.digest(), b"", b"", 0)


async def _put(session: Session, items: list[PutItem]) -> list[PutAnswer]:
    """The final answers."""
    answers: list[PutAnswer] = []

    async def batches() -> AsyncGenerator[Sequence[PutItem], None]:
        yield items

    def answered(item: PutItem, answer: PutAnswer) -> None:
        if answer.final:
            answers.append(answer)

    assert await put_many(session.own, batches(), _TERMS, session.blocking, answered) is None
    return answers


async def _come_back_equal(session: Session, channel: Channel, origin: int, items: list[PutItem], folder: Path) -> None:
    """`get` checks every byte against the id, which was taken from the file that went in."""
    for item in items:
        target = folder / f"back-{item.label}"
        fetched = await get(
            [Source("asked", channel, origin)],
            BlobName(digits=item.id.hex()),
            target,
            session.blocking,
            on_failure=lambda *_: None,
            on_progress=lambda *_: None,
        )
        assert fetched.id == BlobId(item.id)
        assert target.stat().st_size == item.size_bytes
        target.unlink()


def _peaks(cluster: LocalCluster) -> dict[str, int]:
    return {name: peak_memory_bytes(cluster.pid(name)) // MIB for name in cluster.names}


async def test_blobs_from_one_byte_to_one_gibibyte_stream_through_in_bounded_memory(tmp_path: Path) -> None:
    founded = found(tmp_path, (_OFFICE,))
    accept_unsealed(founded, _OFFICE)
    sizes = {"one-byte": 1, "4-kib": 4 * KIB, "300-kib": 300 * KIB, "64-mib": 64 * MIB, "1-gib": GIB}
    items = [_write(tmp_path, label, size_bytes) for label, size_bytes in sizes.items()]
    async with real_cluster(founded) as cluster, open_office(founded, _OFFICE) as session:
        answers = await _put(session, items)
        assert [answer.copies.count for answer in answers] == [_TERMS.copies] * len(items)
        after_put = _peaks(cluster)
        number = session.profile.node
        holder = next(site.number for site in founded.sites if site.number != number)
        name = BlobName(digits=items[0].id.hex())
        (source,) = session.sources(name, None, holder)
        await _come_back_equal(session, session.own, 0, items, tmp_path)
        await _come_back_equal(session, source.channel, number, items[:-1], tmp_path)
        peaks = _peaks(cluster)
    print(f"VmHWM in MiB after put {after_put}, after get {peaks}")
    assert all(peak * MIB < _PEAK_BYTES_MAX for peak in peaks.values()), peaks
