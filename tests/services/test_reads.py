"""Cheaper reads say the same as whole rows."""

from __future__ import annotations

import pytest

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import BlobId
from lumbung_node.services.giving import Giving
from lumbung_node.services.server import GET
from lumbung_node.store.layout import BlobRow, blob_key
from lumbung_node.store.reads import Reader
from lumbung_proto.codec import decode_frame
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.direct_channel import DirectChannel
from lumbung_testing.session_pair import LUCK, OFFICE, box, living, put
from lumbung_testing.simulation.patching import patched


async def test_numbers_are_those_of_the_rows_in_the_engine_also_of_one_that_is_written_anew() -> None:
    async with living(box(OFFICE)) as office:
        await put(office, [b"one", b"two", b"mended just now"])
        blobs = [BlobId.of(content) for content in (b"two", b"mended just now", b"unknown", b"one")]
        office.store.state.repairing.add(blob_key(OFFICE, blobs[1]))

        numbers = await office.store.reader.numbers(OFFICE, blobs)

    assert numbers == [2, 3, None, 1]


async def test_a_get_that_a_repair_overtakes_gives_the_bytes_that_the_repair_brought() -> None:
    """It told of damage, and of no more than one holder that has the blob, while good bytes lay at another place."""
    content, is_first = LUCK.randbytes(300_000), True
    read_whole = Reader.read_whole

    async with living(box(OFFICE)) as office:

        async def overtaken(self: Reader, blob: BlobId, row: BlobRow) -> bytes:
            nonlocal is_first
            if is_first:
                is_first = False
                await office.found_damage(OFFICE, blob)
                await put(office, [content])
            return await read_whole(self, blob, row)

        await put(office, [content])
        channel = DirectChannel({GET: lambda call: Giving(office).get(call, lambda _: None)})
        with patched(Reader, "read_whole", overtaken):
            async with channel.stream(GET) as stream:
                await stream.send(blobs_pb2.GetRequest(id=BlobId.of(content).raw).SerializeToString())
                await stream.finish_sending()
                message = await stream.receive()
                assert message is not None
                _, payload = decode_frame(
                    blobs_pb2.GetResponse, message, header_bytes_max=limits.FRAME_HEADER_SIZE_BYTES_MAX
                )
                assert bytes(payload) == content
                assert await stream.receive() is None
        assert not office.store.state.damaged


async def test_a_get_of_what_nobody_has_mended_still_tells_of_the_damage() -> None:
    async with living(box(OFFICE)) as office:
        await put(office, [b"a recording"])
        await office.found_damage(OFFICE, BlobId.of(b"a recording"))
        channel = DirectChannel({GET: lambda call: Giving(office).get(call, lambda _: None)})
        async with channel.stream(GET) as stream:
            await stream.send(blobs_pb2.GetRequest(id=BlobId.of(b"a recording").raw).SerializeToString())
            await stream.finish_sending()
            with pytest.raises(Rejected) as refused:
                await stream.receive()
    assert refused.value.code is StatusCode.DATA_LOSS
