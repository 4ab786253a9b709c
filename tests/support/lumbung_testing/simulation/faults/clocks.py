"""Wall clocks that jump, either way."""

from __future__ import annotations

import random

from lumbung_testing.simulation.faults.stage import Fault, Stage

__all__ = ["FAULTS"]

_JUMPS_MS = (-86_400_000, -3_600_000, -10_000, 10_000, 3_600_000, 86_400_000)


async def _jump_clock(stage: Stage, draws: random.Random) -> None:
    node = stage.some_node(draws)
    node.set_clock(node.clock.offset_ms + draws.choice(_JUMPS_MS))
    stage.tell(node, "clock jumps", str(node.clock.offset_ms))


FAULTS = (Fault("clock jump", 12, _jump_clock),)
