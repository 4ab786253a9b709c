"""What came of a large blob is put away while its claim still stands: whoever brings it next has it to himself."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.errors import BlobDamaged
from lumbung_cluster.ids import BlobId
from lumbung_node.services.core import Core
from lumbung_node.services.session.arrivals import Arrivals
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.peer_faces import Facing, facing, offer_of
from lumbung_testing.session_pair import CENTRE, LUCK, OFFICE, PEER, Pipe, box, living, put
from lumbung_testing.virtual_disk import Pace

_FAR_AWAY_MS = 1 << 60
_CONTENT = LUCK.randbytes(12 * limits.MIB + 100)
_BLOB = BlobId.of(_CONTENT)


@dataclass(slots=True)
class _Unread:
    """The node's end of a stream whose partner reads only when the test lets it."""

    pipe: Pipe
    reads: trio.Event = field(default_factory=trio.Event)

    async def send(self, message: bytes) -> None:
        await self.reads.wait()
        await self.pipe.send(message)

    async def receive(self) -> bytes | None:
        return await self.pipe.receive()


def _stops_reading(face: Facing) -> _Unread:
    link = face.session._link
    pipe = link._messages
    assert isinstance(pipe, Pipe)
    line = _Unread(pipe)
    link._messages = line
    return line


async def _bring(face: Facing, serial: int, content: bytes) -> None:
    """Bytes of the first entry of an offer, a MiB a frame."""
    for at in range(0, len(content), limits.MIB):
        part = content[at : at + limits.MIB]
        piece = peer_pb2.Piece(entry=0, length_bytes=len(part))
        await face.say(part, pieces=peer_pb2.Pieces(offer=serial, pieces=[piece]))


async def _until_stored(core: Core) -> None:
    with trio.fail_after(120):
        while core.store.state.count(OFFICE).blobs < 1:
            await core.store.state.grown.wait()


async def _is_stored_well(core: Core) -> bool | None:
    """None when it is not stored at all."""
    row = await core.store.reader.row(OFFICE, _BLOB)
    if row is None:
        return None
    try:
        await core.store.reader.verify(_BLOB, row)
    except BlobDamaged:
        return False
    return True


async def test_garbage_of_a_refused_offer_is_not_written_over_the_blob_that_came_after_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A peer that left the refusal unread brought the blob again meanwhile: then the garbage was put away over it."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [_CONTENT])
        async with facing(peer, office) as face:
            await face.say(offer=await offer_of(office, _CONTENT, serial=1))
            await face.hear("want")
            await _bring(face, 1, _CONTENT[: 4 * limits.MIB] + bytes(3 * limits.MIB))
            line = _stops_reading(face)
            await trio.sleep(1.5 * limits.BLOB_SILENCE_S)
            await face.say(offer=await offer_of(office, _CONTENT, serial=2))
            await trio.sleep(1)
            await _bring(face, 2, _CONTENT[4 * limits.MIB :])
            await trio.sleep(1)
            line.reads.set()
            await trio.sleep(1)
            assert await _is_stored_well(peer) is not False


async def test_whoever_hangs_up_while_a_blob_becomes_durable_cannot_spoil_it_in_the_next_session(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It went on with the run that was being committed, gave it a wrong end, and the run was taken away as garbage."""
    slow = box(PEER)
    async with living(box(OFFICE)) as office, living(slow) as peer, trio.open_nursery() as nursery:
        arrivals = Arrivals(peer)
        await put(office, [_CONTENT])
        async with facing(peer, office, arrivals=arrivals) as face:
            await face.say(offer=await offer_of(office, _CONTENT))
            await face.hear("want")
            slow.disk.pace = Pace(sync_s=20)
            nursery.start_soon(put, peer, [b"a recording whose sync the blob's commit waits for"])
            await trio.sleep(1)
            await _bring(face, 1, _CONTENT)
            await trio.sleep(1)
            face.session.close()
        async with facing(peer, office, arrivals=arrivals) as face:
            await face.say(offer=await offer_of(office, _CONTENT))
            # Nothing is asked for: the claim of the session that ended stands until the disk has the bytes.
            applied = (await face.hear("applied")).applied
            assert (applied.status_code, applied.lacking) == (0, b"")
        assert await _is_stored_well(peer)


async def test_a_blob_stays_that_comes_from_another_holder_since_the_first_one_was_too_slow(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The first one's end, told over a slow line, once gave up the room of the second: a sweep took its chunks away."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, living(box(CENTRE)) as centre:
        arrivals = Arrivals(centre)
        await put(office, [_CONTENT])
        offer = await offer_of(office, _CONTENT)
        async with facing(centre, office, arrivals=arrivals) as slow, facing(centre, peer, arrivals=arrivals) as quick:
            await slow.say(offer=offer)
            await slow.hear("want")
            line = _stops_reading(slow)
            await quick.say(offer=offer)
            await quick.hear("want")  # after the first one's minute
            await _bring(quick, 1, _CONTENT[: 4 * limits.MIB])
            line.reads.set()
            assert (await slow.hear("applied")).applied.status_code
            await trio.sleep(1)
            await arrivals.sweep(_FAR_AWAY_MS)
            await _bring(quick, 1, _CONTENT[4 * limits.MIB :])
            await _until_stored(centre)
            assert await _is_stored_well(centre)


async def _feed_offer(office: Core, content: bytes, serial: int) -> peer_pb2.Offer:
    offer = await offer_of(office, content, serial=serial, lane=peer_pb2.LANE_FEED)
    offer.after, offer.upto, offer.running_hash = serial - 1, serial, bytes(32)
    return offer


async def test_a_peer_that_leaves_a_refusal_unread_holds_no_blob_that_others_bring(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """What it had brought whole waited for the turn of the refused offer before it: claim and memory were held for
    ever, and with them the feed of whoever offered the blob next."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, living(box(CENTRE)) as centre:
        arrivals = Arrivals(centre)
        await put(office, [b"never brought", b"brought whole"])
        async with facing(centre, peer, arrivals=arrivals) as liar, facing(centre, office, arrivals=arrivals) as honest:
            for serial, content in enumerate([b"never brought", b"brought whole"], 1):
                await liar.say(offer=await _feed_offer(office, content, serial))
                await liar.hear("want")
            _stops_reading(liar)
            await _bring(liar, 2, b"brought whole")
            await trio.sleep(3 * limits.BLOB_SILENCE_S)
            assert centre.foreign_memory.taken_bytes == 0
            await honest.say(offer=await offer_of(office, b"brought whole"))
            await honest.hear("applied")


async def test_what_came_whole_behind_a_blob_that_crawls_is_left_to_whoever_waits_to_bring_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It waited for its turn for as long as the one before it crawled, and nobody looked whether others waited."""
    large = LUCK.randbytes(4 * limits.MIB)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, living(box(CENTRE)) as centre:
        arrivals = Arrivals(centre)
        await put(office, [large, b"brought whole"])
        async with facing(centre, peer, arrivals=arrivals) as liar, facing(centre, office, arrivals=arrivals) as honest:
            for serial, content in enumerate([large, b"brought whole"], 1):
                await liar.say(offer=await _feed_offer(office, content, serial))
                await liar.hear("want")
            await _bring(liar, 2, b"brought whole")
            await honest.say(offer=await offer_of(office, b"brought whole"))
            for at in range(0, 20 * 12 * limits.KIB, 12 * limits.KIB):
                await trio.sleep(10)
                await _bring(liar, 1, large[at : at + 12 * limits.KIB])
            assert centre.foreign_memory.taken_bytes >= len(large), "the large one is still on its way"
            await honest.hear("want")
