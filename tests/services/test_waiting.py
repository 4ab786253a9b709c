"""Rooms of puts that wait for copies: each wakes up for its own, and nobody is forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
import trio
import trio.testing

from lumbung_cluster.ids import BlobId
from lumbung_node.services.copies import BlobCopies, CopyBook
from lumbung_node.services.waiting import _AHEAD_MAX, Waiting, WaitingRoom
from lumbung_node.store.state import Pulse


class _Book:
    """Copies by number: one until told otherwise."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}

    def of(self, number: int, blob: BlobId) -> BlobCopies:
        del blob
        return BlobCopies(self.counts.get(number, 1), 3, safe=False, proven=(), missing=())

    def highest_proven(self) -> int:
        return max(self.counts, default=0)


class _Answers:
    def __init__(self) -> None:
        self.given: list[int] = []

    def waiting(self, number: int, deadline: float = float("inf")) -> Waiting:
        async def answer(copies: BlobCopies) -> None:
            del copies
            await trio.lowlevel.checkpoint()
            self.given.append(number)

        return Waiting(number, BlobId(bytes(32)), 3, trio.current_time(), deadline, answer)


@asynccontextmanager
async def _open_room(book: _Book, proofs: Pulse) -> AsyncIterator[WaitingRoom]:
    """A room that is looked after until the end of the block."""
    room = WaitingRoom(cast("CopyBook", book), proofs)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.run)
        yield room
        nursery.cancel_scope.cancel()


async def test_a_proof_wakes_the_room_that_waits_for_it_and_no_other(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, proofs, answers = _Book(), Pulse(), _Answers()
    rooms = [WaitingRoom(cast("CopyBook", book), proofs) for _ in range(8)]
    looks, look = list[WaitingRoom](), WaitingRoom._look

    async def counted(self: WaitingRoom) -> None:
        looks.append(self)
        await look(self)

    monkeypatch.setattr(WaitingRoom, "_look", counted)
    async with trio.open_nursery() as nursery:
        for number, room in enumerate(rooms):
            nursery.start_soon(room.run)
            await room.add(answers.waiting(number))
        await trio.testing.wait_all_tasks_blocked()
        looks.clear()

        book.counts[5] = 2  # one more, and not enough
        proofs.beat()
        await trio.testing.wait_all_tasks_blocked()
        assert looks == []

        book.counts[5] = 3
        proofs.beat()
        await trio.testing.wait_all_tasks_blocked()
        assert looks == [rooms[5]]
        assert answers.given == [5]
        nursery.cancel_scope.cancel()
    proofs.beat()  # nobody is there to hear it


async def test_who_is_proven_before_the_one_in_front_is_answered_within_the_second(
    autojump_clock: trio.testing.MockClock,
) -> None:
    book, proofs, answers = _Book(), Pulse(), _Answers()
    async with _open_room(book, proofs) as room:
        for number in (1, 2, 3):
            await room.add(answers.waiting(number, deadline=trio.current_time() + 60))
        book.counts[3] = 3
        proofs.beat()
        await trio.sleep(1)
        assert answers.given == [3]

        await trio.sleep(60)
        assert sorted(answers.given) == [1, 2, 3]  # the others when their time is up
        await room.until_empty()


async def test_a_proof_of_the_front_wakes_while_others_are_being_looked_at(
    autojump_clock: trio.testing.MockClock,
) -> None:
    book, proofs, reads = _Book(), Pulse(), trio.Event()
    given: dict[int, float] = {}
    room = WaitingRoom(cast("CopyBook", book), proofs)

    def waiting(number: int, seconds: float, *, slow: bool = False) -> Waiting:
        async def answer(copies: BlobCopies) -> None:
            del copies
            if slow:
                await reads.wait()
            given[number] = trio.current_time()

        return Waiting(number, BlobId(bytes(32)), 3, trio.current_time(), trio.current_time() + seconds, answer)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.run)
        for each in (waiting(1, 60), waiting(2, 1, slow=True), waiting(3, 60)):
            await room.add(each)
        await trio.sleep(2)
        book.counts[1] = 3
        proofs.beat()
        proven_at = trio.current_time()
        reads.set()
        await trio.sleep(3)
        nursery.cancel_scope.cancel()
    assert given[1] - proven_at < 0.1


