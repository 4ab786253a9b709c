"""Keys change over while a node runs: never to a key that some partner does not know, and never back."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import trio
import trio.testing

from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.limits import KEY_CHANGEOVER_S_MAX
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_keys import pin_key, retire_key
from lumbung_cluster.roster_node import KeyUse
from lumbung_node.ports.keystore import KeysAtHand
from lumbung_node.services.keyring import KeyRing, open_keyring
from lumbung_node.services.rosters import RosterKeeper, open_rosters
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, founding, signed, successor
from lumbung_testing.world import ListLog, MemoryDocuments, MemoryKeys

OFFICE, PEER, CENTRE = NodeNumber(1), NodeNumber(2), NodeNumber(4)
PARTNERS = (NodeNumber(2), NodeNumber(3), NodeNumber(4))
HELD = signed(founding(), "a", "b")
NEXT = SeededSigner("receipt 1 next")
PRESENT = SeededSigner("receipt 1")
ENTRY = SeededSigner("entry 1")


def with_next() -> SignedRoster:
    return signed(pin_key(successor(HELD), OFFICE, KeyUse.RECEIPT, NEXT.public_key), "a", "b")


def without_former() -> SignedRoster:
    return signed(retire_key(successor(with_next()), OFFICE, KeyUse.RECEIPT, None, None), "a", "b")


@dataclass(slots=True)
class Node:
    """What a node remembers, and a ring over it."""

    store: MemoryKeys = field(default_factory=lambda: MemoryKeys(KeysAtHand((ENTRY,), (PRESENT,), ())))
    documents: MemoryDocuments = field(default_factory=lambda: MemoryDocuments([HELD.encode()]))
    log: ListLog = field(default_factory=ListLog)

    async def start(self) -> tuple[RosterKeeper, KeyRing]:
        rosters = await open_rosters(self.documents, CLUSTER, TestVerifier(), self.log)
        return rosters, await open_keyring(OFFICE, rosters, self.store, self.log)

    def bring_next(self) -> None:
        self.store.keys = KeysAtHand((ENTRY,), (PRESENT, NEXT), ())


async def test_the_next_key_is_used_once_the_last_partner_has_shown_the_roster(
    autojump_clock: trio.testing.MockClock,
) -> None:
    node = Node()
    rosters, ring = await node.start()
    resigned = []

    async def sign_again() -> None:
        resigned.append(ring.receipt.public_key)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ring.run, sign_again)
        node.bring_next()
        await rosters.offer([with_next().encode()])
        for partner in PARTNERS[:-1]:
            rosters.saw_epoch(partner, 2)
        await trio.sleep(600)
        assert ring.receipt.public_key == PRESENT.public_key
        rosters.saw_epoch(PARTNERS[-1], 2)
        await trio.testing.wait_all_tasks_blocked()
        assert ring.receipt.public_key == NEXT.public_key
        assert node.store.used.receipt == NEXT.public_key
        assert resigned == [NEXT.public_key]
        nursery.cancel_scope.cancel()


async def test_a_new_receipt_key_is_told_again_when_the_first_time_met_a_bug(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The life would stay signed under the former key, which no partner believes once it is retired."""
    node = Node()
    rosters, ring = await node.start()
    told = []

    async def sign_again() -> None:
        await trio.lowlevel.checkpoint()
        told.append(ring.receipt.public_key)
        if len(told) == 1:
            raise ValueError("a bug")

    node.bring_next()
    await rosters.offer([with_next().encode()])
    for partner in PARTNERS:
        rosters.saw_epoch(partner, 2)
    with pytest.raises(ExceptionGroup):
        await ring.run(sign_again)
    with trio.move_on_after(600):
        await ring.run(sign_again)
    assert told == [NEXT.public_key, NEXT.public_key]


async def test_a_partner_that_is_away_holds_a_change_up_for_a_day_and_no_longer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    node = Node()
    rosters, ring = await node.start()

    async def nothing() -> None:
        pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ring.run, nothing)
        await trio.testing.wait_all_tasks_blocked()
        node.bring_next()
        await rosters.offer([with_next().encode()])
        await trio.sleep(KEY_CHANGEOVER_S_MAX - 60)
        assert ring.receipt.public_key == PRESENT.public_key
        await trio.sleep(120)
        assert ring.receipt.public_key == NEXT.public_key
        nursery.cancel_scope.cancel()


async def test_a_restart_does_not_go_back_to_the_former_key_while_it_is_in_force(
    autojump_clock: trio.testing.MockClock,
) -> None:
    node = Node()
    node.bring_next()
    rosters, ring = await node.start()
    await rosters.offer([with_next().encode()])
    for partner in PARTNERS:
        rosters.saw_epoch(partner, 2)
    await ring.look()
    assert ring.receipt.public_key == NEXT.public_key

    _, after = await node.start()

    assert after.receipt.public_key == NEXT.public_key


async def test_a_stolen_key_that_was_retired_gives_way_at_the_next_look() -> None:
    node = Node()
    node.bring_next()
    rosters, ring = await node.start()
    await rosters.offer([with_next().encode(), without_former().encode()])

    await ring.look()

    assert ring.receipt.public_key == NEXT.public_key
    assert ring.is_in_force(KeyUse.RECEIPT, NEXT.public_key)


async def test_a_lost_key_is_replaced_at_once_and_said_to_be_unknown_until_a_roster_names_it() -> None:
    node = Node()
    node.store.keys = KeysAtHand((ENTRY,), (NEXT,), ())
    rosters, ring = await node.start()

    assert ring.receipt.public_key == NEXT.public_key
    assert not ring.is_in_force(KeyUse.RECEIPT, ring.used.receipt)
    await rosters.offer([with_next().encode()])
    assert ring.is_in_force(KeyUse.RECEIPT, ring.used.receipt)


async def test_key_files_that_cannot_be_read_leave_everything_as_it_was() -> None:
    class Broken(MemoryKeys):
        async def at_hand(self) -> KeysAtHand:
            raise KeyRefused("half of the files are there")

    node = Node()
    _, ring = await node.start()
    ring._store = Broken(node.store.keys)

    with pytest.raises(KeyRefused):
        await ring.look()
    assert ring.receipt.sign(b"x") == PRESENT.sign(b"x")


@dataclass(slots=True)
class SlowDocuments(MemoryDocuments):
    """Each roster is a second on its way to the disk."""

    async def save_roster(self, epoch: int, raw: bytes) -> None:
        await trio.sleep(1.0)
        await MemoryDocuments.save_roster(self, epoch, raw)


async def test_the_first_of_two_new_rosters_is_not_taken_for_one_that_all_have_known_for_a_day(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It is in force while the second one is being saved, and only then it was noted since when."""
    node = Node(documents=SlowDocuments([HELD.encode()]))
    rosters, ring = await node.start()
    node.bring_next()
    following = signed(successor(with_next()), "a", "b")

    async def nothing() -> None:
        pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ring.run, nothing)
        await trio.sleep(KEY_CHANGEOVER_S_MAX + 60)
        nursery.start_soon(rosters.offer, [with_next().encode(), following.encode()])
        await trio.sleep(1.5)
        rosters.saw_epoch(PEER, 1)  # a partner that greets us, and knows neither
        await trio.sleep(60)
        assert rosters.roster.epoch == 3
        assert ring.receipt.public_key == PRESENT.public_key
        nursery.cancel_scope.cancel()
