"""What was verified a moment ago is not read and hashed once more for each holder, within bounds."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lumbung_cluster.ids import BlobId
from lumbung_cluster.limits import AT_HAND_BYTES_MAX, KIB
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.services.core import Core
from lumbung_node.store.at_hand import ContentsAtHand
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, box, connected, living, put, until_proven


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _count_chunks_read(core: Core, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    kv: KeyValue = core.store.kv
    read, get = list[bytes](), kv.get

    async def counted(family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        read.extend(keys if family is Family.CHUNKS else ())
        return await get(family, keys)

    monkeypatch.setattr(kv, "get", counted)
    return read


async def test_a_put_is_brought_to_both_holders_without_a_read_of_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    contents = [bytes([number]) * 5_000 for number in range(20)]
    async with (
        living(box(OFFICE)) as office,
        living(box(PEER)) as peer,
        living(box(CENTRE)) as centre,
        connected(office, peer),
        connected(office, centre),
    ):
        read = _count_chunks_read(office, monkeypatch)
        await put(office, contents)
        await until_proven(office, PEER, len(contents))
        await until_proven(office, CENTRE, len(contents))

        assert read == []


async def test_what_is_read_for_one_holder_is_at_hand_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(box(OFFICE)) as office:
        await put(office, [b"one", b"two"])
        wanted = [BlobId.of(b"one"), BlobId.of(b"two")]
        rows = await office.store.reader.rows(OFFICE, wanted)
        places = [(blob, row.place) for blob, row in zip(wanted, rows, strict=True) if row is not None]
        monkeypatch.setattr(office.store.reader, "_at_hand", ContentsAtHand())
        read = _count_chunks_read(office, monkeypatch)

        assert [await office.store.reader.small_contents(places) for _ in range(3)] == [[b"one", b"two"]] * 3
        assert len(read) == 2

        assert await office.store.reader.read_small(places) == [b"one", b"two"]  # who looks at the disk does so
        assert len(read) == 4


async def test_wrong_bytes_are_never_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(box(OFFICE)) as office:
        await put(office, [b"one"])
        row = await office.store.reader.row(OFFICE, BlobId.of(b"one"))
        assert row is not None
        monkeypatch.setattr(office.store.reader, "_at_hand", ContentsAtHand())

        for _ in range(2):
            assert await office.store.reader.small_contents([(BlobId.of(b"another"), row.place)]) == [None]


def test_the_oldest_make_room_and_nothing_is_kept_for_long() -> None:
    clock = _Clock()
    at_hand = ContentsAtHand(clock)
    contents = [bytes([number]) * (500 * KIB) for number in range(6)]
    for place, content in enumerate(contents):
        at_hand.note([(place, BlobId.of(content), content)])

    found = [at_hand.find(place, BlobId.of(content)) for place, content in enumerate(contents)]
    kept = AT_HAND_BYTES_MAX // (500 * KIB)
    assert found == [None] * (6 - kept) + contents[6 - kept :]

    clock.now = 11.0
    assert at_hand.find(5, BlobId.of(contents[5])) is None
    at_hand.note([(7, BlobId.of(b"new"), b"new")])  # and with the next one they are given up
    clock.now = 0.0
    assert at_hand.find(5, BlobId.of(contents[5])) is None
    assert at_hand.find(7, BlobId.of(b"new")) == b"new"


def test_many_tiny_contents_take_no_more_memory_than_few_large_ones() -> None:
    at_hand = ContentsAtHand(_Clock())
    contents = [b"%08d" % number for number in range(20_000)]
    at_hand.note([(place, BlobId.of(content), content) for place, content in enumerate(contents)])

    found = [at_hand.find(place, BlobId.of(content)) for place, content in enumerate(contents)]
    assert 1000 < sum(content is not None for content in found) < AT_HAND_BYTES_MAX // 300
    assert found[-1] == contents[-1]


def test_a_place_tells_only_of_the_blob_that_lies_there() -> None:
    at_hand = ContentsAtHand(_Clock())
    at_hand.note([(1, BlobId.of(b"old"), b"old")])
    at_hand.note([(1, BlobId.of(b"new"), b"new")])

    assert at_hand.find(1, BlobId.of(b"old")) is None
    assert at_hand.find(1, BlobId.of(b"new")) == b"new"