async def test_nobody_is_forgotten_while_the_client_does_not_read(autojump_clock: trio.testing.MockClock) -> None:
    book, proofs, reads = _Book(), Pulse(), trio.Event()
    given: list[int] = []
    room = WaitingRoom(cast("CopyBook", book), proofs)

    async def answer(copies: BlobCopies) -> None:
        del copies
        await reads.wait()
        given.append(1)

    async def read_later() -> None:
        await trio.sleep(1)
        reads.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.run)
        await room.add(Waiting(1, BlobId(bytes(32)), 3, trio.current_time(), trio.current_time() + 1, answer))
        await trio.sleep(5)
        nursery.start_soon(read_later)
        await room.until_empty()
        nursery.cancel_scope.cancel()
    assert given == [1]


async def _held_s(room: WaitingRoom) -> float:
    begun = trio.current_time()
    await room.keep_close()
    return trio.current_time() - begun


async def test_a_bulk_is_held_back_only_while_its_copies_follow(autojump_clock: trio.testing.MockClock) -> None:
    book, proofs, answers = _Book(), Pulse(), _Answers()

    def prove(number: int) -> None:
        book.counts[number] = 3
        proofs.beat()

    async with _open_room(book, proofs) as room:
        for number in range(_AHEAD_MAX + 3):
            await room.add(answers.waiting(number))
        assert await _held_s(room) == 0  # nobody knows yet whether copies come at all

        await trio.sleep(0.8)
        prove(0)
        await trio.testing.wait_all_tasks_blocked()
        held = trio.current_time()
        async with trio.open_nursery() as holders:
            holders.start_soon(_prove_later, prove, 1, 0.05)
            holders.start_soon(_prove_later, prove, 2, 0.125)
            await room.keep_close()
            assert trio.current_time() - held == pytest.approx(0.125)  # until no more than that many wait

        await room.add(answers.waiting(_AHEAD_MAX + 3))
        assert await _held_s(room) == pytest.approx(1)  # the holder is away: not longer than that
        assert await _held_s(room) == 0

        await trio.sleep(10)
        prove(3)
        await trio.testing.wait_all_tasks_blocked()
        await room.add(answers.waiting(_AHEAD_MAX + 4))
        assert await _held_s(room) == 0  # copies come, and far behind


async def _prove_later(prove: Callable[[int], None], number: int, seconds: float) -> None:
    await trio.sleep(seconds)
    prove(number)


async def test_answers_whose_time_is_up_hold_nobody_back(autojump_clock: trio.testing.MockClock) -> None:
    answers = _Answers()
    async with _open_room(_Book(), Pulse()) as room:
        await room.add(answers.waiting(0, trio.current_time() + 1))
        for number in range(1, _AHEAD_MAX + 2):
            await room.add(answers.waiting(number))
        await trio.sleep(1.5)
        assert answers.given == [0]
        assert await _held_s(room) == 0


@pytest.mark.parametrize("way", ["others proven", "time is up"])
async def test_a_bulk_is_let_go_when_the_room_empties_another_way(
    autojump_clock: trio.testing.MockClock, way: str
) -> None:
    book, proofs, answers = _Book(), Pulse(), _Answers()
    async with _open_room(book, proofs) as room:
        await room.add(answers.waiting(0))
        book.counts[0] = 3
        proofs.beat()
        await trio.testing.wait_all_tasks_blocked()
        deadline = trio.current_time() + 0.3 if way == "time is up" else float("inf")
        for number in range(1, _AHEAD_MAX + 3):
            await room.add(answers.waiting(number, deadline))
        if way == "others proven":  # all but the front one
            book.counts |= dict.fromkeys(range(2, _AHEAD_MAX + 3), 3)
            proofs.beat()
        assert await _held_s(room) <= 0.5


async def test_a_bulk_is_held_no_longer_than_that_behind_the_last_proof(
    autojump_clock: trio.testing.MockClock,
) -> None:
    book, proofs, answers = _Book(), Pulse(), _Answers()
    async with _open_room(book, proofs) as room:
        for number in range(_AHEAD_MAX + 3):
            await room.add(answers.waiting(number))
        book.counts[0] = 3
        proofs.beat()
        await trio.sleep(0.9)
        assert await _held_s(room) == pytest.approx(0.1)
