"""A put that ends in the middle leaves nothing on the disk: a large blob lies there before its commit."""

from __future__ import annotations

import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.put_stations import PutStation, put_pieces, put_start
from lumbung_testing.sealed_files import looking_sealed
from lumbung_testing.session_pair import LUCK, OFFICE, box, living
from lumbung_testing.virtual_disk import Pace

_CONTENT = looking_sealed(LUCK.randbytes(5 * limits.MIB))


async def _runs(core: Core) -> int:
    return len(await core.store.kv.scan(Family.PENDING, b"", b"\xff" * 40, 100))


async def _chunks(core: Core) -> int:
    return len(await core.store.kv.scan(Family.CHUNKS, b"", b"\xff" * 40, 100))


async def test_a_call_that_is_cut_while_its_repeat_is_read_leaves_no_run(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Each time that a line broke behind the last byte once left the whole blob on the disk until the next start."""
    office_box = box(OFFICE)
    async with living(office_box) as office:
        await PutStation("station", put_pieces(_CONTENT, limits.MIB)).put(office)
        chunks = await _chunks(office)
        office_box.disk.pace = Pace(read_s=1)
        with trio.move_on_after(0.5):
            await PutStation("station", put_pieces(_CONTENT, limits.MIB)).put(office)
        office_box.disk.pace = Pace()
        assert (await _runs(office), await _chunks(office)) == (0, chunks)


async def test_a_call_that_is_cut_while_its_commit_waits_is_stored_all_the_same(
    autojump_clock: trio.testing.MockClock,
) -> None:
    office_box = box(OFFICE)
    async with living(office_box) as office:
        office_box.disk.pace = Pace(sync_s=5)
        with trio.move_on_after(2):
            await PutStation("station", put_pieces(_CONTENT, limits.MIB)).put(office)
        await trio.sleep(20)
        assert office.store.state.count(OFFICE).blobs == 1
        assert (await _runs(office), await _chunks(office)) == (0, -(-len(_CONTENT) // limits.MIB))


async def test_a_frame_that_breaks_the_rules_behind_the_end_of_a_large_blob_leaves_no_run(
    autojump_clock: trio.testing.MockClock,
) -> None:
    *frames, _ = put_pieces(_CONTENT, limits.MIB)
    last = _CONTENT[len(frames) * limits.MIB :]
    parts = [blobs_pb2.PutPart(ticket=1, length_bytes=len(last)), put_start(1, b"no rising ticket", 4)]
    async with living(box(OFFICE)) as office:
        try:
            frames.append(encode_frame(blobs_pb2.PutRequest(parts=parts), [last + b"age-"]))
            await PutStation("station", frames).put(office)
        except* Rejected:
            pass
        assert office.store.state.count(OFFICE).blobs == 0
        assert (await _runs(office), await _chunks(office)) == (0, 0)
