"""The bytes of what has just been put go along with its offer, where nothing has to be waited for."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from lumbung_cluster import flow, limits
from lumbung_cluster.errors import StatusCode
from lumbung_cluster.flow import Flight
from lumbung_cluster.ids import BlobId
from lumbung_cluster.wire import SPOKEN, WireRange
from lumbung_node.services.budget import ByteBudget
from lumbung_node.services.core import Core
from lumbung_node.services.pace import LinkPace
from lumbung_node.services.session.arrivals import Arrivals
from lumbung_node.services.session.eager_loan import lend
from lumbung_node.services.session.incoming import Incoming
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.offers import OutLane
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.peer_faces import facing, offer_of
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

_SMALL_BYTES = 4 * limits.KIB
_RECORDING_BYTES = 300 * limits.KIB


class _Heard:
    """What went over all lines: kinds of frames about blobs, and the payload of each offer."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.offered_bytes: list[int] = []
        self.lanes: list[int] = []
        self.begun = trio.Event()  # the first offer


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> _Heard:
    found, send = _Heard(), FrameLink.send

    async def recorded(
        self: FrameLink, frame: peer_pb2.SessionFrame, payload: Iterable[bytes | memoryview] = ()
    ) -> None:
        kind, parts = frame.WhichOneof("kind") or "", list(payload)
        if kind in ("offer", "want", "pieces", "applied", "received") and (kind != "offer" or frame.offer.entries):
            found.kinds[kind] += 1
        if kind == "offer" and frame.offer.entries:
            found.offered_bytes.append(sum(map(len, parts)))
            found.lanes.append(frame.offer.lane)
            found.begun.set()
        await send(self, frame, parts)

    monkeypatch.setattr(FrameLink, "send", recorded)
    return found


@asynccontextmanager
async def _office_and_peer(wire: WireRange | None = None) -> AsyncIterator[tuple[Core, Core]]:
    """Both up and joined, and nothing under way between them."""
    theirs = box(PEER)
    if wire is not None:
        theirs.wire = wire
    async with living(box(OFFICE)) as office, living(theirs) as peer, connected(office, peer):
        await trio.sleep(5)
        yield office, peer


async def test_a_put_is_at_its_holder_in_one_round_trip(autojump_clock: trio.testing.MockClock, heard: _Heard) -> None:
    content = LUCK.randbytes(_SMALL_BYTES)
    async with _office_and_peer() as (office, peer):
        await put(office, [content])
        await until_proven(office, PEER, 1)
        assert heard.kinds == {"offer": 1, "applied": 1}
        assert heard.offered_bytes == [_SMALL_BYTES]
        (row,) = await peer.store.reader.rows(OFFICE, [BlobId.of(content)])
        assert row is not None
        assert await peer.store.reader.read_whole(BlobId.of(content), row) == content


async def test_a_round_trip_less_on_a_long_line(autojump_clock: trio.testing.MockClock) -> None:
    took: list[float] = []
    for wire in (WireRange(0, 1), SPOKEN):
        theirs = box(PEER)
        theirs.wire = wire
        async with living(box(OFFICE)) as office, living(theirs) as peer, connected(office, peer, delay_s=0.3):
            await trio.sleep(30)
            begun = trio.current_time()
            await put(office, [LUCK.randbytes(_SMALL_BYTES)])
            await until_proven(office, PEER, 1)
            took.append(trio.current_time() - begun)
    before, after = took
    assert after == pytest.approx(0.6, abs=0.05)
    assert before == pytest.approx(1.2, abs=0.05)


async def test_a_build_before_it_is_sent_no_bytes_with_an_offer(
    autojump_clock: trio.testing.MockClock, heard: _Heard
) -> None:
    async with _office_and_peer(WireRange(0, 1)) as (office, _):
        await put(office, [LUCK.randbytes(_SMALL_BYTES)])
        await until_proven(office, PEER, 1)
    assert heard.kinds == {"offer": 1, "want": 1, "pieces": 1, "applied": 1}
    assert heard.offered_bytes == [0]


