"""Own puts share memory, and no station stops another one from recording."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_node.services.core import Core
from lumbung_node.services.put_memory import PutMemory
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.put_stations import PutStation, put_frame, put_pieces, put_start
from lumbung_testing.session_pair import LUCK, OFFICE, box, living
from lumbung_testing.virtual_disk import Pace

_FOR_EVER_S = 1200.0
_DRIPPED_BYTES = 1000
_HALF = limits.PUT_MEMORY_BLOB_BYTES_MAX // 2


def _dripping(name: str, size: int = limits.PUT_MEMORY_BLOB_BYTES_MAX) -> PutStation:
    """Announces a blob and brings ten bytes of it every ten seconds."""
    return PutStation(name, put_pieces(bytes(size), 10, min(size, _DRIPPED_BYTES)), pause_s=10.0)


def _only_shared(blobs: int) -> PutMemory:
    """Room for so many blobs of the largest size that is kept in memory, and no reserves."""
    size = limits.PUT_MEMORY_BLOB_BYTES_MAX
    return PutMemory(shared_bytes_max=blobs * size, caller_bytes_max=size, reserve_bytes=size, callers_max=0)


async def test_a_station_records_at_once_while_others_hold_all_that_is_shared(
    autojump_clock: trio.testing.MockClock,
) -> None:
    streams = limits.CALLS_PER_PEER_MAX
    honest = PutStation("honest", [put_frame(b"a citizen waits")])
    async with living(box(OFFICE)) as core, trio.open_nursery() as nursery:
        for name in ("first", "second", "third"):
            for _ in range(streams):
                nursery.start_soon(_dripping(name).put, core)
        await trio.sleep(15)
        assert core.memory.taken_bytes >= limits.INGEST_MEMORY_BYTES_MAX
        with trio.fail_after(1):
            await honest.put(core)
        nursery.cancel_scope.cancel()
    assert honest.outcomes() == [blobs_pb2.PUT_OUTCOME_STORED]


async def test_one_station_holds_no_more_than_its_reserve_and_its_share(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as core, trio.open_nursery() as nursery:
        for _ in range(limits.CALLS_PER_PEER_MAX):
            nursery.start_soon(_dripping("wild").put, core)
        await trio.sleep(15)
        assert core.memory.taken_bytes == limits.PUT_MEMORY_CALLER_BYTES_MAX + limits.PUT_MEMORY_RESERVE_BYTES
        nursery.cancel_scope.cancel()


async def test_whoever_hangs_up_holds_what_waits_for_the_disk(autojump_clock: trio.testing.MockClock) -> None:
    """His blobs stay in the committer's queue: with their memory given back each further call brought more of them."""
    office = box(OFFICE)
    async with living(office) as core, trio.open_nursery() as nursery:
        office.disk.pace = Pace(sync_s=100.0)
        for _ in range(30):
            nursery.start_soon(_cut_short, core, LUCK.randbytes(limits.MIB))
            await trio.sleep(2)
        assert core.memory.taken_bytes == limits.PUT_MEMORY_CALLER_BYTES_MAX + limits.PUT_MEMORY_RESERVE_BYTES
        office.disk.pace = Pace()
        await trio.sleep(200)
        assert core.memory.taken_bytes == 0
        assert core.store.state.count(OFFICE).size_bytes <= (
            limits.PUT_MEMORY_CALLER_BYTES_MAX + limits.PUT_MEMORY_RESERVE_BYTES
        )


async def _cut_short(core: Core, content: bytes) -> None:
    with trio.move_on_after(1):
        await PutStation("wild", [put_frame(content)]).put(core)


async def test_whoever_crawls_gives_way_once_another_waits(autojump_clock: trio.testing.MockClock) -> None:
    honest = PutStation("honest", [put_frame(bytes(limits.MIB))])
    async with living(box(OFFICE)) as core, trio.open_nursery() as nursery:
        core.memory = _only_shared(1)

        async def crawl() -> None:
            with pytest.raises(BaseExceptionGroup) as caught:
                await _dripping("slow").put(core)
            assert caught.group_contains(Rejected, match="others wait for memory")
            refusal = caught.value.subgroup(
                lambda exc: isinstance(exc, Rejected) and exc.code is StatusCode.UNAVAILABLE
            )
            assert refusal is not None

        nursery.start_soon(crawl)
        await trio.sleep(15)
        with trio.fail_after(2 * limits.PUT_RATE_WINDOW_S):
            await honest.put(core)
    assert honest.outcomes() == [blobs_pb2.PUT_OUTCOME_STORED]
    assert core.memory.taken_bytes == 0


async def test_whoever_crawls_goes_on_while_nobody_waits(autojump_clock: trio.testing.MockClock) -> None:
    slow = _dripping("slow", 500)
    async with living(box(OFFICE)) as core:
        core.memory = _only_shared(1)
        await slow.put(core)
    assert slow.outcomes() == [blobs_pb2.PUT_OUTCOME_STORED]


async def test_a_slow_line_keeps_its_memory_while_another_waits(autojump_clock: trio.testing.MockClock) -> None:
    """128 kbit/s in frames of a second."""
    content = bytes(limits.MIB)
    slow = PutStation("slow", put_pieces(content, 16_000), pause_s=1.0)
    honest = PutStation("honest", [put_frame(bytes(_HALF + 1))])
    async with living(box(OFFICE)) as core, trio.open_nursery() as nursery:
        core.memory = PutMemory(
            shared_bytes_max=limits.MIB + 1,
            caller_bytes_max=2 * limits.MIB,
            reserve_bytes=2 * limits.MIB,
            callers_max=0,
        )
        nursery.start_soon(slow.put, core)
        await trio.sleep(5)
        with trio.fail_after(_FOR_EVER_S):
            await honest.put(core)
    assert slow.outcomes() == honest.outcomes() == [blobs_pb2.PUT_OUTCOME_STORED]


async def test_a_frame_whose_last_blob_waits_for_memory_stores_those_before_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """They hold what the last one needs: once they would have waited for each other for ever."""
    first, last = b"1" * limits.KIB, b"2" * limits.PUT_MEMORY_BLOB_BYTES_MAX
    parts = [put_start(1, first, len(first)), put_start(2, last, 10)]
    rest = blobs_pb2.PutRequest(parts=[blobs_pb2.PutPart(ticket=2, length_bytes=len(last) - 10)])
    frames = [
        encode_frame(blobs_pb2.PutRequest(parts=parts), [first, last[:10]]),
        encode_frame(rest, [last[10:]]),
    ]
    station = PutStation("station", frames)
    async with living(box(OFFICE)) as core:
        core.memory = _only_shared(1)
        with trio.fail_after(_FOR_EVER_S):
            await station.put(core)
    assert station.outcomes() == [blobs_pb2.PUT_OUTCOME_STORED] * 2


async def test_a_large_blob_takes_only_what_it_buffers(autojump_clock: trio.testing.MockClock) -> None:
    content = bytes(9 * limits.MIB)
    large = PutStation("large", put_pieces(content, limits.MIB), pause_s=1.0)
    async with living(box(OFFICE)) as core, trio.open_nursery() as nursery:
        nursery.start_soon(large.put, core)
        await trio.sleep(5)
        assert core.memory.taken_bytes == limits.PUT_MEMORY_BLOB_BYTES_MAX
    assert large.outcomes() == [blobs_pb2.PUT_OUTCOME_STORED]
