"""The roster that a node obeys: the signed one with its offices' vans, and when somebody is called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.access import AccessList, sign_access
from lumbung_cluster.errors import Rejected
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.joining import van_numbers
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_node import Extension, KeyRecord, KeyUse, NodeRecord
from lumbung_cluster.van import VanRecord
from lumbung_node.services.rosters import RosterKeeper, open_rosters
from lumbung_node.store.state import Pulse
from lumbung_testing.joining import van_record
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, drc, founding, office, signed, successor
from lumbung_testing.world import ListLog, MemoryDocuments

N1 = NodeNumber(1)
FIRST = van_numbers(N1).first


def first_roster() -> SignedRoster:
    own = replace(office(1, "36.02"), vans=van_numbers(N1))
    return signed(founding((own, office(2, "34.04"), drc(4))), "a", "b")


def listed(*vans: VanRecord, version: int = 1) -> bytes:
    return sign_access(AccessList(CLUSTER, N1, version, 1, (), vans), SeededSigner("access 1")).encode()


async def keeper_of(documents: MemoryDocuments) -> RosterKeeper:
    return await open_rosters(documents, CLUSTER, TestVerifier(), ListLog())


def calls_for_somebody(keeper: RosterKeeper) -> bool:
    return keeper.left_behind


async def has_beaten(pulse: Pulse, change: Callable[[], Awaitable[object]]) -> bool:
    """Whether the change woke somebody who waits for this pulse."""
    async with trio.open_nursery() as nursery:
        woken = trio.Event()

        async def wait() -> None:
            await pulse.wait()
            woken.set()

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        await change()
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return woken.is_set()


async def test_a_van_on_its_offices_list_is_a_node_at_once_and_after_a_restart() -> None:
    documents = MemoryDocuments([first_roster().encode()])
    keeper = await keeper_of(documents)

    assert await has_beaten(keeper.roster_changed, partial(keeper.offer_access, [listed(van_record(1))]))
    assert keeper.roster.partners_of(FIRST) == (1, 4)
    assert keeper.signed == first_roster(), "what is passed on is what was signed"
    again = await keeper_of(documents)
    assert again.roster.partners_of(FIRST) == (1, 4)


async def test_a_list_that_changes_no_van_ends_no_session() -> None:
    keeper = await keeper_of(MemoryDocuments([first_roster().encode()]))
    await keeper.offer_access([listed(van_record(1))])
    later = partial(keeper.offer_access, [listed(van_record(1), version=2)])

    assert not await has_beaten(keeper.roster_changed, later)
    assert keeper.access_versions() == [(1, 2)]


async def test_a_list_that_forgets_a_van_is_refused_and_the_van_stays() -> None:
    keeper = await keeper_of(MemoryDocuments([first_roster().encode()]))
    await keeper.offer_access([listed(van_record(1))])

    with pytest.raises(Rejected, match="to stay as it was"):
        await keeper.offer_access([listed(version=2)])
    assert keeper.roster.node(FIRST) is not None


async def test_vans_outlive_a_roster_and_end_with_the_key_that_signed_them() -> None:
    keeper = await keeper_of(MemoryDocuments([first_roster().encode()]))
    await keeper.offer_access([listed(van_record(1))])
    second = signed(successor(first_roster()), "a", "b")
    await keeper.offer([second.encode()])
    assert (keeper.roster.epoch, keeper.roster.is_present(FIRST)) == (2, True)

    third = signed(successor(second, nodes=_with_next_access_key(second)), "a", "b")
    await keeper.offer([third.encode()])
    assert keeper.roster.node(FIRST) is None
    renewed = AccessList(CLUSTER, N1, 2, 1, (), (van_record(1),))
    await keeper.offer_access([sign_access(renewed, SeededSigner("next access")).encode()])
    assert keeper.roster.is_present(FIRST)


def _with_next_access_key(held: SignedRoster) -> tuple[NodeRecord, ...]:
    first, *others = held.parse().nodes
    keys = [replace(key, last_epoch=held.epoch) if key.use is KeyUse.ACCESS else key for key in first.keys]
    fresh = KeyRecord(KeyUse.ACCESS, SeededSigner("next access").public_key, held.epoch + 1)
    return (replace(first, keys=(*keys, fresh)), *others)


async def test_a_later_roster_of_the_custodians_that_is_not_understood_calls_somebody() -> None:
    keeper = await keeper_of(MemoryDocuments([first_roster().encode()]))
    held = first_roster()
    body = signed(successor(held, extensions=(Extension("zz", False, b""),))).body.replace(b"zz\0", b"zz\1")
    strangers = SignedRoster(body, ()).signed_by(SeededSigner("stranger"))
    with pytest.raises(Rejected, match="expected signatures of 2 of 3"):
        await keeper.offer([strangers.encode()])
    assert not calls_for_somebody(keeper)

    theirs = SignedRoster(body, ()).signed_by(SeededSigner("a")).signed_by(SeededSigner("b"))
    with pytest.raises(Rejected, match="unknown critical field 'zz'"):
        await keeper.offer([theirs.encode()])
    assert calls_for_somebody(keeper)
    assert keeper.signed == held
    await keeper.offer([signed(successor(held), "a", "b").encode()])
    assert not calls_for_somebody(keeper)


async def test_a_roster_that_rotted_on_the_disk_stops_no_start_and_comes_again_from_partners() -> None:
    first = first_roster()
    second = signed(successor(first), "a", "b")
    for rotten in (b"\xff" * 40, second.encode()[:-1], second.encode().replace(b"36.02", b"36.03")):
        keeper = await keeper_of(MemoryDocuments([first.encode(), rotten]))
        assert keeper.signed == first
        assert calls_for_somebody(keeper)

        await keeper.offer([second.encode()])
        assert keeper.signed == second
        assert not calls_for_somebody(keeper)


async def have_both_beaten(keeper: RosterKeeper, change: Callable[[], Awaitable[object]]) -> bool:
    async def beats_for_nodes() -> None:
        assert await has_beaten(keeper.roster_changed, change)

    return await has_beaten(keeper.changed, beats_for_nodes)


async def test_everybody_hears_of_a_roster_that_is_in_force_though_a_later_one_was_not_saved() -> None:
    first = first_roster()
    second = signed(successor(first), "a", "b")
    third = signed(successor(second), "a", "b")
    keeper = await keeper_of(MemoryDocuments([first.encode()], room=1))

    async def offer() -> None:
        with pytest.raises(Rejected, match="not saved: no space left"):
            await keeper.offer([second.encode(), third.encode()])

    assert await have_both_beaten(keeper, offer)
    assert keeper.signed == second


async def test_everybody_hears_of_an_access_list_that_was_saved_though_a_later_one_was_not() -> None:
    keeper = await keeper_of(MemoryDocuments([first_roster().encode()], room=1))

    async def offer() -> None:
        with pytest.raises(Rejected, match="not saved: no space left"):
            await keeper.offer_access([listed(van_record(1)), listed(van_record(1), version=2)])

    assert await have_both_beaten(keeper, offer)
    assert keeper.access_versions() == [(1, 1)]
    assert keeper.roster.is_present(FIRST)


async def test_what_a_full_disk_did_not_take_is_said_once_and_obeyed_when_there_is_room(
    autojump_clock: trio.testing.MockClock,
) -> None:
    first = first_roster()
    second = signed(successor(first), "a", "b")
    documents, log = MemoryDocuments([first.encode()], room=0), ListLog()
    keeper = await open_rosters(documents, CLUSTER, TestVerifier(), log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.save_again)
        for _ in range(3):  # each partner brings it
            with pytest.raises(Rejected, match="not saved: no space left"):
                await keeper.offer([second.encode()])
            with pytest.raises(Rejected, match="not saved: no space left"):
                await keeper.offer_access([listed(van_record(1))])
        await trio.sleep(3600)
        assert (keeper.signed, keeper.access_versions(), calls_for_somebody(keeper)) == (first, [], True)
        assert documents.refused > 6
        assert len(log.events) == len(log.said("not saved and not obeyed, tried again")) == 2

        documents.room = None
        await trio.sleep(limits.DOCUMENTS_AGAIN_S)
        assert (keeper.signed, keeper.access_versions(), calls_for_somebody(keeper)) == (second, [(1, 1)], False)
        refused = documents.refused
        await trio.sleep(3600)
        assert documents.refused == refused
        nursery.cancel_scope.cancel()


async def test_what_a_full_disk_did_not_take_is_forgotten_when_something_later_is_obeyed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    first = first_roster()
    second = signed(successor(first), "a", "b")
    third = signed(successor(second), "a", "b")
    documents, log = MemoryDocuments([first.encode()], room=0), ListLog()
    keeper = await open_rosters(documents, CLUSTER, TestVerifier(), log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.save_again)
        with pytest.raises(Rejected):
            await keeper.offer([second.encode()])
        documents.room = 1
        await keeper.offer([third.encode()])
        await trio.sleep(3600)
        assert (keeper.signed, documents.refused) == (third, 1)
        nursery.cancel_scope.cancel()


async def test_a_roster_that_rotted_behind_the_newest_is_no_matter() -> None:
    first = first_roster()
    second = signed(successor(first), "a", "b")
    third = signed(successor(second), "a", "b")

    keeper = await keeper_of(MemoryDocuments([first.encode(), b"rotten", third.encode()]))

    assert keeper.signed == third
    assert not calls_for_somebody(keeper)
    assert keeper.newer_than(0) == [first.encode(), third.encode()]


async def test_an_access_list_that_rotted_on_the_disk_stops_no_start() -> None:
    documents = MemoryDocuments([first_roster().encode()], {1: listed(van_record(1))[:-1], 2: b""})

    keeper = await keeper_of(documents)
    assert not keeper.access_lists
    await keeper.offer_access([listed(van_record(1))])
    assert keeper.roster.is_present(FIRST)


async def test_an_offices_list_cannot_make_another_offices_van_nobody() -> None:
    """Public keys are everybody's to copy: whoever has the access key of the lower number would win by order."""
    second = replace(office(2, "34.04"), vans=van_numbers(NodeNumber(2)))
    first = replace(office(1, "36.02"), vans=van_numbers(N1))
    held = signed(founding((first, second, drc(4))), "a", "b")
    number = van_numbers(NodeNumber(2)).first
    theirs = van_record(1, number=number, name="34.04-van1")
    honest = sign_access(AccessList(CLUSTER, NodeNumber(2), 1, 1, (), (theirs,)), SeededSigner("access 2")).encode()
    keeper = await keeper_of(MemoryDocuments([held.encode()]))
    await keeper.offer_access([honest])

    with pytest.raises(Rejected, match=r"expected keys of its own vans, got one of 34\.04-van1"):
        await keeper.offer_access([listed(van_record(1))])

    assert keeper.roster.is_present(number)
    assert keeper.roster.node(FIRST) is None
    await keeper.offer_access([listed(van_record(2), version=2)])
    assert keeper.roster.is_present(number)


async def test_a_thiefs_list_stands_in_no_vans_way_once_its_key_is_retired() -> None:
    second = replace(office(2, "34.04"), vans=van_numbers(NodeNumber(2)))
    first = replace(office(1, "36.02"), vans=van_numbers(N1))
    held = signed(founding((first, second, drc(4))), "a", "b")
    number = van_numbers(NodeNumber(2)).first
    theirs = van_record(1, number=number, name="34.04-van1")
    honest = sign_access(AccessList(CLUSTER, NodeNumber(2), 1, 1, (), (theirs,)), SeededSigner("access 2")).encode()
    keeper = await keeper_of(MemoryDocuments([held.encode()]))
    await keeper.offer_access([listed(van_record(1))])
    with pytest.raises(Rejected, match="expected keys of its own vans"):
        await keeper.offer_access([honest])

    await keeper.offer([signed(successor(held, nodes=_with_next_access_key(held)), "a", "b").encode()])
    await keeper.offer_access([honest])
    assert keeper.roster.is_present(number)
