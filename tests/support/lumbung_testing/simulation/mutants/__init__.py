"""Mistakes planted at the seams: whoever cannot find them has no right to say that the real code is free of them.

Each is named after what somebody might have written. They exist in the simulation only; nothing that ships can switch
them on. A new topic is a module with `MUTANTS`, named in the list here.
"""

from __future__ import annotations

from lumbung_testing.simulation.mutants import (
    aside,
    carrying,
    copies,
    disk,
    equality,
    feeds,
    inventories,
    joining,
    leaving,
    lives,
    reading,
    reports,
    scrub,
)
from lumbung_testing.simulation.mutants.mutant import Mutant

__all__ = ["ALL_MUTANTS"]

ALL_MUTANTS: tuple[Mutant, ...] = (
    *disk.MUTANTS,
    *feeds.MUTANTS,
    *equality.MUTANTS,
    *copies.MUTANTS,
    *inventories.MUTANTS,
    *lives.MUTANTS,
    *scrub.MUTANTS,
    *aside.MUTANTS,
    *carrying.MUTANTS,
    *leaving.MUTANTS,
    *reading.MUTANTS,
    *reports.MUTANTS,
    *joining.MUTANTS,
)
