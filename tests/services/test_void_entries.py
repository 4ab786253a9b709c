"""Entries that became void with their key, and lie at some holders: nothing else may suffer by them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.testing

from lumbung_cluster.entry import Entry, EntryList, SignedList, sign_list
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import BlobId, Generation
from lumbung_cluster.roster_keys import pin_key, retire_key
from lumbung_cluster.roster_node import KeyUse
from lumbung_node.services.core import Core
from lumbung_node.services.session.own_entries import note_not_ours
from lumbung_node.store.jobs import Content, ForeignBlob, Job
from lumbung_testing.rosters import CLUSTER, SeededSigner, founding, signed, successor
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, box, connected, living, put, until_marked, until_proven

G1 = Generation(1)
HELD = signed(founding(), "a", "b")


def forged(number: int, content: bytes) -> SignedList:
    entry = Entry(BlobId.of(content), len(content), 0, 0)
    return sign_list(EntryList(CLUSTER, OFFICE, G1, number, bytes(32), (entry,)), SeededSigner("entry 1"))


async def plant(core: Core, number: int, content: bytes) -> None:
    """The thief of the entry key and of a partner's TLS key brought it before the roster retired the key."""
    job = Job(foreign=[ForeignBlob(forged(number, content), 0, Content(len(content), [content]), PEER, G1)])
    await core.store.committer.commit(job)


async def retire(core: Core, bound: Mark) -> None:
    draft = pin_key(successor(HELD), OFFICE, KeyUse.ENTRY, SeededSigner("next").public_key)
    roster = signed(retire_key(draft, OFFICE, KeyUse.ENTRY, None, bound), "a", "b")
    await core.rosters.offer([roster.encode()])


async def test_copies_go_on_beside_an_entry_that_nobody_else_takes(autojump_clock: trio.testing.MockClock) -> None:
    first, second = box(OFFICE), box(PEER)
    async with living(first) as office:
        await put(office, [b"%d" % number for number in range(5)])
    first.entry_key = "next"
    async with living(first) as office, living(second) as peer:
        await plant(peer, 10**6, b"forged")
        for core in (office, peer):
            await retire(core, Mark(G1, 5, bytes(32)))
        await put(office, [b"after %d" % number for number in range(5)])
        async with connected(office, peer):
            await until_proven(office, PEER, 10)
        await put(office, [b"later %d" % number for number in range(5)])
        async with connected(office, peer):
            await until_proven(office, PEER, 15)


async def test_an_entry_that_is_refused_holds_up_no_later_recording(autojump_clock: trio.testing.MockClock) -> None:
    """Marks are void in a new life, and are settled by a comparison: one that ends unequal must settle them too."""
    first, second = box(OFFICE), box(PEER)
    async with living(first) as office:
        await put(office, [b"%d" % number for number in range(50)])
    first.entry_key = "next"
    async with living(first) as office, living(second) as peer:
        await plant(peer, 10**6, b"forged")
        for core in (office, peer):
            await retire(core, Mark(G1, 50, bytes(32)))
        async with connected(office, peer):
            await until_proven(office, PEER, 50)
        await office.store.start_generation(Generation(2))
        await peer.store.see_life(office.store.life)
        await put(office, [b"while the line was down %d" % number for number in range(5)])
        async with connected(office, peer):
            await until_proven(office, PEER, 55)
        await peer.store.start_generation(Generation(2))
        await office.store.see_life(peer.store.life)
        async with connected(office, peer):
            await until_proven(office, PEER, 55)


@pytest.mark.parametrize("count", [1, 70])
async def test_entries_behind_the_bound_in_the_own_feed_hold_up_no_new_holder(
    count: int, autojump_clock: trio.testing.MockClock
) -> None:
    """A thief's, taken in while his key was in force: whoever is filled from here gets all the rest."""
    first = box(OFFICE)
    async with living(first) as office:
        await put(office, [b"%d" % number for number in range(10)])
        for number in range(count):
            await plant(office, 10**6 + number, b"forged %d" % number)
    first.entry_key = "next"
    async with living(first) as office, living(box(PEER)) as peer:
        for core in (office, peer):
            await retire(core, Mark(G1, 10, bytes(32)))
        await put(office, [b"after %d" % number for number in range(10)])
        async with connected(office, peer):
            await until_marked(peer, OFFICE, OFFICE, 20 + count)
        assert peer.store.state.count(OFFICE).blobs == 20
        assert office.store.proofs.ledger.account(PEER).count_unproven(20 + count) == count


