"""What can befall a cluster, by topic. A new topic is a module with `FAULTS`, named in the list here.

Each fault draws from a stream of its own, so that a new one does not move the others.
"""

from __future__ import annotations

from lumbung_testing.simulation.faults import (
    aside,
    asking,
    builds,
    carrying,
    clocks,
    disks,
    dropping,
    folders,
    hasty,
    honesty,
    joining,
    keys,
    lines,
    pending,
    processes,
    refusing,
    rosters,
    taking_back,
)
from lumbung_testing.simulation.faults.stage import Fault

__all__ = ["ALL_FAULTS"]

ALL_FAULTS: tuple[Fault, ...] = (
    *processes.FAULTS,
    *folders.FAULTS,
    *aside.FAULTS,
    *disks.FAULTS,
    *clocks.FAULTS,
    *lines.FAULTS,
    *pending.FAULTS,
    *refusing.FAULTS,
    *honesty.FAULTS,
    *rosters.FAULTS,
    *joining.FAULTS,
    *dropping.FAULTS,
    *carrying.FAULTS,
    *taking_back.FAULTS,
    *keys.FAULTS,
    *hasty.FAULTS,
    *asking.FAULTS,
    *builds.FAULTS,
)
