"""Many blobs over one stream: in the order asked for, and what one is refused for does not end the others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.errors import PeerGone, Rejected, StatusCode
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.limits import MIB
from lumbung_node.ports.keyvalue import Family
from lumbung_node.ports.transport import ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.finding import MayRead
from lumbung_node.services.giving import Giving
from lumbung_node.store.layout import blob_key
from lumbung_node.store.reads import Reader
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_testing.direct_channel import DirectChannel
from lumbung_testing.session_pair import LUCK, OFFICE, box, living, put
from lumbung_testing.simulation.patching import patched
from lumbung_tools.client.ask import BlobName
from lumbung_tools.client.methods import READ
from lumbung_tools.client.read_stream import BlobRefused, ReadStream, open_reads

_GIVEN = wire.GetStart(id=bytes(32), origin=1, size_bytes=10, time_ms=1)
_HALF = encode_frame(wire.ReadResponse(start=_GIVEN), [b"01234"])


def _everything(_origin: NodeNumber) -> None:
    """May read it."""


@asynccontextmanager
async def _reads(office: Core, may_read_now: Callable[[], MayRead] = lambda: _everything) -> AsyncIterator[ReadStream]:
    giving = Giving(office)
    async with open_reads(DirectChannel({READ: lambda call: giving.read(call, may_read_now)})) as reads:
        yield reads


def _name(content: bytes, digits: int = 64) -> BlobName:
    return BlobName(BlobId.of(content).raw.hex()[:digits])


async def _content(reads: ReadStream, content: bytearray | None = None) -> bytes:
    start, content = await reads.begin(), bytearray() if content is None else content
    while (piece := await reads.piece()) is not None:
        content += piece
    assert BlobId(start.id) == BlobId.of(bytes(content))
    return bytes(content)


async def test_blobs_come_in_the_order_asked_for_large_ones_in_pieces() -> None:
    contents = [b"small", LUCK.randbytes(3 * MIB + 5), LUCK.randbytes(300_000), b"s"]
    async with living(box(OFFICE)) as office:
        await put(office, contents)
        async with _reads(office) as reads:
            for content in contents:
                await reads.ask(_name(content), 0)
            for content in contents:
                assert await _content(reads) == content
            # and again, now that it was waited for: the stream stays
            await reads.ask(_name(contents[0], digits=8), int(OFFICE))
            assert await _content(reads) == contents[0]
            await reads.finish_asking()
            with pytest.raises(PeerGone, match="without a word"):
                await reads.begin()


async def test_what_one_blob_is_refused_for_does_not_end_the_stream() -> None:
    content = LUCK.randbytes(5_000)
    async with living(box(OFFICE)) as office:
        await put(office, [content, b"rotten"])
        await office.found_damage(OFFICE, BlobId.of(b"rotten"))
        wanted = [_name(b"unknown"), BlobName("abcd"), BlobName(record_tag=bytes(7)), _name(b"rotten"), _name(content)]
        codes = []
        async with _reads(office) as reads:
            for each in wanted:
                await reads.ask(each, 0)
            for _ in wanted[:-1]:
                with pytest.raises(BlobRefused) as refused:
                    await reads.begin()
                codes.append(refused.value.code)
            assert await _content(reads) == content
    wrong = StatusCode.INVALID_ARGUMENT
    assert codes == [StatusCode.NOT_FOUND, wrong, wrong, StatusCode.DATA_LOSS]


async def test_a_beginning_of_an_id_in_a_rotten_part_of_the_index_does_not_end_the_stream() -> None:
    """It ended with DATA_LOSS, and what was asked for behind it did not come; nor was a scrub called."""
    at = box(OFFICE)
    async with living(at) as office:
        await put(office, [b"rotten", b"the next one"])
        at.disk.spoil_row(Family.BLOBS, blob_key(OFFICE, BlobId.of(b"rotten")))
        async with _reads(office) as reads, trio.open_nursery() as nursery:
            nursery.start_soon(office.store.state.suspected.wait)
            await trio.testing.wait_all_tasks_blocked()
            await reads.ask(_name(b"rotten", digits=8), 0)
            await reads.ask(_name(b"the next one"), 0)
            with pytest.raises(BlobRefused) as refused:
                await reads.begin()
            assert refused.value.code is StatusCode.DATA_LOSS
            assert await _content(reads) == b"the next one"


async def test_who_asks_for_what_is_no_id_again_and_again_waits_for_each_refusal(
    autojump_clock: trio.testing.MockClock,
) -> None:
    tries = int(limits.ERRORS_BURST) + 5
    async with living(box(OFFICE)) as office, _reads(office) as reads:
        begun = trio.current_time()
        for _ in range(tries):
            await reads.ask(BlobName("abcd"), 0)
            with pytest.raises(BlobRefused):
                await reads.begin()
        waited_s = trio.current_time() - begun
    assert waited_s >= 5 / limits.ERRORS_REFILL_PER_S


async def test_a_blob_that_rots_under_way_ends_in_the_middle_and_the_next_one_comes() -> None:
    large, small = LUCK.randbytes(6 * MIB), b"the next one"
    at = box(OFFICE)
    async with living(at) as office:
        await put(office, [large])
        chunks = await office.store.kv.scan(Family.CHUNKS, b"", b"\xff" * 16, 100)
        at.disk.spoil_row(Family.CHUNKS, chunks[-1][0])  # the first ones leave before it is read
        await put(office, [small])
        async with _reads(office) as reads:
            await reads.ask(_name(large), 0)
            await reads.ask(_name(small), 0)
            came = bytearray()
            with pytest.raises(BlobRefused) as refused:
                await _content(reads, came)
            assert refused.value.code is StatusCode.DATA_LOSS
            assert 0 < len(came) < len(large)
            assert await _content(reads) == small
        assert office.store.state.damaged


async def test_each_blob_is_judged_by_what_its_caller_may_read_then() -> None:
    is_allowed = True

    def may_read_now() -> MayRead:
        def check(_origin: NodeNumber) -> None:
            if not is_allowed:
                raise Rejected(StatusCode.PERMISSION_DENIED, "no longer")

        return check

    async with living(box(OFFICE)) as office:
        await put(office, [b"a recording"])
        async with _reads(office, may_read_now) as reads:
            await reads.ask(_name(b"a recording"), 0)
            assert await _content(reads) == b"a recording"
            is_allowed = False
            await reads.ask(_name(b"a recording"), 0)
            with pytest.raises(BlobRefused) as refused:
                await reads.begin()
    assert refused.value.code is StatusCode.PERMISSION_DENIED


async def test_a_caller_who_is_nobody_any_more_loses_the_stream() -> None:
    def may_read_now() -> MayRead:
        raise Rejected(StatusCode.PERMISSION_DENIED, "retired")

    async with living(box(OFFICE)) as office:
        await put(office, [b"a recording"])
        async with _reads(office, may_read_now) as reads:
            await reads.ask(_name(b"a recording"), 0)
            with pytest.raises(Rejected) as refused:
                await reads.begin()
    assert not isinstance(refused.value, BlobRefused)


async def test_a_question_that_does_not_parse_ends_the_stream() -> None:
    async with living(box(OFFICE)) as office:
        giving = Giving(office)
        channel = DirectChannel({READ: lambda call: giving.read(call, lambda: _everything)})
        async with channel.stream(READ) as stream:
            await stream.send(b"\xff\xff")
            with pytest.raises(Rejected) as refused:
                await stream.receive()
    assert refused.value.code is StatusCode.INVALID_ARGUMENT


async def test_who_asks_ahead_and_takes_nothing_holds_the_node_up_before_it_reads_on() -> None:
    """Its memory is what one call may hold, however much is asked for."""
    content = LUCK.randbytes(300_000)
    read = 0
    read_whole = Reader.read_whole

    async def counted(self: Reader, *args: object) -> bytes:
        nonlocal read
        read += 1
        return await read_whole(self, *args)  # type: ignore[arg-type]

    async with living(box(OFFICE)) as office:
        await put(office, [content])
        with patched(Reader, "read_whole", counted):
            async with _reads(office) as reads:
                with trio.move_on_after(0.5):
                    for _ in range(100):
                        await reads.ask(_name(content), 0)
                assert read < 10


@pytest.mark.parametrize(
    "frames",
    [
        [encode_frame(wire.ReadResponse(start=wire.GetStart(id=b"short", size_bytes=10)), [b"0123456789"])],
        [encode_frame(wire.ReadResponse(start=wire.GetStart(id=bytes(32), size_bytes=0)))],
        [encode_frame(wire.ReadResponse(start=wire.GetStart(id=bytes(32), size_bytes=limits.BLOB_SIZE_BYTES_MAX + 1)))],
        [encode_frame(wire.ReadResponse(start=_GIVEN), [b"0123456789a"])],
        [encode_frame(wire.ReadResponse(start=_GIVEN))],
        [_HALF, encode_frame(wire.ReadResponse())],
        [_HALF, encode_frame(wire.ReadResponse(start=_GIVEN), [b"5"])],
        [_HALF],
        [b"\xff\xff\xff\xff"],
        [encode_frame(wire.ReadResponse(), [b"01234"])],
        [],
    ],
)
async def test_a_node_that_answers_otherwise_is_not_believed(frames: list[bytes]) -> None:
    async def serve(call: ServerCall) -> None:
        await call.receive()
        for frame in frames:
            await call.send(frame)

    async with open_reads(DirectChannel({READ: serve})) as reads:
        await reads.ask(BlobName("00" * 32), 0)
        with pytest.raises(PeerGone):
            await _content(reads)


@pytest.mark.parametrize("number", [0, 99])
async def test_a_refusal_of_no_known_status_is_one_all_the_same(number: int) -> None:
    async def serve(call: ServerCall) -> None:
        await call.receive()
        await call.send(encode_frame(wire.ReadResponse(refusal=wire.ReadRefusal(status_code=number, sentence="no"))))

    async with open_reads(DirectChannel({READ: serve})) as reads:
        await reads.ask(BlobName("00" * 32), 0)
        with pytest.raises(BlobRefused) as refused:
            await reads.begin()
    assert (refused.value.code, refused.value.sentence) == (StatusCode.UNKNOWN, "no")
