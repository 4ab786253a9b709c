"""One session between two real nodes' insides over a pair of bounded pipes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.testing

from lumbung_cluster.access import AccessList, sign_access
from lumbung_cluster.ids import BlobId, Generation
from lumbung_cluster.roster_node import KeyRecord, KeyUse
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.copies import CopyBook
from lumbung_node.services.core import Core, DoubtAboutOurselves
from lumbung_node.services.rosters import open_rosters
from lumbung_node.services.session.arrivals import Arrivals
from lumbung_node.services.session.feed_lanes import FeedLanes
from lumbung_node.services.session.pieces import PieceSender
from lumbung_node.store.layout import blob_key, feed_key
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, founding, signed, successor
from lumbung_testing.session_pair import (
    CENTRE,
    LUCK,
    OFFICE,
    PEER,
    Box,
    box,
    connected,
    living,
    put,
    until_marked,
    until_proven,
)
from lumbung_testing.world import ListLog, MemoryDocuments


async def test_entries_reach_the_peer_and_come_back_proven(autojump_clock: trio.testing.MockClock) -> None:
    contents = [f"blob {i}".encode() * (1 + i % 50) for i in range(700)] + [LUCK.randbytes(3_000_000)]
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, contents)
        async with connected(office, peer):
            await until_proven(office, PEER, len(contents))
        for content in contents:
            row = await peer.store.reader.row(OFFICE, BlobId.of(content))
            assert row is not None
            assert await peer.store.reader.read_whole(BlobId.of(content), row) == content
        assert CopyBook(office).of(1, BlobId.of(contents[0])).count == 2  # no DRC among the proven holders


async def test_a_large_blob_goes_to_disk_as_it_comes(autojump_clock: trio.testing.MockClock) -> None:
    content = LUCK.randbytes(20_000_001)
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        await put(office, [content])
        async with connected(office, centre):
            await until_proven(office, CENTRE, 1)
        row = await centre.store.reader.row(OFFICE, BlobId.of(content))
        assert row is not None
        assert b"".join([piece async for piece in centre.store.reader.stream(BlobId.of(content), row)]) == content


async def test_a_second_session_goes_on_from_the_mark(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [f"first {i}".encode() for i in range(20)])
        async with connected(office, peer):
            await until_proven(office, PEER, 20)
            await until_marked(peer, OFFICE, OFFICE, 20)
        await put(office, [f"second {i}".encode() for i in range(5)])
        async with connected(office, peer):
            await until_proven(office, PEER, 25)
            await until_marked(peer, OFFICE, OFFICE, 25)


async def test_a_wiped_peer_is_filled_again_and_proves_anew(autojump_clock: trio.testing.MockClock) -> None:
    office_box, peer_box = box(OFFICE), box(PEER)
    async with living(office_box) as office:
        await put(office, [f"blob {i}".encode() for i in range(30)])
        async with living(peer_box) as peer, connected(office, peer):
            await until_proven(office, PEER, 30)
        peer_box.disk.wipe()
        async with living(peer_box) as peer, connected(office, peer):
            with trio.fail_after(120):
                while office.store.proofs.ledger.account(PEER).generation != 2:
                    await office.store.proofs.changed.wait()
            await until_proven(office, PEER, 30)
            assert peer.store.state.count(OFFICE).blobs == 30


async def test_a_wiped_origin_gets_its_own_history_back(autojump_clock: trio.testing.MockClock) -> None:
    office_box, peer_box = box(OFFICE), box(PEER)
    async with living(peer_box) as peer:
        async with living(office_box) as office:
            await put(office, [f"blob {i}".encode() for i in range(30)])
            async with connected(office, peer):
                await until_proven(office, PEER, 30)
        office_box.disk.wipe()
        async with living(office_box) as office, connected(office, peer):
            with trio.fail_after(120):
                while office.store.state.count(OFFICE).blobs < 30:
                    await office.store.state.grown.wait()
            await put(office, [b"new after the fire"])
            await until_proven(office, PEER, 31)


async def test_damage_at_a_holder_is_withdrawn_and_mended(autojump_clock: trio.testing.MockClock) -> None:
    content = LUCK.randbytes(5000)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [content])
        async with connected(office, peer):
            await until_proven(office, PEER, 1)
            await peer.found_damage(OFFICE, BlobId.of(content))
            with trio.fail_after(120):
                while peer.store.state.damaged:
                    await peer.store.state.grown.wait()
            with trio.fail_after(120):
                while office.store.proofs.ledger.account(PEER).holes:
                    await office.store.proofs.changed.wait()
            row = await peer.store.reader.row(OFFICE, BlobId.of(content))
            assert row is not None
            assert await peer.store.reader.read_whole(BlobId.of(content), row) == content


async def test_a_blob_that_rots_again_in_the_same_session_is_mended_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    content = LUCK.randbytes(5000)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [content])
        async with connected(office, peer):
            await until_proven(office, PEER, 1)
            for _ in range(3):
                await peer.found_damage(OFFICE, BlobId.of(content))
                with trio.fail_after(120):
                    while peer.store.state.damaged:
                        await peer.store.state.grown.wait()


async def test_what_the_peer_lacked_too_is_asked_for_again(autojump_clock: trio.testing.MockClock) -> None:
    content = LUCK.randbytes(5000)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [content])
        async with connected(office, peer):
            await until_proven(office, PEER, 1)
            await office.found_damage(OFFICE, BlobId.of(content))
            await peer.found_damage(OFFICE, BlobId.of(content))
            await put(office, [content])  # somebody still had the file
            with trio.fail_after(120):
                while peer.store.state.damaged:
                    await peer.store.state.grown.wait()


async def test_a_withdrawn_copy_stays_withdrawn_when_the_origin_starts_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    office_box, peer_box, content = box(OFFICE), box(PEER), b"rotten in two places"
    async with living(office_box) as office, living(peer_box) as peer:
        await put(office, [content])
        async with connected(office, peer):
            await until_proven(office, PEER, 1)
            await office.found_damage(OFFICE, BlobId.of(content))  # so that nobody can mend the peer's copy
            await peer.found_damage(OFFICE, BlobId.of(content))
            with trio.fail_after(120):
                while office.store.proofs.ledger.proven(1, [PEER]):
                    await office.store.proofs.changed.wait()
    async with living(office_box) as office:
        assert office.store.proofs.ledger.proven(1, [PEER]) == ()


async def roll_back_behind_a_mark(office_box: Box, peer: Core) -> None:
    """The office's disk is as it was after its first blob; the peer has its second too, and a mark behind both."""
    async with living(office_box) as office:
        await put(office, [b"one"])
        image = office_box.disk.copy()
        await put(office, [b"two"])
        async with connected(office, peer):
            await until_proven(office, PEER, 2)
            await until_marked(peer, OFFICE, OFFICE, 2)
    office_box.disk.restore(image)


