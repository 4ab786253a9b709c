"""Reads beside others' puts: one caller's take turns and rest, and nobody else waits for them."""

from __future__ import annotations

import trio
import trio.testing

from lumbung_node.services.put_crowd import PutCrowd
from lumbung_node.services.read_turns import ReadTurns

_WORK_S = 0.1


async def _work() -> float:
    await trio.sleep(_WORK_S)
    return trio.current_time()


async def _ended_at(turns: ReadTurns, callers: list[str]) -> list[float]:
    """When the read of each ended, all begun at once."""
    ended: list[float] = []

    async def read(caller: str) -> None:
        ended.append(await turns.run(caller, _work))

    begun = trio.current_time()
    async with trio.open_nursery() as nursery:
        for caller in callers:
            nursery.start_soon(read, caller)
    return sorted(round(at - begun, 3) for at in ended)


async def test_who_is_alone_reads_over_all_streams_at_once(autojump_clock: trio.testing.MockClock) -> None:
    crowd = PutCrowd()
    crowd.touch("reader")  # his own puts wait for nobody but himself
    assert await _ended_at(ReadTurns(crowd), ["reader"] * 3) == [0.1, 0.1, 0.1]


async def test_beside_somebody_who_puts_each_read_has_a_rest_behind_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    crowd = PutCrowd()
    crowd.touch("station")
    assert await _ended_at(ReadTurns(crowd), ["reader"] * 3) == [0.1, 0.5, 0.9]


async def test_one_caller_does_not_wait_for_another(autojump_clock: trio.testing.MockClock) -> None:
    crowd = PutCrowd()
    crowd.touch("station")
    assert await _ended_at(ReadTurns(crowd), ["reader", "other", "reader"]) == [0.1, 0.1, 0.5]


async def test_a_read_has_its_answer_before_the_rest_which_outlives_it(autojump_clock: trio.testing.MockClock) -> None:
    crowd = PutCrowd()
    crowd.touch("station")
    turns = ReadTurns(crowd)
    assert await _ended_at(turns, ["reader"]) == [0.1]
    assert await _ended_at(turns, ["reader"]) == [0.4], "not before the rest of the first one was over"


async def test_nothing_is_kept_of_callers_who_have_gone_also_of_cancelled_ones(
    autojump_clock: trio.testing.MockClock,
) -> None:
    crowd = PutCrowd()
    crowd.touch("station")
    turns = ReadTurns(crowd)
    with trio.move_on_after(_WORK_S / 2):
        await _ended_at(turns, ["reader"] * 3)
    await trio.sleep(0.95)
    assert await _ended_at(turns, ["other"]) == [0.1], "a caller that gave up holds nobody's turn"
    assert list(turns._lanes) == ["other"]
