"""The mass-change brake: one rotten blob is routine, a thousand are a disk, a controller or a hand that did harm.

Healing goes on either way. But when more than a share of one inventory turns out wrong within one pass, it is not
counted as routine, it is red, and what was replaced is kept as evidence until an operator has looked and confirmed.
"""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_cluster.limits import MASS_DAMAGE_BLOBS_MIN, MASS_DAMAGE_SHARE

__all__ = ["BrakeSettings", "is_mass_damage"]


@dataclass(frozen=True, slots=True)
class BrakeSettings:
    """More than `share` of an inventory, and at least `blobs_min` blobs."""

    share: float = MASS_DAMAGE_SHARE
    blobs_min: int = MASS_DAMAGE_BLOBS_MIN


def is_mass_damage(wrong: int, blobs: int, settings: BrakeSettings) -> bool:
    """Whether `wrong` of the `blobs` of one origin, found within one pass, are too many to be routine."""
    return wrong >= settings.blobs_min and wrong > settings.share * blobs
