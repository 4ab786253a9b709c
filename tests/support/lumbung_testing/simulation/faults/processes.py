"""Processes that end: a power cut of one node, of some, of all."""

from __future__ import annotations

import random

import trio

from lumbung_testing.simulation.faults.stage import Fault, Stage
from lumbung_testing.simulation.node import SimNode

__all__ = ["FAULTS"]


async def _crash_one(stage: Stage, draws: random.Random) -> None:
    await _crash(stage, draws, [stage.some_node(draws)])


async def _crash_some(stage: Stage, draws: random.Random) -> None:
    nodes = list(stage.cluster.nodes.values())
    await _crash(stage, draws, draws.sample(nodes, draws.choice((2, 2, len(nodes)))))


async def _crash(stage: Stage, draws: random.Random, nodes: list[SimNode]) -> None:
    downs = [(node, draws.uniform(0.5, 40.0)) for node in nodes if node.is_up]
    async with trio.open_nursery() as nursery:
        for node, down_s in downs:
            nursery.start_soon(_crash_for, stage, node, down_s)


async def _crash_for(stage: Stage, node: SimNode, down_s: float) -> None:
    await stage.kill(node)
    await stage.restart_after(node, down_s)


FAULTS = (
    Fault("crash of one", 30, _crash_one),
    Fault("crash of some", 12, _crash_some),
)
