"""Whose disk it is, who may write one, and what is left out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import BlobId
from lumbung_node.store.events import FoundBy
from lumbung_node.store.layout import place_key
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import bundles_pb2
from lumbung_testing.bundle_desk import Desk
from lumbung_testing.bundle_trips import LUCK, keys_of, recordings, trip
from lumbung_testing.rosters import CLUSTER
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, box, living, put
from lumbung_tools.client.methods import EXPORT, IMPORT
from lumbung_tools.output.exit_codes import ExitCode


async def test_a_disk_for_another_node_is_told_by_name(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(5)) as there:
        await there.home.export(PEER, there.disk)
        done = await there.away.take_in(there.disk)
        (problem,) = done.problems.found
        assert (problem.key, problem.code) == ("bundle.bad.holder", ExitCode.REFUSED)
        assert (problem.values["holder"], problem.values["own"], there.held()) == ("34.04", "drc-batam", 0)


@pytest.mark.parametrize(
    ("change", "why"),
    [({"holder": PEER}, "disk for another node: expected 4, got 2"), ({"cluster_id": bytes(16)}, "another cluster")],
)
async def test_a_node_refuses_a_disk_that_is_not_for_it(tmp_path: Path, change: dict[str, object], why: str) -> None:
    fields = {"cluster_id": CLUSTER.raw, "bundle_id": bytes(16), "exporter": OFFICE, "holder": CENTRE, **change}
    begin = bundles_pb2.ImportRequest(begin=bundles_pb2.ImportBegin(**fields))  # type: ignore[arg-type]
    async with living(box(CENTRE)) as centre:
        async with Desk(centre, tmp_path).channel.stream(IMPORT) as stream:
            await stream.send(encode_frame(begin))
            with pytest.raises(Rejected, match=why) as refused:
                await stream.receive()
        assert refused.value.code is StatusCode.FAILED_PRECONDITION


async def test_an_export_for_a_node_that_keeps_nothing_of_it_is_refused(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(5)) as there:
        with pytest.raises(Rejected, match=r"keeps nothing of origin 36\.02"):
            await there.home.export(3, there.disk)
        with pytest.raises(Rejected, match="another present node"):
            await there.home.export(OFFICE, there.disk)


async def test_exports_are_bounded_and_one_that_ends_makes_room(tmp_path: Path) -> None:
    request = bundles_pb2.ExportRequest(holder=CENTRE).SerializeToString()
    async with trip(tmp_path, recordings(80, 100_000)) as there:
        channel = there.home.channel
        async with channel.stream(EXPORT) as first, channel.stream(EXPORT) as second:
            for stream in (first, second):
                await stream.send(request)
                assert await stream.receive() is not None
            with pytest.raises(Rejected) as refused:
                await there.home.export(CENTRE, there.disk)
        assert refused.value.code is StatusCode.RESOURCE_EXHAUSTED
        assert (await there.home.export(CENTRE, there.disk)).entries == 80


async def test_foreign_copies_are_refused_while_the_nodes_disk_is_full_and_taken_later(tmp_path: Path) -> None:
    async with trip(tmp_path, recordings(20)) as there:
        await there.home.export(CENTRE, there.disk)
        there.centre.condition.refuses_foreign = True
        done = await there.away.take_in(there.disk)
        assert (done.stored, done.refused, keys_of(done)) == (0, 20, {"node_full"})
        assert done.problems.codes == {ExitCode.COPIES_SHORT}
        there.centre.condition.refuses_foreign = False
        assert (await there.away.take_in(there.disk)).stored == 20


async def test_a_holder_fills_another_origins_node_with_everything(tmp_path: Path) -> None:
    """As a new DRC node is seeded: from a holder, which is not the origin."""
    async with trip(tmp_path, recordings(20)) as there:
        await there.home.export(CENTRE, there.disk)
        await there.away.take_in(there.disk)
        await put(there.office, recordings(1))
        onward = tmp_path / "onward"
        written = await there.away.export(PEER, onward, origins=(OFFICE,))
        assert (written.entries, written.is_complete) == (20, True)
        async with living(box(PEER)) as peer:
            done = await Desk(peer, tmp_path).take_in(onward)
            assert (done.stored, done.receipts) == (20, 0), "only the origin counts receipts"
            assert peer.store.state.count(OFFICE).blobs == 20


async def test_own_recordings_come_home_on_a_disk(tmp_path: Path) -> None:
    contents = recordings(20)
    async with trip(tmp_path, contents) as there:
        await there.home.export(CENTRE, there.disk)
        await there.away.take_in(there.disk)
        await there.away.export(OFFICE, tmp_path / "back", origins=(OFFICE,))
        async with living(box(OFFICE)) as wiped:
            done = await Desk(wiped, tmp_path).take_in(tmp_path / "back")
            assert (done.stored, wiped.store.state.end(OFFICE).number) == (20, 20)


async def test_damaged_recordings_are_left_out_and_named(tmp_path: Path) -> None:
    contents = recordings(5)
    async with trip(tmp_path, contents) as there:
        assert await there.office.store.mark_damaged(OFFICE, BlobId.of(contents[2]), FoundBy.READ)
        written = await there.home.export(CENTRE, there.disk)
        assert (written.entries, written.unreadable) == (4, [BlobId.of(contents[2])])


@pytest.mark.parametrize("size", [700, 3 << 20, 20 << 20])
async def test_a_recording_that_rots_unseen_is_found_at_the_export_and_leaves_no_trace_on_the_disk(
    tmp_path: Path, size: int
) -> None:
    rotten = LUCK.randbytes(size)
    async with trip(tmp_path, [b"before" * 50, rotten, b"behind" * 50]) as there:
        row = await there.office.store.reader.row(OFFICE, BlobId.of(rotten))
        assert row is not None
        last = row.place + row.chunks - 1
        await there.office.store.kv.write_chunks([(place_key(last), b"others")])
        written = await there.home.export(CENTRE, there.disk)
        assert (written.entries, written.unreadable, written.is_complete) == (2, [BlobId.of(rotten)], True)
        done = await there.away.take_in(there.disk)
        assert (done.stored, done.problems.found) == (2, [])
        assert (OFFICE, BlobId.of(rotten)) in there.office.store.state.damaged
