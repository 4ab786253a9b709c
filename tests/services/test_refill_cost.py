"""What a refill must not do again and again: read rows that an offer cannot take, write for what is here, cut blobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.services.session.flow import FlowLink
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.lists import KnownLists
from lumbung_node.store.committer import Committer
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import FeedRow
from lumbung_node.store.reads import Reader
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.session_pair import (
    CENTRE,
    LUCK,
    OFFICE,
    PEER,
    box,
    connected,
    living,
    put,
    until_marked,
    until_proven,
)

_BLOBS = 60
_LARGE, _LARGE_BYTES = 240, 300 * limits.KIB
_SIZE_BYTES = 300 * limits.KIB


async def test_an_offer_reads_about_as_many_rows_as_it_takes(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, read = Reader.feed, 0

    async def counted(self: Reader, origin: NodeNumber, after: int, limit: int) -> list[tuple[int, FeedRow]]:
        nonlocal read
        rows = await feed(self, origin, after, limit)
        read += len(rows)
        return rows

    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        monkeypatch.setattr(Reader, "feed", counted)
        async with connected(office, peer):
            await trio.sleep(10)  # the lane in feed order begins before there is anything
            await put(office, [LUCK.randbytes(_LARGE_BYTES) for _ in range(_LARGE)])
            await until_proven(office, PEER, _LARGE)
    assert read < 12 * _LARGE  # whole pages each time are 60 rows a blob


async def test_an_offer_of_what_is_here_costs_no_commit(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        contents = [f"blob {number}".encode() for number in range(20)]
        await put(office, contents)
        async with connected(office, peer) as (_, session):
            await until_proven(office, PEER, 20)
            await until_marked(peer, OFFICE, OFFICE, 20)
            submitted: list[Job] = []
            monkeypatch.setattr(Committer, "submit", _recorded(submitted))
            assert session._outgoing is not None
            rows = await peer.store.reader.feed(OFFICE, 0, 20)
            await session._outgoing.offer(OFFICE, [row.blob for _, row in rows])
            assert [job for job in submitted if not (job.marks or job.extra.puts)] == []


def _recorded(submitted: list[Job]) -> Callable[[Committer, Job], Awaitable[None]]:
    submit = Committer.submit

    async def recorded(self: Committer, job: Job) -> None:
        submitted.append(job)
        await submit(self, job)

    return recorded


async def test_a_list_is_checked_once_whoever_brings_it(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office:
        await put(office, [b"a recording"])
        (row,) = await office.store.reader.rows(OFFICE, [BlobId.of(b"a recording")])
        assert row is not None
        (signed,) = await office.store.reader.lists(OFFICE, [row.signed])
        assert signed is not None
    body, key, signature = signed.body, signed.signature.key_public, signed.signature.signature
    honest = peer_pb2.SignedBytes(body=body, public_key=key, signature=signature)
    forged = peer_pb2.SignedBytes(body=body, public_key=key, signature=signature[:-1] + bytes([signature[-1] ^ 1]))
    known = KnownLists()
    (unchecked,) = known.unchecked([honest])
    unchecked.is_valid = True
    assert known.unchecked([honest]) == []
    assert len(known.unchecked([forged])) == 1


async def test_a_blob_that_fits_a_frame_is_not_cut_by_one_that_is_half_full(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []
    send = FrameLink.send

    async def recorded(
        self: FrameLink, frame: peer_pb2.SessionFrame, payload: Iterable[bytes | memoryview] = ()
    ) -> None:
        lengths.extend(piece.length_bytes for piece in frame.pieces.pieces)
        await send(self, frame, payload)

    monkeypatch.setattr(FrameLink, "send", recorded)
    monkeypatch.setattr(FlowLink, "piece_bytes", lambda _: limits.PIECE_SIZE_BYTES_MAX)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [LUCK.randbytes(_SIZE_BYTES) for _ in range(_BLOBS)])
        async with connected(office, peer):
            await until_proven(office, PEER, _BLOBS)
    assert set(lengths) == {_SIZE_BYTES}


async def test_holders_ask_about_what_both_have_many_at_a_time(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[peer_pb2.SessionFrame] = []
    async with (
        living(box(OFFICE)) as office,
        living(box(PEER)) as peer,
        living(box(CENTRE)) as centre,
        connected(peer, centre),
        connected(office, peer),
        connected(office, centre),
    ):
        monkeypatch.setattr(FrameLink, "send", _recorded_frames(frames))
        await put(office, [LUCK.randbytes(_LARGE_BYTES) for _ in range(_LARGE)])
        await until_marked(centre, PEER, OFFICE, _LARGE)
        await until_marked(peer, CENTRE, OFFICE, _LARGE)
    between_holders = [frame.offer for frame in frames if frame.WhichOneof("kind") == "offer" and not frame.offer.nonce]
    assert len(between_holders) < _LARGE // 10  # the link is not known to be fast: usual offers carry one or two


async def test_what_a_question_finds_lacking_is_brought_at_once(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[peer_pb2.SessionFrame] = []
    async with (
        living(box(OFFICE)) as office,
        living(box(PEER)) as peer,
        living(box(CENTRE)) as centre,
        connected(peer, centre),
        connected(office, peer),
    ):
        monkeypatch.setattr(FrameLink, "send", _recorded_frames(frames))
        async with connected(office, centre):
            await put(office, [LUCK.randbytes(_LARGE_BYTES) for _ in range(_BLOBS)])
            await until_marked(centre, PEER, OFFICE, _BLOBS)
        await put(office, [LUCK.randbytes(_LARGE_BYTES) for _ in range(_BLOBS)])
        await until_marked(peer, OFFICE, OFFICE, 2 * _BLOBS)
        began = trio.current_time()
        await until_marked(centre, PEER, OFFICE, 2 * _BLOBS)
        assert trio.current_time() - began < limits.REFUSED_WAIT_S
        assert centre.store.state.count(OFFICE).blobs == 2 * _BLOBS
    assert [frame for frame in frames if frame.offer.asks_only]


def _recorded_frames(frames: list[peer_pb2.SessionFrame]) -> Callable[..., Awaitable[None]]:
    send = FrameLink.send

    async def recorded(
        self: FrameLink, frame: peer_pb2.SessionFrame, payload: Iterable[bytes | memoryview] = ()
    ) -> None:
        frames.append(frame)
        await send(self, frame, payload)

    return recorded
