"""The roster that a node obeys: the signed one with its offices' vans, and when somebody is called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import permutations

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.access import AccessEntry, AccessList, Duty, sign_access
from lumbung_cluster.caller_role import CallerRole, Refused, role_of
from lumbung_cluster.errors import Rejected
from lumbung_cluster.identity_uri import AccessIdentity
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


# --- two offices that name one van's keys: public keys are everybody's to copy ---------------------------------------

VANS_KEYS = van_record(1)


def two_offices() -> SignedRoster:
    offices = [replace(office(at, name), vans=van_numbers(NodeNumber(at))) for at, name in ((1, "36.02"), (2, "34.04"))]
    return signed(founding((*offices, drc(4))), "a", "b")


def van_of(number: NodeNumber, **changes: object) -> VanRecord:
    """The first van of that office, with keys that are the same for both."""
    name = f"{'36.02' if number == 1 else '34.04'}-van1"
    return replace(VANS_KEYS, number=van_numbers(number).first, name=name, **changes)  # type: ignore[arg-type]


def list_of(number: NodeNumber, *vans: VanRecord, version: int = 1, callers: tuple[str, ...] = ()) -> bytes:
    entries = tuple(AccessEntry(name, Duty.STATION, (name.encode().ljust(32),), 0, 1 << 50) for name in callers)
    content = AccessList(CLUSTER, number, version, 1, entries, vans)
    return sign_access(content, SeededSigner(f"access {number}")).encode()


async def offer_each(keeper: RosterKeeper, raws: Sequence[bytes]) -> None:
    """As they come; one that is older than another of its office is refused, and nothing else is."""
    refusals = []
    for raw in raws:
        try:
            await keeper.offer_access([raw])
        except Rejected as exc:
            refusals.append(exc.sentence)
    assert all("expected a version above" in sentence for sentence in refusals), refusals


def role_of_station(keeper: RosterKeeper, number: NodeNumber) -> CallerRole:
    uri = AccessIdentity(CLUSTER, number, "loket-1").uri
    return role_of(uri, b"loket-1".ljust(32), keeper.roster, keeper.access_lists, now_ms=1)


@pytest.mark.parametrize("honest", [1, 2])
@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_list_is_in_force_with_its_revocations_though_another_office_names_its_vans_keys(
    honest: int, order: tuple[int, ...]
) -> None:
    """Whoever comes first, and whoever has the lower number: the thief can copy keys before the office names them."""
    own, thief = NodeNumber(honest), NodeNumber(3 - honest)
    before = list_of(own, callers=("loket-1",))
    after = list_of(own, van_of(own), version=2)
    lists = (list_of(thief, van_of(thief)), before, after)
    documents = MemoryDocuments([two_offices().encode()])
    keeper = await keeper_of(documents)

    await offer_each(keeper, [lists[at] for at in order])

    assert dict(keeper.access_versions()) == {own: 2, thief: 1}
    assert isinstance(role_of_station(keeper, own), Refused)
    assert keeper.roster.is_present(van_numbers(own).first)
    again = await keeper_of(documents)
    assert again.roster == keeper.roster, "a start changes nothing"
    assert dict(again.access_versions()) == {own: 2, thief: 1}


@pytest.mark.parametrize("changes", [{}, {"is_gone": True}, {"entry_key": b"\7" * 32}, {"tls_pin": b"\7" * 32}])
async def test_nodes_see_the_same_vans_in_whatever_order_the_lists_came(changes: dict[str, object]) -> None:
    one, two = NodeNumber(1), NodeNumber(2)
    lists = [list_of(one, van_of(one, **changes)), list_of(two, van_of(two)), list_of(two, van_of(two), version=2)]

    seen = []
    for order in permutations(lists):
        keeper = await keeper_of(MemoryDocuments([two_offices().encode()]))
        await offer_each(keeper, order)
        seen.append(keeper.roster)

    assert all(roster == seen[0] for roster in seen)
    assert seen[0].is_present(van_numbers(two).first)
    assert seen[0].entry_keys(van_numbers(two).first)[0].covers(9, 9), "the thief ends his own van, nobody else's"


async def test_keys_that_two_offices_name_are_told_once() -> None:
    """Nothing is at stake, but somebody copied them: people may ask why."""
    one, two = NodeNumber(1), NodeNumber(2)
    log = ListLog()
    keeper = await open_rosters(MemoryDocuments([two_offices().encode()]), CLUSTER, TestVerifier(), log)
    await keeper.offer_access([list_of(one, van_of(one))])
    assert not log.said("vans doubted")

    await keeper.offer_access([list_of(two, van_of(two))])
    await keeper.offer_access([list_of(two, van_of(two), version=2)])

    (told,) = log.said("vans doubted")
    assert told["reasons"] == "34.04-van1 has a key that 36.02-van1 has too"


async def test_a_van_that_is_passed_over_is_told() -> None:
    log = ListLog()
    keeper = await open_rosters(MemoryDocuments([two_offices().encode()]), CLUSTER, TestVerifier(), log)
    stolen = van_of(N1, receipt_key=SeededSigner("receipt 2").public_key)

    await keeper.offer_access([list_of(N1, stolen, van_record(2))])

    assert keeper.roster.node(FIRST) is None
    assert keeper.roster.is_present(NodeNumber(FIRST + 1)), "the others on its list count"
    (told,) = log.said("vans doubted")
    assert told["reasons"] == "36.02-van1 is nobody: its key, number or name is that of another node of the roster"