async def test_what_was_there_before_the_session_goes_without(
    autojump_clock: trio.testing.MockClock, heard: _Heard
) -> None:
    """The peer may have it: the stream may have broken between its sync and its answer."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [LUCK.randbytes(_SMALL_BYTES)])
        async with connected(office, peer):
            await until_proven(office, PEER, 1)
    assert heard.offered_bytes == [0]


async def test_a_blob_larger_than_the_line_takes_at_once_goes_in_pieces(
    autojump_clock: trio.testing.MockClock, heard: _Heard
) -> None:
    async with _office_and_peer() as (office, _):
        await put(office, [LUCK.randbytes(limits.FLIGHT_BYTES_START)])
        await until_proven(office, PEER, 1)
        assert heard.offered_bytes == [0]
        assert heard.kinds["pieces"] > 1


@pytest.mark.parametrize(
    ("theirs", "count", "along"),
    [(SPOKEN, 6, 6), (SPOKEN, 7, 0), (WireRange(0, 2), 3, 3), (WireRange(0, 2), 4, 0)],
)
async def test_as_many_recordings_go_along_as_the_peers_build_takes(
    autojump_clock: trio.testing.MockClock,
    heard: _Heard,
    monkeypatch: pytest.MonkeyPatch,
    theirs: WireRange,
    count: int,
    along: int,
) -> None:
    monkeypatch.setattr(flow, "FLIGHT_BYTES_START", limits.FLIGHT_BYTES_MAX)  # a line that is known to be quick
    async with _office_and_peer(theirs) as (office, _):
        await put(office, [LUCK.randbytes(_RECORDING_BYTES) for _ in range(count)])
        await until_proven(office, PEER, count)
    assert heard.offered_bytes == [along * _RECORDING_BYTES]
    assert heard.kinds["want"] == (0 if along else 1)


async def test_the_first_bytes_of_a_session_go_along_alone(
    autojump_clock: trio.testing.MockClock, heard: _Heard
) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, connected(office, peer, delay_s=0.5):
        await trio.sleep(30)
        for wait_s in (0.3, 3, 0.3, 3):
            await put(office, [LUCK.randbytes(_SMALL_BYTES)])
            await trio.sleep(wait_s)
        await until_proven(office, PEER, 4)
    assert heard.offered_bytes == [_SMALL_BYTES, 0, _SMALL_BYTES, _SMALL_BYTES]


async def test_no_bytes_go_along_behind_an_offer_that_has_to_ask(
    autojump_clock: trio.testing.MockClock, heard: _Heard
) -> None:
    """On a long line the second follows before the first is answered."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, connected(office, peer, delay_s=0.5):
        await trio.sleep(30)
        await put(office, [LUCK.randbytes(limits.FLIGHT_BYTES_START)])
        await trio.sleep(0.1)
        await put(office, [LUCK.randbytes(_SMALL_BYTES)])
        await until_proven(office, PEER, 2)
    assert heard.offered_bytes == [0, 0]


