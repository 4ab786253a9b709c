"""Rosters of a new epoch under load: nothing new, other holders, units split between two, a node that is drained.

A holder leaves only as the rules say: it is `leaving` in one roster, and let go by a later one once those who stay
have everything.
"""

from __future__ import annotations

import random
from dataclasses import replace

import trio

from lumbung_cluster.ids import NodeNumber, all_units
from lumbung_cluster.roster import HolderAssignment, Share
from lumbung_cluster.roster_node import NodeState
from lumbung_testing.rosters import successor
from lumbung_testing.simulation.cluster import SimCluster
from lumbung_testing.simulation.faults.stage import Fault, Stage

__all__ = ["FAULTS", "assignment", "assignments", "is_complete", "replaced"]

_LOOK_S = 5.0


async def _new_epoch(stage: Stage, draws: random.Random) -> None:
    cluster = stage.cluster
    cluster.sign(successor(cluster.rosters[-1], created_ms=len(cluster.rosters)))
    await cluster.publish(draws.choice(cluster.offices))


async def _old_roster(stage: Stage, draws: random.Random) -> None:
    """Somebody finds an old roster, truly signed, and brings it to an office."""
    cluster = stage.cluster
    if len(cluster.rosters) < 2:
        await _new_epoch(stage, draws)
        await trio.sleep(draws.uniform(1.0, 20.0))
    old = draws.choice(cluster.rosters[:-1])
    cluster.story.tell("all", "old roster", str(old.epoch))
    await cluster.operators[draws.choice(cluster.offices)].publish([old.encode()])


async def _other_holders(stage: Stage, draws: random.Random) -> None:
    """An origin gets another peer, for all units or for some; the former one leaves when the others have all."""
    cluster = stage.cluster
    origin = draws.choice(cluster.offices)
    units = draws.choice((all_units(), draws.getrandbits(64)))
    await _move(stage, draws, [origin], units, {})


async def _drain(stage: Stage, draws: random.Random) -> None:
    """A node is drained: whatever it holds for others goes elsewhere; then it takes part again."""
    cluster = stage.cluster
    leaver = draws.choice(cluster.offices)
    origins = [origin for origin in cluster.offices if origin != leaver and leaver in _peers(cluster, origin)]
    await _move(stage, draws, origins, all_units(), {leaver: NodeState.DRAINING})
    await trio.sleep(draws.uniform(5.0, 60.0))
    cluster.sign(successor(cluster.rosters[-1], nodes=_with_states(cluster, {leaver: NodeState.ACTIVE})))
    await cluster.publish(draws.choice(cluster.offices))


async def _move(
    stage: Stage, draws: random.Random, origins: list[NodeNumber], units: int, states: dict[NodeNumber, NodeState]
) -> None:
    cluster = stage.cluster
    changed = {}
    for origin in origins:
        free = [o for o in cluster.offices if o not in (origin, *_peers(cluster, origin)) and o not in states]
        if free and not assignment(cluster, origin).leaving:
            changed[origin] = replaced(cluster, assignment(cluster, origin), draws.choice(free), units)
    nodes = _with_states(cluster, states)
    cluster.sign(successor(cluster.rosters[-1], assignments=assignments(cluster, changed), nodes=nodes))
    await cluster.publish(draws.choice(cluster.offices))
    while not all(is_complete(cluster, origin) for origin in changed):  # noqa: ASYNC110 (polled)
        await trio.sleep(_LOOK_S)
    freed = {origin: replace(assignment(cluster, origin), leaving=()) for origin in changed}
    cluster.sign(successor(cluster.rosters[-1], assignments=assignments(cluster, freed)))
    await cluster.publish(draws.choice(cluster.offices))


def replaced(cluster: SimCluster, old: HolderAssignment, taker: NodeNumber, units: int) -> HolderAssignment:
    """`taker` takes these units from the peers that are offices; DRC nodes stay."""
    centres = cluster.roster.drc_numbers()
    stay = [share for share in old.holders if share.node in centres]
    cut = [Share(share.node, share.units & ~units) for share in old.holders if share.node not in centres]
    leaving = [Share(share.node, share.units & units) for share in old.holders if share.node not in centres]
    holders = [*stay, *(share for share in cut if share.units), Share(taker, units)]
    return replace(
        old,
        holders=tuple(sorted((share for share in holders if share.units), key=lambda share: share.node)),
        leaving=tuple(share for share in leaving if share.units),
    )


def is_complete(cluster: SimCluster, origin: NodeNumber) -> bool:
    """Whether those who stay have all that was acknowledged: only then may a roster let the others go."""
    return all(
        cluster.nodes[holder].durable.holds(origin, blob)
        for acked_at, blob in cluster.acked()
        if acked_at == origin
        for holder in cluster.holders(origin, blob)
    )


def assignment(cluster: SimCluster, origin: NodeNumber) -> HolderAssignment:
    return next(found for found in cluster.roster.assignments if found.origin == origin)


def assignments(cluster: SimCluster, changed: dict[NodeNumber, HolderAssignment]) -> tuple[HolderAssignment, ...]:
    return tuple(changed.get(found.origin, found) for found in cluster.roster.assignments)


def _with_states(cluster: SimCluster, states: dict[NodeNumber, NodeState]) -> tuple[object, ...]:
    return tuple(replace(node, state=states.get(node.number, node.state)) for node in cluster.roster.nodes)


def _peers(cluster: SimCluster, origin: NodeNumber) -> list[NodeNumber]:
    centres = cluster.roster.drc_numbers()
    return [share.node for share in assignment(cluster, origin).holders if share.node not in centres]


FAULTS = (
    Fault("new roster", 6, _new_epoch),
    Fault("old roster", 6, _old_roster),
    Fault("other holders", 6, _other_holders),
    Fault("drain", 3, _drain),
)
