"""A station that brings large blobs leaves room for the others, and waits when they are not what it said."""

from __future__ import annotations

import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_node.services.core import Core
from lumbung_node.services.put_crowd import PutCrowd
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.put_stations import PutStation, put_frame, put_pieces
from lumbung_testing.session_pair import LUCK, OFFICE, box, living
from lumbung_testing.virtual_disk import Pace

_LARGE_BYTES = 16 * limits.MIB
_FREE = int(limits.ERRORS_BURST / (1 + _LARGE_BYTES / limits.ERROR_BYTES))


def _large(*, is_right: bool) -> list[bytes]:
    frames = put_pieces(LUCK.randbytes(_LARGE_BYTES), limits.MIB)
    if not is_right:
        frames[-1], frames[-2] = frames[-2], frames[-1]
    return frames


async def _taken_s(core: Core, station: PutStation) -> float:
    begun = trio.current_time()
    await station.put(core)
    return trio.current_time() - begun


async def test_who_fills_the_disk_with_other_bytes_than_announced_waits_after_a_few(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(box(OFFICE)) as core:
        wild = [PutStation("wild", _large(is_right=False)) for _ in range(_FREE + 3)]
        took_s = [await _taken_s(core, station) for station in wild]
        honest_s = [await _taken_s(core, PutStation("honest", _large(is_right=True))) for _ in wild]
        small_s = await _taken_s(core, PutStation("wild", [put_frame(b"a citizen waits")]))

    assert {outcome for station in wild for outcome in station.outcomes()} == {blobs_pb2.PUT_OUTCOME_REFUSED}
    assert took_s[:_FREE] == [0.0] * _FREE
    assert took_s[-1] == limits.ERROR_WAIT_S_MAX
    assert sum(honest_s) == small_s == 0.0


async def test_a_large_blob_rests_between_its_chunks_while_others_put_and_only_then(
    autojump_clock: trio.testing.MockClock,
) -> None:
    office = box(OFFICE)
    async with living(office) as core:
        office.disk.pace = Pace(write_s=0.1)
        alone_s = await _taken_s(core, PutStation("large", _large(is_right=True)))
        async with trio.open_nursery() as nursery:

            async def put_small() -> None:
                for number in range(1000):
                    await PutStation("small", [put_frame(b"citizen %d" % number)]).put(core)

            nursery.start_soon(put_small)
            beside_s = await _taken_s(core, PutStation("large", _large(is_right=True)))
            nursery.cancel_scope.cancel()

    assert beside_s > 1.8 * alone_s


async def test_a_crowd_is_those_who_brought_bytes_within_the_last_second(
    autojump_clock: trio.testing.MockClock,
) -> None:
    crowd = PutCrowd()
    crowd.touch("large")
    assert crowd.rest_s("large", 0.25) == 0.0
    crowd.touch("small")
    assert crowd.rest_s("large", 0.25) == 0.25
    assert crowd.rest_s("large", 60.0) == 1.0
    await trio.sleep(1.5)
    assert crowd.rest_s("large", 0.25) == 0.0


async def test_who_waits_for_a_slow_disk_is_one_of_the_crowd_until_its_answer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """After a second it was not: whoever read had all of the disk, and the put waited for it all the longer."""
    office, small = box(OFFICE), PutStation("small", [put_frame(b"a citizen waits")])
    async with living(office) as core:
        office.disk.pace = Pace(sync_s=5.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(small.put, core)
            await trio.sleep(3)
            assert not core.put_crowd.is_alone("large")
            assert core.put_crowd.is_alone(small.caller.uri)
        assert not core.put_crowd.is_alone("large")  # the next recording may be on its way
        await trio.sleep(1.5)
        assert core.put_crowd.is_alone("large")
