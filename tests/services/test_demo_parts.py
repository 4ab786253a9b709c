"""The demo and the benchmark say what happened: what is lost is counted, and a load that fell short gives no figure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from lumbung_cluster.errors import PeerUnreachable
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.config import Language
from lumbung_node.ports.transport import Dialer
from lumbung_proto.v1 import blobs_pb2, operations_pb2
from lumbung_testing.direct_channel import DirectChannel, DirectTransport
from lumbung_testing.fake_blobs import FakeBlobs, Put
from lumbung_tools.bench.load import LoadFailed, make_load, put_full, put_one_by_one
from lumbung_tools.client.profile import Profile, load_profile
from lumbung_tools.client.session import Session, open_session
from lumbung_tools.demo.board import read_row
from lumbung_tools.demo.enroll import PutTally, draw_enrollments, put_enrollments
from lumbung_tools.demo.recover import get_everything_back
from lumbung_tools.localcluster.founding import Founded, found_cluster
from lumbung_tools.localcluster.sites import choose_sites
from lumbung_tools.sealing import AGE_MAGIC

_OWNER, _PEER, _DRC = 1, 2, 3
_RECORDS = 4


class Offices:
    """36.02 with its peer 34.04 and the DRC; nodes are fakes, keys and rosters real."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        sites = choose_sites(["36.02", "34.04"], ["batam"], None)
        self.founded: Founded = found_cluster(folder / "cluster", sites, Language.ENGLISH, now_ms=1_790_000_000_000)
        self.nodes = {number: FakeBlobs(number, interim=True) for number in (_OWNER, _PEER, _DRC)}
        self.channels = {number: DirectChannel(node.handlers) for number, node in self.nodes.items()}

    def session(self) -> AbstractAsyncContextManager[Session]:
        @asynccontextmanager
        async def open_transport(profile: Profile) -> AsyncIterator[Dialer]:
            yield DirectTransport(self.channels)

        profile = load_profile(self.founded.client_home("36.02"))
        return open_session(profile, open_transport, Ed25519Verifier())

    async def enroll(self, session: Session) -> PutTally:
        """Four enrollments at the owner; the other holders then hold the same bytes, and the owner is gone."""
        drawn: Mapping[str, object] = draw_enrollments(self.folder / "drawn", self.founded.sites[:1], _RECORDS, seed=1)
        assert list(drawn) == ["36.02"]
        tally = PutTally()
        files = sorted((self.folder / "drawn" / "36.02").iterdir())
        assert await put_enrollments(session, files, tally) is None
        for number in (_PEER, _DRC):
            self.nodes[number].blobs = dict(self.nodes[_OWNER].blobs)
        self.channels[_OWNER].unreachable = PeerUnreachable("connection refused")
        (self.folder / "back").mkdir()
        return tally


@pytest.fixture
def offices(tmp_path: Path) -> Offices:
    return Offices(tmp_path)


async def test_every_enrollment_is_sealed_put_and_counted_as_safe(offices: Offices) -> None:
    async with offices.session() as session:
        tally = await offices.enroll(session)
    assert len(tally.stored) == tally.safe == _RECORDS
    assert tally.problems == []
    stored = offices.nodes[_OWNER].blobs
    assert {blob.raw for blob in tally.stored.values()} == set(stored)
    assert all(content.startswith(AGE_MAGIC) for content in stored.values())


async def test_a_copy_too_few_is_not_counted_as_safe(offices: Offices) -> None:
    def two_copies(put: Put, completed: int) -> blobs_pb2.PutAnswer:
        copies = blobs_pb2.CopyCount(count=2, wanted=3, safe=False, holders=[1, 2], missing=[3])
        return blobs_pb2.PutAnswer(outcome=blobs_pb2.PUT_OUTCOME_STORED, id=put.start.id, copies=copies, final=True)

    offices.nodes[_OWNER].rule = two_copies
    async with offices.session() as session:
        tally = await offices.enroll(session)
    assert (len(tally.stored), tally.safe) == (_RECORDS, 0)


async def test_everything_comes_back_from_the_other_holders_without_asking_the_lost_node(offices: Offices) -> None:
    async with offices.session() as session:
        tally = await offices.enroll(session)
        asked = offices.channels[_OWNER].streams_opened
        recovery = await get_everything_back(session, tally.stored, offices.folder / "back")
    assert recovery.lost == {}
    assert recovery.recovered == _RECORDS
    assert set(recovery.sources) <= {"34.04", "drc-batam"}
    assert offices.channels[_OWNER].streams_opened == asked


