"""Own recordings that a retired key no longer vouches for: signed again, and nothing else is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio
import trio.testing

from lumbung_cluster.entry import Entry, EntryList, sign_list
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import BlobId, Generation
from lumbung_cluster.roster_keys import pin_key, retire_key
from lumbung_cluster.roster_node import KeyUse
from lumbung_node.ports.keystore import KeysAtHand, KeysInUse
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.services.core import Core
from lumbung_node.services.keyring import KeyRing
from lumbung_node.services.session.proving import Proving
from lumbung_node.services.signing_again import SigningAgain
from lumbung_node.store.jobs import Content, ForeignBlob, Job
from lumbung_node.store.layout import list_key, pack_list
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.rosters import CLUSTER, SeededSigner, founding, signed, successor
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, Box, box, connected, living, put, until_proven
from lumbung_testing.world import MemoryKeys

G1 = Generation(1)
HELD = signed(founding(), "a", "b")
FIRST, NEXT = "entry 1", "next"


@asynccontextmanager
async def recording(kept: Box, key: str) -> AsyncIterator[Core]:
    kept.entry_key = key
    async with living(kept) as core:
        yield core


def ring(core: Core, key: str) -> KeyRing:
    keys = KeysAtHand((SeededSigner(key),), (SeededSigner("receipt 1"),), ())
    used = KeysInUse(keys.entry[0].public_key, keys.receipt[0].public_key)
    return KeyRing(OFFICE, core.rosters, MemoryKeys(keys, used), keys, used, core.log)


async def retire(core: Core, bound: Mark) -> None:
    draft = pin_key(successor(HELD), OFFICE, KeyUse.ENTRY, SeededSigner(NEXT).public_key)
    await core.rosters.offer([signed(retire_key(draft, OFFICE, KeyUse.ENTRY, None, bound), "a", "b").encode()])


async def end_of(core: Core) -> Mark:
    end = core.store.state.end(OFFICE)
    return Mark(core.store.state.generation, end.number, end.running_hash)


async def test_recordings_behind_a_bound_that_was_read_too_early_become_safe(
    autojump_clock: trio.testing.MockClock,
) -> None:
    kept = box(OFFICE)
    async with recording(kept, FIRST) as office:
        await put(office, [b"%d" % number for number in range(3)])
        bound = await end_of(office)
        await put(office, [b"meanwhile %d" % number for number in range(40)])  # two lists
    async with recording(kept, NEXT) as office, living(box(PEER)) as peer:
        for core in (office, peer):
            await retire(core, bound)
        assert await SigningAgain(office, ring(office, NEXT)).look() == 2
        assert await SigningAgain(office, ring(office, NEXT)).look() == 0
        async with connected(office, peer):
            await until_proven(office, PEER, 43)


async def test_a_rotten_list_is_left_to_the_scrub_and_the_others_are_signed_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It was an error that nobody expected, and the node ended for it, again at every start."""
    kept = box(OFFICE)
    async with recording(kept, FIRST) as office:
        await put(office, [b"%d" % number for number in range(3)])
        bound = await end_of(office)
        await put(office, [b"meanwhile %d" % number for number in range(40)])  # two lists
    async with recording(kept, NEXT) as office:
        await retire(office, bound)
        row = (await office.store.reader.feed_rows(OFFICE, [4]))[4]
        ((body, signature),) = await office.store.reader.signed_bytes(OFFICE, [row.signed])  # type: ignore[misc]
        rot = Batch()
        rot.put(Family.LISTS, list_key(OFFICE, row.signed), pack_list(body[:-1], signature))
        await office.store.kv.write(rot)
        assert await SigningAgain(office, ring(office, NEXT)).look() == 1


async def test_each_bound_that_was_read_too_early_is_looked_behind(autojump_clock: trio.testing.MockClock) -> None:
    """The second of two rotations: more good entries than a page lie in front of its bound, and behind what is void."""
    kept, bounds = box(OFFICE), []
    async with recording(kept, FIRST) as office:
        await put(office, [b"first"])
        bounds.append(await end_of(office))
    async with recording(kept, "second") as office:
        await put(office, [b"second %d" % number for number in range(300)])
        bounds.append(await end_of(office))
        await put(office, [b"meanwhile %d" % number for number in range(40)])  # two lists
    rosters = [HELD]
    for key, bound in zip(("second", NEXT), bounds, strict=True):
        draft = pin_key(successor(rosters[-1]), OFFICE, KeyUse.ENTRY, SeededSigner(key).public_key)
        rosters.append(signed(retire_key(draft, OFFICE, KeyUse.ENTRY, None, bound), "a", "b"))
    async with recording(kept, NEXT) as office, living(box(PEER)) as peer:
        await put(office, [b"third %d" % number for number in range(300)])
        for core in (office, peer):
            await core.rosters.offer([roster.encode() for roster in rosters[1:]])
        assert await SigningAgain(office, ring(office, NEXT)).look() == 2
        async with connected(office, peer):
            await until_proven(office, PEER, 641)


async def test_what_an_old_key_from_a_backup_signed_becomes_safe(autojump_clock: trio.testing.MockClock) -> None:
    kept = box(OFFICE)
    async with recording(kept, FIRST) as office:
        await put(office, [b"first"])
        bound = await end_of(office)
    async with recording(kept, NEXT) as office:
        await put(office, [b"second %d" % number for number in range(300)])
    async with recording(kept, FIRST) as office:
        await put(office, [b"restored %d" % number for number in range(3)])
    async with recording(kept, NEXT) as office, living(box(PEER)) as peer:
        for core in (office, peer):
            await retire(core, bound)
        assert await SigningAgain(office, ring(office, NEXT)).look() == 1
        async with connected(office, peer):
            await until_proven(office, PEER, 304)


