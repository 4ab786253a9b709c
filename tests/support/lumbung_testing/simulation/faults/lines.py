"""Lines that part, carry one way only, are cut, or crawl; a stream stays reliable and ordered while it lives."""

from __future__ import annotations

import random

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_testing.simulation.faults.stage import Fault, Stage

__all__ = ["FAULTS"]

_LIE_IN_WAIT_S = 60.0
_LOOK_S = 0.05


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
    stage.cluster.network.slow(one, other, draws.choice((20e3, 200e3, 1e6)))
    stage.cluster.story.tell(one, "slow line", other)
    await trio.sleep(draws.uniform(5.0, 60.0))
    stage.cluster.network.quicken(one, other)


async def _cut_midway(stage: Stage, draws: random.Random) -> None:
    """Cut a line just when bytes are under way on it, as often as it takes to notice what a resume forgets."""
    one, other = draws.choice(stage.pairs())
    until = trio.current_time() + _LIE_IN_WAIT_S
    for _ in range(draws.randint(1, 4)):
        while not stage.cluster.network.is_busy(one, other):
            if trio.current_time() > until:
                return
            await trio.sleep(_LOOK_S)
        await trio.sleep(draws.uniform(0.0, 0.5))
        stage.cluster.network.cut(one, other)
        stage.cluster.story.tell(one, "cut midway", other)


async def _cut_all(stage: Stage, draws: random.Random) -> None:
    """Every stream at once: all dial all again in the same moment."""
    for one, other in stage.pairs():
        stage.cluster.network.cut(one, other)
    stage.cluster.story.tell("all", "cut")
    await trio.lowlevel.checkpoint()


async def _swizzle(stage: Stage, draws: random.Random) -> None:
    """Links are stopped one by one and released one by one, in another order."""
    pairs = draws.sample(stage.pairs(), draws.randint(2, len(stage.pairs())))
    for one, other in pairs:
        stage.cluster.network.stop(one, other, is_stopped=True)
        stage.cluster.story.tell(one, "link stopped", other)
        await trio.sleep(draws.uniform(0.0, 10.0))
    for one, other in draws.sample(pairs, len(pairs)):
        stage.cluster.network.stop(one, other, is_stopped=False)
        stage.cluster.story.tell(one, "link released", other)
        await trio.sleep(draws.uniform(0.0, 10.0))


async def _stall(stage: Stage, draws: random.Random) -> None:
    """What is under way one way arrives late, and what follows with it."""
    one, other = draws.sample(list(stage.cluster.nodes.values()), 2)
    seconds = draws.choice((0.5, 2.0, 10.0, 40.0))
    stage.cluster.network.stall(one.host, other.host, seconds)
    stage.tell(one, "stall", f"{other.host} {seconds} s")
    await trio.lowlevel.checkpoint()


async def _refuse_dials(stage: Stage, draws: random.Random) -> None:
    """A firewall: the streams that stand go on, new ones are refused."""
    one, other = draws.sample(list(stage.cluster.nodes.values()), 2)
    stage.cluster.network.refuse_dials(one.host, other.host, is_refused=True)
    stage.tell(one, "dials refused", other.host)
    await trio.sleep(draws.uniform(5.0, 90.0))
    stage.cluster.network.refuse_dials(one.host, other.host, is_refused=False)


async def _heal_after(stage: Stage, seconds: float) -> None:
    await trio.sleep(seconds)
    stage.cluster.network.heal()
    stage.cluster.story.tell("all", "lines healed")


def _heal(stage: Stage) -> None:
    stage.cluster.network.heal()
    for one, other in stage.pairs():
        stage.cluster.network.quicken(one, other)
        stage.cluster.network.refuse_dials(one, other, is_refused=False)
        stage.cluster.network.refuse_dials(other, one, is_refused=False)


def _with_people(numbers: list[NodeNumber]) -> list[str]:
    return [f"{kind}{number}" for number in sorted(numbers) for kind in "nso"]


FAULTS = (
    Fault("partition", 24, _partition, _heal),
    Fault("one way", 12, _one_way),
    Fault("cut", 18, _cut),
    Fault("slow line", 12, _slow_line),
    Fault("cut midway", 24, _cut_midway),
    Fault("cut of all", 6, _cut_all),
    Fault("swizzle", 6, _swizzle),
    Fault("stall", 12, _stall),
    Fault("dials refused", 9, _refuse_dials),
)
