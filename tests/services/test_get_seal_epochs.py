"""A get says to whom its blob is sealed, not another blob of the same signed list."""

from __future__ import annotations

import trio.testing

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.services.copies import CopyBook
from lumbung_node.services.reading import Reading
from lumbung_node.store.jobs import Content, Job, OwnBlob
from lumbung_proto.codec import decode_frame
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.direct_channel import DirectChannel
from lumbung_testing.session_pair import OFFICE, box, living
from lumbung_tools.client.methods import GET


async def test_each_blob_of_a_list_has_its_own_seal_epoch(autojump_clock: trio.testing.MockClock) -> None:
    contents = {epoch: b"recording %d" % epoch for epoch in (3, 1, 7)}
    async with living(box(OFFICE)) as core:
        own = [
            OwnBlob(BlobId.of(each), Content(len(each), [each]), epoch, 0, b"", b"") for epoch, each in contents.items()
        ]
        await core.store.committer.commit(Job(own=own))
        reading, told = Reading(core, CopyBook(core)), dict[int, int]()

        def may_read(origin: NodeNumber) -> None:
            assert origin == core.number

        channel = DirectChannel({GET: lambda call: reading.get(call, may_read)})
        for epoch, content in contents.items():
            async with channel.stream(GET) as stream:
                await stream.send(blobs_pb2.GetRequest(id=BlobId.of(content).raw).SerializeToString())
                await stream.finish_sending()
                message = await stream.receive()
            assert message is not None
            header, payload = decode_frame(blobs_pb2.GetResponse, message, header_bytes_max=1024)
            assert bytes(payload) == content
            told[epoch] = header.start.seal_epoch
    assert told == {epoch: epoch for epoch in contents}
