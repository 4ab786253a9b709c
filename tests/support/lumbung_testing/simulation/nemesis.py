"""Faults drawn from the seed: which of them a run knows, how often each strikes, when and whom.

A run knows only some of the faults, and some of them strike often: what one fault always hides from another shows in
the runs that lack it (swarm testing; Groce et al., ISSTA 2012).
"""

from __future__ import annotations

import random

import trio

from lumbung_cluster.wire import SPOKEN
from lumbung_testing.simulation.cluster import SimCluster
from lumbung_testing.simulation.faults import ALL_FAULTS
from lumbung_testing.simulation.faults.stage import Fault, Stage
from lumbung_testing.simulation.seeding import luck

__all__ = ["Nemesis"]

_RATES = (0.0, 0.5, 1.0, 1.0, 2.0, 4.0)


class Nemesis:
    """`run` until cancelled, then `heal`."""

    def __init__(self, cluster: SimCluster, seed: int) -> None:
        self._stage = Stage(cluster)
        self._cluster = cluster
        self._seed = seed

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            for fault in ALL_FAULTS:
                draws = luck(self._seed, f"fault {fault.name}")
                per_hour = fault.per_hour * draws.choice(_RATES)
                if per_hour:
                    nursery.start_soon(self._strike, fault, draws, per_hour, nursery)

    async def heal(self) -> None:
        """End all faults: every node runs the present build on a quick disk with room, all are honest."""
        for fault in ALL_FAULTS:
            if fault.heal is not None:
                fault.heal(self._stage)
        for number, node in list(self._cluster.nodes.items()):
            if node.wire != SPOKEN:  # at the end everybody has the present build: an earlier one tells no reports
                node.wire = SPOKEN
                if node.is_up:
                    await self._cluster.kill(number)
            if node.identity.record is None:
                await self._cluster.recover(number)
            elif not node.is_up:
                self._cluster.start(number)
        self._cluster.story.tell("all", "healed")

    async def _strike(self, fault: Fault, draws: random.Random, per_hour: float, nursery: trio.Nursery) -> None:
        while True:
            await trio.sleep(draws.expovariate(per_hour / 3600))
            nursery.start_soon(fault.strike, self._stage, draws)
