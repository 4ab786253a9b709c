"""Rosters of a new epoch that are published under load."""

from __future__ import annotations

import random

from lumbung_testing.rosters import signed, successor
from lumbung_testing.simulation.faults.stage import Fault, Stage

__all__ = ["FAULTS"]

_ROSTERS_AT_ONCE = 8


async def _change_roster(stage: Stage, draws: random.Random) -> None:
    cluster = stage.cluster
    following = signed(successor(cluster.rosters[-1], created_ms=len(cluster.rosters)), "a", "b")
    cluster.rosters.append(following)
    cluster.story.tell("all", "roster", str(len(cluster.rosters)))
    operator = cluster.operators[draws.choice(cluster.offices)]
    await operator.publish([roster.encode() for roster in cluster.rosters[-_ROSTERS_AT_ONCE:]])


FAULTS = (Fault("new roster", 6, _change_roster),)