async def test_a_bandwidth_window_keeps_bytes_back(
    autojump_clock: trio.testing.MockClock, heard: _Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _office_and_peer() as (office, _):
        monkeypatch.setattr(LinkPace, "is_ready", lambda _: False)
        await put(office, [LUCK.randbytes(_SMALL_BYTES)])
        await until_proven(office, PEER, 1)
        assert heard.offered_bytes == [0]


async def test_what_was_offered_out_of_order_does_not_bring_its_bytes_twice(
    autojump_clock: trio.testing.MockClock, heard: _Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A put that overtakes a backlog is offered again when its turn comes."""
    monkeypatch.setattr(Flight, "has_room", lambda *_: True)  # or the backlog's bytes are in its way
    backlog = [LUCK.randbytes(64 * limits.KIB) for _ in range(40)]
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, backlog)
        async with connected(office, peer, delay_s=0.5):
            await heard.begun.wait()  # most of the backlog is still to be offered
            await put(office, [LUCK.randbytes(_SMALL_BYTES)])
            await until_proven(office, PEER, len(backlog) + 1)
            await until_marked(peer, OFFICE, OFFICE, len(backlog) + 1)
    brought = [lane for lane, size in zip(heard.lanes, heard.offered_bytes, strict=True) if size]
    assert brought == [OutLane.FRESH.value]


async def test_without_memory_the_bytes_are_forgotten_and_asked_for(
    autojump_clock: trio.testing.MockClock, heard: _Heard
) -> None:
    content = LUCK.randbytes(_SMALL_BYTES)
    async with _office_and_peer() as (office, peer):
        all_of_it = await peer.foreign_memory.take(limits.FOREIGN_MEMORY_BYTES_MAX)
        await put(office, [content])
        await trio.sleep(1)
        assert heard.offered_bytes == [_SMALL_BYTES]
        assert heard.kinds["want"] == 0
        peer.foreign_memory.give(all_of_it)
        await until_proven(office, PEER, 1)
        assert heard.kinds["want"] == heard.kinds["pieces"] == 1
        assert peer.foreign_memory.taken_bytes == 0


async def test_a_peer_that_had_no_room_for_them_is_asked_first_for_a_minute(
    autojump_clock: trio.testing.MockClock, heard: _Heard
) -> None:
    """Else a centre to which all offices bring something at once gets everything twice."""
    async with _office_and_peer() as (office, peer):
        all_of_it = await peer.foreign_memory.take(limits.FOREIGN_MEMORY_BYTES_MAX)
        await put(office, [LUCK.randbytes(_SMALL_BYTES)])
        await trio.sleep(1)
        peer.foreign_memory.give(all_of_it)
        await until_proven(office, PEER, 1)
        for wait_s in (0, 50, 20):
            await trio.sleep(wait_s)
            await put(office, [LUCK.randbytes(_SMALL_BYTES)])
        await until_proven(office, PEER, 4)
    assert heard.offered_bytes == [_SMALL_BYTES, 0, 0, _SMALL_BYTES]


async def test_a_blob_that_another_session_is_bringing_is_not_waited_for_with_its_memory(
    autojump_clock: trio.testing.MockClock,
) -> None:
    content = LUCK.randbytes(_SMALL_BYTES)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [content])
        offer = await offer_of(office, content)
        arrivals = Arrivals(peer)
        async with facing(peer, office, arrivals=arrivals) as face:
            async with arrivals.claim(OFFICE, [BlobId.of(content)], CENTRE) as lacking:
                assert lacking == {BlobId.of(content)}
                await face.say(content, offer=offer)
                await trio.sleep(1)
                assert peer.foreign_memory.taken_bytes == 0
            await face.hear("want")
            await face.say(content, pieces=_pieces(content))
            assert not (await face.hear("applied")).applied.lacking
        assert face.failures == []


async def _feed_offers(office: Core, contents: list[bytes]) -> list[peer_pb2.Offer]:
    """One of each content, all that the office has, in feed order."""
    rows = await office.store.reader.feed(OFFICE, 0, len(contents))
    offers = []
    for number, (content, (_, row)) in enumerate(zip(contents, rows, strict=True), 1):
        offers.append(await offer_of(office, content, serial=number, lane=peer_pb2.LANE_FEED))
        offers[-1].after, offers[-1].upto, offers[-1].running_hash = number - 1, number, row.running_hash
    return offers


async def test_offers_that_need_not_wait_follow_each_other_closely(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is taken though the one before has not been handed to the committer yet, and the mark moves in order."""
    contents = [LUCK.randbytes(_SMALL_BYTES) for _ in range(3)]
    commit = Incoming._commit
    at_work: list[int] = []

    async def slowly(self: Incoming, taking, previous):  # type: ignore[no-untyped-def]
        at_work.append(taking.message.offer)
        await trio.sleep(0.2 if taking.message.offer == 2 else 0)
        return await commit(self, taking, previous)

    monkeypatch.setattr(Incoming, "_commit", slowly)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, contents)
        first, *others = await _feed_offers(office, contents)
        async with facing(peer, office) as face:
            await face.say(contents[0], offer=first)
            marks = [(await face.hear("applied")).applied.mark.number]
            for content, offer in zip(contents[1:], others, strict=True):
                await face.say(content, offer=offer)
            await trio.sleep(0.1)
            assert at_work == [1, 2, 3]
            marks += [(await face.hear("applied")).applied.mark.number for _ in others]
        assert marks == [1, 2, 3]
        assert face.failures == []


async def test_until_bytes_of_a_session_were_right_those_of_one_offer_at_a_time_are_taken(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A liar sends as fast as the line carries: each MiB would be copied and hashed before the first is found out."""
    contents = [LUCK.randbytes(_SMALL_BYTES) for _ in range(2)]
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, contents)
        offers = await _feed_offers(office, contents)
        async with facing(peer, office) as face:
            for content, offer in zip(contents, offers, strict=True):
                await face.say(content, offer=offer)
            await face.hear("want")
            await face.say(contents[1], pieces=_pieces(contents[1], offer=2))
            await until_marked(peer, OFFICE, OFFICE, 2)
        assert face.failures == []


async def test_an_offer_behind_one_that_waits_holds_no_memory(autojump_clock: trio.testing.MockClock) -> None:
    """Else each of many sessions could hold what the others' first offers wait for, for ever."""
    contents = [LUCK.randbytes(_SMALL_BYTES) for _ in range(2)]
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, contents)
        offers = await _feed_offers(office, contents)
        arrivals = Arrivals(peer)
        async with facing(peer, office, arrivals=arrivals) as face:
            async with arrivals.claim(OFFICE, [BlobId.of(contents[0])], CENTRE):
                for content, offer in zip((b"", contents[1]), offers, strict=True):
                    await face.say(content, offer=offer)
                await trio.sleep(0.1)
                assert peer.foreign_memory.taken_bytes == 0
            for number, content in enumerate(contents, 1):
                await face.hear("want")
                await face.say(content, pieces=_pieces(content, offer=number))
            marks = [(await face.hear("applied")).applied.mark.number for _ in contents]
        assert marks == [1, 2]
        assert face.failures == []


async def test_bytes_that_are_not_the_blobs_are_not_stored_and_end_the_session(
    autojump_clock: trio.testing.MockClock,
) -> None:
    content = LUCK.randbytes(_SMALL_BYTES)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [content])
        (offer,) = await _feed_offers(office, [content])
        async with facing(peer, office) as face:
            await face.say(bytes(_SMALL_BYTES), offer=offer)
            applied = (await face.hear("applied")).applied
        assert applied.lacking == b"\x01"
        assert not applied.HasField("receipt")
        assert applied.mark.number == 0
        assert peer.store.state.count(OFFICE).blobs == 0
        assert peer.foreign_memory.taken_bytes == 0
        assert [refused.code for refused in face.failures] == [StatusCode.INVALID_ARGUMENT]
        assert "are not those of its blobs" in face.failures[0].sentence


