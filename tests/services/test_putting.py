"""A put stream over a real store on a virtual disk: what it may hold while it waits for memory."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest
import trio
import trio.testing

from lumbung_cluster.errors import StatusCode
from lumbung_cluster.ids import BlobId
from lumbung_cluster.limits import (
    INGEST_MEMORY_BYTES_MAX,
    MEMORY_BLOB_BYTES_MAX,
    PIECE_SIZE_BYTES_MAX,
    PUT_MEMORY_BLOB_BYTES_MAX,
)
from lumbung_node.ports.keyvalue import Family
from lumbung_node.ports.transport import Endpoint, ServerCall
from lumbung_node.services.copies import CopyBook
from lumbung_node.services.putting import PutStream
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.direct_channel import DirectChannel, InlineBlocking
from lumbung_testing.put_stations import PutStation, put_frame, put_pieces, put_start
from lumbung_testing.sealed_files import looking_sealed, write_item
from lumbung_testing.session_pair import LUCK, OFFICE, PEER, box, living
from lumbung_testing.simulation.node import node_caller
from lumbung_testing.virtual_disk import Pace
from lumbung_testing.virtual_network import VirtualNetwork
from lumbung_tools.client.answers import Outcome, PutAnswer
from lumbung_tools.client.methods import PUT
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms

_LARGE_BYTES = MEMORY_BLOB_BYTES_MAX + 1
_LARGE = INGEST_MEMORY_BYTES_MAX // MEMORY_BLOB_BYTES_MAX + 2  # more than the budget has room for at once
_TERMS = PutTerms(copies=1, wait_s=0.0, retry_s=60.0)


async def test_large_blobs_with_small_ones_between_are_stored_at_the_first_attempt(
    autojump_clock: trio.testing.MockClock, tmp_path: Path
) -> None:
    """The end of one, a small one and the beginning of the next share a frame. The stream once waited for memory for
    the next with that of the others in its hand, for ever: 30 s later the client sent the same again, without end."""
    items: list[PutItem] = []
    for number in range(_LARGE):
        large, small = LUCK.randbytes(_LARGE_BYTES), bytes([number])  # drawn, two of one byte may be the same
        for content in (large, small):
            items.append(write_item(tmp_path, f"{number} {len(content)}", looking_sealed(content)))
    outcomes: dict[str, Outcome] = {}

    async def batches() -> AsyncGenerator[Sequence[PutItem], None]:
        yield items

    def take(item: PutItem, answer: PutAnswer) -> None:
        outcomes[item.label] = answer.outcome

    async with living(box(OFFICE)) as core:

        async def serve(call: ServerCall) -> None:
            await PutStream(core, CopyBook(core), lambda _blob, _number: None, call).run()

        channel = DirectChannel({PUT: serve})
        assert await put_many(channel, batches(), _TERMS, InlineBlocking(), take) is None
        assert core.memory.taken_bytes == 0
    assert outcomes == {item.label: Outcome.STORED for item in items}
    assert channel.streams_opened == 1


async def test_a_repeat_under_another_sealing_is_answered_with_the_size_of_the_stored_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Another escrow key makes the next sealing longer, and the size beside the stored id was that of the new one."""

    def frame(content: bytes) -> bytes:
        part = put_start(1, content, len(content))
        part.start.record_tag, part.start.content_tag = b"\0" + b"r" * 32, b"\0" + b"c" * 32
        return encode_frame(blobs_pb2.PutRequest(parts=[part]), [content])

    stored, again = looking_sealed(b"sealed for two"), looking_sealed(b"sealed for three of them")
    async with living(box(OFFICE)) as core:
        stations = [PutStation("a", [frame(content)]) for content in (stored, again, stored)]
        for station in stations:
            await station.put(core)
    answered = [answer for station in stations for answer in station.answers]
    assert [answer.id for answer in answered] == [BlobId.of(stored).raw] * 3
    assert [answer.size_bytes for answer in answered] == [0, len(stored), 0]


@pytest.mark.parametrize("size_bytes", [5_000, PUT_MEMORY_BLOB_BYTES_MAX + 1])
async def test_a_machine_that_is_stopped_while_a_blob_comes_signs_nothing_of_it(
    autojump_clock: trio.testing.MockClock, size_bytes: int
) -> None:
    """The station hears it, and asks the machine that took its place."""
    content = LUCK.randbytes(size_bytes)
    station = PutStation("a", put_pieces(content, size_bytes // 5 + 1), pause_s=10.0)
    at = box(OFFICE)
    async with living(at) as core, trio.open_nursery() as nursery:
        nursery.start_soon(station.put, core)
        await trio.sleep(25)
        core.condition.stopped = True  # a partner has shown it a higher life of its own
        await trio.sleep(600)

        assert core.store.state.end(OFFICE).number == 0
        assert station.outcomes() == [blobs_pb2.PUT_OUTCOME_REFUSED]
        assert station.answers[0].status_code == StatusCode.FAILED_PRECONDITION.value
        assert not at.disk.visible.all_keys(Family.CHUNKS)
        assert not at.disk.visible.all_keys(Family.PENDING)
        assert core.memory.taken_bytes == 0


async def test_large_frames_are_counted_before_their_blobs_are_durable(autojump_clock: trio.testing.MockClock) -> None:
    """A client keeps a few frames under way: told only by the answers, each few would wait for the disk."""
    content = LUCK.randbytes(PIECE_SIZE_BYTES_MAX)
    station = PutStation("station", [put_frame(content)])
    async with living(box(OFFICE)) as core:
        await station.put(core)
    let_in, *responses = station.responses
    assert let_in == blobs_pb2.PutResponse()
    assert [response.received_bytes for response in responses] == [len(content)] * 2
    assert [len(response.answers) for response in responses] == [0, 1]


async def test_a_small_blob_that_is_stored_while_its_call_is_revoked_is_never_called_refused(
    autojump_clock: trio.testing.MockClock, tmp_path: Path
) -> None:
    """A node counts no bytes of a frame that is small and whole: all it has said by then is that the call is let in."""
    item = write_item(tmp_path, "small", looking_sealed(b"a birth"))
    outcomes: list[Outcome] = []
    network, at, station = VirtualNetwork(random.Random(1)), box(OFFICE), node_caller(PEER)

    async def batches() -> AsyncGenerator[Sequence[PutItem], None]:
        yield [item]

    async with living(at) as core, trio.open_nursery() as nursery:

        async def serve(call: ServerCall) -> None:
            await PutStream(core, CopyBook(core), lambda _blob, _number: None, call).run()

        async def put() -> None:
            endpoint = Endpoint(listener.address, node_caller(OFFICE).uri, (node_caller(OFFICE).key_pin,))
            channel = network.transport("station", station).dial(endpoint)
            await put_many(
                channel, batches(), _TERMS, InlineBlocking(), lambda _, answer: outcomes.append(answer.outcome)
            )

        async with network.transport("office", node_caller(OFFICE)).serve("127.0.0.1:7001", {PUT: serve}) as listener:
            at.disk.pace = Pace(sync_s=2.0)
            nursery.start_soon(put)
            await trio.sleep(1)
            listener.revoke(lambda _caller, _method: False)  # a new access list leaves the station out
            await trio.sleep(10)
        assert core.store.state.end(OFFICE).number == 1, "the commit was under way and went on"
        assert outcomes == [Outcome.UNKNOWN]
        nursery.cancel_scope.cancel()
