"""Cheaper reads say the same as whole rows."""

from __future__ import annotations

from lumbung_cluster.ids import BlobId
from lumbung_node.store.layout import blob_key
from lumbung_testing.session_pair import OFFICE, box, living, put


async def test_numbers_are_those_of_the_rows_in_the_engine_also_of_one_that_is_written_anew() -> None:
    async with living(box(OFFICE)) as office:
        await put(office, [b"one", b"two", b"mended just now"])
        blobs = [BlobId.of(content) for content in (b"two", b"mended just now", b"unknown", b"one")]
        office.store.state.repairing.add(blob_key(OFFICE, blobs[1]))

        numbers = await office.store.reader.numbers(OFFICE, blobs)

    assert numbers == [2, 3, None, 1]
