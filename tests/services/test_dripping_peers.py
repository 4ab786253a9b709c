"""A peer whose bytes come one by one, each just before its silence is over, keeps nothing from other holders."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.ids import BlobId
from lumbung_node.services.core import Core
from lumbung_node.services.session.arrivals import Arrivals
from lumbung_node.services.session.link import FrameLink
from lumbung_node.store.events import FoundBy
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.session_pair import CENTRE, LUCK, OFFICE, PEER, box, connected, living, put, until_proven


def let_drip(monkeypatch: pytest.MonkeyPatch) -> dict[FrameLink, None]:
    """Bytes of blobs drip from the links that are named in here."""
    send, slow = FrameLink.send, dict[FrameLink, None]()

    async def drip(self: FrameLink, frame: peer_pb2.SessionFrame, payload: Iterable[bytes | memoryview] = ()) -> None:
        if self not in slow or frame.WhichOneof("kind") != "pieces":
            await send(self, frame, payload)
            return
        entry = frame.pieces.pieces[0].entry
        for value in b"".join(payload):
            one = peer_pb2.Pieces(offer=frame.pieces.offer, pieces=[peer_pb2.Piece(entry=entry, length_bytes=1)])
            await send(self, peer_pb2.SessionFrame(pieces=one), [bytes([value])])
            await trio.sleep(limits.BLOB_SILENCE_S - 1)

    monkeypatch.setattr(FrameLink, "send", drip)
    return slow


async def until_held(core: Core, blob: bytes) -> None:
    with trio.fail_after(3 * limits.CLAIM_WINDOW_S):
        while await core.store.reader.row(OFFICE, BlobId.of(blob)) is None:
            await core.store.state.grown.wait()


async def test_a_peer_that_drips_gives_its_claim_up_to_another_holder(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It once held the claim for as long as a byte came every 29 s, and no other holder could bring the blob."""
    slow, office_box, blob = let_drip(monkeypatch), box(OFFICE), LUCK.randbytes(100 * limits.KIB)
    async with living(office_box) as office, living(box(PEER)) as peer, living(box(CENTRE)) as centre:
        await put(office, [blob])
        async with connected(office, peer):
            await until_proven(office, PEER, 1)
        arrivals = Arrivals(centre)
        async with connected(office, centre, arrivals) as (session, _):
            slow[session._link] = None
            await trio.sleep(3 * limits.CLAIM_WINDOW_S)
            assert office_box.log.said("offer refused") == []  # nobody else could bring it
            async with connected(peer, centre, arrivals):
                await until_held(centre, blob)
                (refused, *_) = office_box.log.said("offer refused")
                assert str(refused["reason"]).startswith("another holder waits to bring this")


async def test_a_claim_that_waits_for_the_memory_of_a_peer_that_drips_is_given_up_too(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else has the blob that drips; but behind it waits one that another holder has."""
    slow = let_drip(monkeypatch)
    large, common = LUCK.randbytes(limits.FOREIGN_MEMORY_PEER_BYTES_MAX), LUCK.randbytes(100 * limits.KIB)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, living(box(CENTRE)) as centre:
        await put(office, [large, common])
        async with connected(office, peer):
            await until_proven(office, PEER, 2)
        await peer.store.mark_damaged(OFFICE, BlobId.of(large), FoundBy.READ)
        arrivals = Arrivals(centre)
        async with connected(office, centre, arrivals) as (session, _):
            slow[session._link] = None
            await trio.sleep(10)
            async with connected(peer, centre, arrivals):
                await until_held(centre, common)
                assert await centre.store.reader.row(OFFICE, BlobId.of(large)) is None