async def test_a_full_disk_refuses_the_offer_and_gives_the_memory_back(autojump_clock: trio.testing.MockClock) -> None:
    content = LUCK.randbytes(_SMALL_BYTES)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [content])
        peer.condition.refuses_foreign = True
        async with facing(peer, office) as face:
            await face.say(content, offer=await offer_of(office, content))
            applied = (await face.hear("applied")).applied
        assert applied.status_code == StatusCode.RESOURCE_EXHAUSTED.value
        assert applied.received_bytes == _SMALL_BYTES
        assert peer.foreign_memory.taken_bytes == 0


@pytest.mark.parametrize("wrong", ["short", "long", "a question"])
async def test_bytes_that_do_not_fit_the_offer_end_the_session(
    autojump_clock: trio.testing.MockClock, wrong: str
) -> None:
    content = LUCK.randbytes(_SMALL_BYTES)
    sent = {"short": content[:-1], "long": content + b"x", "a question": content}[wrong]
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [content])
        offer = await offer_of(office, content)
        offer.asks_only = wrong == "a question"
        async with facing(peer, office) as face:
            await face.say(sent, offer=offer)
            await trio.sleep(1)
        assert [refused.code for refused in face.failures] == [StatusCode.INVALID_ARGUMENT]
        assert "expected no bytes with it, or those of all its entries" in face.failures[0].sentence
        assert peer.store.state.count(OFFICE).blobs == 0
        assert peer.foreign_memory.taken_bytes == 0


