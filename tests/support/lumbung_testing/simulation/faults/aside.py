"""A store that refuses to open: it is set aside and taken over, and some of it may have rotted there."""

from __future__ import annotations

import random

import trio

from lumbung_cluster.limits import SET_ASIDE_STORES_MAX
from lumbung_node.store.layout import place_key
from lumbung_testing.simulation.damage import Harm
from lumbung_testing.simulation.faults.stage import Fault, Stage
from lumbung_testing.simulation.node import SimNode

__all__ = ["FAULTS"]

_ROTTEN_MAX = 3


async def _refuse_to_open(stage: Stage, draws: random.Random) -> None:
    node = stage.some_node(draws)
    if len(node.aside.tables) + 1 >= SET_ASIDE_STORES_MAX:
        return  # nobody throws set-aside stores away here
    killing = node.is_up
    if killing:
        node.die(stage.cluster.network.kill_host)
    for origin, blob in node.durable.held():
        stage.cluster.damage.note(node, origin, blob, Harm.GONE, node.generation)
    for _ in range(draws.randrange(_ROTTEN_MAX + 1)):
        _rot_one(stage, node, draws)
    node.disk.spoil()
    node.forget_disk()
    node.generation_least = node.generation + 1
    stage.tell(node, "store spoiled")
    if killing:
        with trio.CancelScope(shield=True):
            await node.buried()
    await stage.restart_after(node, draws.uniform(0.5, 20.0))


def _rot_one(stage: Stage, node: SimNode, draws: random.Random) -> None:
    """Bytes change in the doubted store, with or without the checksum telling; never those of the last copy."""
    held = [(key, row) for key, row in node.durable.held().items() if stage.is_elsewhere(node, key[0], key[1])]
    if held:
        _, row = draws.choice(held)
        key = place_key(row.place + draws.randrange(row.chunks))
        node.disk.hurt_chunk(key, draws, damaged=draws.random() < 0.5)


FAULTS = (Fault("store refuses to open", 10, _refuse_to_open),)
