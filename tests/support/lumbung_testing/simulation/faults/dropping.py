"""An operator lets go of what the roster no longer gives to his node: no fault, if only what others have goes."""

from __future__ import annotations

import random

from lumbung_cluster.ids import NodeNumber
from lumbung_proto.v1 import leaving_pb2
from lumbung_testing.simulation.faults.stage import Fault, Stage
from lumbung_testing.simulation.node import SimNode

__all__ = ["FAULTS", "let_go"]


async def _let_go(stage: Stage, draws: random.Random) -> None:
    """Every office's operator looks: few have anything to let go, and not for long."""
    for number in draws.sample(stage.cluster.offices, len(stage.cluster.offices)):
        await let_go(stage, number)


async def let_go(stage: Stage, number: NodeNumber) -> None:
    """The operator of an office lets go of whatever the node says may go, and of nothing that a holder lacks."""
    node, operator = stage.cluster.nodes[number], stage.cluster.operators[number]
    for plan in await operator.plan_drop():
        if plan.units and node.core is not None:
            _look_at(stage, node, plan)
            stage.tell(node, "let go", f"{plan.blobs} of {plan.origin}")
            await operator.drop(plan.origin, plan.units)


def _look_at(stage: Stage, node: SimNode, plan: leaving_pb2.OriginDrop) -> None:
    """Whatever is about to go lies at every holder that the node's roster names, but for what was destroyed there."""
    cluster = stage.cluster
    assert node.core is not None
    roster = node.core.rosters.roster
    for (origin, blob), _ in node.durable.held().items():
        if origin != plan.origin or not plan.units >> blob.unit & 1:
            continue
        for holder in roster.holders_of(origin, blob.unit):
            has = cluster.nodes[holder].durable.holds(origin, blob)
            if not has and not cluster.damage.was_ever(holder, origin, blob):
                cluster.story.broken(
                    "only what others have is let go", f"{node.number} lets {blob} of {origin} go, {holder} has it not"
                )
        cluster.damage.note_let_go(node, origin, blob)


FAULTS = (Fault("let go", 40, _let_go),)
