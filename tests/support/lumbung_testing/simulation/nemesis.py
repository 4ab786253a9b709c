"""Faults drawn from the seed."""

from __future__ import annotations

import random

import trio

from lumbung_testing.simulation.cluster import SimCluster

__all__ = ["Nemesis"]


class Nemesis:
    def __init__(self, cluster: SimCluster, draws: random.Random) -> None:
        self._cluster = cluster
        self._draws = draws

    async def run(self) -> None:
        await trio.sleep_forever()

    async def heal(self) -> None:
        """End all faults: every node runs, every line is open."""
        self._cluster.network.heal()
        for number, node in self._cluster.nodes.items():
            if not node.is_up:
                self._cluster.start(number)