async def test_a_thiefs_entries_are_never_signed_again(autojump_clock: trio.testing.MockClock) -> None:
    """They lie here, taken while the key was in force: with numbers behind ours, in their place, and beyond."""
    kept = box(OFFICE)
    async with recording(kept, FIRST) as office:
        await put(office, [b"first"])
        bound = await end_of(office)
        for number in (2, 3, 10**6):
            content = b"forged %d" % number
            entry = Entry(BlobId.of(content), len(content), 0, 0)
            listed = EntryList(CLUSTER, OFFICE, G1, number, office.store.state.end(OFFICE).running_hash[::-1], (entry,))
            foreign = ForeignBlob(sign_list(listed, SeededSigner(FIRST)), 0, Content(len(content), [content]), PEER, G1)
            await office.store.committer.commit(Job(foreign=[foreign]))
        await put(office, [b"meanwhile"])
    async with recording(kept, NEXT) as office, living(box(PEER)) as peer:
        for core in (office, peer):
            await retire(core, bound)
        assert await SigningAgain(office, ring(office, NEXT)).look() == 1, "its own alone"
        async with connected(office, peer):
            await trio.sleep(600)
        assert peer.store.state.count(OFFICE).blobs == 2


async def test_nothing_is_signed_again_with_a_key_that_is_not_in_force() -> None:
    async with recording(box(OFFICE), FIRST) as office:
        bound = await end_of(office)
        await put(office, [b"meanwhile"])
        await retire(office, bound)

        assert await SigningAgain(office, ring(office, FIRST)).look() == 0


class Counted(SigningAgain):
    """A roster comes in the very turn of the loop in which it begins to look for the first time."""

    looks = 0

    async def look(self) -> int:
        self.looks += 1
        if self.looks == 1:
            self._core.rosters.roster_changed.beat()
        return await super().look()


async def test_a_roster_that_comes_as_it_begins_to_look_makes_it_look_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with recording(box(OFFICE), FIRST) as office, trio.open_nursery() as nursery:
        signing = Counted(office, ring(office, FIRST))
        nursery.start_soon(signing.run)
        await trio.sleep(1)
        assert signing.looks == 2
        nursery.cancel_scope.cancel()


async def test_it_looks_again_when_a_roster_retires_the_key(autojump_clock: trio.testing.MockClock) -> None:
    kept = box(OFFICE)
    async with recording(kept, FIRST) as office:
        bound = await end_of(office)
        await put(office, [b"meanwhile"])
    async with recording(kept, NEXT) as office, trio.open_nursery() as nursery:
        nursery.start_soon(SigningAgain(office, ring(office, NEXT)).run)
        await trio.testing.wait_all_tasks_blocked()
        assert not kept.log.said("recordings signed again")
        await retire(office, bound)
        await trio.sleep(1)
        assert kept.log.said("recordings signed again")
        nursery.cancel_scope.cancel()


async def test_a_holder_gives_back_what_it_had_before_it_was_signed_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It was counted for them all the time. One holder hears of it from the origin, the other from the first."""
    kept, at_peer, at_centre = box(OFFICE), box(PEER), box(CENTRE)
    async with recording(kept, FIRST) as office, living(at_peer) as peer, living(at_centre) as centre:
        await put(office, [b"%d" % number for number in range(3)])
        bound = await end_of(office)
        await put(office, [b"meanwhile %d" % number for number in range(40)])
        async with connected(office, peer), connected(office, centre):
            await until_proven(office, PEER, 43)
            await until_proven(office, CENTRE, 43)
    async with recording(kept, NEXT) as office, living(at_peer) as peer:
        for core in (office, peer):
            await retire(core, bound)
        async with connected(office, peer):
            await trio.sleep(90)
            assert await SigningAgain(office, ring(office, NEXT)).look() == 2
            await trio.sleep(600)
    async with living(at_peer) as peer, living(at_centre) as centre:
        await retire(centre, bound)
        async with connected(peer, centre):
            await trio.sleep(600)
    for holder_box in (at_peer, at_centre):
        wiped = replace(box(OFFICE), identity=kept.identity, entry_key=NEXT)
        async with living(wiped) as office, living(holder_box) as holder:
            await retire(office, bound)
            async with connected(office, holder):
                await trio.sleep(600)
            assert office.store.state.count(OFFICE).blobs == 43


async def test_what_is_never_signed_again_is_asked_for_ever_more_rarely(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    take_need = Proving.take_need

    def noted(self: Proving, need: peer_pb2.Need) -> None:
        asked.append(trio.current_time())
        take_need(self, need)

    monkeypatch.setattr(Proving, "take_need", noted)
    kept = box(OFFICE)
    async with recording(kept, FIRST) as office, living(box(PEER)) as peer:
        await put(office, [b"first"])
        bound = await end_of(office)
        entry = Entry(BlobId.of(b"forged"), 6, 0, 0)
        listed = EntryList(CLUSTER, OFFICE, G1, 9, bytes(32), (entry,))
        forged = ForeignBlob(sign_list(listed, SeededSigner(FIRST)), 0, Content(6, [b"forged"]), OFFICE, G1)
        await peer.store.committer.commit(Job(foreign=[forged]))
        for core in (office, peer):
            await retire(core, bound)
        async with connected(office, peer):
            await trio.sleep(24 * 3600)
    assert 20 < len(asked) < 40
    assert asked[-1] - asked[-2] == pytest.approx(3600, abs=1)
