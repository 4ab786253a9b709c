"""A get says to whom its blob is sealed, not another blob of the same signed list; and it needs no list to read."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.services.core import Core
from lumbung_node.services.giving import Giving
from lumbung_node.store.jobs import Content, Job, OwnBlob
from lumbung_node.store.layout import list_key
from lumbung_proto.codec import decode_frame
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.direct_channel import DirectChannel
from lumbung_testing.session_pair import OFFICE, box, living
from lumbung_tools.client.methods import GET

CONTENTS = {epoch: b"recording %d" % epoch for epoch in (3, 1, 7)}


async def put_all(core: Core) -> None:
    """One list."""
    own = [OwnBlob(BlobId.of(each), Content(len(each), [each]), epoch, 0, b"", b"") for epoch, each in CONTENTS.items()]
    await core.store.committer.commit(Job(own=own))


async def told_epochs(core: Core) -> list[int]:
    """What a get of each says, once its bytes are right."""
    giving, told = Giving(core), list[int]()

    def may_read(origin: NodeNumber) -> None:
        assert origin == core.number

    channel = DirectChannel({GET: lambda call: giving.get(call, may_read)})
    for content in CONTENTS.values():
        async with channel.stream(GET) as stream:
            await stream.send(blobs_pb2.GetRequest(id=BlobId.of(content).raw).SerializeToString())
            await stream.finish_sending()
            message = await stream.receive()
        assert message is not None
        header, payload = decode_frame(blobs_pb2.GetResponse, message, header_bytes_max=1024)
        assert bytes(payload) == content
        told.append(header.start.seal_epoch)
    return told


async def test_each_blob_of_a_list_has_its_own_seal_epoch(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as core:
        await put_all(core)
        assert await told_epochs(core) == list(CONTENTS)


@pytest.mark.parametrize("left", [None, b"rotten", bytes(96) + b"rotten"])
async def test_a_blob_is_read_without_its_list_and_a_scrub_is_called(
    autojump_clock: trio.testing.MockClock, left: bytes | None
) -> None:
    """Its bytes are those of its id, which is all that the reader asked for; it was called damaged, or a bug, once."""
    at = box(OFFICE)
    async with living(at) as core, trio.open_nursery() as nursery:
        await put_all(core)
        row = await core.store.reader.row(OFFICE, BlobId.of(CONTENTS[3]))
        assert row is not None
        key = list_key(OFFICE, row.signed)
        if left is None:
            at.disk.lose(Family.LISTS, key)
        else:
            await core.store.kv.write(Batch(puts=[(Family.LISTS, key, left)]))
        called = trio.Event()

        async def wait() -> None:
            await core.store.state.suspected.wait()
            called.set()

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()

        assert await told_epochs(core) == [0, 0, 0]
        await called.wait()
        assert core.store.state.damaged == {}
