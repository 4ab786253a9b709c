"""Cheaper reads say the same as whole rows."""

from __future__ import annotations

import pytest
import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import BlobId
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.giving import Giving
from lumbung_node.services.server import GET
from lumbung_node.store.events import recent_events
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


async def test_damage_that_many_meet_at_the_same_moment_is_found_and_told_once() -> None:
    """Each of them wrote an event of its own, said it in the log, and had it withdrawn once more."""
    at, content = box(OFFICE), LUCK.randbytes(300_000)
    async with living(at) as office:
        await put(office, [content])
        chunks = await office.store.kv.scan(Family.CHUNKS, b"", b"\xff" * 16, 100)
        at.disk.spoil_row(Family.CHUNKS, chunks[-1][0])
        channel, codes = DirectChannel({GET: lambda call: Giving(office).get(call, lambda _: None)}), []

        async def get() -> None:
            async with channel.stream(GET) as stream:
                await stream.send(blobs_pb2.GetRequest(id=BlobId.of(content).raw).SerializeToString())
                await stream.finish_sending()
                with pytest.raises(Rejected) as refused:
                    await stream.receive()
            codes.append(refused.value.code)

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(get)
        assert codes == [StatusCode.DATA_LOSS] * 8
        assert len(await recent_events(office.store.kv, 100)) == 1
        assert len(at.log.said("blob damaged")) == office.damage_count == 1