async def test_marks_tell_an_origin_that_its_folder_was_rolled_back_within_one_life(
    autojump_clock: trio.testing.MockClock,
) -> None:
    office_box, peer_box = box(OFFICE), box(PEER)
    async with living(peer_box) as peer:
        await roll_back_behind_a_mark(office_box, peer)
        async with living(office_box) as office:
            with trio.fail_after(120), pytest.RaisesGroup(DoubtAboutOurselves, flatten_subgroups=True):
                async with connected(office, peer):
                    await trio.sleep_forever()
            await office.store.start_generation(Generation(2))  # what the replicator does then
            async with connected(office, peer):
                with trio.fail_after(120):
                    while office.store.state.count(OFFICE).blobs < 2:
                        await office.store.state.grown.wait()
                await until_proven(office, PEER, 2)


async def test_marks_make_no_origin_doubt_itself_below_the_roster_of_who_shows_them(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """That roster may name the keys of a machine that goes on in its place. With it the doubt is as ever."""
    office_box, peer_box = box(OFFICE), box(PEER)
    async with living(peer_box) as peer:
        await roll_back_behind_a_mark(office_box, peer)
        second = signed(successor(signed(founding(), "a", "b")), "a", "b")
        assert await peer.rosters.offer([second.encode()])
        async with living(office_box) as office:
            with trio.fail_after(120):
                async with connected(office, peer):
                    while office.rosters.roster.epoch < 2:
                        await office.rosters.changed.wait()
            with trio.fail_after(120), pytest.RaisesGroup(DoubtAboutOurselves, flatten_subgroups=True):
                async with connected(office, peer):
                    await trio.sleep_forever()


async def test_a_true_list_reaches_a_node_that_holds_a_thiefs_list_of_the_highest_version(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The thief's key is retired: his list counts nowhere, but its version kept the true one, and the names that it
    strikes off, from every node that had met it."""
    held = signed(founding(), "a", "b")
    first, *others = held.parse().nodes
    keys = [replace(key, last_epoch=1) if key.use is KeyUse.ACCESS else key for key in first.keys]
    fresh = KeyRecord(KeyUse.ACCESS, SeededSigner("next access").public_key, 2)
    second = signed(successor(held, nodes=(replace(first, keys=(*keys, fresh)), *others)), "a", "b")
    thiefs = sign_access(AccessList(CLUSTER, OFFICE, 2**64 - 1, 1, ()), SeededSigner("access 1"))
    true = sign_access(AccessList(CLUSTER, OFFICE, 2, 1, ()), SeededSigner("next access"))
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        await centre.rosters.offer_access([thiefs.encode()])
        for core in (office, centre):
            await core.rosters.offer([second.encode()])
        await office.rosters.offer_access([true.encode()])
        async with connected(office, centre):
            with trio.fail_after(60):
                while centre.rosters.access_versions() != [(OFFICE, 2)]:
                    await centre.rosters.changed.wait()


async def test_documents_that_a_full_disk_does_not_take_stop_no_copies(autojump_clock: trio.testing.MockClock) -> None:
    first = signed(founding(), "a", "b")
    listed = sign_access(AccessList(CLUSTER, OFFICE, 1, 1, ()), SeededSigner("access 1"))
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        log = ListLog()
        centre.log = log
        centre.rosters = await open_rosters(MemoryDocuments([first.encode()], room=0), CLUSTER, TestVerifier(), log)
        await office.rosters.offer([signed(successor(first), "a", "b").encode()])
        await office.rosters.offer_access([listed.encode()])
        await put(office, [b"one"])
        for _ in range(3):
            async with connected(office, centre):
                await trio.sleep(60)
                await until_proven(office, CENTRE, 1)
        assert centre.rosters.left_behind
        assert [level for level, _, _ in log.events if level != "info"] == ["error"] * 2, "once for each document"


async def test_entries_signed_before_and_after_an_unnoticed_rollback_keep_their_own_signatures(
    autojump_clock: trio.testing.MockClock,
) -> None:
    office_box, peer_box = box(OFFICE), box(PEER)
    async with living(peer_box) as peer:
        await roll_back_behind_a_mark(office_box, peer)
        async with living(office_box) as office:
            await put(office, [b"other two, under the same number"])
            await office.store.start_generation(Generation(2))  # what the replicator does when the peer's mark differs
            async with connected(office, peer):
                await until_proven(office, PEER, 3)
        for content in (b"two", b"other two, under the same number"):
            row = await peer.store.reader.row(OFFICE, BlobId.of(content))
            assert row is not None
            (signed_list,) = await peer.store.reader.lists(OFFICE, [row.signed])
            assert signed_list is not None
            assert signed_list.content.entries[row.signed.index].blob == BlobId.of(content)


async def test_two_sessions_that_bring_the_same_blobs_in_other_orders_do_not_wait_for_each_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A bulk put once stood still for ever: offers held claims while they waited for an earlier offer's turn."""
    contents = [f"blob {i}".encode() * 300 for i in range(6000)]
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre, living(box(PEER)) as peer:
        await put(office, contents)
        async with connected(office, centre):
            await until_proven(office, CENTRE, len(contents))
        arrivals = Arrivals(peer)
        async with connected(centre, peer, arrivals), connected(office, peer, arrivals):
            await until_proven(office, PEER, len(contents))


async def test_a_peer_whose_disk_was_full_gets_what_it_refused_within_the_same_session(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        peer.condition.refuses_foreign = True
        await put(office, [f"blob {i}".encode() for i in range(5)])
        async with connected(office, peer):
            await trio.sleep(10)
            assert peer.store.state.count(OFFICE).blobs == 0
            peer.condition.refuses_foreign = False
            await put(office, [b"one more"])
            await until_proven(office, PEER, 6)


async def test_a_peer_whose_disk_is_full_is_left_in_peace_for_as_long_as_it_says(
    autojump_clock: trio.testing.MockClock,
) -> None:
    office_box = box(OFFICE)
    async with living(office_box) as office, living(box(PEER)) as peer:
        peer.condition.refuses_foreign = True
        peer.condition.refusing_since = trio.current_time()
        async with connected(office, peer):
            for number in range(30):  # news on every lane for a quarter of an hour
                await put(office, [b"blob %d" % number])
                await trio.sleep(30)
            refusals = len(office_box.log.said("offer refused"))
            assert 4 <= refusals <= 16
            peer.condition.refuses_foreign = False
            await until_proven(office, PEER, 30)


async def test_a_full_disk_takes_its_own_recordings_while_those_of_others_are_held_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    boxes = [box(PEER), box(OFFICE)]
    async with living(box(CENTRE)) as centre:
        for each in boxes:
            async with living(each) as origin, connected(origin, centre):
                await put(origin, [b"own %d of %d" % (at, each.number) for at in range(700)])
                await until_proven(origin, CENTRE, 700)
        boxes[0].disk.wipe()
        async with living(boxes[0]) as empty:
            empty.condition.refuses_foreign = True
            empty.condition.refusing_since = trio.current_time() - 600  # others are told to come again in two minutes
            async with connected(centre, empty):
                with trio.fail_after(60):
                    while empty.store.state.count(PEER).blobs < 700:
                        await empty.store.state.grown.wait()
            assert empty.store.state.count(OFFICE).blobs == 0


async def test_a_mark_waits_for_an_entry_whose_bytes_came_wrong(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_bytes = PieceSender._send_bytes

    async def send_zeros(self: PieceSender, serial: int, index: int, content: memoryview) -> None:
        await send_bytes(self, serial, index, memoryview(bytes(len(content))))

    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [b"one", b"two"])
        monkeypatch.setattr(PieceSender, "_send_bytes", send_zeros)
        async with connected(office, peer):
            await trio.sleep(10)
            assert (OFFICE, OFFICE) not in peer.store.state.marks
            monkeypatch.undo()
            await until_proven(office, PEER, 2)
            await until_marked(peer, OFFICE, OFFICE, 2)


async def test_an_offer_may_end_at_a_number_of_which_nothing_is_left(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An offer that was cut in front of the blob behind such a number once ended the session as by a bug of ours."""
    contents = [LUCK.randbytes(3_000_000) for _ in range(3)]  # an offer has room for one
    office_box = box(OFFICE)
    async with living(office_box) as office, living(box(PEER)) as peer, connected(office, peer):
        with monkeypatch.context() as held:
            held.setattr(FeedLanes, "has_more", lambda *_: False)
            await trio.sleep(1)  # greeted, with nothing to compare
            await put(office, contents)
            office_box.disk.lose(Family.FEEDS, feed_key(OFFICE, 2))
            office_box.disk.lose(Family.BLOBS, blob_key(OFFICE, BlobId.of(contents[1])))
            office.store.state.scrub.breaks[OFFICE, 2] = 1
        office.store.state.grown.beat()
        await until_marked(peer, OFFICE, OFFICE, 3)
        here = [await peer.store.reader.row(OFFICE, BlobId.of(content)) is not None for content in contents]
        assert here == [True, False, True]
