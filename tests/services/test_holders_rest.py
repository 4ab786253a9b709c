"""Holders that one origin feeds need not ask each other about its blobs while it does; what it cannot bring they do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_node.services.core import Core
from lumbung_node.services.session.offers import Offers, OpenOffer, OutLane
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, box, connected, living, put, until_marked

_BETWEEN_S = 0.25
# Four looks until what came after the break is in a sample, its answer, and what it lacks.
_FOUND_S = 6 * limits.FOREIGN_FEED_DELAY_S


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When each offer between the holders left that covers all of a part of the feed, and is no sample."""
    sent: list[float] = []
    send = Offers.send

    async def noted(self: Offers, offer: OpenOffer) -> None:
        if offer.origin == OFFICE and self._core.number != OFFICE and offer.lane is OutLane.FEED:
            sent.append(trio.current_time())
        await send(self, offer)

    monkeypatch.setattr(Offers, "send", noted)
    return sent


@asynccontextmanager
async def _three() -> AsyncIterator[tuple[Core, Core, Core]]:
    """An office and its two holders, which have seen once that they hold the same."""
    async with (
        living(box(OFFICE)) as office,
        living(box(PEER)) as peer,
        living(box(CENTRE)) as centre,
        connected(peer, centre),
        connected(office, peer),
    ):
        yield office, peer, centre


async def _put_for(office: Core, seconds: float, name: str, between_s: float = _BETWEEN_S) -> int:
    """One blob after the other for so long; how many."""
    count = round(seconds / between_s)
    for number in range(count):
        await put(office, [f"{name} {number}".encode()])
        await trio.sleep(between_s)
    return count


async def _first_of(office: Core, peer: Core, centre: Core) -> int:
    """Some blobs that both holders have, and know of each other; how many."""
    count = await _put_for(office, 1, "first")
    await until_marked(centre, PEER, OFFICE, count)
    await until_marked(peer, CENTRE, OFFICE, count)
    return count


async def test_holders_that_are_fed_by_the_origin_do_not_ask_each_other_meanwhile(
    autojump_clock: trio.testing.MockClock, questions: list[float]
) -> None:
    async with _three() as (office, peer, centre), connected(office, centre):
        first = await _first_of(office, peer, centre)
        questions.clear()
        second = await _put_for(office, limits.FOREIGN_FEED_REST_S_MAX / 2, "second")
        assert not questions
        await until_marked(centre, PEER, OFFICE, first + second)
        await until_marked(peer, CENTRE, OFFICE, first + second)
    assert questions[-1] - questions[0] < limits.FOREIGN_FEED_DELAY_S  # all of it in one go


async def test_holders_ask_now_and_then_however_long_the_origin_goes_on(
    autojump_clock: trio.testing.MockClock, questions: list[float]
) -> None:
    async with _three() as (office, peer, centre), connected(office, centre):
        first = await _first_of(office, peer, centre)
        await _put_for(office, limits.FOREIGN_FEED_REST_S_MAX + limits.FOREIGN_FEED_DELAY_S, "second")
        assert centre.store.state.marks[PEER, OFFICE].mark.number > first


async def test_what_the_origin_cannot_bring_comes_from_a_holder_while_the_origin_still_feeds_that_one(
    autojump_clock: trio.testing.MockClock, questions: list[float]
) -> None:
    async with _three() as (office, _peer, centre):
        async with connected(office, centre):
            count = await _put_for(office, 1, "before")
            await until_marked(centre, PEER, OFFICE, count)
        # The line between office and centre is down from now on, and the office goes on.
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_put_for, office, 60, "after")
            await trio.sleep(_FOUND_S)
            for _ in range(10):
                lacking = office.store.state.end(OFFICE).number - centre.store.state.count(OFFICE).blobs
                assert lacking <= _FOUND_S / _BETWEEN_S
                await trio.sleep(1)
            nursery.cancel_scope.cancel()


async def test_on_a_slow_line_the_answer_to_a_sample_is_waited_for(
    autojump_clock: trio.testing.MockClock, questions: list[float]
) -> None:
    """An answer that takes longer than the time between two looks counts all the same."""
    async with (
        living(box(OFFICE)) as office,
        living(box(PEER)) as peer,
        living(box(CENTRE)) as centre,
        connected(peer, centre, delay_s=1.3),
        connected(office, peer),
    ):
        async with connected(office, centre):
            await _put_for(office, 15, "before", 1.6)
        broken_at, before = trio.current_time(), centre.store.state.count(OFFICE).blobs
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_put_for, office, 120, "after", 1.6)
            while centre.store.state.count(OFFICE).blobs == before:  # noqa: ASYNC110 - the clock jumps
                await trio.sleep(0.5)
            nursery.cancel_scope.cancel()
        assert trio.current_time() - broken_at < limits.FOREIGN_FEED_REST_S_MAX / 2
