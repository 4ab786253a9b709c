"""An operator asks for a reconcile, and sometimes goes before it has ended: no fault, if what he hears is true."""

from __future__ import annotations

import random

import trio

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.services.core import Core
from lumbung_proto.v1 import reconcile_pb2 as pb
from lumbung_testing.simulation.faults.stage import Fault, Stage
from lumbung_testing.simulation.node import SimNode

__all__ = ["FAULTS"]

_WHOLE = (pb.RECONCILE_OUTCOME_EQUAL, pb.RECONCILE_OUTCOME_MENDED)
_PATIENCE_S = 600.0


async def _ask(stage: Stage, draws: random.Random) -> None:
    """With everybody or one, about the own origin or all; one in three goes within seconds."""
    number = draws.choice(stage.cluster.offices)
    node, operator = stage.cluster.nodes[number], stage.cluster.operators[number]
    if node.core is None:
        return
    partner = draws.choice([0, *node.core.rosters.roster.partners_of(number)])
    request = pb.ReconcileRequest(partner=partner, all_origins=draws.random() < 0.5)
    patience_s = draws.uniform(0.0, 5.0) if draws.random() < 0.33 else _PATIENCE_S
    before, generation, epoch = _intact(node), node.generation, node.core.rosters.roster.epoch
    said: list[pb.ReconcileResponse] = []
    with trio.move_on_after(patience_s) as gone:
        said = await operator.reconcile(request)
    stage.tell(node, "reconcile asked", f"{partner} {'gone' if gone.cancelled_caught else len(said)}")
    if said:
        results = _ends(stage, node, said)
        is_same = node.generation == generation and stage.cluster.nodes[number] is node
        if is_same and stage.cluster.roster.epoch == epoch:
            _check(stage, node, before, results)


def _ends(stage: Stage, node: SimNode, said: list[pb.ReconcileResponse]) -> list[pb.ReconcileResult]:
    """The last word on each pair. A run that ended owes one to all."""
    words = [response.result for response in said if response.WhichOneof("kind") == "result"]
    last = {(word.partner, word.origin): word for word in words}
    pairs = sum(response.begun.pairs for response in said if response.WhichOneof("kind") == "begun")
    is_over = said[-1].WhichOneof("kind") == "ended"
    open_now = [pair for pair, word in last.items() if word.outcome == pb.RECONCILE_OUTCOME_WORKING]
    if not is_over or len(last) != pairs or open_now:
        stage.cluster.story.broken(
            "a reconcile ends for each pair", f"{node.number} owed {pairs}, told {len(last)}, {open_now} without end"
        )
    return list(last.values())


def _intact(node: SimNode) -> set[tuple[NodeNumber, BlobId]]:
    return {key for key in node.durable.held() if node.durable.holds(*key)}


def _check(
    stage: Stage, node: SimNode, before: set[tuple[NodeNumber, BlobId]], results: list[pb.ReconcileResult]
) -> None:
    """Where it says that nothing is missing, all that lay here before lies there, but for what was destroyed since."""
    cluster, damage = stage.cluster, stage.cluster.damage
    for result in results:
        partner = cluster.nodes.get(NodeNumber(result.partner))
        if partner is None:  # an office has copied a van's keys, and no machine has that number
            if result.outcome in _WHOLE:
                cluster.story.broken("equal means there", f"{node.number} is told equal to nobody, {result.partner}")
            continue
        is_honest = not any(cluster.misbehaviour.is_false_tongued(each.number) for each in (node, partner))
        if result.outcome not in _WHOLE or node.core is None or partner.core is None or not is_honest:
            continue
        for origin, blob in sorted(before):
            if origin != result.origin or not _is_shared(node.core, partner.core, origin, blob):
                continue
            is_harmed = any(damage.was_ever(each.number, origin, blob) for each in (node, partner))
            if not is_harmed and not partner.durable.holds(origin, blob):
                cluster.story.broken(
                    "equal means there",
                    f"{node.number} is told equal to {partner.number}, which lacks {blob} of {origin}",
                )


def _is_shared(one: Core, other: Core, origin: NodeNumber, blob: BlobId) -> bool:
    """By both rosters: one may have a newer one than what was compared under, and then more is asked of it."""
    rosters = (one.rosters.roster, other.rosters.roster)
    if rosters[0].epoch != rosters[1].epoch:
        return False
    return all(rosters[0].units_held(each.number, origin) >> blob.unit & 1 for each in (one, other))


FAULTS = (Fault("reconcile asked", 60, _ask),)
