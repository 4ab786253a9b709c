"""Peers that do not do what they say, for a while (`misbehaviour` has how)."""

from __future__ import annotations

import random

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_testing.simulation.faults.stage import Fault, Stage

__all__ = ["FAULTS"]


async def _lossy(stage: Stage, draws: random.Random) -> None:
    await _misbehave(stage, draws, stage.cluster.misbehaviour.lossy, "lossy")


async def _lying(stage: Stage, draws: random.Random) -> None:
    await _misbehave(stage, draws, stage.cluster.misbehaviour.lying, "lying")


async def _misbehave(stage: Stage, draws: random.Random, who: set[NodeNumber], how: str) -> None:
    node = stage.some_node(draws)
    if who:
        return  # one at a time: two liars may keep the truth from a third
    who.add(node.number)
    stage.tell(node, how)
    await trio.sleep(draws.uniform(5.0, 60.0))
    who.discard(node.number)


def _heal(stage: Stage) -> None:
    stage.cluster.misbehaviour.lossy.clear()
    stage.cluster.misbehaviour.lying.clear()


FAULTS = (
    Fault("lossy peer", 12, _lossy, _heal),
    Fault("lying peer", 12, _lying),
)
