"""Lines that part, carry one way only, are cut, or crawl; a stream stays reliable and ordered while it lives."""

from __future__ import annotations

import random

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_testing.simulation.faults.stage import Fault, Stage

__all__ = ["FAULTS"]


async def _partition(stage: Stage, draws: random.Random) -> None:
    numbers = list(stage.cluster.nodes)
    draws.shuffle(numbers)
    cut = draws.randrange(1, len(numbers))
    groups = [_with_people(numbers[:cut]), _with_people(numbers[cut:])]
    stage.cluster.network.partition(groups)
    stage.cluster.story.tell("all", "partition", str(groups))
    await _heal_after(stage, draws.uniform(2.0, 60.0))


async def _one_way(stage: Stage, draws: random.Random) -> None:
    one, other = draws.sample(list(stage.cluster.nodes.values()), 2)
    stage.cluster.network.one_way(one.host, other.host)
    stage.tell(one, "one way", other.host)
    await _heal_after(stage, draws.uniform(2.0, 40.0))


async def _cut(stage: Stage, draws: random.Random) -> None:
    one, other = draws.choice(stage.pairs())
    stage.cluster.network.cut(one, other)
    stage.cluster.story.tell(one, "cut", other)


async def _slow_line(stage: Stage, draws: random.Random) -> None:
    one, other = draws.choice(stage.pairs())
    stage.cluster.network.slow(one, other, is_slow=True)
    stage.cluster.story.tell(one, "slow line", other)
    await trio.sleep(draws.uniform(5.0, 60.0))
    stage.cluster.network.slow(one, other, is_slow=False)


async def _heal_after(stage: Stage, seconds: float) -> None:
    await trio.sleep(seconds)
    stage.cluster.network.heal()
    stage.cluster.story.tell("all", "lines healed")


def _heal(stage: Stage) -> None:
    stage.cluster.network.heal()
    for one, other in stage.pairs():
        stage.cluster.network.slow(one, other, is_slow=False)


def _with_people(numbers: list[NodeNumber]) -> list[str]:
    return [f"{kind}{number}" for number in sorted(numbers) for kind in "nso"]


FAULTS = (
    Fault("partition", 24, _partition, _heal),
    Fault("one way", 12, _one_way),
    Fault("cut", 18, _cut),
    Fault("slow line", 12, _slow_line),
)