@pytest.mark.parametrize(
    ("theirs", "most"),
    [(SPOKEN, limits.OFFER_ALONG_BYTES_MAX), (WireRange(0, 2), limits.PIECE_SIZE_BYTES_MAX), (WireRange(0, 1), 0)],
)
@pytest.mark.parametrize("more_bytes", [0, 1])
async def test_no_more_bytes_are_taken_with_an_offer_than_the_version_allows(
    autojump_clock: trio.testing.MockClock, theirs: WireRange, most: int, more_bytes: int
) -> None:
    content = LUCK.randbytes(most + more_bytes)
    theirs_box = box(OFFICE)
    theirs_box.wire = theirs
    async with living(theirs_box) as office, living(box(PEER)) as peer:
        await put(office, [content or b"asked for"])
        async with facing(peer, office) as face:
            await face.say(content, offer=await offer_of(office, content or b"asked for"))
            if more_bytes:
                await trio.sleep(1)
            else:
                await face.hear("applied" if most else "want")
        assert [refused.code for refused in face.failures] == [StatusCode.INVALID_ARGUMENT] * more_bytes
        assert peer.store.state.count(OFFICE).blobs == (0 if more_bytes or not most else 1)


async def test_a_frame_of_pieces_is_no_larger_than_a_piece(autojump_clock: trio.testing.MockClock) -> None:
    content = LUCK.randbytes(limits.PIECE_SIZE_BYTES_MAX + 1)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [content])
        async with facing(peer, office) as face:
            await face.say(offer=await offer_of(office, content))
            await face.hear("want")
            await face.say(content, pieces=_pieces(content))
            await trio.sleep(1)
        assert [refused.code for refused in face.failures] == [StatusCode.INVALID_ARGUMENT]
        assert f"and {limits.PIECE_SIZE_BYTES_MAX} bytes in a frame" in face.failures[0].sentence


async def test_pieces_for_an_offer_that_brought_its_bytes_are_refused(autojump_clock: trio.testing.MockClock) -> None:
    content = LUCK.randbytes(_SMALL_BYTES)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [content])
        async with facing(peer, office) as face:
            await face.say(content, offer=await offer_of(office, content))
            await face.say(content, pieces=_pieces(content))
            await trio.sleep(1)
        assert [refused.code for refused in face.failures] == [StatusCode.INVALID_ARGUMENT]


async def test_bytes_of_a_blob_that_is_here_are_passed_over(autojump_clock: trio.testing.MockClock) -> None:
    content = LUCK.randbytes(_SMALL_BYTES)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [content])
        async with facing(peer, office) as face:
            for serial in (1, 2):
                await face.say(content, offer=await offer_of(office, content, serial=serial))
                applied = (await face.hear("applied")).applied
                assert applied.HasField("receipt")
                assert not applied.lacking
        assert peer.store.state.count(OFFICE).blobs == 1
        assert face.failures == []


async def test_a_kept_beginning_is_not_needed(autojump_clock: trio.testing.MockClock) -> None:
    """A peer that brought a wrong first half in pieces, and then all of it with an offer."""
    content = LUCK.randbytes(256 * limits.KIB)
    half = bytes(128 * limits.KIB)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [content])
        arrivals = Arrivals(peer)
        async with facing(peer, office, arrivals=arrivals) as face:
            await face.say(offer=await offer_of(office, content))
            await face.hear("want")
            await face.say(half, pieces=_pieces(half))
            await trio.sleep(0.5)
        async with facing(peer, office, arrivals=arrivals) as face:
            await face.say(content, offer=await offer_of(office, content))
            assert (await face.hear("applied")).applied.HasField("receipt")
        (row,) = await peer.store.reader.rows(OFFICE, [BlobId.of(content)])
        assert row is not None
        assert await peer.store.reader.read_whole(BlobId.of(content), row) == content


@pytest.mark.parametrize("is_cut", [False, True], ids=["one session", "a session that broke"])
async def test_own_blobs_that_come_home_are_not_sent_back(
    autojump_clock: trio.testing.MockClock, heard: _Heard, is_cut: bool
) -> None:
    """They make the own feed grow as puts do, and every holder has them."""
    contents = [LUCK.randbytes(100) for _ in range(1000)]
    office_box = box(OFFICE)
    async with living(box(PEER)) as peer, living(box(CENTRE)) as centre:
        async with living(office_box) as office:
            await put(office, contents)
            async with connected(office, peer), connected(office, centre):
                await until_proven(office, PEER, len(contents))
                await until_proven(office, CENTRE, len(contents))
        office_box.disk.wipe()
        heard.offered_bytes.clear()
        async with living(office_box) as office:
            if is_cut:
                async with connected(office, peer, delay_s=0.02):
                    await _until_here(office, 100)
            async with connected(office, peer, delay_s=0.02) as (ours, _), connected(office, centre, delay_s=0.02):
                await _until_here(office, len(contents))
                await trio.sleep(60)
                assert ours.blob_bytes[0] == 0
    assert not any(heard.offered_bytes)


