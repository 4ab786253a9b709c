"""New entries that come one by one share an offer, and wait for it a moment at most."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_node.services.core import Core
from lumbung_node.services.session.offers import Offers, OpenOffer
from lumbung_testing.session_pair import OFFICE, PEER, Box, box, connected, living, put, until_proven
from lumbung_testing.virtual_disk import Pace

_PUTS, _BETWEEN_S = 60, 0.004
_SYNC_S = 0.05  # as long as an offer is under way, a dozen more come


@pytest.fixture
def offers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, int]]:
    """When each offer of the office left, and of how many entries."""
    sent: list[tuple[float, int]] = []
    send = Offers.send

    async def counted(self: Offers, offer: OpenOffer) -> None:
        if offer.origin == OFFICE and offer.items and self._peer == PEER:
            sent.append((trio.current_time(), len(offer.items)))
        await send(self, offer)

    monkeypatch.setattr(Offers, "send", counted)
    return sent


async def _put_one_by_one(office: Core) -> None:
    for number in range(_PUTS):
        await put(office, [f"recording {number}".encode()])
        await trio.sleep(_BETWEEN_S)


def _slow_box() -> Box:
    slow = box(PEER)
    slow.disk.pace = Pace(sync_s=_SYNC_S)
    return slow


async def test_entries_that_come_while_an_offer_is_under_way_share_the_next(
    autojump_clock: trio.testing.MockClock, offers: list[tuple[float, int]]
) -> None:
    async with living(box(OFFICE)) as office, living(_slow_box()) as peer, connected(office, peer):
        await trio.sleep(5)
        await _put_one_by_one(office)
        await until_proven(office, PEER, _PUTS)
    assert sum(entries for _, entries in offers) == _PUTS
    assert len(offers) < 7  # eight where each goes as soon as there is a place for it


async def test_a_first_entry_is_offered_at_once(
    autojump_clock: trio.testing.MockClock, offers: list[tuple[float, int]]
) -> None:
    async with living(box(OFFICE)) as office, living(_slow_box()) as peer, connected(office, peer):
        await trio.sleep(5)
        begun = trio.current_time()
        await put(office, [b"a recording"])
        await until_proven(office, PEER, 1)
        await trio.sleep(5)
        await put(office, [b"another one, and nothing is under way any more"])
        await until_proven(office, PEER, 2)
    assert offers[0][0] - begun < 0.01
    assert offers[1][0] - begun < 5 + 3 * _SYNC_S


async def test_a_peer_that_takes_its_time_holds_the_next_entry_up_for_a_moment_only(
    autojump_clock: trio.testing.MockClock, offers: list[tuple[float, int]]
) -> None:
    slow = box(PEER)
    async with living(box(OFFICE)) as office, living(slow) as peer, connected(office, peer):
        await trio.sleep(5)
        slow.disk.pace = Pace(sync_s=20.0)
        await put(office, [b"a recording"])
        await trio.sleep(0.01)
        begun = trio.current_time()
        await put(office, [b"one more"])
        await trio.sleep(2 * limits.OFFER_GATHER_S)
    assert len(offers) == 2
    assert offers[1][0] - begun <= limits.OFFER_GATHER_S


async def test_an_entry_goes_with_the_puts_that_are_just_being_made_durable(
    autojump_clock: trio.testing.MockClock, offers: list[tuple[float, int]]
) -> None:
    mine = box(OFFICE)
    async with living(mine) as office, living(box(PEER)) as peer, connected(office, peer):
        await trio.sleep(5)
        mine.disk.pace = Pace(sync_s=limits.OFFER_COMMIT_S / 2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(put, office, [b"a recording"])
            await trio.sleep(0.001)
            nursery.start_soon(put, office, [b"put while the other one waited for the disk"])
        await until_proven(office, PEER, 2)
    assert [entries for _, entries in offers] == [2]


@pytest.mark.parametrize("is_given_up", [False, True])
async def test_an_entry_waits_for_a_slow_disk_for_a_moment_only(
    autojump_clock: trio.testing.MockClock, offers: list[tuple[float, int]], is_given_up: bool
) -> None:
    mine = box(OFFICE)
    async with living(mine) as office, living(box(PEER)) as peer, connected(office, peer):
        await trio.sleep(5)
        async with trio.open_nursery() as nursery:
            mine.disk.pace = Pace(sync_s=limits.OFFER_COMMIT_S / 2)
            nursery.start_soon(put, office, [b"a recording"])
            await trio.sleep(0.001)
            mine.disk.pace = Pace(sync_s=1.0)
            nursery.start_soon(put, office, [b"put while the other one waited for the disk"])
            begun = trio.current_time()
            await until_proven(office, PEER, 1)
            assert offers[0][0] - begun <= 1.5 * limits.OFFER_COMMIT_S
            if is_given_up:
                nursery.cancel_scope.cancel()
        await until_proven(office, PEER, 2)
        assert office.store.committer.own_under_way == 0
    assert [entries for _, entries in offers] == [1, 1]
