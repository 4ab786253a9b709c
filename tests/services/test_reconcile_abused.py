"""A share of the abused sessions of `make bench-reconcile`: each way to abuse a comparison, once or twice."""

from __future__ import annotations

import pytest
import trio.testing

from lumbung_testing.abused_reconciles import ABUSES, Story, live


@pytest.mark.parametrize("seed", range(len(ABUSES)), ids=list(ABUSES))
async def test_an_abused_session_leads_nobody_to_take_two_for_equal_that_are_not_and_they_are_in_the_end(
    autojump_clock: trio.testing.MockClock, seed: int
) -> None:
    told = await live(Story.of(seed))
    assert told.wrong == ""
