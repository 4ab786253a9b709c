"""Entries that became void with their key, and lie at some holders: nothing else may suffer by them."""

from __future__ import annotations

import trio
import trio.testing

from lumbung_cluster.entry import Entry, EntryList, SignedList, sign_list
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import BlobId, Generation
from lumbung_cluster.roster_keys import pin_key, retire_key
from lumbung_cluster.roster_node import KeyUse
from lumbung_node.services.core import Core
from lumbung_node.store.jobs import Content, ForeignBlob, Job
from lumbung_testing.rosters import CLUSTER, SeededSigner, founding, signed, successor
from lumbung_testing.session_pair import OFFICE, PEER, box, connected, living, put, until_proven

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
