"""Custodians in a hurry: a holder is let go before those who stay have everything, and its operator drops at once.

Nothing may be lost by it: what the others have not proven stays where it lies. Before the second hurry the holder may
have left once already, politely, so that an old word of the origin lies there; then it held again, and took more.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import trio

from lumbung_cluster.ids import NodeNumber, all_units
from lumbung_cluster.limits import RELEASE_LOOK_S
from lumbung_cluster.roster import HolderAssignment
from lumbung_testing.rosters import successor
from lumbung_testing.simulation.cluster import SimCluster
from lumbung_testing.simulation.content import draw_delivery
from lumbung_testing.simulation.faults.dropping import let_go
from lumbung_testing.simulation.faults.rosters import assignment, assignments, is_complete, replaced
from lumbung_testing.simulation.faults.stage import Fault, Stage

__all__ = ["FAULTS"]

_WAIT_S_MAX = 40.0
_LOOK_S = 0.5


@dataclass(slots=True)
class _Move:
    """`origin`'s copies between two peers."""

    stage: Stage
    draws: random.Random
    origin: NodeNumber
    leaver: NodeNumber
    taker: NodeNumber

    @property
    def cluster(self) -> SimCluster:
        return self.stage.cluster

    def holds(self, peer: NodeNumber) -> bool:
        """Whether this peer holds all of it now, nobody is leaving, and nobody else has changed it meanwhile."""
        found = assignment(self.cluster, self.origin)
        return not found.leaving and any(share.node == peer and share.units == all_units() for share in found.holders)

    async def give(self, taker: NodeNumber) -> None:
        """In the next roster the taker holds everything, and who held before is leaving."""
        await self._sign(replaced(self.cluster, assignment(self.cluster, self.origin), taker, all_units()))

    async def let_leavers_go(self) -> None:
        await self._sign(replace(assignment(self.cluster, self.origin), leaving=()))

    async def _sign(self, changed: HolderAssignment) -> None:
        cluster = self.cluster
        following = successor(cluster.rosters[-1], assignments=assignments(cluster, {self.origin: changed}))
        cluster.sign(following)
        await cluster.publish(self.origin)
        await cluster.publish(self.leaver)

    async def until(self, is_so: Callable[[], bool]) -> bool:
        with trio.move_on_after(_WAIT_S_MAX):
            while not is_so():  # noqa: ASYNC110 (polled)
                await trio.sleep(_LOOK_S)
            return True
        return False

    def cut_off_taker(self, *, is_cut: bool) -> None:
        """From everybody: else it gets from other holders what the origin cannot send."""
        taker = self.cluster.nodes[self.taker]
        for node in self.cluster.nodes.values():
            if node is not taker:
                self.cluster.network.stop(node.host, taker.host, is_stopped=is_cut)

    def is_safe(self) -> bool:
        """Whether everything is intact and durable at somebody who stays, the origin included; more than one may go."""
        cluster = self.cluster
        acked = [blob for origin, blob in cluster.acked() if origin == self.origin]
        stay = {blob: [cluster.nodes[holder] for holder in cluster.holders(self.origin, blob)] for blob in acked}
        return all(any(node.durable.holds(self.origin, blob) for node in nodes) for blob, nodes in stay.items())


async def _hasty(stage: Stage, draws: random.Random) -> None:
    move = _begin(stage, draws)
    if move is None:
        return
    if draws.random() < 0.6 and not await _there_and_back(move):
        return
    move.cut_off_taker(is_cut=True)
    try:
        await stage.cluster.stations[move.origin].put([draw_delivery(draws) for _ in range(3)], 1, 0)
        await trio.sleep(draws.uniform(1.0, 5.0))
        if not move.holds(move.leaver):
            return
        await move.give(move.taker)
        await trio.sleep(draws.choice((1.0, RELEASE_LOOK_S + 5.0)))
        await _in_a_hurry(move)
    finally:
        move.cut_off_taker(is_cut=False)


async def _in_a_hurry(move: _Move) -> None:
    """The leaver is let go although the taker may have nothing; politely, if the nemesis has left nobody else."""
    stays = assignment(move.cluster, move.origin)
    if not any(share.node == move.leaver for share in stays.leaving):
        return
    if not move.is_safe() and not await move.until(lambda: is_complete(move.cluster, move.origin)):
        return
    await move.let_leavers_go()
    node, epoch = move.cluster.nodes[move.leaver], move.cluster.roster.epoch
    if await move.until(lambda: node.core is not None and node.core.rosters.roster.epoch >= epoch):
        await let_go(move.stage, move.leaver)


async def _there_and_back(move: _Move) -> bool:
    """The leaver leaves, is released, and holds again: an old word of the origin is left with it."""
    for taker in (move.taker, move.leaver):
        await move.give(taker)
        await move.until(lambda: is_complete(move.cluster, move.origin))
        await trio.sleep(RELEASE_LOOK_S + 5.0 if taker == move.taker else 1.0)
        if not is_complete(move.cluster, move.origin):
            return False
        await move.let_leavers_go()
        await trio.sleep(1.0)
        if not move.holds(taker):
            return False
    return True


def _begin(stage: Stage, draws: random.Random) -> _Move | None:
    cluster = stage.cluster
    origin = draws.choice(cluster.offices)
    others = [office for office in cluster.offices if office != origin]
    for leaver in draws.sample(others, len(others)):
        move = _Move(stage, draws, origin, leaver, leaver)
        takers = [office for office in others if office != leaver and not cluster.roster.units_held(office, origin)]
        if takers and move.holds(leaver):
            return replace(move, taker=draws.choice(takers))
    return None


FAULTS = (Fault("hasty roster", 24, _hasty),)
