"""Processes that end: a crash or a power cut of one node, of some, of all, or for a month."""

from __future__ import annotations

import random

import trio

from lumbung_testing.simulation.faults.stage import Fault, Stage
from lumbung_testing.simulation.node import SimNode

__all__ = ["FAULTS"]

_MONTH_MS = 30 * 86_400_000


async def _crash_one(stage: Stage, draws: random.Random) -> None:
    await _crash(stage, draws, [stage.some_node(draws)])


async def _crash_some(stage: Stage, draws: random.Random) -> None:
    nodes = list(stage.cluster.nodes.values())
    await _crash(stage, draws, draws.sample(nodes, draws.choice((2, 2, len(nodes)))))


async def _crash(stage: Stage, draws: random.Random, nodes: list[SimNode]) -> None:
    downs = [(node, draws.uniform(0.5, 40.0), draws.random() < 0.3) for node in nodes if node.is_up]
    async with trio.open_nursery() as nursery:
        for node, down_s, is_silent in downs:
            nursery.start_soon(_crash_for, stage, node, down_s, is_silent)


async def _crash_for(stage: Stage, node: SimNode, down_s: float, is_silent: bool) -> None:
    await stage.kill(node, is_silent=is_silent)
    await stage.restart_after(node, down_s)


async def _away(stage: Stage, draws: random.Random) -> None:
    """A node is away for a month: the others live on, and every wall clock says so when it comes back.

    The elapsed time is shorter: nobody's timers run for a month here, and idle hours would only cost wall time.
    """
    node = stage.some_node(draws)
    if not node.is_up:
        return
    await stage.kill(node, is_silent=True)
    stage.tell(node, "away")
    await trio.sleep(draws.uniform(60.0, 200.0))
    for other in stage.cluster.nodes.values():
        other.set_clock(other.clock.offset_ms + _MONTH_MS)
    await stage.restart_after(node, 0.0)


FAULTS = (
    Fault("crash of one", 30, _crash_one),
    Fault("crash of some", 12, _crash_some),
    Fault("away for a month", 3, _away),
)
