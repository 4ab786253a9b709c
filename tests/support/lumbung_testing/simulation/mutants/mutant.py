"""A mistake that can be planted for the time of a block."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

__all__ = ["Mutant"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`plant` holds the mistake for a block; `is_quick` when a few seeds find it, so that the tests look for it too."""

    name: str
    plant: Callable[[], AbstractContextManager[object]]
    is_quick: bool = True