async def test_a_blob_that_one_holder_has_lost_comes_from_the_other(offices: Offices) -> None:
    async with offices.session() as session:
        tally = await offices.enroll(session)
        offices.nodes[_PEER].blobs.clear()
        recovery = await get_everything_back(session, tally.stored, offices.folder / "back")
    assert recovery.sources == {"drc-batam": _RECORDS}


async def test_a_blob_that_nobody_has_is_counted_as_lost(offices: Offices) -> None:
    async with offices.session() as session:
        tally = await offices.enroll(session)
        missing, blob = next(iter(tally.stored.items()))
        for number in (_PEER, _DRC):
            del offices.nodes[number].blobs[blob.raw]
        recovery = await get_everything_back(session, tally.stored, offices.folder / "back")
    assert list(recovery.lost) == [missing]
    assert recovery.recovered == _RECORDS - 1


async def test_wrong_bytes_of_every_holder_are_counted_as_lost(offices: Offices) -> None:
    async with offices.session() as session:
        tally = await offices.enroll(session)
        for number in (_PEER, _DRC):
            offices.nodes[number].corrupt = True
        recovery = await get_everything_back(session, tally.stored, offices.folder / "back")
    assert set(recovery.lost) == set(tally.stored)


async def test_a_recording_that_opens_to_something_else_is_counted_as_lost(offices: Offices) -> None:
    async with offices.session() as session:
        tally = await offices.enroll(session)
        first, second, *_ = tally.stored
        swapped = {**tally.stored, first: tally.stored[second]}
        recovery = await get_everything_back(session, swapped, offices.folder / "back")
    assert list(recovery.lost) == [first]
    assert "that were enrolled" in recovery.lost[first]


def test_a_row_of_the_board_is_safe_only_when_every_enrollment_has_three_copies() -> None:
    link = operations_pb2.LinkState(name="drc-batam", proven_blobs=5)
    own = operations_pb2.OwnCounts(blobs=5, by_copies=[0, 1, 4])
    row = read_row("36.02", 5, operations_pb2.StatusResponse(own=own, links=[link]))
    assert (row.durable, row.by_copies, row.proven, row.is_safe) == (5, (0, 1, 4), (("drc-batam", 5),), False)
    own = operations_pb2.OwnCounts(blobs=5, by_copies=[0, 0, 5])
    assert read_row("36.02", 5, operations_pb2.StatusResponse(own=own)).is_safe
    assert not read_row("36.02", 5, operations_pb2.StatusResponse()).is_safe


async def test_a_load_stamps_each_first_answer_and_each_third_copy(offices: Offices) -> None:
    load = make_load(offices.folder / "load", "load", 4096, 150)
    assert len({item.id for item in load.items}) == 150
    async with offices.session() as session:
        times = await put_full(session, load)
    assert (len(times.first_s), len(times.safe_s)) == (150, 150)
    assert all(0 <= first <= times.elapsed_s for first in times.first_s)
    assert set(offices.nodes[_OWNER].blobs) == {item.id for item in load.items}
    assert all(len(content) == 4096 for content in offices.nodes[_OWNER].blobs.values())


async def test_one_by_one_never_has_two_blobs_under_way(offices: Offices) -> None:
    load = make_load(offices.folder / "load", "load", 4096, 10)
    async with offices.session() as session:
        await put_one_by_one(session, load)
    assert offices.nodes[_OWNER].open_most == 1
    assert offices.nodes[_OWNER].frames == [1] * 10


async def test_a_load_that_fell_short_gives_no_figure(offices: Offices) -> None:
    def refuse_third(put: Put, completed: int) -> blobs_pb2.PutAnswer:
        if completed == 3:
            return blobs_pb2.PutAnswer(outcome=blobs_pb2.PUT_OUTCOME_REFUSED, sentence="disk full", final=True)
        return offices.nodes[_OWNER].stored(put, completed)

    offices.nodes[_OWNER].rule = refuse_third
    load = make_load(offices.folder / "load", "load", 4096, 5)
    async with offices.session() as session:
        with pytest.raises(LoadFailed, match=r"4 of 5 blobs got 3 copies.*disk full"):
            await put_full(session, load)
