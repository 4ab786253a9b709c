"""Nodes of different age: one goes back to a build before ours, or comes to ours, and the others speak with it on.

Whoever speaks wire 0 alone also refuses what came after it: a frame that it does not know ends the session. Whoever
speaks wire 1 at most is sent no bytes with an offer, and of wire 2 a MiB at most.
"""

from __future__ import annotations

import random

from lumbung_cluster.wire import SPOKEN, WireRange
from lumbung_testing.simulation.faults.stage import Fault, Stage

__all__ = ["FAULTS"]

_EARLIER = (WireRange(0, 0), WireRange(0, 1), WireRange(0, 2))


async def _another_build(stage: Stage, draws: random.Random) -> None:
    node = stage.some_node(draws)
    if not node.is_up:
        return
    await stage.kill(node)
    node.wire = draws.choice(_EARLIER) if node.wire == SPOKEN else SPOKEN
    stage.tell(node, "another build", f"wire {node.wire.low} to {node.wire.high}")
    await stage.restart_after(node, draws.uniform(0.5, 5.0))


FAULTS = (Fault("another build", 8, _another_build),)