async def test_a_peer_that_leaves_refusals_unread_holds_no_memory(autojump_clock: trio.testing.MockClock) -> None:
    """Nobody vouches for what it offers, so this needs no key of anybody."""
    contents = [LUCK.randbytes(limits.MIB) for _ in range(4)]
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, contents)
        async with facing(peer, office) as face:
            await face.session.settled.wait()
            for serial in range(1, 21):  # the first of them fill the line
                offer = await offer_of(office, contents[serial % 4], serial=serial)
                offer.lists[0].signature = bytes(64)
                await face.say(contents[serial % 4] if serial > 16 else b"", offer=offer)
            await trio.sleep(600)
            assert peer.foreign_memory.taken_bytes == 0
            assert not face.failures


async def test_a_peer_that_reads_nothing_is_not_refused_for_ever(autojump_clock: trio.testing.MockClock) -> None:
    content = LUCK.randbytes(_SMALL_BYTES)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [content])
        async with facing(peer, office) as face:
            await face.session.settled.wait()
            offer = await offer_of(office, content)
            offer.lists[0].signature = bytes(64)
            with trio.move_on_after(60):
                for serial in range(1, 100):
                    offer.offer = serial
                    await face.say(offer=offer)
            await trio.sleep(1)
        assert [refused.code for refused in face.failures] == [StatusCode.RESOURCE_EXHAUSTED]


async def test_a_peer_that_does_not_read_what_is_wanted_of_it_holds_no_memory(
    autojump_clock: trio.testing.MockClock,
) -> None:
    content = LUCK.randbytes(_SMALL_BYTES)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [content])
        async with facing(peer, office) as face:
            await face.session.settled.wait()
            for serial in range(1, 18):  # the refusals fill the line
                offer = await offer_of(office, content, serial=serial)
                if serial < 17:
                    offer.lists[0].signature = bytes(64)
                await face.say(offer=offer)
            await trio.sleep(1)
            assert peer.foreign_memory.taken_bytes == _SMALL_BYTES
            await trio.sleep(2 * limits.BLOB_SILENCE_S)
            assert peer.foreign_memory.taken_bytes == 0


async def test_bytes_with_an_offer_are_progress_for_one_that_waits(autojump_clock: trio.testing.MockClock) -> None:
    contents = [LUCK.randbytes(_SMALL_BYTES) for _ in range(4)]
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, contents)
        async with facing(peer, office) as face:
            await face.say(offer=await offer_of(office, contents[0]))
            await face.hear("want")
            for serial, content in enumerate(contents[1:], 2):
                await trio.sleep(limits.BLOB_SILENCE_S / 2)
                await face.say(content, offer=await offer_of(office, content, serial=serial))
                assert (await face.hear("applied")).applied.offer == serial


def test_a_loan_lets_go_of_its_payload_before_its_memory() -> None:
    budgets = ByteBudget(8), ByteBudget(4)
    loan = lend(memoryview(b"abc"), [1, 2], budgets)
    assert loan is not None
    assert [bytes(loan.content(index)) for index in range(2)] == [b"a", b"bc"]
    assert lend(memoryview(b"de"), [2], budgets) is None  # the second is short of it
    loan.copied()
    assert not loan.content(0)
    assert [budget.taken_bytes for budget in budgets] == [3, 3]
    loan.give_back()
    assert [budget.taken_bytes for budget in budgets] == [0, 0]


async def _until_here(core: Core, count: int) -> None:
    with trio.fail_after(300):
        while core.store.state.count(OFFICE).blobs < count:
            await core.store.state.grown.wait()


def _pieces(content: bytes, *, offer: int = 1) -> peer_pb2.Pieces:
    return peer_pb2.Pieces(offer=offer, pieces=[peer_pb2.Piece(entry=0, length_bytes=len(content))])
