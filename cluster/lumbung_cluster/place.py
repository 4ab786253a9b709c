"""Where a node records: on its data disk, or beside its identity while that disk is not mounted.

An empty data folder means two things. On the file system on which the store lay it is an empty disk: a new generation,
which refills itself. On another one it is the mount point of a disk that is not there, on the small disk under it: to
refill that one would fill the machine's root, so recordings go to the fallback folder until the disk is back.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["Place", "choose_place"]


class Place(Enum):
    DATA = "data folder"
    FALLBACK = "fallback folder"


def choose_place(*, remembered: str, found: str, has_store: bool) -> Place:
    """`remembered` names the file system of the store's last opening (empty: never), `found` the one under the data
    folder now; `has_store` when a store lies there, whatever disk it came on."""
    if has_store or not remembered or found == remembered:
        return Place.DATA
    return Place.FALLBACK