@pytest.mark.parametrize("count", [1, 70])
@pytest.mark.parametrize("at", ["lower", "higher"])
async def test_two_holders_of_an_origin_go_on_beside_entries_that_only_one_of_them_has(
    at: str, count: int, autojump_clock: trio.testing.MockClock
) -> None:
    first, second = box(PEER), box(CENTRE)
    async with living(first) as lower, living(second) as higher:
        kept = lower if at == "lower" else higher
        for number in range(count):
            await plant(kept, 10**6 + number, b"forged %d" % number)
        for number in range(300):
            for core in (lower, higher):
                await plant(core, number + 1, b"honest %d" % number)
        for core in (lower, higher):
            await retire(core, Mark(G1, 300, bytes(32)))
        await plant(lower, 290, b"only lower")
        await plant(higher, 291, b"only higher")
        async with connected(lower, higher):
            await until_marked(lower, CENTRE, OFFICE, higher.store.state.end(OFFICE).number)
            await until_marked(higher, PEER, OFFICE, lower.store.state.end(OFFICE).number)
        other = higher if at == "lower" else lower
        assert other.store.state.count(OFFICE).blobs == 302
        assert kept.store.state.count(OFFICE).blobs == 302 + count


# --- below the bound: only the node whose feed it is can tell -------------------------------------------------------


@pytest.mark.parametrize("number", [1, 3, 5])
async def test_a_thiefs_entry_below_the_bound_is_told_by_the_node_that_never_signed_it(
    number: int, autojump_clock: trio.testing.MockClock
) -> None:
    """With the entry key and a partner's TLS key he brings it after the retirement: sets stay equal, people know."""
    first, second = box(OFFICE), box(PEER)
    async with living(first) as office:
        await put(office, [b"%d" % at for at in range(5)])
        end = office.store.state.end(OFFICE)
    first.entry_key = "next"
    async with living(first) as office, living(second) as peer:
        for core in (office, peer):
            await retire(core, Mark(G1, 5, end.running_hash))
        async with connected(office, peer):
            await until_proven(office, PEER, 5)
        assert not office.store.state.scrub.not_ours, "what comes home of its own is known"
        await plant(peer, number, b"forged")
        async with connected(office, peer):
            await until_marked(office, PEER, OFFICE, 6)
        assert set(office.store.state.scrub.not_ours) == {BlobId.of(b"forged")}
        (said,) = first.log.said("entries never signed here")
        assert said["peer"] == PEER
    async with living(first) as office:
        assert set(office.store.state.scrub.not_ours) == {BlobId.of(b"forged")}, "also after a restart"


async def test_own_entries_that_come_home_after_a_wipe_are_no_strangers(autojump_clock: trio.testing.MockClock) -> None:
    first, second = box(OFFICE), box(PEER)
    async with living(first) as office, living(second) as peer:
        await put(office, [b"%d" % at for at in range(5)])
        end = office.store.state.end(OFFICE)
        async with connected(office, peer):
            await until_proven(office, PEER, 5)
    wiped = replace(box(OFFICE), identity=first.identity, entry_key="next")
    async with living(wiped) as office, living(second) as peer:
        assert office.store.state.generation > 1
        for core in (office, peer):
            await retire(core, Mark(G1, 5, end.running_hash))
        async with connected(office, peer):
            await until_marked(office, PEER, OFFICE, 5)
        assert office.store.state.count(OFFICE).blobs == 5
        assert not office.store.state.scrub.not_ours


async def test_a_list_that_was_signed_again_under_its_own_number_is_our_own(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A scrub signs an entry alone whose list is lost: another list, and the same hashes."""
    async with living(box(OFFICE)) as office:
        await put(office, [b"%d" % at for at in range(5)])
        end = office.store.state.end(OFFICE)
        await retire(office, Mark(G1, 5, end.running_hash))
        (place,) = {row.signed.list: row.signed for _, row in await office.store.reader.feed(OFFICE, 0, 9)}.values()
        (whole,) = await office.store.reader.lists(OFFICE, [place])
        assert whole is not None
        entry, before = whole.content.entries[2], await office.store.reader.hash_at(OFFICE, 2)
        assert before is not None
        alone = sign_list(EntryList(CLUSTER, OFFICE, G1, 3, before, (entry,)), SeededSigner("entry 1"))

        await note_not_ours(office, PEER, [whole, alone])
        assert not office.store.state.scrub.not_ours
        await note_not_ours(office, PEER, [forged(3, b"forged")])
        assert len(office.store.state.scrub.not_ours) == 1
